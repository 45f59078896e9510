"""A padded batch without its padding: what a layer does to each position alone need not be done to padding.

Where lengths are made unequal at random (subword dropout), a fifth of a batch is padding. Attention alone has to know
which positions stand beside each other: there the rows are filled up, a matrix for each head, and after it cut again.

Shapes: B sequences, T positions, H heads, N real positions, R places (padding included), D any width, K = D / H.
"""

from typing import Any

import torch
from torch import Tensor

PAD = 0  # the id that every vocabulary gives to padding


class _Cut(torch.autograd.Function):
    """The rows of a matrix at some places, each at most once: backward, they are copied, where torch's own adds."""

    @staticmethod
    def forward(ctx: Any, x_RD: Tensor, place_N: Tensor, row_R: Tensor) -> Tensor:
        ctx.save_for_backward(row_R)
        return x_RD.index_select(0, place_N)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return _filled(gradients[0], ctx.saved_tensors[0]), None, None


class _Fill(torch.autograd.Function):
    """The reverse of `_Cut`, with zeros at the other places."""

    @staticmethod
    def forward(ctx: Any, x_ND: Tensor, place_N: Tensor, row_R: Tensor) -> Tensor:
        ctx.save_for_backward(place_N)
        return _filled(x_ND, row_R)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0].index_select(0, ctx.saved_tensors[0]), None, None


def _filled(x_ND: Tensor, row_R: Tensor) -> Tensor:
    """A row for each place, row N being zeros: one copy, three times as fast as into zeros by `index_copy_`."""
    return torch.cat([x_ND, x_ND.new_zeros(1, x_ND.size(1))]).index_select(0, row_R)


class Rows:
    """Where a padded batch has real pieces.

    Args:
        ids_BT: Its ids, padded.
        n_heads: H of the attention to and from them.
    """

    def __init__(self, ids_BT: Tensor, n_heads: int) -> None:
        b, t = ids_BT.shape
        self._split_shape = b, n_heads, t
        real_BT, head_H = ids_BT != PAD, torch.arange(n_heads)
        place_N = real_BT.flatten().nonzero()[:, 0]
        n = len(place_N)
        row_BT = torch.where(real_BT, real_BT.flatten().cumsum(0).view(b, t) - 1, n)
        self._places = place_N, row_BT.flatten()
        # the same where each head of a row is a row, and the heads of a sequence stand one after another
        place_NH = (place_N + place_N // t * (n_heads - 1) * t)[:, None] + head_H * t
        row_BHT = torch.where(real_BT[:, None], row_BT[:, None] * n_heads + head_H[:, None], n * n_heads)
        self._head_places = place_NH.flatten(), row_BHT.flatten()

    def cut(self, x_BTD: Tensor) -> Tensor:
        """The real positions `(N, D)` of `(B, T, D)`, sequence by sequence."""
        found: Tensor = _Cut.apply(x_BTD.flatten(0, 1), *self._places)  # type: ignore[no-untyped-call]
        return found

    def split(self, x_ND: Tensor) -> Tensor:
        """Give each head its share of the width, and fill up: `(N, D)` to `(B, H, T, K)`, with zeros at padding."""
        b, h, t = self._split_shape
        x_NHK = x_ND.view(x_ND.size(0) * h, -1)
        return _Fill.apply(x_NHK, *self._head_places).view(b, h, t, -1)  # type: ignore[no-any-return, no-untyped-call]

    def join(self, x_BHTK: Tensor) -> Tensor:
        """The reverse of `split`: what is real of all heads side by side, `(N, D)`."""
        h, k = x_BHTK.size(1), x_BHTK.size(3)
        return _Cut.apply(x_BHTK.reshape(-1, k), *self._head_places).view(-1, h * k)  # type: ignore[no-any-return, no-untyped-call]
