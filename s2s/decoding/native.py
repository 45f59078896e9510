"""The functions of `engine.c`, compiled where they are used.

PyTorch's operations are made for large tensors; one position of a few sentences is so little work that calling them
takes most of the time. So search on a processor runs a step in C. The file is compiled with the machine's own compiler
when it is first needed (about a second) and kept in the user's cache folder, under a name made of the source and the
processor. Without a compiler, PyTorch does it all: the same translations, more slowly. `S2S_NATIVE=off` in the
environment does without it too.

Shapes: N rows, I inputs, O outputs, W panels, X outputs of a panel.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

_SOURCE = Path(__file__).with_name("engine.c")
_OPTIONS = ["-O3", "-fopenmp-simd", "-fno-math-errno", "-fno-trapping-math", "-fwrapv", "-shared", "-fPIC"]
_NATIVE = ["-march=native", "-mprefer-vector-width=512"] if platform.machine() == "x86_64" else ["-mcpu=native"]
# tried in turn; GCC 12 needs -fno-tree-pre, or it moves the sums of 8-bit products to memory and back; clang lacks it
_ATTEMPTS = [[*_NATIVE, "-fno-tree-pre"], _NATIVE, []]


class MapStruct(ctypes.Structure):
    """`Map` in `engine.c`: addresses and sizes; who makes it keeps the tensors."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("weights", "weights8", "scales", "offsets", "bias")),
        ("n_in", ctypes.c_int64),
        ("n_out", ctypes.c_int64),
    ]


class NormStruct(ctypes.Structure):
    """`Norm` in `engine.c`."""

    _fields_ = [("weight", ctypes.c_void_p), ("bias", ctypes.c_void_p)]


class LayerStruct(ctypes.Structure):
    """`Layer` in `engine.c`."""

    _fields_ = [
        *(
            (name, MapStruct)
            for name in (
                "queries_keys_values",
                "attention_output",
                "source_queries",
                "source_output",
                "inner",
                "outer",
            )
        ),
        ("norms", NormStruct * 3),
    ]


class StackStruct(ctypes.Structure):
    """`Stack` in `engine.c`."""

    _fields_ = [
        ("layers", ctypes.POINTER(LayerStruct)),
        ("last", NormStruct),
        *((name, ctypes.c_int64) for name in ("n_layers", "d_model", "n_heads", "d_ff")),
        ("epsilon", ctypes.c_float),
        ("pre", ctypes.c_int32),
    ]


