"""The loss of two passes over the same pairs that differ by dropout alone, drawn towards each other.

R-Drop (Liang et al. 2021, https://arxiv.org/abs/2106.14448): beside the mean of both passes' cross-entropies stands the
symmetric Kullback-Leibler divergence of their predictions. It keeps a model from learning a small corpus by heart.

Shapes: N real target positions of a batch, D d_model, V vocabulary, C positions of a chunk; 2 are the passes.
"""

from typing import Any

import torch
from torch import Tensor

from s2s.model.loss import finest_type, label_smoothed_loss


def plain_consistency_loss(
    logits_2NV: Tensor, target_N: Tensor, smoothing: float, weight: float
) -> tuple[Tensor, Tensor]:
    """The definition: mean of the cross-entropies + weight × (KL(p₁ ‖ p₂) + KL(p₂ ‖ p₁)) / 4.

    The paper counts both cross-entropies and half of both divergences: that is twice as much, with the same weight.

    Args:
        logits_2NV: Unnormalised scores of both passes.
        target_N: Ids of the right pieces.
        smoothing: ε of the label smoothing.
        weight: α of the paper.

    Returns:
        Sum of the loss and sum of the negative log-likelihood, the mean of both passes, over the N positions, in nats.
    """
    (loss_1, nll_1), (loss_2, nll_2) = (label_smoothed_loss(logits, target_N, smoothing) for logits in logits_2NV)
    log_p_2NV = logits_2NV.float().log_softmax(dim=-1)
    p_2NV = log_p_2NV.exp()
    both = ((p_2NV[0] - p_2NV[1]) * (log_p_2NV[0] - log_p_2NV[1])).sum()
    return (loss_1 + loss_2) / 2 + weight / 4 * both, (nll_1 + nll_2) / 2


class _ConsistencyLoss(torch.autograd.Function):
    """Projection and loss in one, a chunk of positions at a time, gradient included.

    With d = log p₁ - log p₂ and a = weight / 4, the gradient by the first pass' logits is
    (p₁ - q) / 2 + a (p₁ (d - KL(p₁ ‖ p₂)) + p₁ - p₂), where q = (1 - ε) one-hot + ε / V; by the second's, the same with
    places changed.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden_2ND: Tensor,
        weight_VD: Tensor,
        target_N: Tensor,
        smoothing: float,
        weight: float,
        chunk: int,
    ) -> tuple[Tensor, Tensor]:
        n, d, v = hidden_2ND.size(1), hidden_2ND.size(2), weight_VD.size(0)
        dtype = hidden_2ND.dtype
        projection = weight_VD.to(dtype)
        a = weight / 4
        grad_hidden_2ND = torch.empty_like(hidden_2ND)
        grad_weight_VD = torch.zeros_like(weight_VD)
        low = hidden_2ND.new_empty(2 * min(chunk, n), v)  # in the type of the products
        buffers = [low.new_empty(low.numel(), dtype=torch.promote_types(dtype, torch.float32)) for _ in range(3)]
        nll = torch.zeros((), dtype=finest_type(low.device), device=low.device)
        loss = torch.zeros_like(nll)
        for start in range(0, n, chunk):
            here = slice(start, start + chunk)
            target_C = target_N[here]
            c = len(target_C)
            hidden_RD = hidden_2ND[:, here].reshape(2 * c, d)
            low_RV = torch.mm(hidden_RD, projection.t(), out=low[: 2 * c])
            log_p, p, grad = (buffer[: 2 * c * v].view(2, c, v) for buffer in buffers)
            log_p.copy_(low_RV.view(2, c, v))
            log_p.sub_(log_p.logsumexp(dim=2, keepdim=True))
            torch.exp(log_p, out=p)
            right = log_p.gather(2, target_C.expand(2, c)[:, :, None]).sum()
            nll -= right / 2
            loss -= ((1 - smoothing) * right + smoothing / v * log_p.sum()) / 2
            d_CV = log_p[0].sub_(log_p[1])
            kl = torch.einsum("pcv,cv->pc", p, d_CV)[:, :, None]  # KL(p₁ ‖ p₂) and -KL(p₂ ‖ p₁)
            loss += a * (kl[0] - kl[1]).sum()
            torch.add(0.5 + a - a * kl[0], d_CV, alpha=a, out=grad[0]).mul_(p[0]).sub_(p[1], alpha=a)
            torch.add(0.5 + a + a * kl[1], d_CV, alpha=-a, out=grad[1]).mul_(p[1]).sub_(p[0], alpha=a)
            grad.sub_(smoothing / v / 2)
            places = target_C.expand(2, c)[:, :, None]
            grad.scatter_add_(2, places, grad.new_full((2, c, 1), (smoothing - 1) / 2))
            low_RV.copy_(grad.view(2 * c, v))
            grad_hidden_2ND[:, here] = torch.mm(low_RV, projection).view(2, c, d)
            grad_weight_VD += low_RV.t() @ hidden_RD
        ctx.save_for_backward(grad_hidden_2ND, grad_weight_VD)
        nll = nll.float()
        ctx.mark_non_differentiable(nll)
        return loss.float(), nll

    @staticmethod
    def backward(ctx: Any, grad_loss: Tensor, _grad_nll: Tensor) -> tuple[Tensor | None, ...]:
        grad_hidden_2ND, grad_weight_VD = ctx.saved_tensors
        return grad_hidden_2ND * grad_loss, grad_weight_VD * grad_loss, None, None, None, None


def consistency_loss(
    hidden_2ND: Tensor, weight_VD: Tensor, target_N: Tensor, smoothing: float, weight: float, chunk: int = 128
) -> tuple[Tensor, Tensor]:
    """`plain_consistency_loss(hidden_2ND @ weight_VD.T, …)` without ever keeping the logits.

    Args:
        hidden_2ND: Decoder output of both passes at the real target positions.
        weight_VD: Output projection.
        target_N: Ids of the right pieces.
        smoothing: ε of the label smoothing.
        weight: How much the divergence counts, α of the paper.
        chunk: Positions per chunk.

    Returns:
        Sum of the loss (differentiable) and sum of the NLL (not), in nats.
    """
    loss, nll = _ConsistencyLoss.apply(hidden_2ND, weight_VD, target_N, smoothing, weight, chunk)  # type: ignore[no-untyped-call]
    return loss, nll
