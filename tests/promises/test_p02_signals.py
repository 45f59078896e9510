"""P2: Ctrl-C, SIGTERM and SIGHUP save and leave; the same command then goes on as if nothing had been."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from children import Server
from trainings import Training, differences, essence

N_BATCHES = 10
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def test_signals_at_random_moments(
    server: Server,
    data: Path,
    reference: Training,
    tmp_path: Path,
    size: Callable[[int, int], int],
    measured: Callable[[str, str], None],
) -> None:
    expected = essence(reference.run)
    began = time.perf_counter()
    Training(server, tmp_path / "timed", data).finish()
    duration = time.perf_counter() - began
    random_ = random.Random(3)
    n_sent, n_saved, slowest = 0, 0, 0.0
    number = 0
    while n_sent < size(5, 50):
        number += 1
        training = Training(server, tmp_path / str(number), data)
        child = training.start()
        while not training.run.exists():  # until then there is nothing to be saved
            time.sleep(0.001)
        time.sleep(random_.uniform(0, duration))
        sent = time.perf_counter()
        which = random_.choice(SIGNALS)
        child.send(which)
        twice = random_.random() < 0.3
        if twice:  # leaves at once, and harms nothing
            time.sleep(random_.uniform(0, 0.03))
            child.send(random_.choice(SIGNALS))
        done = child.wait()
        slowest = max(slowest, time.perf_counter() - sent)
        assert "Traceback" not in done.stderr
        if done.code != 0:  # else it was done before
            n_sent += 1
            # while the data is prepared nothing is to be saved, and a signal does what signals do; to a shell it is
            # the same code
            codes = {128 + one for one in SIGNALS} if twice else {128 + which}
            assert (128 - done.code if done.code < 0 else done.code) in codes, done.stderr
            n_saved += "goes on from here" in done.stderr
        if random_.random() < 0.3:  # and a kill while it resumes
            child = training.start()
            time.sleep(random_.uniform(0, duration))
            child.send(signal.SIGKILL)
            child.wait()
        assert not differences(training.finish(), expected)
        shutil.rmtree(training.home)
    measured("P2", f"{n_sent} signals ({n_saved} while training): 0 differences; longest until it left {slowest:.2f} s")
    assert n_saved > 0


def signal_within(step: int, batch: int) -> None:
    """From now on, SIGTERM comes while a batch of an update is computed: to be called in a child."""
    from s2s.training.gradient import GradientWorkers

    loss = GradientWorkers._loss
    n_batches = 0

    def loss_and_signal(self: GradientWorkers, *arguments: Any) -> Any:
        nonlocal n_batches
        n_batches += 1
        if n_batches == step * N_BATCHES + batch:
            signal.raise_signal(signal.SIGTERM)
        assert n_batches <= step * N_BATCHES + batch, "it goes on after the signal"
        return loss(self, *arguments)

    GradientWorkers._loss = loss_and_signal  # type: ignore[method-assign]


def test_an_update_of_many_batches_is_given_up(server: Server, data: Path, tmp_path: Path) -> None:
    """So that leaving takes a batch, not an update; what was given up is done again in full."""
    more = [f"train.accumulate={N_BATCHES}", "train.max_steps=8", "train.checkpoint_every=100"]
    more = [word for one in more for word in ("--set", one)]
    whole, parts = Training(server, tmp_path / "whole", data), Training(server, tmp_path / "parts", data)
    assert whole.go(more).code == 0
    done = parts.go(more, setup=(signal_within, (6, 3)))
    assert done.code == 143, done.stderr
    assert parts.last_checkpoint() == 6
    assert parts.go(more).code == 0
    assert not differences(essence(parts.run), essence(whole.run))


def stderr_that_nobody_reads(kind: str, step: int) -> None:
    """From an update on nobody reads stderr, and then SIGHUP comes: to be called in a child."""
    from s2s.training.trainer import Trainer

    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # though these tests may have been started by nohup
    finish = Trainer._finish
    n_updates = 0

    def finish_and_lose(self: Trainer) -> Any:
        nonlocal n_updates
        n_updates += 1
        if n_updates == step:
            reading, writing = os.pipe() if kind == "pipe" else os.openpty()
            os.dup2(writing, 2)
            for number in (reading, writing):
                os.close(number)
            signal.raise_signal(signal.SIGHUP)
        return finish(self)

    Trainer._finish = finish_and_lose  # type: ignore[method-assign]


@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_it_saves_although_nobody_reads_what_it_says(server: Server, data: Path, tmp_path: Path, kind: str) -> None:
    """As where `tee` was sent the same Ctrl-C, or a terminal was closed, which is what SIGHUP tells."""
    more = ["--set", "train.max_steps=8", "--set", "train.checkpoint_every=100"]
    training = Training(server, tmp_path / "x", data)
    done = training.go(more, setup=(stderr_that_nobody_reads, (kind, 5)))
    assert done.code == 129, done.stderr
    assert training.last_checkpoint() == 5
    assert training.go(more).code == 0
