"""Work on some rows of a matrix at a time, so that what is between two passes stays in a processor's cache.

Shapes: N rows, I inputs, O outputs, R rows at a time.
"""

from collections.abc import Callable

import torch
from torch import Tensor

_N_ROWS = 128


def in_cache(function: Callable[[Tensor], Tensor], device: torch.device) -> Callable[[Tensor], Tensor]:
    """A function `(N, I)` to `(N, O)`, row by row, so that it works on few rows at a time on a processor.

    >>> in_cache(torch.square, torch.device("cpu"))(torch.tensor([[1], [2], [3]])).tolist()
    [[1], [4], [9]]
    """

    def some_at_a_time(x_NI: Tensor) -> Tensor:
        if len(x_NI) <= _N_ROWS:
            return function(x_NI)
        return torch.cat([function(x_RI) for x_RI in torch.split(x_NI, _N_ROWS)])

    return some_at_a_time if device.type == "cpu" else function
