"""`s2s train --dry-run`: everything is checked and measured, nothing is trained or written to the run folder."""

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from s2s.config.schema import Config
from s2s.console import duration, say
from s2s.corpus.batches import plan_balanced_epoch
from s2s.corpus.cleaning import Reason
from s2s.corpus.noise import Noise
from s2s.decoding.bundle import build_transformer
from s2s.jobs.resume import check_parent, refuse_ensemble, refuse_other_config
from s2s.jobs.tokenize import Prepared, prepare
from s2s.run_folder import RunFolder
from s2s.runtime import (
    autocast_type,
    available_memory,
    choose_device,
    forget_peak_memory,
    peak_memory,
    set_threads,
)
from s2s.training.checkpoint import TrainingState
from s2s.training.trainer import Trainer

N_PROBES = 5  # typical updates that are timed, after one with the largest batch


def dry_run(config: Config, *, overwrite: bool = False, device: str = "auto", threads: int | None = None) -> str:
    """Check data, memory and disk, and time a few updates on the real text.

    Args:
        config: What would be trained.
        overwrite: Whether what the run folder holds would be thrown away.
        device: `auto`, `cpu`, `cuda`, …
        threads: Processor threads; none for all.

    Returns:
        A report for people.

    Raises:
        S2SError: Whatever would stop the training later.
    """
    run = RunFolder(Path(config.run))
    if not overwrite:
        refuse_ensemble(run)
        refuse_other_config(run, config)
        if checkpoints := run.checkpoints_by_step():
            say(f"note: {checkpoints[-1][0]:,} updates are done already; what follows is of the whole training")
    with tempfile.TemporaryDirectory(prefix="s2s-dry-run-") as folder:
        return measure(config, RunFolder(Path(folder)), device=device, threads=threads).text()


@dataclass(frozen=True)
class Facts:
    """What a training takes, all but the first three in words.

    Attributes:
        n_pairs: Training pairs.
        n_long: Pairs that are dropped for their length.
        seconds: Of an update.
        size: Parameters of the model.
        device: Where it is trained.
        epoch: Pairs, updates and pieces.
        speed: Pieces a second.
        time: How long it takes.
        memory: At most.
        disk: Of checkpoints and model.
    """

    n_pairs: int
    n_long: int
    seconds: float
    size: str
    device: str
    epoch: str
    speed: str
    time: str
    memory: str
    disk: str

    def text(self) -> str:
        """Some lines."""
        return "\n".join(
            (
                f"model        {self.size}, on {self.device}",
                f"an epoch     {self.epoch}",
                f"speed        {self.speed} (measured now)",
                f"time         {self.time}",
                f"memory       {self.memory}",
                f"disk         {self.disk}",
            )
        )


def measure(config: Config, run: RunFolder, *, device: str = "auto", threads: int | None = None) -> Facts:
    """Prepare the data and do a few updates, which are forgotten.

    Args:
        config: What would be trained.
        run: Where vocabulary and encoded text go.
        device: `auto`, `cpu`, `cuda`, …
        threads: Processor threads; none for all.

    Raises:
        S2SError: Whatever would stop the training later.
    """
    set_threads(threads)
    check_parent(config, RunFolder(Path(config.run)))
    torch_device = choose_device(device)
    with run.lock():
        prepared = prepare(config, run, n_processes=threads)
    model = build_transformer(config.model, prepared.vocabularies).to(torch_device)
    trainer = Trainer(
        model,
        prepared.train,
        config.train.model_copy(update={"dropout_start": None}),  # where there is none, it costs nothing yet
        TrainingState(prepared.fingerprint),
        autocast_type(config.train.precision, torch_device, training=True),
        noise=Noise.of(prepared.vocabularies, config.train),
    )
    forget_peak_memory(torch_device)
    n_updates, pieces_per_second, seconds = _probe(trainer, prepared)
    n_pieces = int(prepared.train.tgt_lengths.sum())
    return Facts(
        n_pairs=len(prepared.train),
        n_long=sum(prepared.train.report.dropped.get(reason, 0) for reason in (Reason.LONG_SOURCE, Reason.LONG_TARGET)),
        seconds=seconds,
        size=f"{config.model.preset}, {model.n_parameters:,} parameters",
        device=str(torch_device),
        epoch=f"{len(prepared.train):,} pairs, {n_updates:,} updates, {n_pieces:,} target pieces",
        speed=f"{pieces_per_second:,.0f} target pieces/s, {seconds:.2f} s an update",
        time=_time(config, n_updates, seconds),
        memory=_memory(torch_device),
        disk=_disk(config, model.n_parameters),
    )


def _probe(trainer: Trainer, prepared: Prepared) -> tuple[int, float, float]:
    """Updates per epoch, target pieces per second and seconds per update, by doing some."""
    split, config = prepared.train, trainer.config
    plan = plan_balanced_epoch(
        split, batch_tokens=config.batch_tokens, seed=config.seed, epoch=0, temperature=config.temperature
    )
    largest = max(plan, key=lambda indices: len(indices) * int(split.tgt_lengths[indices].max() + 1))
    trainer.update([largest] * config.accumulate)
    n_tokens, began = 0, time.perf_counter()
    n_probes = 0
    for start in range(0, N_PROBES * config.accumulate, config.accumulate):
        batches = plan[start : start + config.accumulate]
        if not batches:
            break
        n_tokens += trainer.update(batches).n_target_tokens
        n_probes += 1
    seconds = time.perf_counter() - began
    return -(-len(plan) // config.accumulate), n_tokens / seconds, seconds / n_probes


def _time(config: Config, updates_per_epoch: int, seconds: float) -> str:
    train = config.train
    by_steps = train.max_steps * seconds if train.max_steps else float("inf")
    by_time = 60 * train.max_minutes if train.max_minutes else float("inf")
    total = min(by_steps, by_time)
    epochs = total / seconds / updates_per_epoch
    return f"about {duration(total)}: {total / seconds:,.0f} updates, {epochs:.1f} epochs, validations not counted"


def _memory(device: torch.device) -> str:
    if device.type == "cuda":
        most, there = torch.cuda.max_memory_allocated(device), torch.cuda.mem_get_info(device)[1]
        return f"{most / 2**30:.2f} GiB with the largest batch, {there / 2**30:.1f} GiB on the device"
    peak = peak_memory()
    if peak is None:
        return "not told by this system"
    text = f"{peak / 2**30:.2f} GiB with the largest batch"
    available = available_memory()
    if available is None:
        return text
    # what the probe holds is already taken from what is available; validation and averaging come on top
    verdict = "" if available > peak / 2 else "; that may NOT be enough: lower train.batch_tokens"
    return f"{text}, {available / 2**30:.1f} GiB more available{verdict}"


def _disk(config: Config, n_parameters: int) -> str:
    """Room for checkpoints (weights and two moments), the best, one being written, and the model."""
    need = 4 * n_parameters * (3 * (config.train.keep_checkpoints + 2) + 2)
    folder = Path(config.run).absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    verdict = "" if free > need else "; that is NOT enough"
    return f"{need / 2**30:.2f} GiB for checkpoints and model, {free / 2**30:.1f} GiB free{verdict}"
