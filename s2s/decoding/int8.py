"""Linear maps in 8 bits, for processors with instructions for it (VNNI).

Weights have a scale for each output, inputs one for each row, found when they come ("dynamic"). So the rows of a batch
do not touch each other: a sentence's translation does not depend on its neighbours. Products are summed in 32 bits by
oneDNN. Norms, softmax, residual sums and the attention itself stay in float32.

Shapes: N rows, I inputs, O outputs.
"""

import torch
from torch import Tensor

from s2s.decoding.rows import in_cache
from s2s.errors import UsageError

_ZERO = 128  # oneDNN's left operand is unsigned


class Int8Map:
    """x Wᵀ + b with W and x in 8 bits.

    Args:
        weight_OI: W.
        bias_O: b, if there is one.
        relu: Whether max(0, ·) follows.
    """

    def __init__(self, weight_OI: Tensor, bias_O: Tensor | None, relu: bool = False) -> None:
        self.scales_O = (weight_OI.abs().amax(dim=1) / 127).clamp(min=1e-12)
        rounded_OI = (weight_OI / self.scales_O[:, None]).round().to(torch.int8)
        self._packed = torch.ops.onednn.qlinear_prepack(rounded_OI, None)
        self._n_outputs = len(weight_OI)
        self._zeros_O = torch.zeros(self._n_outputs, dtype=torch.long)
        self._bias_O = torch.zeros(self._n_outputs) if bias_O is None else bias_O
        self._relu = relu
        self._map_in_cache = in_cache(self._map, max(weight_OI.shape), weight_OI.device)

    def __call__(self, x: Tensor) -> Tensor:
        """Map the last dimension of a tensor of any shape."""
        y_NO = self._map_in_cache(x.reshape(-1, x.size(-1)))
        return y_NO.view(*x.shape[:-1], self._n_outputs)

    def _map(self, x_NI: Tensor) -> Tensor:
        rounded_NI, scales_N = _quantised(x_NI)
        sums_NO = torch.ops.onednn.qlinear_pointwise.default(
            rounded_NI,
            1.0,
            _ZERO,
            self._packed,
            self.scales_O,
            self._zeros_O,
            None,
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )
        y_NO = torch.addcmul(self._bias_O, sums_NO, scales_N[:, None])
        return y_NO.relu_() if self._relu else y_NO


def _quantised(x_NI: Tensor) -> tuple[Tensor, Tensor]:
    """Rows in 8 bits, with 128 for 0, and the scale `(N)` of each."""
    # aminmax does this in one pass, and takes 18 times as long
    scales_N = x_NI.abs().amax(dim=1).div_(127).clamp_(min=1e-12)
    # adding a half before cutting off rounds; all numbers are positive then
    return (x_NI * scales_N.reciprocal()[:, None]).add_(_ZERO + 0.5).to(torch.uint8), scales_N


def check_int8(device: torch.device) -> None:
    """Raise if this machine cannot.

    Raises:
        UsageError: On a device other than the CPU, or a processor without VNNI, where 8 bits would be slow or wrong.
    """
    hint = "leave out --int8"
    if device.type != "cpu":
        raise UsageError(f"--int8 is for the CPU, not for {device}", hint=f"{hint}; on CUDA bfloat16 is used")
    able = getattr(torch.cpu, "_is_vnni_supported", lambda: False)() and hasattr(torch.ops.onednn, "qlinear_prepack")
    if not able:
        raise UsageError(
            "--int8 needs a processor with VNNI (since about 2019), and PyTorch built with oneDNN", hint=hint
        )
