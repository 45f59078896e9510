"""What training tells: a progress line for people, `metrics.jsonl` for programs, TensorBoard if asked for."""

import math
from collections.abc import Callable
from typing import Any

from s2s.console import Progress, duration, say
from s2s.errors import UsageError
from s2s.run_folder import RunFolder
from s2s.training.checkpoint import TrainingState
from s2s.training.trainer import UpdateReport

OnRecord = Callable[[dict[str, Any]], None]
"""What takes the records of `metrics.jsonl`, too."""

RECORD_EVERY = 50  # updates between records in metrics.jsonl


class TrainingLog:
    """Takes reports of updates and validations.

    Args:
        run: Where `metrics.jsonl` is.
        state: The trainer's counters, read at each report.
        tensorboard: Also write for TensorBoard.
        on_record: Also called with each record, for other loggers. If it raises, that is said, and it is left out then.
    """

    def __init__(
        self, run: RunFolder, state: TrainingState, *, tensorboard: bool = False, on_record: OnRecord | None = None
    ) -> None:
        self.run, self.state, self._on_record = run, state, on_record
        self.progress = Progress("train")
        self._speed: float | None = None  # target pieces a second, smoothed
        self._board = _summary_writer(run) if tensorboard else None

    def update(self, report: UpdateReport, share: float) -> None:
        """Note an update; `share` of the run is done with it."""
        speed = report.n_target_tokens / report.seconds
        self._speed = speed if self._speed is None else 0.95 * self._speed + 0.05 * speed
        left = duration(self.state.seconds * (1 - share) / share) if share > 0 else "?"
        self.progress.show(
            share,
            f"update {report.step:,}  loss {report.loss:.3f}  {self._speed:,.0f} target pieces/s  {left} left",
        )
        if report.step % RECORD_EVERY == 0:
            self._record_updates(report)

    def _record_updates(self, report: UpdateReport) -> None:
        state = self.state
        nll = state.window_nll / state.window_tokens
        values = {
            "loss": state.window_loss / state.window_tokens,
            "nll": nll,
            "ppl": math.exp(min(nll, 700.0)),
            "learning_rate": report.learning_rate,
            "grad_norm": report.grad_norm,
        }
        more = {"epoch": report.epoch, "target_tokens": report.n_target_tokens_so_far}
        timing = {"tokens_per_second": round(self._speed or 0.0, 1), "seconds": round(state.seconds, 3)}
        state.window_loss, state.window_nll, state.window_tokens = 0.0, 0.0, 0
        self._write("train", report.step, values, {**more, **timing})

    def validation(self, values: dict[str, float], more: dict[str, Any]) -> None:
        """Note a validation: its figures, and what goes with them."""
        self._write("valid", self.state.step, values, {**more, "seconds": round(self.state.seconds, 3)})

    def _write(self, kind: str, step: int, values: dict[str, float], more: dict[str, Any]) -> None:
        record = {"step": step, "kind": kind, **values, **more}
        self.run.append_metrics(record)
        if self._on_record is not None:
            try:
                self._on_record(record)
            except Exception as error:
                say(f"on_record is not called again: it raised {type(error).__name__}: {error}")
                self._on_record = None
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(f"{kind}/{name}", value, step)

    def close(self) -> None:
        """Remove the progress bar and close files."""
        self.progress.close()
        if self._board is not None:
            self._board.close()


def _summary_writer(run: RunFolder) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UsageError(
            "train.tensorboard needs the tensorboard package", hint="In the folder of s2s: pip install '.[tensorboard]'"
        ) from None
    return SummaryWriter(str(run.path / "tensorboard"))
