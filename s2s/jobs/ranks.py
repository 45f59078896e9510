"""`s2s train` in several processes: what rank 0 tells the others, and the story of one of them.

The story has three pieces of news, which rank 0 tells and the others wait for in this order: the data is prepared; the
checkpoint to go on from is loaded, or there is none; and, as often as they come, a validation or a checkpoint is done.
"""

import hashlib
import time
from collections import Counter
from typing import NoReturn

import torch

from s2s.config.load import dump_config
from s2s.config.schema import Config, TrainConfig
from s2s.corpus.noise import Noise
from s2s.corpus.store import EncodedSplit
from s2s.corpus.vocabulary import Vocabularies
from s2s.decoding.bundle import build_transformer
from s2s.errors import ConfigError, InputMissingError, Interrupted, UsageError
from s2s.jobs.tokenize import open_prepared
from s2s.run_folder import RunFolder
from s2s.runtime import name_of_type
from s2s.training.checkpoint import TrainingState, load_checkpoint
from s2s.training.ranks import Ranks
from s2s.training.trainer import Hooks, Trainer, UpdateReport

_VISIBLE_SECONDS = 30.0


class LeadingHooks:
    """Rank 0's hooks: those of its session, and the others hear what came of it.

    Args:
        session: Validates, saves and logs.
        ranks: Those who wait meanwhile.
    """

    def __init__(self, session: Hooks, ranks: Ranks) -> None:
        self.session, self.ranks = session, ranks

    def updated(self, report: UpdateReport) -> None:
        """Log an update."""
        self.session.updated(report)

    def validate(self) -> float:
        """Validate, and tell the score."""
        score = self.session.validate()
        self.ranks.tell(score=score)
        return score

    def save(self) -> None:
        """Write a checkpoint, and say that it is there."""
        self.session.save()
        self.ranks.tell()

    def check_stop(self) -> None:
        """Leave if a signal came; with several ranks, only when all know it, so that all leave after one update."""
        if self.ranks.n == 1 or self.ranks.stop_number:
            self.session.check_stop()


class _FollowingHooks:
    """Hooks of a rank other than 0: wait for what rank 0 does."""

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks

    def updated(self, report: UpdateReport) -> None:
        """Rank 0 logs it."""

    def validate(self) -> float:
        """Hear the score."""
        return float(self.ranks.hear()["score"])

    def save(self) -> None:
        """Hear that the checkpoint is there."""
        self.ranks.hear()

    def check_stop(self) -> None:
        """Leave if rank 0 was asked to."""
        if self.ranks.stop_number:
            raise Interrupted(self.ranks.stop_number, "rank 0 was asked to stop")


def follow(config: Config, run: RunFolder, ranks: Ranks, device: str, threads: int | None) -> NoReturn:
    """Be a rank other than 0 from start to end: write nothing, say nothing, do as rank 0 does.

    Args:
        config: As rank 0 has it.
        run: As rank 0 has it; it is read.
        ranks: The processes.
        device: See `jobs.train.train`.
        threads: See `jobs.train.train`.

    Raises:
        SystemExit: At the end, with the exit code that rank 0 gave.
        S2SError: If this rank cannot do its part.
    """
    torch_device = ranks.device(device)
    ranks.set_threads(threads)
    news = ranks.hear()  # the data is prepared
    if (news["config"], news["device"]) != (config_digest(config), torch_device.type):
        raise UsageError(f"rank {ranks.number} has another config or another kind of device than rank 0")
    vocabularies, split = _open_when_visible(run, news["data"])
    with ranks.stop_signal():
        ranks.connect(torch_device)
        model = build_transformer(config.model, vocabularies).to(torch_device)
        state = TrainingState(news["data"], n_ranks=ranks.n)
        autocast = torch.bfloat16 if news["precision"] == name_of_type(torch.bfloat16) else None  # as rank 0 found it
        noise = Noise.of(vocabularies, config.train)
        trainer = Trainer(model, split, config.train, state, autocast, ranks, noise)
        step = int(ranks.hear()["step"])  # the checkpoint to go on from is loaded
        if step:
            trainer.state = load_checkpoint(run.checkpoint_folder(step), model, trainer.optimizer, torch_device)
        ranks.wait_for_all(torch_device)
        trainer.fit(_FollowingHooks(ranks))
        ranks.release()
    raise SystemExit(0)


def _open_when_visible(run: RunFolder, fingerprint: str) -> tuple[Vocabularies, EncodedSplit]:
    """`open_prepared`; a network file system may show new files only after a while."""
    until = time.monotonic() + _VISIBLE_SECONDS
    while True:
        try:
            return open_prepared(run, fingerprint)
        except InputMissingError:
            if time.monotonic() > until:
                raise
        time.sleep(1)


def config_digest(config: Config) -> str:
    """By which two ranks see that they have the same config."""
    return hashlib.sha256(dump_config(config).encode()).hexdigest()


def check_n_ranks(run: RunFolder, state: TrainingState, n_ranks: int) -> None:
    """Refuse to go on with another number of ranks.

    An update would be of another size, and the learning rate was chosen for the one that it had.

    Raises:
        ConfigError: If the numbers differ.
    """
    if state.n_ranks == n_ranks:
        return
    plain = "without torchrun" if state.n_ranks == 1 else f"with {state.n_ranks} ranks in all"
    before = "1 rank" if state.n_ranks == 1 else f"{state.n_ranks} ranks"
    raise ConfigError(
        f"the run was started with {before}, now there {'is' if n_ranks == 1 else 'are'} {n_ranks}",
        where=str(run.path),
        hint=f"start it {plain}, give another `run:`, or start anew with --overwrite",
    )


def what_an_update_takes(ranks: Ranks, config: TrainConfig) -> str:
    """Who the ranks are and what they make of a batch, for people."""
    hosts = Counter(member.host for member in ranks.members)
    where = ", ".join(f"{n} on {host}" for host, n in hosts.items())
    n_batches = ranks.n * config.accumulate
    return (
        f"ranks: {ranks.n} ({where}); an update takes {ranks.n} × {config.accumulate} = {n_batches} batches"
        f" of {config.batch_tokens:,} tokens: {n_batches * config.batch_tokens:,}"
    )
