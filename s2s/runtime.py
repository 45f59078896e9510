"""The machine: device, precision, threads and seeds."""

import contextlib
import ctypes
import functools
import math
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from s2s.errors import UsageError

if TYPE_CHECKING:
    import torch

_SHAPES_PER_CORE = 32  # an update's part on a core has some 20
_ROUNDS, _CLEARLY = 15, 1.2  # products of each type that are timed; bfloat16 has to be so many times as fast
_OWN_GROUPS, _GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # of mallopt


def choose_device(name: str = "auto") -> "torch.device":
    """Turn a name into a device that is there.

    Args:
        name: `auto` (CUDA, else Apple's MPS, else CPU) or a torch device such as `cpu`, `cuda`, `cuda:1`, `mps`.

    Raises:
        UsageError: If there is no such device here.
    """
    import torch

    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"{name} is no device", hint="use auto, cpu, cuda, cuda:1 or mps") from None
    there = {"cpu": True, "cuda": cuda, "mps": mps}.get(device.type, False)
    if there and device.type == "cuda" and device.index is not None:
        there = device.index < torch.cuda.device_count()
    if not there:
        raise UsageError(f"there is no device {name} on this machine", hint="use --device auto or --device cpu")
    return device


def autocast_type(precision: str, device: "torch.device", *, training: bool = False) -> "torch.dtype | None":
    """The type of autocast, or none for plain float32.

    Args:
        precision: `auto`, `fp32` or `bf16`. With `auto`, bfloat16 is used on CUDA that has it, and for training also on
            a processor that multiplies in it faster (`cpu_gains_by_bf16`).
        device: Where the model runs.
        training: Whether it is trained.
    """
    import torch

    if precision == "bf16":
        return torch.bfloat16
    if precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    if precision == "auto" and device.type == "cpu" and training and cpu_gains_by_bf16():
        return torch.bfloat16
    return None


def name_of_type(autocast: "torch.dtype | None") -> str:
    """In what is computed, in words, by the type of autocast: `bfloat16`, or `float32` for none."""
    return "float32" if autocast is None else str(autocast).removeprefix("torch.")


def cpu_has_bf16() -> bool:
    """Whether this processor has instructions for products in bfloat16, as far as torch tells."""
    import torch

    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in names)


@functools.cache
def cpu_gains_by_bf16() -> bool:
    """Whether this processor multiplies in bfloat16 clearly faster than in float32, as measured once.

    Instructions for it do not tell. AMD's AVX512-BF16 and Intel's AMX multiply at twice the rate of float32 and more,
    Intel's AVX512-BF16 at half of it, and that is what is left where a virtual machine hides AMX.

    A busy machine shall not answer otherwise, as then the same training would give other bits: the products are done by
    one thread, which waits for no other, and each takes a millisecond or two, so that some of them are not interrupted.
    """
    if not cpu_has_bf16():
        return False
    import torch

    def seconds_of(a_MK: "torch.Tensor", b_NK: "torch.Tensor") -> float:
        start = time.perf_counter()
        torch.nn.functional.linear(a_MK, b_NK)
        return time.perf_counter() - start

    float32 = torch.ones(256, 512), torch.ones(512, 512)
    bfloat16 = tuple(tensor.bfloat16() for tensor in float32)
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            rounds = [(seconds_of(*float32), seconds_of(*bfloat16)) for _ in range(_ROUNDS)]
    finally:
        torch.set_num_threads(n_threads)
    fastest_float32, fastest_bfloat16 = (min(times) for times in zip(*rounds, strict=True))
    return bool(fastest_float32 > _CLEARLY * fastest_bfloat16)


