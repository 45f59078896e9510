"""The training loss: label-smoothed cross-entropy (section 5.4 of Vaswani et al. 2017), and the plain NLL beside it.

Shapes: N real target positions of a batch, D d_model, V vocabulary, C positions of a chunk.
"""

from typing import Any

import torch
from torch import Tensor


def label_smoothed_loss(logits_NV: Tensor, target_N: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """Cross-entropy against (1 - ε) one-hot + ε / V, the definition.

    Args:
        logits_NV: Unnormalised scores.
        target_N: Ids of the right pieces.
        smoothing: ε, the share of probability spread evenly over all V pieces.

    Returns:
        Sum of the smoothed loss and sum of the negative log-likelihood over the N positions, in nats.
    """
    log_p_NV = logits_NV.float().log_softmax(dim=-1)
    nll = -log_p_NV.gather(1, target_N[:, None]).sum()
    return (1 - smoothing) * nll - smoothing * log_p_NV.mean(dim=1).sum(), nll


class _ProjectionLoss(torch.autograd.Function):
    """Projection and loss in one, a chunk of positions at a time, gradient included.

    The logits of 4,096 positions over 8,000 pieces are 131 MB; a chunk's stay in the cache and are never kept. Their
    gradient is known in closed form (softmax - target distribution), so it is computed while they are at hand.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden_ND: Tensor,
        weight_VD: Tensor,
        target_N: Tensor,
        smoothing: float,
        chunk: int,
    ) -> tuple[Tensor, Tensor]:
        n, v = hidden_ND.size(0), weight_VD.size(0)
        weight = weight_VD.to(hidden_ND.dtype)
        grad_hidden_ND = torch.empty_like(hidden_ND)
        grad_weight_VD = torch.zeros_like(weight_VD)
        precise = torch.float32 if hidden_ND.device.type == "mps" else torch.float64  # MPS has no float64
        loss = torch.zeros((), dtype=precise, device=hidden_ND.device)
        nll = torch.zeros_like(loss)
        for start in range(0, n, chunk):
            hidden_CD = hidden_ND[start : start + chunk]
            target_C1 = target_N[start : start + chunk, None]
            logits_CV = (hidden_CD @ weight.t()).float()
            lse_C = logits_CV.logsumexp(dim=1)
            chunk_nll = (lse_C - logits_CV.gather(1, target_C1)[:, 0]).sum()
            nll += chunk_nll
            loss += (1 - smoothing) * chunk_nll + smoothing * (lse_C - logits_CV.mean(dim=1)).sum()
            # in place: logits become softmax - ε / V - (1 - ε) at the target
            grad_CV = logits_CV.sub_(lse_C[:, None]).exp_().sub_(smoothing / v)
            grad_CV.scatter_add_(1, target_C1, torch.full_like(target_C1, smoothing - 1.0, dtype=grad_CV.dtype))
            grad_CV = grad_CV.to(hidden_ND.dtype)
            torch.mm(grad_CV, weight, out=grad_hidden_ND[start : start + chunk])
            if weight.dtype == weight_VD.dtype:
                grad_weight_VD.addmm_(grad_CV.t(), hidden_CD)
            else:
                grad_weight_VD += grad_CV.t() @ hidden_CD
        ctx.save_for_backward(grad_hidden_ND, grad_weight_VD)
        nll = nll.float()
        ctx.mark_non_differentiable(nll)
        return loss.float(), nll

    @staticmethod
    def backward(ctx: Any, grad_loss: Tensor, _grad_nll: Tensor) -> tuple[Tensor | None, ...]:
        grad_hidden_ND, grad_weight_VD = ctx.saved_tensors
        return grad_hidden_ND * grad_loss, grad_weight_VD * grad_loss, None, None, None


def projection_loss(
    hidden_ND: Tensor, weight_VD: Tensor, target_N: Tensor, smoothing: float, chunk: int = 256
) -> tuple[Tensor, Tensor]:
    """`label_smoothed_loss(hidden_ND @ weight_VD.T, …)` without ever keeping the logits.

    Args:
        hidden_ND: Decoder output at the real target positions.
        weight_VD: Output projection.
        target_N: Ids of the right pieces.
        smoothing: ε of the label smoothing.
        chunk: Positions per chunk.

    Returns:
        Sum of the smoothed loss (differentiable) and sum of the NLL (not), in nats.
    """
    if not torch.is_grad_enabled():
        sums = [
            label_smoothed_loss(hidden_CD @ weight_VD.to(hidden_CD.dtype).t(), target_C, smoothing)
            for hidden_CD, target_C in zip(torch.split(hidden_ND, chunk), torch.split(target_N, chunk), strict=True)
        ]
        return torch.stack([loss for loss, _ in sums]).sum(), torch.stack([nll for _, nll in sums]).sum()
    loss, nll = _ProjectionLoss.apply(hidden_ND, weight_VD, target_N, smoothing, chunk)  # type: ignore[no-untyped-call]
    return loss, nll
