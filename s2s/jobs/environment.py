"""`s2s doctor`: what this machine and installation have, and what to do where something is amiss."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from s2s.decoding.int8 import check_int8
from s2s.decoding.native import native
from s2s.errors import UsageError
from s2s.runtime import available_memory, choose_device, cpu_gains_by_bf16, cpu_has_bf16, n_cores
from s2s.version import __version__

LITTLE_DISK = 2 * 2**30
LITTLE_MEMORY = 2**30

EXTRAS = {
    "ctranslate2": "s2s export --to ctranslate2",
    "transformers": "the check of s2s export --to hf-marian",
    "tensorboard": "train.tensorboard",
    "onnx": "s2s export --to onnx",
    "onnxruntime": "the check of s2s export --to onnx",
    "starlette": "s2s serve",
}
"""Packages that some commands need, with these."""
_EXTRA_OF = {"onnxruntime": "onnx", "starlette": "serve"}  # where an extra is not called as its package


@dataclass(frozen=True)
class Finding:
    """A fact about the machine.

    Attributes:
        name: What it is about.
        value: What was found.
        advice: What to do about it; none if all is well.
    """

    name: str
    value: str
    advice: str | None = None


def examine_machine() -> list[Finding]:
    """Look at versions, processor, devices, compiler, memory, disk and settings."""
    return [*_versions(), *_processor(), *_devices(), *_space(), *_settings(), *_extras()]


def as_text(findings: list[Finding]) -> str:
    """Findings for people; advice stands below its fact."""
    width = max(len(finding.name) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.name.ljust(width)}  {finding.value}")
        if finding.advice:
            lines.append(f"{' ' * width}  → {finding.advice}")
    n_advice = sum(finding.advice is not None for finding in findings)
    return "\n".join([*lines, "", "all is well" if not n_advice else f"{n_advice} to look at: →"])


def _versions() -> Iterator[Finding]:
    yield Finding("s2s", __version__)
    yield Finding("python", f"{platform.python_version()}, {sys.executable}")
    for package in ("torch", "sentencepiece", "sacrebleu", "datasets"):
        yield Finding(package, importlib.metadata.version(package))


def _processor() -> Iterator[Finding]:
    import torch

    ability = torch.backends.cpu.get_cpu_capability()
    yield Finding("processor", f"{platform.machine()}, {n_cores()} cores that may be used, {ability}")
    if cpu_gains_by_bf16():
        yield Finding("bfloat16", "training uses it")
    else:
        why = "hardly faster than float32 here, or slower" if cpu_has_bf16() else "no instructions for it"
        yield Finding("bfloat16", f"{why}: training in float32")
    try:
        check_int8(torch.device("cpu"))
        yield Finding("--int8", "possible")
    except UsageError as error:
        yield Finding("--int8", f"not possible: {error.what}")
    if native() is not None:
        yield Finding("search", "compiled")
    elif os.environ.get("S2S_NATIVE") == "off":
        yield Finding("search", "by PyTorch", "S2S_NATIVE=off is set; without it, it is compiled and faster")
    else:
        yield Finding("search", "by PyTorch", _NOT_COMPILED)


_NOT_COMPILED = (
    "it is not compiled, which would be faster: that takes a C compiler (gcc, clang, or CC) and a cache folder that"
    " only you can write to (~/.cache/s2s)"
)


def _devices() -> Iterator[Finding]:
    import torch

    yield Finding("--device auto", str(choose_device("auto")))
    for number in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(number)
        yield Finding(f"cuda:{number}", f"{facts.name}, {facts.total_memory / 2**30:.0f} GiB")
    if shutil.which("nvidia-smi") and not torch.cuda.is_available():
        yield Finding(
            "cuda",
            f"not used: torch {torch.__version__} finds no device",
            "there is an NVIDIA driver: install a build of torch for its CUDA (https://pytorch.org/get-started)",
        )


def _space() -> Iterator[Finding]:
    memory = available_memory()
    if memory is not None:
        advice = "little: a smaller train.batch_tokens takes less" if memory < LITTLE_MEMORY else None
        yield Finding("memory", f"{memory / 2**30:.1f} GiB available", advice)
    for name, path in (("disk here", Path()), ("disk for temporary files", _temporary())):
        free = shutil.disk_usage(path).free
        advice = "little: checkpoints of a base model take 4 GiB" if free < LITTLE_DISK else None
        yield Finding(name, f"{free / 2**30:.1f} GiB free in {path.resolve()}", advice)


def _settings() -> Iterator[Finding]:
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdecimal() and int(threads) < n_cores():
        yield Finding("OMP_NUM_THREADS", threads, f"fewer threads than the {n_cores()} cores: unset it to use all")
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "")
    if encoding not in ("utf8", ""):
        advice = "tables and messages may show \\u00b1 and the like: set PYTHONUTF8=1 (translations are always UTF-8)"
        yield Finding("standard output", encoding, advice)
    if os.environ.get("HF_HUB_OFFLINE", "") in ("1", "true", "TRUE"):
        yield Finding("HF_HUB_OFFLINE", "set: data from the hub only if it was downloaded before")


def _extras() -> Iterator[Finding]:
    for package, use in EXTRAS.items():
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:  # a folder of that name is no package
            yield Finding(package, f"not installed; for {use}: pip install '.[{_EXTRA_OF.get(package, package)}]'")
            continue
        try:
            yield Finding(package, importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:  # of another distribution, as onnxruntime-gpu
            yield Finding(package, "there, of unknown version")


def _temporary() -> Path:
    import tempfile

    return Path(tempfile.gettempdir())
