"""The loss against an explicit sum, and the fast form against the plain one."""

import math

import pytest
import torch

from s2s.model import label_smoothed_loss, projection_loss


def test_smoothed_loss_is_the_explicit_sum() -> None:
    torch.manual_seed(0)
    logits, target, smoothing = torch.randn(7, 5), torch.tensor([0, 4, 2, 2, 1, 3, 0]), 0.2
    expected_loss = expected_nll = 0.0
    for row, right in zip(logits.tolist(), target.tolist(), strict=True):
        log_z = math.log(sum(math.exp(value) for value in row))
        for piece, value in enumerate(row):
            wanted = smoothing / 5 + (1 - smoothing if piece == right else 0.0)
            expected_loss -= wanted * (value - log_z)
        expected_nll -= row[right] - log_z
    loss, nll = label_smoothed_loss(logits, target, smoothing)
    assert loss.item() == pytest.approx(expected_loss, rel=1e-5)
    assert nll.item() == pytest.approx(expected_nll, rel=1e-5)


def test_smoothed_loss_equals_torch() -> None:
    torch.manual_seed(0)
    logits, target = torch.randn(50, 30), torch.randint(0, 30, (50,))
    expected = torch.nn.functional.cross_entropy(logits, target, reduction="sum", label_smoothing=0.1)
    torch.testing.assert_close(label_smoothed_loss(logits, target, 0.1)[0], expected)


@pytest.mark.parametrize("n", [1, 63, 64, 65, 200])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_projection_loss_equals_plain_with_gradients(n: int, smoothing: float) -> None:
    torch.manual_seed(n)
    hidden = torch.randn(n, 12, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(40, 12, dtype=torch.float64, requires_grad=True)
    target = torch.randint(0, 40, (n,))
    loss, nll = label_smoothed_loss(hidden @ weight.t(), target, smoothing)
    (3 * loss).backward()
    expected = [hidden.grad.clone(), weight.grad.clone()]
    hidden.grad = weight.grad = None
    fast_loss, fast_nll = projection_loss(hidden, weight, target, smoothing, chunk=64)
    (3 * fast_loss).backward()
    torch.testing.assert_close(fast_loss, loss.float(), rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(fast_nll, nll.float(), rtol=1e-5, atol=1e-4)
    torch.testing.assert_close([hidden.grad, weight.grad], expected, rtol=1e-4, atol=1e-5)
    assert not fast_nll.requires_grad


def test_projection_loss_without_gradient_gives_the_same_sums() -> None:
    torch.manual_seed(0)
    hidden, weight, target = torch.randn(70, 8, requires_grad=True), torch.randn(9, 8), torch.randint(0, 9, (70,))
    with torch.no_grad():
        without = projection_loss(hidden, weight, target, 0.1, chunk=32)
    torch.testing.assert_close(without, projection_loss(hidden, weight, target, 0.1, chunk=32), rtol=1e-5, atol=1e-4)


def test_projection_loss_in_bfloat16_is_close() -> None:
    torch.manual_seed(0)
    hidden = torch.randn(300, 32).bfloat16().requires_grad_()
    weight = torch.randn(50, 32, requires_grad=True)
    target = torch.randint(0, 50, (300,))
    loss, _ = projection_loss(hidden, weight, target, 0.1)
    loss.backward()
    precise = hidden.detach().float().requires_grad_()
    same = weight.detach().clone().requires_grad_()
    expected, _ = label_smoothed_loss(precise @ same.t(), target, 0.1)
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=0.01)
    assert hidden.grad.dtype == torch.bfloat16
    assert weight.grad.dtype == torch.float32
    assert (hidden.grad.float() - precise.grad).norm() < 0.01 * precise.grad.norm()
    assert (weight.grad - same.grad).norm() < 0.01 * same.grad.norm()
