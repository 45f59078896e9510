"""What the machine is taken to be able to do."""

import mmap
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from s2s import runtime
from s2s.runtime import autocast_type

CPU = torch.device("cpu")


@pytest.fixture
def _measured_anew() -> Iterator[None]:
    runtime.cpu_gains_by_bf16.cache_clear()
    yield
    runtime.cpu_gains_by_bf16.cache_clear()


@pytest.mark.parametrize("gains", [False, True])
def test_a_processor_that_gains_by_bfloat16_trains_in_it_and_translates_in_float32(
    monkeypatch: pytest.MonkeyPatch, gains: bool
) -> None:
    monkeypatch.setattr(runtime, "cpu_gains_by_bf16", lambda: gains)
    assert autocast_type("auto", CPU, training=True) == (torch.bfloat16 if gains else None)
    assert autocast_type("auto", CPU) is None
    assert autocast_type("fp32", CPU, training=True) is None
    assert autocast_type("bf16", CPU) == torch.bfloat16


@pytest.mark.usefixtures("_measured_anew")
@pytest.mark.parametrize(("bf16_milliseconds", "gains"), [(2, True), (3.9, False), (8, False)])
def test_instructions_for_bfloat16_are_used_where_they_are_faster(
    monkeypatch: pytest.MonkeyPatch, bf16_milliseconds: float, gains: bool
) -> None:
    now = [0.0]

    def product(a_MK: torch.Tensor, _: torch.Tensor) -> None:
        now[0] += bf16_milliseconds if a_MK.dtype == torch.bfloat16 else 4

    monkeypatch.setattr(runtime, "cpu_has_bf16", lambda: True)
    monkeypatch.setattr(torch.nn.functional, "linear", product)
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    assert runtime.cpu_gains_by_bf16() == gains


@pytest.mark.usefixtures("_measured_anew")
def test_whether_bfloat16_is_faster_is_asked_of_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several, each waits for the other on a busy machine, where the answer was another one time in four."""
    n_threads = []
    monkeypatch.setattr(runtime, "cpu_has_bf16", lambda: True)
    monkeypatch.setattr(torch.nn.functional, "linear", lambda *_: n_threads.append(torch.get_num_threads()))
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        runtime.cpu_gains_by_bf16()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(n_threads) == {1}


@pytest.mark.usefixtures("_measured_anew")
def test_nothing_is_measured_without_instructions_for_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "cpu_has_bf16", lambda: False)
    monkeypatch.setattr(torch.nn.functional, "linear", None)
    assert runtime.cpu_gains_by_bf16() is False


def test_a_torch_that_does_not_tell_has_no_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert runtime.cpu_has_bf16() is False


@pytest.mark.skipif(not runtime.cpu_has_bf16(), reason="a processor with bfloat16 is needed")
def test_products_of_ever_new_shapes_do_not_fill_the_memory() -> None:
    program = """
import resource
import torch
from s2s.runtime import set_threads

set_threads(1)
linear = torch.nn.Linear(128, 256)
for n_rows in range(500, 900):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        linear(torch.ones(n_rows, 128, requires_grad=True)).float().sum().backward()
    if n_rows == 510:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_CACHE_CAPACITY")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 200  # MiB; three times as much without a limit


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the system has control groups; those of this process are in `own`."""
    monkeypatch.setattr(runtime, "_OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(runtime, "_GROUPS", tmp_path)
    return tmp_path


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("_", ".", 1)).write_text(content, "ascii")


def test_a_container_may_have_less_memory_than_the_machine(groups: Path) -> None:
    of_machine = runtime.available_memory()
    assert of_machine is None or of_machine > 1000
    (groups / "own").write_text("0::/slice/mine\n", "utf-8")
    write(
        groups / "slice",
        memory_max="9000\n",
        memory_current="7000\n",
        memory_stat="anon 1\ninactive_file 300\nactive_file 200\n",
    )
    write(groups / "slice" / "mine", memory_max="max\n", memory_current="6000\n")
    assert runtime.available_memory() == 2500
    write(groups / "slice" / "mine", memory_max="5000\n")
    assert runtime.available_memory() == 0


def test_a_container_of_the_first_version_too(groups: Path) -> None:
    (groups / "own").write_text("5:cpu,cpuacct:/x\n4:memory:/y\n", "utf-8")
    write(groups / "memory" / "y", memory_limit_in_bytes="9000\n", memory_usage_in_bytes="7000\n")
    write(groups / "cpu" / "x", cpu_cfs_quota_us="100000\n", cpu_cfs_period_us="100000\n")
    assert (runtime.available_memory(), runtime.n_cores()) == (2000, 1)
    write(groups / "cpu" / "x", cpu_cfs_quota_us="-1\n")
    write(groups / "memory" / "y", memory_limit_in_bytes="no number\n")
    assert runtime.available_memory() != 2000
    assert runtime.n_cores() == (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())


def test_a_container_may_have_the_time_of_fewer_cores(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: range(64), raising=False)
    assert runtime.n_cores() == 64
    (groups / "own").write_text("0::/\n", "utf-8")
    write(groups, cpu_max="max 100000\n")
    assert runtime.n_cores() == 64
    write(groups, cpu_max="250000 100000\n")
    assert runtime.n_cores() == 3


def test_the_most_memory_is_told_anew() -> None:
    n = 300 * 2**20
    with mmap.mmap(-1, n) as block:  # of the system itself: malloc keeps what is freed
        block.write(b"x" * n)
        most = runtime.peak_memory()
    assert most is not None
    assert most > n
    runtime.forget_peak_memory(CPU)
    now = runtime.peak_memory()
    assert now is not None
    assert now < most or not os.access("/proc/self/clear_refs", os.W_OK)


def test_a_system_that_does_not_tell_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_numbers", lambda *_: [])
    assert runtime.available_memory() is None
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    assert runtime.peak_memory() is None


def test_threads_sleep_soon_unless_the_user_says_how_they_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    runtime.let_threads_sleep()
    assert "GOMP_SPINCOUNT" not in os.environ
    monkeypatch.delenv("OMP_WAIT_POLICY")
    runtime.let_threads_sleep()
    assert os.environ["GOMP_SPINCOUNT"] == "10000"
    monkeypatch.setenv("GOMP_SPINCOUNT", "5")
    runtime.let_threads_sleep()
    assert os.environ["GOMP_SPINCOUNT"] == "5"
