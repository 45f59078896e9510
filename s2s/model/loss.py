"""The training loss: label-smoothed cross-entropy (section 5.4 of Vaswani et al. 2017), and the plain NLL beside it.

Shapes: N real target positions of a batch, D d_model, V vocabulary, C positions of a chunk.
"""

from typing import Any

import torch
from torch import Tensor


def finest_type(device: torch.device) -> torch.dtype:
    """The type for sums on a device: float64, but for MPS, which has none."""
    return torch.float32 if device.type == "mps" else torch.float64


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

    The logits of 4,096 positions over 8,000 pieces are 131 MB; here one chunk's are kept at a time, in one buffer. The
    gradient by the logits is p - q with p the softmax and q = (1 - ε) one-hot + ε / V. With E = exp(logits - max) and
    z its row sums, p = E / z: so E goes into the two products as it is, while 1 / z, the one-hot and ε / V are applied
    to rows of width D, not V. What touches all V columns besides the products is maximum, exponential and sum.
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
        dtype = hidden_ND.dtype
        weight = weight_VD.to(dtype)
        precise = finest_type(hidden_ND.device)
        grad_hidden_ND = torch.empty_like(hidden_ND)
        grad_weight_VD = torch.zeros_like(weight_VD)
        low_CV = hidden_ND.new_empty(min(chunk, n), v)  # in the type of the products
        buffer_CV = low_CV if dtype == torch.float32 else low_CV.new_empty(low_CV.shape, dtype=torch.float32)
        nll_N = hidden_ND.new_empty(n, dtype=precise)
        lse_N = torch.empty_like(nll_N)
        for start in range(0, n, chunk):
            here = slice(start, start + chunk)
            hidden_CD, target_C1 = hidden_ND[here], target_N[here, None]
            logits_CV, exp_CV = buffer_CV[: len(hidden_CD)], low_CV[: len(hidden_CD)]
            torch.mm(hidden_CD, weight.t(), out=exp_CV)
            if logits_CV.dtype != exp_CV.dtype:
                logits_CV.copy_(exp_CV)
            right_C = logits_CV.gather(1, target_C1)[:, 0].to(precise)
            max_C1 = logits_CV.amax(dim=1, keepdim=True)
            sum_C1 = logits_CV.sub_(max_C1).exp_().sum(dim=1, keepdim=True)
            lse_N[here] = (sum_C1.log() + max_C1)[:, 0]
            nll_N[here] = lse_N[here] - right_C
            if logits_CV.dtype != exp_CV.dtype:
                exp_CV.copy_(logits_CV)
            grad_hidden_ND[here] = torch.mm(exp_CV, weight).div_(sum_C1)
            if weight.dtype == weight_VD.dtype:
                grad_weight_VD.addmm_(exp_CV.t(), hidden_CD / sum_C1)
            else:
                grad_weight_VD += exp_CV.t() @ (hidden_CD / sum_C1).to(dtype)
        # what is left of -q, for all positions at once
        hidden, sum_D = hidden_ND.to(weight_VD.dtype), weight_VD.sum(dim=0)
        grad_hidden_ND -= ((1 - smoothing) * weight_VD[target_N] + smoothing / v * sum_D).to(dtype)
        grad_weight_VD.index_add_(0, target_N, hidden, alpha=smoothing - 1.0)
        grad_weight_VD -= smoothing / v * hidden.sum(dim=0)
        nll, mean_N = nll_N.sum(), (hidden @ sum_D).to(precise) / v  # mean of the logits by position
        loss = (1 - smoothing) * nll + smoothing * (lse_N - mean_N).sum()
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