class Native:
    """The compiled functions. Tensors are on the CPU, in float32 unless said otherwise, and contiguous.

    Args:
        library: Made from `engine.c`.

    Attributes:
        has_8_bits: Whether this processor multiplies in 8 bits.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        address, number = ctypes.c_void_p, ctypes.c_int64
        for name, types in {
            "s2s_map": [address, address, number, address],
            "s2s_encode": [address, address, number, address, number],
            "s2s_step": [*[address] * 2, number, *[address] * 3, number, address, address, number],
            "s2s_log_sum_exp": [address, number, number, address],
            "s2s_largest": [address, number, number, address, address],
        }.items():
            getattr(library, name).argtypes = types
        self._panel = int(library.s2s_panel())
        self.has_8_bits = bool(library.s2s_has_8_bits())

    def packed(self, weight_OI: Tensor, bias_O: Tensor | None, int8: bool, keep: list[Tensor]) -> MapStruct:
        """X Wᵀ + b, laid out as `Map` in `engine.c` says.

        Args:
            weight_OI: W.
            bias_O: b, if there is one.
            int8: In 8 bits, with a scale for each output.
            keep: Takes the tensors that must live as long as the result.
        """
        n_out, n_in = weight_OI.shape
        more = -n_out % self._panel
        bias_O = F.pad(weight_OI.new_zeros(n_out) if bias_O is None else bias_O, (0, more)).float()
        weight_OI = F.pad(weight_OI.float(), (0, -n_in % 4 if int8 else 0, 0, more))
        panels_WXI = weight_OI.view(-1, self._panel, weight_OI.size(1))
        keep.append(bias_O)
        if not int8:
            keep.append(panels_WXI.transpose(1, 2).contiguous())
            return MapStruct(keep[-1].data_ptr(), None, None, None, bias_O.data_ptr(), n_in, n_out)
        scales_O = (weight_OI.abs().amax(dim=1) / 127).clamp(min=1e-12)
        rounded_OI = (weight_OI / scales_O[:, None]).round().to(torch.int8)
        offsets_O = rounded_OI.sum(dim=1, dtype=torch.int32) * 128
        fours = rounded_OI.view(-1, self._panel, weight_OI.size(1) // 4, 4).transpose(1, 2).contiguous()
        keep += [scales_O, offsets_O, fours]
        addresses = [fours.data_ptr(), scales_O.data_ptr(), offsets_O.data_ptr(), bias_O.data_ptr()]
        return MapStruct(None, *addresses, n_in, n_out)

    def map(self, struct: MapStruct, x_NI: Tensor) -> Tensor:
        """X Wᵀ + b, `(N, O)`."""
        y_NO = x_NI.new_empty(x_NI.size(0), struct.n_out)
        self._check(self._library.s2s_map(ctypes.byref(struct), x_NI.data_ptr(), x_NI.size(0), y_NO.data_ptr()))
        return y_NO

    def encode(self, stack: StackStruct, x_PD: Tensor, spans_B4: Tensor) -> None:
        """Run the encoder on the embeddings of sentences without padding, in place.

        Args:
            stack: The encoder.
            x_PD: Embeddings; they become the output.
            spans_B4: For each sentence, first row and row after the last, twice; int64.
        """
        self._check(
            self._library.s2s_encode(
                ctypes.byref(stack), x_PD.data_ptr(), x_PD.size(0), spans_B4.data_ptr(), spans_B4.size(0)
            )
        )

    def step(
        self,
        stack: StackStruct,
        x_ND: Tensor,
        said: list[Tensor],
        writers_NT: Tensor,
        source: "ctypes.Array[ctypes.c_void_p]",
        spans_B4: Tensor,
    ) -> None:
        """Run one step of the decoder, in place.

        Args:
            stack: The decoder.
            x_ND: Embeddings of the pieces chosen last; they become the output.
            said: Of each step, queries, keys and values of all layers, `(L, N, 3 × D)`; the last is filled here.
            writers_NT: By which row each step of a row's past was written, its own included; int32.
            source: For each layer, the address of keys and values of the encoder's output.
            spans_B4: For each sentence, first row, row after its last, first source row, row after its last; int64.
        """
        n_steps = len(said)
        addresses = (ctypes.c_void_p * n_steps)(*[one.data_ptr() for one in said])
        n_rows = (ctypes.c_int64 * n_steps)(*[one.size(1) for one in said])
        self._check(
            self._library.s2s_step(
                ctypes.byref(stack),
                x_ND.data_ptr(),
                x_ND.size(0),
                addresses,
                n_rows,
                writers_NT.data_ptr(),
                n_steps,
                source,
                spans_B4.data_ptr(),
                spans_B4.size(0),
            )
        )

    def log_sum_exp(self, x_NI: Tensor) -> Tensor:
        """Log Σ eˣ of each row, `(N)`."""
        out_N = x_NI.new_empty(x_NI.size(0))
        self._library.s2s_log_sum_exp(x_NI.data_ptr(), *x_NI.shape, out_N.data_ptr())
        return out_N

    def largest(self, x_NI: Tensor) -> tuple[Tensor, Tensor]:
        """The largest number of each row and its column, `(N)` each."""
        values_N = x_NI.new_empty(x_NI.size(0))
        places_N = x_NI.new_empty(x_NI.size(0), dtype=torch.long)
        self._library.s2s_largest(x_NI.data_ptr(), *x_NI.shape, values_N.data_ptr(), places_N.data_ptr())
        return values_N, places_N

    @staticmethod
    def _check(failed: int) -> None:
        if failed:
            raise MemoryError("no memory for a step of the search")


@functools.cache
def native() -> Native | None:
    """The compiled functions, or none if this machine cannot make them."""
    if os.environ.get("S2S_NATIVE") == "off" or os.name != "posix":
        return None
    try:
        words = shlex.split(os.environ.get("CC") or "cc")
        compiler = [shutil.which(words[0]) or "", *words[1:]]
        if not compiler[0]:
            return None
        library = _cache_folder() / f"engine-{_fingerprint(compiler)}.so"
        if not _is_whole(library):
            _compile(compiler, library)
        return Native(ctypes.CDLL(str(library)))
    except (OSError, RuntimeError, ValueError, subprocess.SubprocessError):
        return None


def _is_whole(library: Path) -> bool:
    """Whether it is there as it was made, by this user: to load half a library kills the process."""
    try:
        digest = library.with_suffix(".sha256").read_text("ascii")
        return library.stat().st_uid == os.getuid() and digest == hashlib.sha256(library.read_bytes()).hexdigest()
    except (OSError, ValueError):
        return False


def _cache_folder() -> Path:
    """A folder that nobody else can write to, so that nobody else's code is run."""
    home = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(home) if home else Path.home() / ".cache") / "s2s"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = folder.resolve()
    status = folder.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise PermissionError(f"{folder} can be written by others")
    return folder


def _fingerprint(compiler: list[str]) -> str:
    """Of all that the library depends on."""
    binary = Path(compiler[0]).resolve()
    status = binary.stat()
    parts = [_SOURCE.read_text("utf-8"), str(binary), str(status.st_size), str(status.st_mtime_ns)]
    parts += [str([compiler, _OPTIONS, _ATTEMPTS]), *platform.uname()[:2], platform.machine(), *_processor()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _processor() -> Iterator[str]:
    """What Linux tells of the first processor; elsewhere the name of the machine stands for it."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        text = ""
    for line in text.split("\n\n")[0].split("\n"):
        if line.startswith(("flags", "Features", "model name", "CPU part", "cpu", "isa")) and "MHz" not in line:
            yield line


def _compile(compiler: list[str], library: Path) -> None:
    """Make the library; several processes may do so at the same time."""
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        made = Path(folder) / library.name
        for options in _ATTEMPTS:
            command = [*compiler, *_OPTIONS, *options, "-o", str(made), str(_SOURCE), "-lm"]
            if subprocess.run(command, capture_output=True, timeout=120).returncode == 0:
                digest = made.with_suffix(".sha256")
                digest.write_text(hashlib.sha256(made.read_bytes()).hexdigest(), "ascii")
                made.replace(library)
                digest.replace(library.with_suffix(".sha256"))
                return
    raise OSError(f"{compiler} cannot compile {_SOURCE}")
