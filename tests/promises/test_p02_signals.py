"""P2: Ctrl-C, SIGTERM and SIGHUP save and leave; the same command then goes on as if nothing had been."""

import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from children import Server
from trainings import Training, differences, essence

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
            saved = "goes on from here" in done.stderr
            n_saved += saved
            assert not saved or any((training.run / "checkpoints").glob("step-*"))
        assert not differences(training.finish(), expected)
        shutil.rmtree(training.home)
    measured("P2", f"{n_sent} signals ({n_saved} while training): 0 differences; longest until it left {slowest:.2f} s")
    assert n_saved > 0


def test_an_update_of_many_batches_is_given_up(server: Server, data: Path, tmp_path: Path) -> None:
    """So that leaving takes a batch, not an update; what was given up is done again in full."""
    more = ["--set", "train.accumulate=40", "--set", "train.max_steps=8", "--set", "train.checkpoint_every=100"]
    whole = Training(server, tmp_path / "whole", data)
    assert whole.go(more=more).code == 0
    given_up = 0
    for number in range(20):
        training = Training(server, tmp_path / f"parts-{number}", data)
        child = training.start(more=more)
        metrics = training.run / "metrics.jsonl"
        while not metrics.exists() and child.process.is_alive():  # the first validation is done: the sixth update began
            time.sleep(0.001)
        time.sleep(0.01)
        child.send(signal.SIGTERM)
        done = child.wait()
        assert done.code in (0, 143), done.stderr
        given_up += done.code == 143
        assert training.go(more=more).code == 0
        assert not differences(essence(training.run), essence(whole.run))
        if given_up:
            break
    assert given_up
