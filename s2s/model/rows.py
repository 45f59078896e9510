"""A padded batch without its padding: what a layer does to each position alone need not be done to padding.

Where lengths are made unequal at random (subword dropout), a fifth of a batch is padding. Attention alone has to know
which positions stand beside each other: there the rows are filled up, and after it cut again.

Shapes: B sequences, T positions, N real positions, D any width.
"""

from typing import Any

import torch
from torch import Tensor

PAD = 0  # the id that every vocabulary gives to padding


class _Cut(torch.autograd.Function):
    """Some rows of a matrix, each at most once: backward, they are copied, where torch's own adds."""

    @staticmethod
    def forward(ctx: Any, x_RD: Tensor, index_N: Tensor) -> Tensor:
        ctx.save_for_backward(index_N)
        ctx.n_rows = x_RD.size(0)
        return x_RD.index_select(0, index_N)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return _filled(gradients[0], ctx.saved_tensors[0], ctx.n_rows), None


class _Fill(torch.autograd.Function):
    """The reverse of `_Cut`, with zeros in the other rows."""

    @staticmethod
    def forward(ctx: Any, x_ND: Tensor, index_N: Tensor, n_rows: int) -> Tensor:
        ctx.save_for_backward(index_N)
        return _filled(x_ND, index_N, n_rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0].index_select(0, ctx.saved_tensors[0]), None, None


def _filled(x_ND: Tensor, index_N: Tensor, n_rows: int) -> Tensor:
    return x_ND.new_zeros(n_rows, x_ND.size(1)).index_copy_(0, index_N, x_ND)


class Rows:
    """Where a padded batch has real pieces.

    Args:
        ids_BT: Its ids, padded.
    """

    def __init__(self, ids_BT: Tensor) -> None:
        self._shape = ids_BT.shape
        self._real_N = (ids_BT != PAD).flatten().nonzero()[:, 0]

    def cut(self, x_BTD: Tensor) -> Tensor:
        """The real positions `(N, D)` of `(B, T, D)`, sequence by sequence."""
        found: Tensor = _Cut.apply(x_BTD.reshape(-1, x_BTD.size(2)), self._real_N)  # type: ignore[no-untyped-call]
        return found

    def fill(self, x_ND: Tensor) -> Tensor:
        """The padded batch `(B, T, D)` of its real positions `(N, D)`, with zeros at padding."""
        found: Tensor = _Fill.apply(x_ND, self._real_N, self._shape.numel())  # type: ignore[no-untyped-call]
        return found.view(*self._shape, -1)
