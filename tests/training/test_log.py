"""What training writes for programs."""

from pathlib import Path
from typing import Any

import pytest

from s2s.errors import UsageError
from s2s.run_folder import RunFolder
from s2s.training.checkpoint import TrainingState
from s2s.training.log import RECORD_EVERY, TrainingLog
from s2s.training.trainer import UpdateReport


def updates(log: TrainingLog, state: TrainingState, n: int) -> None:
    for _ in range(n):
        state.step += 1
        state.window_loss += 30.0
        state.window_nll += 20.0
        state.window_tokens += 10
        state.seconds += 1.0
        log.update(UpdateReport(state.step, 3.0, 2.0, 0.01, 0.5, 10, 1.0, 0, 10 * state.step), 0.1)


def run_folder(tmp_path: Path) -> RunFolder:
    run = RunFolder(tmp_path / "run")
    run.create()
    return run


def test_records_are_means_over_the_updates_since_the_last(tmp_path: Path) -> None:
    run, state = run_folder(tmp_path), TrainingState("data")
    log = TrainingLog(run, state)
    updates(log, state, 2 * RECORD_EVERY + 3)
    log.validation({"nll": 1.5}, {"signature": "s"})
    log.close()
    first, second, valid = run.read_metrics()
    assert (first["step"], second["step"]) == (RECORD_EVERY, 2 * RECORD_EVERY)
    assert (first["kind"], first["loss"], first["nll"], first["grad_norm"]) == ("train", 3.0, 2.0, 0.5)
    assert first["ppl"] == pytest.approx(7.389, rel=1e-3)
    assert first["tokens_per_second"] == 10.0
    assert (valid["kind"], valid["nll"], valid["signature"]) == ("valid", 1.5, "s")
    assert state.window_tokens == 30


def test_tensorboard_gets_the_same_figures(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run, state = run_folder(tmp_path), TrainingState("data")
    log = TrainingLog(run, state, tensorboard=True)
    updates(log, state, RECORD_EVERY)
    log.close()
    events = EventAccumulator(str(run.path / "tensorboard"))
    events.Reload()
    [event] = events.Scalars("train/nll")
    assert (event.step, event.value) == (RECORD_EVERY, 2.0)


def test_another_logger_gets_the_same_records_and_may_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, state = run_folder(tmp_path), TrainingState("data")
    got: list[dict[str, Any]] = []

    def on_record(record: dict[str, Any]) -> None:
        got.append(record)
        if len(got) == 3:
            raise ConnectionError("no network")

    log = TrainingLog(run, state, on_record=on_record)
    updates(log, state, RECORD_EVERY)
    log.validation({"nll": 1.5}, {"signature": "s"})
    updates(log, state, 3 * RECORD_EVERY)
    log.close()
    written = run.read_metrics()
    assert got == written[:3]
    assert len(written) == 5
    assert capsys.readouterr().err.count("on_record is not called again: it raised ConnectionError: no network") == 1


def test_without_tensorboard_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real_import = builtins.__import__

    def no_tensorboard(name: str, *arguments: object, **more: object) -> object:
        if name.startswith("torch.utils.tensorboard"):
            raise ImportError(name)
        return real_import(name, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", no_tensorboard)
    with pytest.raises(UsageError, match="tensorboard"):
        TrainingLog(run_folder(tmp_path), TrainingState("data"), tensorboard=True)
