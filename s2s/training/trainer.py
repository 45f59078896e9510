"""The training loop: batches in, updates done, and at the right moments validation and checkpoints."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2s.config.schema import TrainConfig
from s2s.corpus.batches import plan_balanced_epoch
from s2s.corpus.noise import Noise
from s2s.corpus.store import EncodedSplit
from s2s.errors import DivergedError, Interrupted
from s2s.model import Transformer
from s2s.training.checkpoint import LOWER_THE_RATE, TrainingState
from s2s.training.data_parallel import gradient_of
from s2s.training.optimizer import optimizer_of
from s2s.training.ranks import Ranks
from s2s.training.schedule import dropout_at, learning_rate

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class UpdateReport:
    """One update: means per target piece in nats, and what it took; passes over the data and target pieces so far."""

    step: int
    loss: float
    nll: float
    learning_rate: float
    grad_norm: float
    n_target_tokens: int
    seconds: float
    epoch: int
    n_target_tokens_so_far: int


@dataclass(frozen=True)
class _Begun:
    """An update that the device has been told to do, and may not have done yet."""

    step: int
    batches: list[Indices]
    learning_rate: float
    n_target_tokens: int
    values: Tensor
    """Sum of the loss, sum of the NLL, norm of the gradient: on their way to the processor."""
    arrived: torch.cuda.Event | None
    began: float
    epoch: int
    n_target_tokens_so_far: int

    def report(self, before: float = 0.0) -> UpdateReport:
        """The figures, for which this waits.

        Args:
            before: When those of the update before were there, by the performance counter; it may have been after this
                one was begun, and the device has had no time for this one until then.
        """
        if self.arrived is not None:
            self.arrived.synchronize()
        loss, nll, grad_norm = self.values.tolist()
        seconds = time.perf_counter() - max(self.began, before)
        n = self.n_target_tokens
        return UpdateReport(
            self.step,
            loss / n,
            nll / n,
            self.learning_rate,
            grad_norm,
            n,
            seconds,
            self.epoch,
            self.n_target_tokens_so_far,
        )


class Hooks(Protocol):
    """What the loop leaves to its caller."""

    def updated(self, report: UpdateReport) -> None:
        """After each update: show it, log it."""

    def validate(self) -> float:
        """Validate the model as it is; the score by which the best is known, higher is better."""

    def save(self) -> None:
        """Write a checkpoint."""

    def check_stop(self) -> None:
        """Raise `Interrupted` to end the training; asked before each update and between its batches."""


class Trainer:
    """A model in training.

    Args:
        model: On its device.
        split: Encoded training pairs.
        config: How to train.
        autocast: Type of autocast, or none for float32.
        state: Counters; those of a checkpoint to go on from it.
        ranks: The processes that train together, connected; none for this one alone.
        noise: What is done to the text at random, if anything.
    """

    def __init__(
        self,
        model: Transformer,
        split: EncodedSplit,
        config: TrainConfig,
        state: TrainingState,
        autocast: torch.dtype | None = None,
        ranks: Ranks | None = None,
        noise: Noise | None = None,
    ) -> None:
        self.model, self.split, self.config, self.state = model, split, config, state
        self.device = next(model.parameters()).device
        self.ranks = ranks or Ranks()
        self.gradient = gradient_of(self.ranks, model, split, config, autocast, noise)
        self.optimizer = optimizer_of(model, config, autocast)
        # On CUDA an update's figures are looked at when the next one is under way, so that the device never waits.
        self._n_ahead = 1 if self.device.type == "cuda" and self.ranks.n == 1 else 0
        self._begun: deque[_Begun] = deque()
        self._reported = 0.0  # when the last figures were there

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
            DivergedError: If loss or gradient is not finite; no checkpoint has been written since.
            S2SError: What a hook raises.
        """
        config, state = self.config, self.state
        batches = self._batches()
        began = self.ranks.now() - state.seconds
        saved = state.step, state.validated_step
        while True:
            ended = self.why_ended()
            if state.step != state.validated_step and (ended or state.step % config.validate_every == 0):
                self._finish_all(hooks)
                self._note_score(hooks.validate())
                state.seconds = self.ranks.now() - began
                ended = ended or self.why_ended()
            state.seconds = self.ranks.now() - began
            due = ended or state.step % config.checkpoint_every == 0 or state.step == state.best_step
            if due and saved != (state.step, state.validated_step):  # a signal may have saved it before its validation
                self._finish_all(hooks)
                hooks.save()
                saved = state.step, state.validated_step
            if ended:
                return ended
            position = state.epoch, state.batch
            try:
                hooks.check_stop()
                self._begin([next(batches) for _ in range(config.accumulate * self.ranks.n)], hooks.check_stop)
            except Interrupted:  # a checkpoint will be written: an update that was given up counts as not begun
                state.epoch, state.batch = position
                self._finish_all(hooks)
                raise
            state.seconds = self.ranks.now() - began
            if len(self._begun) > self._n_ahead:
                hooks.updated(self._finish())

    def why_ended(self) -> str | None:
        """What ends the training at the update that it stands at, in words; none if it goes on."""
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
            plan = plan_balanced_epoch(
                self.split,
                batch_tokens=self.config.batch_tokens,
                seed=self.config.seed,
                epoch=state.epoch,
                temperature=self.config.temperature,
            )
            while state.batch < len(plan):
                state.batch += 1
                yield plan[state.batch - 1]
            state.epoch, state.batch = state.epoch + 1, 0

    def update(self, batches: list[Indices]) -> UpdateReport:
        """One update. Its gradient is that of the mean over all target pieces, however they are split into batches.

        Args:
            batches: Indices of pairs, a batch each: those of all ranks, which share them out among themselves.

        Raises:
            DivergedError: If loss or gradient is not finite.
        """
        self._begin(batches)
        return self._finish()

    def _begin(self, batches: list[Indices], check_stop: Callable[[], None] = lambda: None) -> None:
        """Tell the device to do an update. On a CPU it is then done. `check_stop` may raise to give it up."""
        began = time.perf_counter()
        config, state = self.config, self.state
        rate = learning_rate(config, self.model.config.d_model, state.step + 1, self.progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.gradient.set_dropout(dropout_at(config, self.model.config.dropout, self.progress))
        sums = self.gradient.compute(batches, state.step + 1, check_stop)
        grad_norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.clip_norm or float("inf"))
        on_cuda = self.device.type == "cuda"  # elsewhere nothing tells when a copy has arrived
        values = torch.cat([sums.loss_and_nll, grad_norm.to(sums.loss_and_nll)[None]]).to("cpu", non_blocking=on_cuda)
        arrived = None
        if on_cuda:
            arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            arrived.record()
        n, so_far = sums.n_target_tokens, state.n_target_tokens + sums.n_target_tokens
        begun = _Begun(state.step + 1, batches, rate, n, values, arrived, began, state.epoch, so_far)
        if self._n_ahead == 0:
            self._check(begun)  # before the weights are touched
        self.optimizer.step()
        state.step += 1
        state.n_target_tokens = so_far
        self._begun.append(begun)

    def _finish(self) -> UpdateReport:
        """Figures of the oldest update that was begun."""
        begun = self._begun.popleft()
        self._check(begun)
        report, state = begun.report(self._reported), self.state
        self._reported = time.perf_counter()
        state.window_loss += report.loss * report.n_target_tokens
        state.window_nll += report.nll * report.n_target_tokens
        state.window_tokens += report.n_target_tokens
        return report

    def _finish_all(self, hooks: Hooks) -> None:
        while self._begun:
            hooks.updated(self._finish())

    def _check(self, begun: _Begun) -> None:
        """Raise DivergedError unless an update's figures are finite."""
        report = begun.report()
        if math.isfinite(report.loss) and math.isfinite(report.grad_norm):
            return
        places = [self.split.place(int(pair)) for pair in np.concatenate(begun.batches)]
        more = f" and {len(places) - 10:,} more" if len(places) > 10 else ""
        raise DivergedError(
            f"training diverged at update {report.step}: loss {report.loss:g}, gradient norm {report.grad_norm:g},"
            f" learning rate {report.learning_rate:g}; its pairs: {', '.join(places[:10])}{more}",
            hint=LOWER_THE_RATE,
            facts={
                "step": report.step,
                "loss": str(report.loss),
                "grad_norm": str(report.grad_norm),
                "learning_rate": report.learning_rate,
                "pairs": places,
            },
        )
