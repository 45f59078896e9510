"""`s2s train` as a whole: what it leaves, and that it comes back exactly where it was."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from small_corpus import small_config

from s2s.config.load import load_config
from s2s.config.schema import Config
from s2s.errors import ConfigError, DataError, Interrupted
from s2s.jobs import train as job
from s2s.jobs.train import train
from s2s.run_folder import RunFolder
from s2s.training.trainer import Trainer


def weights(run: RunFolder, step: int) -> dict[str, torch.Tensor]:
    folder = run.checkpoint_folder(step)
    files = {"model": load_file(folder / "model.safetensors"), "optimizer": load_file(folder / "optimizer.safetensors")}
    # copies: what load_file returns is the file itself, mapped into memory
    return {f"{kind}/{name}": tensor.clone() for kind, tensors in files.items() for name, tensor in tensors.items()}


def metrics(run: RunFolder) -> list[dict[str, Any]]:
    timing = ("seconds", "tokens_per_second")
    return [{key: value for key, value in record.items() if key not in timing} for record in run.read_metrics()]


def assert_same_training(one: RunFolder, other: RunFolder, step: int) -> None:
    torch.testing.assert_close(weights(one, step), weights(other, step), rtol=0, atol=0)
    assert metrics(one) == metrics(other)
    assert load_file(one.model / "model.safetensors").keys() == load_file(other.model / "model.safetensors").keys()


def moved(config: Config, name: str) -> tuple[Config, RunFolder]:
    run = Path(config.run).parent / name
    return config.model_copy(update={"run": str(run)}), RunFolder(run)


def test_a_training_leaves_a_complete_run_folder(tiny_config: Config) -> None:
    result = train(tiny_config, given=b"# mine\n")
    run = RunFolder(Path(tiny_config.run))
    assert (result.n_steps, result.ended, result.test) == (12, "12 updates are done", None)
    assert run.config.read_bytes() == b"# mine\n"
    assert load_config(run.resolved) == tiny_config
    assert [step for step, _ in run.checkpoints_by_step()] == [4, 8, 12]
    valid = [record for record in run.read_metrics() if record["kind"] == "valid"]
    assert [record["step"] for record in valid] == [5, 10, 12]
    assert all("tok:13a" in record["signature"] for record in valid)
    assert json.loads(run.run_json.read_bytes())["starts"][0]["seed"] == 1
    assert json.loads(run.data_json.read_bytes())["splits"]["train"]["kept"] == 60
    assert sorted(path.name for path in run.samples.iterdir()) == [f"step-{n:06d}.txt" for n in (5, 10, 12)]
    deliverable = {path.name for path in run.model.iterdir()}
    assert deliverable == {"model.safetensors", "config.json", "generation.json", "shared.model", "manifest.json"}
    for path in run.model.iterdir():
        assert str(run.path).encode() not in path.read_bytes(), f"{path.name} holds a path of this machine"


@pytest.mark.parametrize("stop_after", [1, 4, 6, 11])
def test_stopped_and_resumed_equals_never_stopped(
    tiny_config: Config, stop_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_config, whole = moved(tiny_config, "whole")
    train(whole_config)
    parts_config, parts = moved(tiny_config, "parts")
    update = Trainer.update

    def update_then_signal(self: Trainer, batches: Any) -> Any:
        report = update(self, batches)
        if report.step == stop_after:
            signal.raise_signal(signal.SIGTERM)
        return report

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "update", update_then_signal)
        with pytest.raises(Interrupted) as caught:
            train(parts_config)
    assert caught.value.exit_code == 143
    assert parts.checkpoints_by_step()[-1][0] == stop_after
    train(parts_config)
    assert_same_training(whole, parts, 12)


def test_killed_without_warning_and_resumed_equals_never_stopped(
    tiny_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_config, whole = moved(tiny_config, "whole")
    train(whole_config)
    killed_config, killed = moved(tiny_config, "killed")

    class Killed(BaseException):
        """Stands for SIGKILL: nothing of ours runs after it but what the system undoes."""

    update = Trainer.update

    def update_then_die(self: Trainer, batches: Any) -> Any:
        if self.state.step == 7:
            raise Killed
        return update(self, batches)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "update", update_then_die)
        with pytest.raises(Killed):
            train(killed_config)
    assert killed.checkpoints_by_step()[-1][0] == 4
    train(killed_config)
    assert_same_training(whole, killed, 12)


def test_two_trainings_with_one_seed_are_the_same_and_with_another_are_not(tiny_config: Config) -> None:
    runs = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        config, run = moved(tiny_config, name)
        train(config.model_copy(update={"train": config.train.model_copy(update={"seed": seed})}))
        runs.append(weights(run, 12)["model/tgt_embedding.weight"])
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_a_finished_run_stays_as_it_is_and_can_be_trained_longer(tiny_config: Config) -> None:
    run = RunFolder(Path(tiny_config.run))
    train(tiny_config)
    before = weights(run, 12)
    assert train(tiny_config).n_steps == 12
    torch.testing.assert_close(weights(run, 12), before, rtol=0, atol=0)
    longer = tiny_config.model_copy(update={"train": tiny_config.train.model_copy(update={"max_steps": 15})})
    assert train(longer).n_steps == 15


def test_another_config_is_refused_with_the_difference_and_overwrite_starts_anew(tiny_config: Config) -> None:
    train(tiny_config)
    other = tiny_config.model_copy(update={"train": tiny_config.train.model_copy(update={"learning_rate": 0.02})})
    with pytest.raises(ConfigError, match=r"train\.learning_rate: 0\.01 there, 0\.02 now"):
        train(other)
    bystander = Path(tiny_config.run) / "notes.txt"
    bystander.write_text("mine")
    assert train(other, overwrite=True).n_steps == 12
    assert bystander.read_text() == "mine"


def test_changed_data_is_refused(tiny_config: Config) -> None:
    train(tiny_config)
    source = Path(tiny_config.run).parent / "train.en"
    source.write_text(source.read_text().replace("cat", "dog"))
    with pytest.raises(ConfigError, match="training data or the vocabulary"):
        train(tiny_config)


def test_a_damaged_checkpoint_is_said_and_the_one_before_is_used(
    tiny_config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tiny_config)
    run = RunFolder(Path(tiny_config.run))
    before = weights(run, 12)
    damaged = run.checkpoint_folder(12) / "model.safetensors"
    content = bytearray(damaged.read_bytes())
    content[-3] ^= 1
    damaged.write_bytes(content)
    train(tiny_config)
    said = capsys.readouterr().err
    assert "model.safetensors is damaged" in said
    assert "resuming after update 8" in said
    torch.testing.assert_close(weights(run, 12), before, rtol=0, atol=0)
    for _, folder in run.checkpoints_by_step():
        (folder / "state.json").write_text("{}")
    with pytest.raises(DataError, match="no checkpoint is whole"):
        train(tiny_config)


def test_checkpoints_are_pruned_but_the_best_and_the_last_stay(tmp_path: Path) -> None:
    config = small_config(tmp_path, max_steps=8, checkpoint_every=1, validate_every=1, keep_checkpoints=2, average=2)
    train(config)
    run = RunFolder(Path(config.run))
    steps = [step for step, _ in run.checkpoints_by_step()]
    best = json.loads((run.checkpoint_folder(8) / "state.json").read_bytes())["best_step"]
    assert steps == sorted({7, 8, best})


def test_the_deliverable_is_the_best_by_validation(tiny_config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    validation = job.Session._validation
    seen: list[float] = []

    def spy(self: job.Session) -> Any:
        nll, score, hypotheses = validation(self)
        seen.append(score.value)
        return nll, score, hypotheses

    monkeypatch.setattr(job.Session, "_validation", spy)
    result = train(tiny_config)
    facts = json.loads((RunFolder(Path(tiny_config.run)).model / "config.json").read_bytes())["facts"]
    n_validations = 3  # at updates 5, 10, 12; what follows is the choice
    assert result.valid_bleu == max(seen[n_validations:])
    assert facts["chosen"] == result.chosen


def test_the_model_is_no_worse_than_during_training(tmp_path: Path) -> None:
    config = small_config(tmp_path, max_steps=120, validate_every=40, checkpoint_every=40, batch_tokens=256)
    result = train(config)
    assert result.valid_bleu > 50
