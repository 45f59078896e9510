"""Encoder and decoder layers, section 3.1 of Vaswani et al. 2017.

Shapes: B batch, S source positions, T target positions, D d_model, H heads, K head width.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from s2s.model.attention import MultiHeadAttention
from s2s.model.config import TransformerConfig
from s2s.model.dropout import Dropout
from s2s.model.rows import Rows


class FeedForward(nn.Module):
    """Section 3.3, equation 2: max(0, x W₁ + b₁) W₂ + b₂, at each position alone."""

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.inner = nn.Linear(d_model, d_ff)
        self.outer = nn.Linear(d_ff, d_model)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Map `(B, T, D)`, or any other positions of width D, to the same shape."""
        return self.outer(self.inner(x_BTD).relu())  # type: ignore[no-any-return]


class Residual(nn.Module):
    """What stands around every sub-layer: residual connection, dropout, layer normalisation.

    Post-norm, as in the paper: LayerNorm(x + Dropout(Sublayer(x))). Pre-norm: x + Dropout(Sublayer(LayerNorm(x))),
    which trains without a long warm-up (Xiong et al. 2020, https://arxiv.org/abs/2002.04745).
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.pre = config.norm == "pre"
        self.norm = nn.LayerNorm(config.d_model)
        self.dropout = Dropout(config.dropout)

    def forward(self, x_BTD: Tensor, sublayer: Callable[[Tensor], Tensor]) -> Tensor:
        """Wrap `sublayer`, a function from `(B, T, D)` to the same shape."""
        if self.pre:
            return x_BTD + self.dropout(sublayer(_for_products(self.norm(x_BTD))))  # type: ignore[no-any-return]
        return self.norm(x_BTD + self.dropout(sublayer(_for_products(x_BTD))))  # type: ignore[no-any-return]


def _for_products(x: Tensor) -> Tensor:
    """In the type in which autocast multiplies: once here, not once for each of queries, keys and values."""
    device = x.device.type
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        return x.to(torch.get_autocast_dtype(device))
    return x


class EncoderLayer(nn.Module):
    """Self-attention over the source, then the feed-forward network."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(config.d_model, config.n_heads, config.attention_dropout)
        self.feed_forward = FeedForward(config.d_model, config.d_ff)
        self.around_self_attention = Residual(config)
        self.around_feed_forward = Residual(config)

    def forward(
        self,
        x: Tensor,
        src_mask: Tensor | None,
        weights: list[Tensor] | None = None,
        rows: Rows | None = None,
    ) -> Tensor:
        """Encode one layer further.

        Args:
            x: The layer below, `(B, S, D)`, or its real positions alone with `rows`.
            src_mask: `(B, 1, 1, S)`, true at real pieces; none if there is no padding.
            weights: If given, this layer's attention weights `(B, H, S, S)` are appended.
            rows: Where `x` is real, if it is only that.
        """
        x = self.around_self_attention(
            x, lambda y: self.self_attention(y, y, src_mask, weights=weights, rows=rows, memory_rows=rows)
        )
        return self.around_feed_forward(x, self.feed_forward)  # type: ignore[no-any-return]


class DecoderLayer(nn.Module):
    """Masked self-attention over the target so far, attention to the encoder's memory, feed-forward network."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(config.d_model, config.n_heads, config.attention_dropout)
        self.cross_attention = MultiHeadAttention(config.d_model, config.n_heads, config.attention_dropout)
        self.feed_forward = FeedForward(config.d_model, config.d_ff)
        self.around_self_attention = Residual(config)
        self.around_cross_attention = Residual(config)
        self.around_feed_forward = Residual(config)

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        src_mask: Tensor | None,
        weights: list[Tensor] | None = None,
        rows: Rows | None = None,
        src_rows: Rows | None = None,
    ) -> Tensor:
        """Decode one layer further, all target positions at once.

        Args:
            x: The layer below, `(B, T, D)`, or its real positions alone with `rows`.
            memory: The encoder's output, `(B, S, D)`, or its real positions alone with `src_rows`.
            src_mask: `(B, 1, 1, S)`, true at real pieces; none if there is no padding.
            weights: If given, this layer's encoder-decoder attention weights `(B, H, T, S)` are appended.
            rows: Where `x` is real, if it is only that.
            src_rows: Where `memory` is.
        """
        # padding stands to the right, so the mask for the future also hides it from every real position
        x = self.around_self_attention(x, lambda y: self.self_attention(y, y, causal=True, rows=rows, memory_rows=rows))
        x = self.around_cross_attention(
            x, lambda y: self.cross_attention(y, memory, src_mask, weights=weights, rows=rows, memory_rows=src_rows)
        )
        return self.around_feed_forward(x, self.feed_forward)  # type: ignore[no-any-return]