def set_threads(n_threads: int | None, n_processes: int = 1) -> int:
    """Use `n_threads` processor threads, or all cores that this process may run on; returns the number.

    `OMP_NUM_THREADS`, if set, counts as given. If `n_processes` share the cores, each takes its part of them, and an
    `OMP_NUM_THREADS` of 1 does not count: torchrun sets it when nobody did. With GNU's C library, memory that is
    freed stays with the process for what comes next.
    """
    import torch

    _keep_freed_memory()
    _keep_few_shapes()
    if n_threads is None:
        given = os.environ.get("OMP_NUM_THREADS", "")
        least = 1 if n_processes == 1 else 2
        n_threads = int(given) if given.isdecimal() and int(given) >= least else max(1, n_cores() // n_processes)
    torch.set_num_threads(n_threads)
    return n_threads


def let_threads_sleep() -> None:
    """Let threads that wait go to sleep soon, unless the user has said how; to be called before torch is loaded.

    GNU OpenMP's spin for milliseconds. Where another program has one of the cores, a training on all of them was five
    times slower by that (`benchmarks/README.md`, "Beside another program").
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")


def _keep_freed_memory() -> None:
    """Keep malloc from giving each large tensor back to the system, which then clears its pages for the next one.

    `man 3 mallopt` has the parameters; elsewhere than with GNU's C library there is nothing to set.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    # before glibc 2.35 the threshold could be 32 MiB at most; without one, the others would make it worse
    if mallopt is not None and (mallopt(_MMAP_THRESHOLD, 2**30) or mallopt(_MMAP_THRESHOLD, 2**25)):
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_ARENA_MAX, 1)


def _keep_few_shapes() -> None:
    """Keep oneDNN from remembering 1,024 shapes of products, of which hardly two batches share one.

    It and PyTorch's layer above it each have a memory of prepared products, in bfloat16 some 2 GB in the end. They read
    these variables at their first product; what the user has set counts.
    """
    for name in ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY"):
        os.environ.setdefault(name, str(_SHAPES_PER_CORE * max(2, n_cores())))


def n_cores() -> int:
    """Cores that this process may run on, where the system tells; else all. A container may have the time of fewer."""
    n = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for folder in _control_groups("cpu"):
        time_and_period = _numbers(folder / "cpu.max")
        if not time_and_period:
            time_and_period = _numbers(folder / "cpu.cfs_quota_us") + _numbers(folder / "cpu.cfs_period_us")
        if len(time_and_period) == 2 and min(time_and_period) > 0:
            n = min(n, max(1, math.ceil(time_and_period[0] / time_and_period[1])))
    return n


def available_memory() -> int | None:
    """Bytes that programs can still take, of the machine and of their container, where the system tells (Linux)."""
    available = _numbers(Path("/proc/meminfo"), "MemAvailable:")
    left = [1024 * available[0]] if available else []
    for folder in _control_groups("memory"):
        for limit, used, prefix in (
            ("memory.max", "memory.current", ""),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
        ):
            bytes_of = _numbers(folder / limit) + _numbers(folder / used)
            if len(bytes_of) == 2:  # copies of files count as used, and are given back when memory is needed
                kinds = (f"{prefix}inactive_file", f"{prefix}active_file")
                given_back = sum(sum(_numbers(folder / "memory.stat", kind)) for kind in kinds)
                left.append(max(0, bytes_of[0] - bytes_of[1] + given_back))
    return min(left, default=None)


def forget_peak_memory(device: "torch.device") -> None:
    """Let the peak of a device, and `peak_memory`, begin anew, where the system can (Linux)."""
    if device.type == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats(device)
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "ascii")


def peak_memory() -> int | None:
    """The most bytes that this process has had, where the system tells."""
    if peak := _numbers(Path("/proc/self/status"), "VmHWM:"):
        return 1024 * peak[0]
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _control_groups(controller: str) -> list[Path]:
    """Where Linux has the limits of the groups that this process is in, of cgroups version 2 and of version 1."""
    folders = []
    with contextlib.suppress(OSError, ValueError):
        for line in _OWN_GROUPS.read_text("utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers or controller in controllers.split(","):
                root = _GROUPS / controller if controllers else _GROUPS
                own = root / path.lstrip("/")
                folders += [own, *(folder for folder in own.parents if folder.is_relative_to(root))]
    return folders


def _numbers(path: Path, name: str = "") -> list[int]:
    """The numbers of a line of a file of the system, of that with a name or the first; none if it says none."""
    with contextlib.suppress(OSError, ValueError):
        for line in path.read_text("ascii").splitlines():
            words = line.split()
            if not name or words[:1] == [name]:
                return [int(word) for word in words[bool(name) :] if word != "kB"]
    return []


def seed_of_step(seed: int, step: int, worker: int = 0) -> int:
    """Seed of one update's randomness.

    Each update has its own, so that a resumed training draws what it would have drawn without a stop, and no state of
    a generator need be kept.
    """
    mixed = seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + worker * 0x94D049BB133111EB
    return mixed % 2**63
