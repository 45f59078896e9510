"""P11 and what else a machine does: no network, no hub, a clock that jumps, too little memory."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from children import ROOT, Server
from test_p06_config import limit_memory
from trainings import Training, differences, essence

HUB = ["--set", "data.train=hf:somebody/something:train"]


def test_local_files_need_no_network(
    faulty: Server, data: Path, tmp_path: Path, measured: Callable[[str, str], None]
) -> None:
    """Not a name is looked up, not a connection tried, from raw text to a translation."""
    training = Training(faulty, tmp_path / "home", data)
    log = tmp_path / "network"
    commands = [
        ["tokenize", "config.yaml"],
        ["train", "config.yaml"],
        ["evaluate", "run"],
        ["translate", "--model", "run", "one two"],
        ["score", f"{data}/few.en", f"{data}/few.de", "--model", "run"],
        ["train", "config.yaml", "--dry-run", "--set", "run=other"],
    ]
    online = {"HF_HUB_OFFLINE": "0"}
    for command in commands:
        done = faulty.s2s(*command, cwd=training.home, network_log=log, environment=online)
        assert done.code == 0, done.stderr
    assert log.read_bytes() == b""
    # the watch sees what it is for
    done = faulty.s2s(
        "train", "config.yaml", "--set", "run=x", *HUB, cwd=training.home, network_log=log, environment=online
    )
    assert done.code in (65, 69)
    assert log.read_bytes()
    measured("P11", f"{len(commands)} commands on local files: 0 attempts to reach the network")


@pytest.mark.parametrize("how", ["no such host", "nobody answers", "offline"])
def test_an_unreachable_hub_is_said_soon(
    server: Server, data: Path, tmp_path: Path, measured: Callable[[str, str], None], is_full: bool, how: str
) -> None:
    training = Training(server, tmp_path / "home", data)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never says a word
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        environment = {
            "HF_HOME": str(tmp_path / "cache"),
            "HF_HUB_OFFLINE": "1" if how == "offline" else "0",
            "HF_ENDPOINT": address if how == "nobody answers" else "http://hub.invalid",
        }
        began = time.perf_counter()
        done = training.go(HUB, environment=environment)
        seconds = time.perf_counter() - began
    assert done.code == 69, done.stderr
    assert "hub cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr
    measured("P11", f"hub, {how}: code 69 after {seconds:.1f} s, imports included")
    assert not is_full or seconds < 10


def test_a_clock_that_jumps_changes_nothing(
    faulty: Server, data: Path, reference: Training, tmp_path: Path, measured: Callable[[str, str], None]
) -> None:
    """Every look at it is up to a day wrong, in either direction."""
    training = Training(faulty, tmp_path / "home", data)
    child = training.start(clock_jumps=True)
    while not (training.run / "checkpoints").is_dir() or not list((training.run / "checkpoints").glob("step-*")):
        time.sleep(0.001)
    child.send(9)
    child.wait()
    done = training.go(clock_jumps=True)
    assert done.code == 0, done.stderr
    assert not differences(essence(training.run), essence(reference.run))
    measured("P11", "a clock wrong by up to a day at every look, and a kill: 0 differences")


def test_too_little_memory_is_explained(
    server: Server, data: Path, tmp_path: Path, measured: Callable[[str, str], None]
) -> None:
    """With the option that helps, and the checkpoints that were there intact."""
    training = Training(server, tmp_path / "home", data, steps=12)
    first = training.go(["--set", "train.max_steps=4"])
    assert first.code == 0, first.stderr
    before = essence(training.run)
    huge = ["--set", "model.d_model=8192", "--set", "model.d_ff=32768", "--set", "run=huge"]
    done = training.go(huge, setup=(limit_memory, (3,)))
    assert done.code == 74, done.stderr
    assert "out of memory" in done.stderr
    assert "train.batch_tokens" in done.stderr
    assert "Traceback" not in done.stderr
    assert not differences(essence(training.run), before)
    measured("P11", "too little memory: code 74 and the options that help")


def test_memory_that_runs_out_in_an_update_keeps_the_checkpoints(
    server: Server, data: Path, reference: Training, tmp_path: Path
) -> None:
    training = Training(server, tmp_path / "home", data)
    done = training.go(setup=(run_out, (7,)))
    assert done.code == 74
    assert "train.batch_tokens" in done.stderr
    assert list((training.run / "checkpoints").glob("step-*"))
    assert not differences(training.finish(), essence(reference.run))


def run_out(step: int) -> None:
    """From now on, update `step` finds no memory, as torch says it: to be called in a child."""
    import torch

    from s2s.training.gradient import GradientWorkers

    compute = GradientWorkers.compute

    def without_memory(self: GradientWorkers, batches: object, number: int, *more: object) -> object:
        if number == step:
            torch.empty(2**60)
        return compute(self, batches, number, *more)  # type: ignore[arg-type]

    GradientWorkers.compute = without_memory  # type: ignore[assignment, method-assign]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_no_command_loses_its_output_silently(
    reference: Training, data: Path, measured: Callable[[str, str], None]
) -> None:
    """Each command that prints a result: to a full disk, to a closed output, to a reader that leaves."""
    commands = [
        "translate --model run one",
        "evaluate run --json",
        f"score {data}/few.en {data}/few.de --model run",
        "tokenize config.yaml --text one",
        "train config.yaml --dry-run --set run=other",
        "--version",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    n_ways = 0
    for command in commands:
        for end, codes in ((">/dev/full", (74,)), (">&-", (74,)), ("| true", (0, 141))):
            shell = f"{sys.executable} -m s2s {command} {end}; echo ${{PIPESTATUS[0]}} >&2"
            done = subprocess.run(
                ["bash", "-c", shell], capture_output=True, text=True, cwd=reference.home, env=environment, check=False
            )
            said, code = done.stderr.rstrip("\n").rpartition("\n")[::2]
            assert int(code) in codes, f"{command} {end}: {done.stderr}"
            assert "Traceback" not in said
            assert "Exception ignored" not in said
            n_ways += 1
    measured("P8", f"{len(commands)} commands, {n_ways} outputs that are full, closed or not read: all said, none lost")


def test_what_is_said_never_gets_among_the_results(reference: Training) -> None:
    """Not even with standard error closed, where a file that is opened later could get its number."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    for end in ("2>&-", "2>&- <&-", "--output x.txt 2>&- >&-; cat x.txt"):
        shell = f"{sys.executable} -m s2s translate --model run one {end}"
        done = subprocess.run(
            ["bash", "-c", shell], capture_output=True, cwd=reference.home, env=environment, check=False
        )
        assert done.returncode == 0
        assert done.stdout.count(b"\n") == 1
        assert b"model" not in done.stdout


def test_the_machine_is_noted(reference: Training) -> None:
    starts = json.loads((reference.run / "run.json").read_bytes())["starts"]
    assert {"threads", "torch", "platform", "seed"} <= starts[0].keys()
