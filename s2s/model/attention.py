"""Attention, section 3.2 of Vaswani et al. 2017 (https://arxiv.org/abs/1706.03762).

Shapes: B batch, T target (query) positions, S source (key) positions, D d_model, H heads, K = D / H head width.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from s2s.model.rows import Rows


def scaled_dot_product_attention(
    q_BHTK: Tensor, k_BHSK: Tensor, v_BHSK: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Equation 1: softmax(Q Kᵀ / √d_k) V, with the weights.

    Args:
        q_BHTK: Queries.
        k_BHSK: Keys.
        v_BHSK: Values.
        mask: Boolean, broadcastable to `(B, H, T, S)`; true where a query may attend. A query needs at least one.

    Returns:
        The attended values `(B, H, T, K)` and the weights `(B, H, T, S)`, whose rows sum to 1.
    """
    scores_BHTS = q_BHTK @ k_BHSK.transpose(-2, -1) / math.sqrt(q_BHTK.size(-1))
    if mask is not None:
        scores_BHTS = scores_BHTS.masked_fill(~mask, float("-inf"))
    weights_BHTS = scores_BHTS.softmax(dim=-1)
    return weights_BHTS @ v_BHSK, weights_BHTS


def causal_mask(n_positions: int, device: torch.device | None = None) -> Tensor:
    """Mask `(T, T)` that lets position t attend to positions 0 to t only (section 3.2.3).

    >>> causal_mask(3).int()
    tensor([[1, 0, 0],
            [1, 1, 0],
            [1, 1, 1]], dtype=torch.int32)
    """
    return torch.ones(n_positions, n_positions, dtype=torch.bool, device=device).tril()


_SHORT = 64  # positions up to which keeping the weights is faster on a CPU (benchmarks/README.md)
_SHORT_BF16 = 128  # in bfloat16, as far as it was measured


def _attention(
    q_BHTK: Tensor, k_BHSK: Tensor, v_BHSK: Tensor, mask: Tensor | None, dropout: float, causal: bool
) -> Tensor:
    """Equation 1 without the weights, in the way that is fastest."""
    on_cpu = q_BHTK.device.type == "cpu"
    short = _SHORT_BF16 if q_BHTK.dtype == torch.bfloat16 else _SHORT
    if on_cpu and not dropout and max(q_BHTK.size(2), k_BHSK.size(2)) <= short:
        return _short_attention(q_BHTK, k_BHSK, v_BHSK, causal_mask(q_BHTK.size(2))[None, None] if causal else mask)
    if on_cpu and q_BHTK.dtype != torch.float32:
        with torch.autocast("cpu", enabled=False):  # the kernel's backward pass in bfloat16 takes nine times as long
            q, k, v = q_BHTK.float(), k_BHSK.float(), v_BHSK.float()
            return F.scaled_dot_product_attention(q, k, v, mask, dropout, is_causal=causal).to(q_BHTK.dtype)
    return F.scaled_dot_product_attention(q_BHTK, k_BHSK, v_BHSK, mask, dropout, is_causal=causal)


def _short_attention(q_BHTK: Tensor, k_BHSK: Tensor, v_BHSK: Tensor, mask: Tensor | None) -> Tensor:
    """Equation 1 for many short sequences: two batched products, where torch's fused kernel is made for long ones."""
    (b, h, t, k), s = q_BHTK.shape, k_BHSK.size(2)
    bias = q_BHTK.new_zeros(1, 1, 1, 1)
    if mask is not None:
        bias = q_BHTK.new_zeros(mask.shape).masked_fill_(~mask, float("-inf"))
    bias = bias.expand(b, h, bias.size(2), s)
    q, keys, values, bias = (x.flatten(0, 1) for x in (q_BHTK, k_BHSK, v_BHSK, bias))
    weights = torch.baddbmm(bias.expand(b * h, t, s), q, keys.mT, alpha=1 / math.sqrt(k)).softmax(dim=-1)
    return torch.bmm(weights, values).view(b, h, t, k)


class MultiHeadAttention(nn.Module):
    """Section 3.2.2: H attentions side by side, from four linear maps.

    Args:
        d_model: Width D of queries, memory and output.
        n_heads: H; divides `d_model`.
        dropout: Probability of dropping an attention weight while training.
    """

    def __init__(self, d_model: int, n_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.dropout = dropout
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.output = nn.Linear(d_model, d_model)

    def _split(self, x: Tensor, rows: Rows | None) -> Tensor:
        """Give each head its share of the width: `(B, T, D)`, or the real positions `(N, D)`, to `(B, H, T, K)`."""
        return x.view(*x.shape[:2], self.n_heads, -1).transpose(1, 2) if rows is None else rows.split(x)

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        causal: bool = False,
        weights: list[Tensor] | None = None,
        rows: Rows | None = None,
        memory_rows: Rows | None = None,
    ) -> Tensor:
        """Attend from `x` to `memory`; self-attention when they are the same.

        Args:
            x: Where the queries come from, `(B, T, D)`, or `(N, D)` with `rows`.
            memory: What is attended to, `(B, S, D)`, or its real positions alone with `memory_rows`.
            mask: Boolean, broadcastable to `(B, H, T, S)`; true where a query may attend.
            causal: Position t attends to positions 0 to t only. Not together with `mask`.
            weights: If given, the weights `(B, H, T, S)` are appended to it. Only then are they computed apart.
            rows: Where `x` is real, if it is only that.
            memory_rows: Where `memory` is.

        Returns:
            As `x`.
        """
        q_BHTK = self._split(self.query(x), rows)
        k_BHSK = self._split(self.key(memory), memory_rows)
        v_BHSK = self._split(self.value(memory), memory_rows)
        if weights is None:
            out_BHTK = _attention(q_BHTK, k_BHSK, v_BHSK, mask, self.dropout if self.training else 0.0, causal)
        else:
            mask = causal_mask(q_BHTK.size(2), x.device) if causal else mask
            out_BHTK, weights_BHTS = scaled_dot_product_attention(q_BHTK, k_BHSK, v_BHSK, mask)
            weights.append(weights_BHTS)
        return self.output(out_BHTK.transpose(1, 2).flatten(2) if rows is None else rows.join(out_BHTK))  # type: ignore[no-any-return]
