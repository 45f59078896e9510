"""What the machine is taken to be able to do."""

import os
import subprocess
import sys

import pytest
import torch

from s2s import runtime
from s2s.runtime import autocast_type

CPU = torch.device("cpu")


@pytest.mark.parametrize("has_bf16", [False, True])
def test_a_processor_with_bfloat16_trains_in_it_and_translates_in_float32(
    monkeypatch: pytest.MonkeyPatch, has_bf16: bool
) -> None:
    monkeypatch.setattr(runtime, "cpu_has_bf16", lambda: has_bf16)
    assert autocast_type("auto", CPU, training=True) == (torch.bfloat16 if has_bf16 else None)
    assert autocast_type("auto", CPU) is None
    assert autocast_type("fp32", CPU, training=True) is None
    assert autocast_type("bf16", CPU) == torch.bfloat16


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
