"""P9: a number that is not finite stops the training at the update where it appears, and never reaches a file."""

import json
import math
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from children import Server
from safetensors.torch import load_file
from trainings import Training, differences, essence

WAYS = ("weight", "gradient", "loss", "update")


def poison(way: str, step: int, value: float, seed: int) -> None:
    """From now on, training meets a value that is not finite in update `step`: to be called in a child."""
    from s2s.training.gradient import GradientWorkers, Sums
    from s2s.training.trainer import Trainer

    random_ = random.Random(seed)
    compute, begin = GradientWorkers.compute, Trainer._begin

    def spoil(tensors: list[torch.Tensor]) -> None:
        flat = random_.choice(tensors).detach().view(-1)
        flat[random_.randrange(len(flat))] = value

    def compute_poisoned(self: GradientWorkers, batches: Any, number: int, *more: Any) -> Sums:
        parameters = list(self.model.parameters())
        if number == step and way == "weight":
            spoil(parameters)
        sums = compute(self, batches, number, *more)
        if number == step and way == "gradient":
            spoil([parameter.grad for parameter in parameters if parameter.grad is not None])
        if number == step and way == "loss":
            sums.loss_and_nll[0] = value
        return sums

    def begin_poisoned(self: Trainer, *arguments: Any) -> None:
        begin(self, *arguments)
        if self.state.step == step and way == "update":  # the update itself overflowed
            spoil(list(self.model.parameters()))

    GradientWorkers.compute = compute_poisoned  # type: ignore[method-assign]
    Trainer._begin = begin_poisoned  # type: ignore[method-assign]


def test_poisoned_trainings_stop_and_leave_nothing_poisoned(
    server: Server,
    data: Path,
    reference: Training,
    tmp_path: Path,
    size: Callable[[int, int], int],
    measured: Callable[[str, str], None],
) -> None:
    expected = essence(reference.run)
    random_ = random.Random(5)
    n_total, n_listed = size(4, 20), 0
    for number in range(n_total):
        training = Training(server, tmp_path / str(number), data)
        way, step = WAYS[number % len(WAYS)], random_.randint(1, 12)
        value = random_.choice([math.nan, math.inf, -math.inf])
        done = training.go(setup=(poison, (way, step, value, number)))
        assert done.code == 70, f"{way} {step}: {done.stderr}"
        assert "diverged" in done.stderr
        assert "train.learning_rate" in done.stderr or "not finite" in done.stderr
        assert "Traceback" not in done.stderr
        report = training.run / "diverged.json"
        if way != "update" or report.exists():
            n_listed += 1
            facts = json.loads(report.read_bytes())
            assert facts["step"] in (step, step + 1)
            assert facts["pairs"]
            assert all(place.startswith(f"{data}/train.{{en,de}}:") for place in facts["pairs"])
        for file in training.run.rglob("*.safetensors"):
            for name, tensor in load_file(file).items():
                assert bool(torch.isfinite(tensor).all()), f"{file} {name}"
        assert not differences(training.finish(), expected)
        shutil.rmtree(training.home)
    measured("P9", f"{n_total} injections: {n_total} stopped, {n_listed} with all lines listed, 0 files poisoned")


def test_a_training_that_diverges_by_itself(server: Server, data: Path, tmp_path: Path) -> None:
    training = Training(server, tmp_path / "home", data)
    wild = ["train.learning_rate=1e9", "train.optimizer=adam", "train.clip_norm=0", "train.max_steps=500"]
    done = training.go([word for one in wild for word in ("--set", one)])
    assert done.code == 70, done.stderr
    for file in training.run.rglob("*.safetensors"):
        for name, tensor in load_file(file).items():
            assert bool(torch.isfinite(tensor).all()), f"{file} {name}"
