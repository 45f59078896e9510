"""Work on some rows of a matrix at a time, so that what is between two passes stays in a processor's cache.

Shapes: N rows, I inputs, O outputs, R rows at a time.
"""

from collections.abc import Callable

import torch
from torch import Tensor

_NUMBERS = 2**18  # 1 MB in float32
_LEAST_ROWS = 64


def in_cache(function: Callable[[Tensor], Tensor], width: int, device: torch.device) -> Callable[[Tensor], Tensor]:
    """A function `(N, I)` to `(N, O)`, row by row, so that it works on few rows at a time on a processor.

    Args:
        function: What to do.
        width: Numbers in a row of the widest matrix on the way.
        device: Where it is done.

    >>> in_cache(torch.square, 1, torch.device("cpu"))(torch.tensor([[1], [2], [3]])).tolist()
    [[1], [4], [9]]
    """
    if device.type != "cpu":
        return function
    n_rows = max(_LEAST_ROWS, _NUMBERS // width)

    def some_at_a_time(x_NI: Tensor) -> Tensor:
        if x_NI.size(0) <= n_rows:
            return function(x_NI)
        return torch.cat([function(x_RI) for x_RI in torch.split(x_NI, n_rows)])

    return some_at_a_time
