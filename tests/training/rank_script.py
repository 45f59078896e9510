"""What each of two ranks does in `test_ranks.py`, told a folder and free ports; what it finds goes into the folder."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from s2s.config.load import load_config
from s2s.config.schema import Config
from s2s.decoding.bundle import build_transformer
from s2s.jobs import ranks as jobs_of_ranks
from s2s.jobs import train as job
from s2s.jobs.tokenize import prepare
from s2s.jobs.train import train
from s2s.run_folder import RunFolder
from s2s.training import data_parallel
from s2s.training.gradient import GradientWorkers
from s2s.training.ranks import Ranks, together
from s2s.training.trainer import Trainer


def gradients(model: torch.nn.Module) -> list[torch.Tensor]:
    return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]


def compare_gradients(config: Config, ranks: Ranks, folder: Path, found: dict[str, Any]) -> None:
    """The gradient of both ranks, of this process alone, and the largest difference; and dropout's losses."""
    prepared = prepare(config, RunFolder(folder / f"gradient-{ranks.number}"))
    ranks.connect(torch.device("cpu"))
    torch.manual_seed(ranks.number)  # other weights on each rank, until rank 0's are sent
    model = build_transformer(config.model.model_copy(update={"dropout": 0.0}), prepared.vocabularies)
    gradient = data_parallel.gradient_of(ranks, model, prepared.train, config.train, None)
    assert isinstance(gradient, data_parallel.RankGradient)
    alone = GradientWorkers(model, prepared.train, config.train, None, max_workers=1)
    pairs = np.arange(60)
    unequal = [pairs[:3], pairs[3:30], pairs[30:31], pairs[31:60]]
    found["differences"] = []
    for batches in (unequal[:2], unequal):  # without and with accumulation
        sums = gradient.compute(batches, 1)
        ours = gradients(model)
        expected = alone.compute(batches, 1)
        pairs_of_tensors = zip(ours, gradients(model), strict=True)
        found["differences"].append(max(float((one - other).abs().max()) for one, other in pairs_of_tensors))
        found["sums"] = [*sums.loss_and_nll.tolist(), sums.n_target_tokens]
        found["expected_sums"] = [*expected.loss_and_nll.tolist(), expected.n_target_tokens]
    dropout_differs(ranks, gradient, found)


def dropout_differs(ranks: Ranks, gradient: GradientWorkers, found: dict[str, Any]) -> None:
    """This rank's own loss of a batch that both have, at updates 1, 2 and 1."""
    own: list[float] = []
    exchange = ranks.exchange
    ranks.exchange = lambda sums: own.append(sums[0].item()) or exchange(sums)  # type: ignore[method-assign, func-returns-value]
    for module in gradient.model.modules():
        if hasattr(module, "p"):
            module.p = 0.5
    for step in (1, 2, 1):
        gradient.compute([np.arange(9), np.arange(9)], step)
    found["dropout"] = own


def watch_writing(written: list[str]) -> None:
    """Note every file that this process opens to write, and every change of a folder."""
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    folders = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink"}

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        changes = event in folders or (event == "open" and arguments[2] & writing)
        if changes and arguments[0] != os.devnull:
            written.append(f"{event} {arguments[0]}")

    sys.addaudithook(note)


def interrupt_validation() -> None:
    """Once, as rank 0 validates, it gets a signal: it saves a checkpoint that is not validated yet."""
    validation = job.Session._validation

    def interrupted(self: job.Session) -> Any:
        job.Session._validation = validation  # type: ignore[method-assign]
        signal.raise_signal(signal.SIGTERM)
        return validation(self)

    job.Session._validation = interrupted  # type: ignore[method-assign]


def read_slowly() -> None:
    """From now on, the other ranks read checkpoints late, as from a slow disk."""
    load = jobs_of_ranks.load_checkpoint

    def late(*arguments: Any) -> Any:
        time.sleep(1)
        return load(*arguments)

    jobs_of_ranks.load_checkpoint = late  # type: ignore[attr-defined]


def main(where: str, *ports: str) -> None:
    """Compare gradients, train whole, train in two parts."""
    folder = Path(where)
    config = load_config(folder / "config.yaml")
    found: dict[str, Any] = {"ended": [], "updates": 0, "written": []}

    def phase(number: int, run: str = "", max_steps: int = 12) -> None:
        os.environ["MASTER_PORT"] = ports[number]
        try:
            with together() as ranks:
                if not run:
                    compare_gradients(config, ranks, folder, found)
                    return
                schedule = config.train.model_copy(update={"max_steps": max_steps})
                train(config.model_copy(update={"run": str(folder / run), "train": schedule}), ranks=ranks)
        except SystemExit as leaving:
            found["ended"].append(leaving.code)

    phase(0)
    if os.environ["RANK"] != "0":
        watch_writing(found["written"])
    begin = Trainer._begin

    def counted(self: Trainer, batches: Any, *more: Any) -> None:
        found["updates"] += 1
        found["n_batches"] = len(batches)
        begin(self, batches, *more)

    Trainer._begin = counted  # type: ignore[method-assign]
    phase(1, "whole")
    phase(2, "parts", max_steps=10)
    phase(3, "parts")
    content = json.dumps(found)
    (folder / f"found-{os.environ['RANK']}.json").write_text(content, "utf-8")
