"""What the machine is taken to be able to do."""

import os
import subprocess
import sys
from collections.abc import Iterator

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
