"""P1: killed at any moment, the same command comes to the same weights, optimiser state and metrics, bit for bit."""

import random
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from children import KILL, NOTE, Server
from power import lose_what_was_not_synced, names_left_to_chance
from trainings import Training, differences, essence

Size = Callable[[int, int], int]
Measured = Callable[[str, str], None]
LANES = 2  # trainings at a time


def test_killed_at_random_moments(
    server: Server, data: Path, reference: Training, tmp_path: Path, size: Size, measured: Measured
) -> None:
    expected = essence(reference.run)
    began = time.perf_counter()
    Training(server, tmp_path / "timed", data).finish()
    duration = time.perf_counter() - began
    random_ = random.Random(1)

    def live(number: int, delays: list[float]) -> tuple[int, list[str]]:
        """Kill a training after each of some delays, then let it finish."""
        training = Training(server, tmp_path / str(number), data)
        n_killed = 0
        for delay in delays:
            child = training.start()
            time.sleep(delay)
            child.send(9)
            n_killed += child.wait().code == -9
        wrong = differences(training.finish(), expected)
        shutil.rmtree(training.home)
        return n_killed, wrong

    n_wanted, n_killed, wrong, number = size(6, 200), 0, list[str](), 0
    with ThreadPoolExecutor(LANES) as pool:
        while n_killed < n_wanted:
            # a second kill often hits the resuming itself
            lives = [
                [random_.uniform(0, 1.2 * duration) for _ in range(random_.choice([1, 1, 2, 3]))] for _ in range(LANES)
            ]
            for killed, found in pool.map(live, range(number, number + LANES), lives):
                n_killed += killed
                wrong += found
            number += LANES
    measured("P1", f"{n_killed} random kills in {number} trainings: {len(wrong)} differences")
    assert not wrong


def test_killed_at_every_call_that_changes_a_file(
    faulty: Server, data: Path, tmp_path: Path, size: Size, measured: Measured, is_full: bool
) -> None:
    """Every such call of a whole training: lock, vocabulary, store, checkpoints, model, samples, scores.

    The process is killed there, in the middle of a write if it is one; then also with all content that was not synced
    to the disk lost, as after a power cut; then also killed a second time while it resumes.
    """
    whole = Training(faulty, tmp_path / "whole", data, steps=4, every=2, validate=3)
    log = tmp_path / "calls"
    assert whole.go(fault=whole.fault(NOTE, log=log)).code == 0
    expected = essence(whole.run)
    n_calls = log.read_bytes().count(b"\n")
    assert n_calls > 100
    assert not names_left_to_chance(log)
    random_ = random.Random(2)

    def live(number: int, point: int, way: str) -> tuple[str, bool, list[str]]:
        training = Training(faulty, tmp_path / f"{way}-{number}", data, steps=4, every=2, validate=3)
        log = training.home / "calls"
        killed = training.go(fault=training.fault(KILL, point, log=log)).code == -9
        if way == "power":
            lose_what_was_not_synced(log)
        if way == "twice":
            training.go(fault=training.fault(KILL, random_.randrange(n_calls)))
        wrong = differences(training.finish(), expected)
        shutil.rmtree(training.home)
        return way, killed, [f"call {point}, {way}: {name}" for name in wrong]

    points = list(range(n_calls)) if is_full else sorted(random_.sample(range(n_calls), 4))
    tasks = [(point, way) for way in ("once", "power", "twice") for point in points]
    with ThreadPoolExecutor(LANES) as pool:
        found = list(pool.map(lambda task: live(task[0], *task[1]), enumerate(tasks)))
    n_killed = sum(killed for _, killed, _ in found)
    wrong = [text for _, _, texts in found for text in texts]
    measured(
        "P1",
        f"{n_killed} kills at {len(points)} of {n_calls} calls that change files, 3 ways: {len(wrong)} differences",
    )
    assert not wrong
    assert n_killed > 0.9 * len(tasks)
