"""The training loop: batches in, updates done, and at the right moments validation and checkpoints."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from s2s.config.schema import TrainConfig
from s2s.corpus.batches import plan_epoch
from s2s.corpus.store import EncodedSplit
from s2s.errors import DivergedError
from s2s.model import Transformer
from s2s.training.checkpoint import TrainingState
from s2s.training.data_parallel import gradient_of
from s2s.training.ranks import Ranks
from s2s.training.schedule import learning_rate

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class UpdateReport:
    """One update: means per target piece in nats, and what it took."""

    step: int
    loss: float
    nll: float
    learning_rate: float
    grad_norm: float
    n_target_tokens: int
    seconds: float


class Hooks(Protocol):
    """What the loop leaves to its caller."""

    def updated(self, report: UpdateReport) -> None:
        """After each update: show it, log it."""

    def validate(self) -> float:
        """Validate the model as it is; the score by which the best is known, higher is better."""

    def save(self) -> None:
        """Write a checkpoint."""

    def check_stop(self) -> None:
        """Raise to end the training after the update at hand."""


class Trainer:
    """A model in training.

    Args:
        model: On its device.
        split: Encoded training pairs.
        config: How to train.
        autocast: Type of autocast, or none for float32.
        state: Counters; those of a checkpoint to go on from it.
        ranks: The processes that train together, connected; none for this one alone.
    """

    def __init__(
        self,
        model: Transformer,
        split: EncodedSplit,
        config: TrainConfig,
        state: TrainingState,
        autocast: torch.dtype | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        self.model, self.split, self.config, self.state = model, split, config, state
        self.device = next(model.parameters()).device
        self.ranks = ranks or Ranks()
        self.gradient = gradient_of(self.ranks, model, split, config, autocast)
        self.optimizer = torch.optim.Adam(
            model.parameters(),
            lr=0.0,  # set at every update
            betas=(config.adam_beta1, config.adam_beta2),
            eps=config.adam_epsilon,
            fused=self.device.type in ("cpu", "cuda"),
        )

    @property
    def progress(self) -> float:
        """Share of the run that is done: of the updates or of the minutes, whichever is further."""
        by_steps = self.state.step / self.config.max_steps if self.config.max_steps else 0.0
        by_time = self.state.seconds / (60 * self.config.max_minutes) if self.config.max_minutes else 0.0
        return min(1.0, max(by_steps, by_time))

    def fit(self, hooks: Hooks) -> str:
        """Train to the end.

        Returns:
            Why it ended, in words.

        Raises:
            DivergedError: If loss or gradient is not finite; the weights are those before that update.
            S2SError: What a hook raises.
        """
        config, state = self.config, self.state
        batches = self._batches()
        began = self.ranks.now() - state.seconds
        saved_step = state.step
        while True:
            ended = self._why_ended()
            if state.step != state.validated_step and (ended or state.step % config.validate_every == 0):
                self._note_score(hooks.validate())
                ended = ended or self._why_ended()
            state.seconds = self.ranks.now() - began
            due = ended or state.step % config.checkpoint_every == 0 or state.step == state.best_step
            if due and state.step != saved_step:
                hooks.save()
                saved_step = state.step
            if ended:
                return ended
            hooks.check_stop()
            report = self.update([next(batches) for _ in range(config.accumulate * self.ranks.n)])
            state.seconds = self.ranks.now() - began
            hooks.updated(report)

    def _why_ended(self) -> str | None:
        config, state = self.config, self.state
        if config.max_steps is not None and state.step >= config.max_steps:
            return f"{state.step:,} updates are done"
        if config.max_minutes is not None and state.seconds >= 60 * config.max_minutes:
            return f"{config.max_minutes:g} minutes are over"
        if config.patience is not None and state.n_stale >= config.patience:
            return f"no better validation score in {state.n_stale} validations"
        return None

    def _note_score(self, score: float) -> None:
        state = self.state
        state.validated_step = state.step
        if state.best_score is None or score > state.best_score:
            state.best_score, state.best_step, state.n_stale = score, state.step, 0
        else:
            state.n_stale += 1

    def _batches(self) -> Iterator[Indices]:
        """Batches from where `state` stands, without end; `state` moves with them."""
        state = self.state
        while True:
            plan = plan_epoch(
                self.split.src_lengths,
                self.split.tgt_lengths,
                batch_tokens=self.config.batch_tokens,
                seed=self.config.seed,
                epoch=state.epoch,
            )
            while state.batch < len(plan):
                state.batch += 1
                yield plan[state.batch - 1]
            state.epoch, state.batch = state.epoch + 1, 0

    def update(self, batches: list[Indices]) -> UpdateReport:
        """One update. Its gradient is that of the mean over all target pieces, however they are split into batches.

        Args:
            batches: Indices of pairs, a batch each: those of all ranks, which share them out among themselves.
        """
        began = time.perf_counter()
        config, state = self.config, self.state
        rate = learning_rate(config, self.model.config.d_model, state.step + 1, self.progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        sums = self.gradient.compute(batches, state.step + 1)
        limit = config.clip_norm or float("inf")
        grad_norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), limit).item()
        loss, nll = sums.loss / sums.n_target_tokens, sums.nll / sums.n_target_tokens
        if not (abs(loss) < float("inf") and grad_norm < float("inf")):
            raise self._diverged(batches, loss, grad_norm, rate)
        self.optimizer.step()
        state.step += 1
        state.n_target_tokens += sums.n_target_tokens
        state.window_loss += sums.loss
        state.window_nll += sums.nll
        state.window_tokens += sums.n_target_tokens
        seconds = time.perf_counter() - began
        return UpdateReport(state.step, loss, nll, rate, grad_norm, sums.n_target_tokens, seconds)

    def _diverged(self, batches: list[Indices], loss: float, grad_norm: float, rate: float) -> DivergedError:
        places = [self.split.place(int(pair)) for pair in np.concatenate(batches)[:10]]
        n_more = sum(map(len, batches)) - len(places)
        return DivergedError(
            f"training diverged at update {self.state.step + 1}: loss {loss:g}, gradient norm {grad_norm:g},"
            f" learning rate {rate:g}; its pairs: {', '.join(places)} and {n_more:,} more",
            hint="start a new run (another `run:`, or --overwrite) with a lower train.learning_rate"
            " (for noam: train.noam_factor) or a longer train.warmup_steps",
        )
