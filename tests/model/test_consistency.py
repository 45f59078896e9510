"""The loss of two passes: the fast form against the definition, and what it is when both passes agree."""

import pytest
import torch

from s2s.model import label_smoothed_loss
from s2s.model.consistency import consistency_loss, plain_consistency_loss


@pytest.mark.parametrize("n", [1, 31, 32, 33, 100])
@pytest.mark.parametrize(("smoothing", "weight"), [(0.0, 5.0), (0.1, 0.0), (0.1, 5.0)])
def test_it_equals_the_definition_with_gradients(n: int, smoothing: float, weight: float) -> None:
    torch.manual_seed(n)
    hidden = torch.randn(2, n, 12, dtype=torch.float64, requires_grad=True)
    matrix = torch.randn(40, 12, dtype=torch.float64, requires_grad=True)
    target = torch.randint(0, 40, (n,))
    loss, nll = plain_consistency_loss(hidden @ matrix.t(), target, smoothing, weight)
    (3 * loss).backward()
    expected = [hidden.grad.clone(), matrix.grad.clone()]
    hidden.grad = matrix.grad = None
    fast_loss, fast_nll = consistency_loss(hidden, matrix, target, smoothing, weight, chunk=32)
    (3 * fast_loss).backward()
    torch.testing.assert_close(fast_loss, loss, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(fast_nll, nll, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close([hidden.grad, matrix.grad], expected, rtol=1e-4, atol=1e-4)
    assert not fast_nll.requires_grad


def test_two_equal_passes_have_the_loss_of_one() -> None:
    torch.manual_seed(0)
    logits, target = torch.randn(20, 9), torch.randint(0, 9, (20,))
    once = label_smoothed_loss(logits, target, 0.1)
    twice = plain_consistency_loss(torch.stack([logits, logits]), target, 0.1, 5.0)
    torch.testing.assert_close(twice, once)


def test_the_divergence_is_that_of_torch() -> None:
    torch.manual_seed(0)
    logits, target = torch.randn(2, 20, 9), torch.randint(0, 9, (20,))
    log_p = logits.log_softmax(dim=-1)
    kl = torch.nn.functional.kl_div
    both = kl(log_p[0], log_p[1], reduction="sum", log_target=True)
    both += kl(log_p[1], log_p[0], reduction="sum", log_target=True)
    without = plain_consistency_loss(logits, target, 0.1, 0.0)[0]
    torch.testing.assert_close(plain_consistency_loss(logits, target, 0.1, 4.0)[0], without + both)


def test_in_bfloat16_it_is_close() -> None:
    torch.manual_seed(0)
    hidden = torch.randn(2, 300, 64).bfloat16().requires_grad_()
    matrix = (torch.randn(100, 64) / 8).requires_grad_()
    target = torch.randint(0, 100, (300,))
    loss, _ = consistency_loss(hidden, matrix, target, 0.1, 5.0)
    loss.backward()
    got = hidden.grad.float(), matrix.grad.clone()
    hidden.grad = matrix.grad = None
    expected, _ = plain_consistency_loss(hidden.float() @ matrix.t(), target, 0.1, 5.0)
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=0.01)
    for ours, theirs in zip(got, (hidden.grad.float(), matrix.grad), strict=True):
        assert (ours - theirs).norm() < 0.02 * theirs.norm()
