"""The few operations of decoding that PyTorch has no fast form of, in C (`kernels.c`).

Attention of one query to some keys, in PyTorch, takes longer than the linear maps around it. The C file is compiled
with the machine's own compiler when it is first needed (half a second) and kept in the user's cache folder, under a
name made of the source and the processor. Without a compiler, all is done by PyTorch: the same results, more slowly.
`S2S_KERNELS=off` in the environment does without it too.

Shapes: N rows, I columns, D d_model = H heads × K head width, B sentences, T steps.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

_SOURCE = Path(__file__).with_name("kernels.c")
_OPTIONS = ["-O3", "-fwrapv", "-fopenmp-simd", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC"]
_FOR_THIS_PROCESSOR = {"x86_64": ["-march=native", "-mprefer-vector-width=512"]}  # elsewhere -mcpu=native


class Kernels:
    """The compiled functions. Tensors are float32 on the CPU, their rows contiguous.

    Args:
        library: Made from `kernels.c`.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        address, number = ctypes.c_void_p, ctypes.c_int64
        self._attend = library.s2s_attend
        self._attend.argtypes = [address, number, address, number, number, address, number, number, number, address]
        self._attend_past = library.s2s_attend_past
        self._attend_past.argtypes = [address, address, number, number, number, number, address]
        self._log_sum_exp = library.s2s_log_sum_exp
        self._log_sum_exp.argtypes = [address, number, number, address]
        self._largest = library.s2s_largest
        self._largest.argtypes = [address, number, number, address, address]
        self._quantise = library.s2s_quantise
        self._quantise.argtypes = [address, number, number, address, address]
        self._rescale = library.s2s_rescale
        self._rescale.argtypes = [address, number, number, address, address, ctypes.c_int32]

    def attend(self, q_ND: Tensor, kv_PE: Tensor, spans_B4: Tensor, d_model: int, n_heads: int) -> Tensor:
        """Attention of each sentence's queries to its own keys.

        Args:
            q_ND: Queries, scaled; a row may be followed by other numbers.
            kv_PE: Keys and values side by side; a row may be followed by other numbers.
            spans_B4: Of each sentence: first query row, row after the last, first key row, row after the last; int64.
            d_model: D.
            n_heads: H.

        Returns:
            `(N, D)`.
        """
        out_ND = q_ND.new_empty(q_ND.size(0), d_model)
        failed = self._attend(
            q_ND.data_ptr(),
            q_ND.stride(0),
            kv_PE.data_ptr(),
            kv_PE.stride(0),
            d_model,
            spans_B4.data_ptr(),
            spans_B4.size(0),
            n_heads,
            d_model // n_heads,
            out_ND.data_ptr(),
        )
        return _done(failed, out_ND)

    def attend_past(self, steps: Sequence[Tensor], writers_NT: Tensor, n_heads: int) -> Tensor:
        """Attention of hypotheses to what they have said.

        Args:
            steps: Of each step, queries, keys and values side by side, `(N, 3 × D)`, contiguous.
            writers_NT: By which row each step of a row's past was written, its own included; int32, contiguous.
            n_heads: H.

        Returns:
            `(N, D)`.
        """
        n_rows, n_steps = writers_NT.shape
        d_model = steps[-1].size(1) // 3
        out_ND = steps[-1].new_empty(n_rows, d_model)
        addresses = (ctypes.c_void_p * n_steps)(*[step.data_ptr() for step in steps])
        failed = self._attend_past(
            addresses, writers_NT.data_ptr(), n_rows, n_steps, n_heads, d_model // n_heads, out_ND.data_ptr()
        )
        return _done(failed, out_ND)

    def log_sum_exp(self, x_NI: Tensor) -> Tensor:
        """Log Σ eˣ of each row, `(N)`."""
        out_N = x_NI.new_empty(x_NI.size(0))
        self._log_sum_exp(x_NI.data_ptr(), *x_NI.shape, out_N.data_ptr())
        return out_N

    def largest(self, x_NI: Tensor) -> tuple[Tensor, Tensor]:
        """The largest number of each row and its column, `(N)` each."""
        values_N, places_N = x_NI.new_empty(x_NI.size(0)), torch.empty(x_NI.size(0), dtype=torch.long)
        self._largest(x_NI.data_ptr(), *x_NI.shape, values_N.data_ptr(), places_N.data_ptr())
        return values_N, places_N

    def quantise(self, x_NI: Tensor) -> tuple[Tensor, Tensor]:
        """Rows in 8 bits, with 128 for 0, and the scale `(N)` of each."""
        rounded_NI, scales_N = torch.empty(x_NI.shape, dtype=torch.uint8), x_NI.new_empty(x_NI.size(0))
        self._quantise(x_NI.data_ptr(), *x_NI.shape, rounded_NI.data_ptr(), scales_N.data_ptr())
        return rounded_NI, scales_N

    def rescale(self, y_NO: Tensor, scales_N: Tensor, bias_O: Tensor, relu: bool) -> Tensor:
        """`y` × scale of the row + bias, then max(0, ·) if `relu`; in place."""
        self._rescale(y_NO.data_ptr(), *y_NO.shape, scales_N.data_ptr(), bias_O.data_ptr(), relu)
        return y_NO


def _done(failed: int, result: Tensor) -> Tensor:
    if failed:
        raise MemoryError("no memory for attention scores")
    return result


@functools.cache
def kernels() -> Kernels | None:
    """The compiled functions, or none if this machine cannot make them."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if os.environ.get("S2S_KERNELS") == "off" or os.name != "posix" or compiler is None:
        return None
    try:
        folder = _cache_folder()
        library = folder / f"kernels-{_fingerprint(compiler)}.so"
        if not library.exists():
            _compile(compiler, library)
        return Kernels(ctypes.CDLL(str(library)))
    except (OSError, subprocess.SubprocessError):
        return None


def _cache_folder() -> Path:
    """A folder that nobody else can write to, so that nobody else's code is run."""
    home = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(home) if home else Path.home() / ".cache") / "s2s"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise PermissionError(f"{folder} can be written by others")
    return folder


def _fingerprint(compiler: str) -> str:
    """Of all that the library depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").split("\n")
    except OSError:
        lines = []
    processor = sorted({line for line in lines if line.startswith(("flags", "Features", "model name"))})
    parts = [_SOURCE.read_text("utf-8"), compiler, str(_OPTIONS), platform.machine(), platform.processor(), *processor]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _compile(compiler: str, library: Path) -> None:
    """Make the library; several processes may do so at the same time."""
    native = _FOR_THIS_PROCESSOR.get(platform.machine(), ["-mcpu=native"])
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        made = Path(folder) / library.name
        for options in (native, []):
            command = [compiler, *_OPTIONS, *options, "-o", str(made), str(_SOURCE), "-lm"]
            if subprocess.run(command, capture_output=True, timeout=120).returncode == 0:
                made.replace(library)
                return
    raise OSError(f"{compiler} cannot compile {_SOURCE}")
