"""Linear maps over weights that are prepared once: what nearly all of decoding consists of.

Shapes: I inputs, O outputs.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from s2s.decoding.int8 import Int8Map, check_int8

Map = Callable[[Tensor], Tensor]
Prepare = Callable[..., Map]
"""From W `(O, I)`, b `(O)` or none, and `relu` (whether max(0, ·) follows) to a map of the last dimension."""


def preparation(dtype: torch.dtype, device: torch.device, int8: bool) -> Prepare:
    """How maps are prepared for a type and a device.

    Raises:
        UsageError: If this machine has no instructions for 8 bits.
    """
    if int8:
        check_int8(device)
        return Int8Map
    if dtype == torch.float32 and device.type == "cpu" and _has_onednn():
        return PackedMap

    def prepare(weight_OI: Tensor, bias_O: Tensor | None, relu: bool = False) -> Map:
        return _plain_map(weight_OI.to(dtype), None if bias_O is None else bias_O.to(dtype), relu)

    return prepare


class PackedMap:
    """x Wᵀ + b in float32 by oneDNN, with W laid out for it beforehand.

    `F.linear` goes to MKL, which on processors that are not Intel's takes twice the time, and adds b apart.

    Args:
        weight_OI: W.
        bias_O: b, if there is one.
        relu: Whether max(0, ·) follows.
    """

    def __init__(self, weight_OI: Tensor, bias_O: Tensor | None, relu: bool = False) -> None:
        self._packed = torch.ops.mkldnn._reorder_linear_weight(weight_OI.contiguous())
        self._bias_O = bias_O
        self._after = "relu" if relu else "none"

    def __call__(self, x: Tensor) -> Tensor:
        """Map the last dimension of a tensor of any shape."""
        y: Tensor = torch.ops.mkldnn._linear_pointwise.default(x, self._packed, self._bias_O, self._after, [], "")
        return y


def _has_onednn() -> bool:
    names = ("_reorder_linear_weight", "_linear_pointwise")
    available: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return available and all(hasattr(torch.ops.mkldnn, name) for name in names)


def _plain_map(weight_OI: Tensor, bias_O: Tensor | None, relu: bool) -> Map:
    if relu:
        return lambda x: F.linear(x, weight_OI, bias_O).relu_()
    return lambda x: F.linear(x, weight_OI, bias_O)
