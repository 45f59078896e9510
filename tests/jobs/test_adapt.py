"""`s2s adapt`: the parent's vocabulary and weights, replay without what is held out, both domains scored."""

import contextlib
from pathlib import Path

import pytest
import torch
from small_corpus import small_config
from typer.testing import CliRunner, Result

from s2s.cli import app
from s2s.config.load import load_config
from s2s.decoding.bundle import load_bundle
from s2s.errors import ConfigError
from s2s.jobs.train import train
from s2s.model.weights import weights_of

DATA = Path(__file__).parents[2] / "data"


def s2s(*arguments: object, cwd: Path) -> Result:
    with contextlib.chdir(cwd):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").split("\n")[:-1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    train(small_config(tmp_path))
    for side in ("en", "de"):
        (tmp_path / f"new.{side}").write_text("\n".join(lines(DATA / f"train.{side}")[:400]) + "\n", "utf-8")
    return tmp_path


def test_a_model_is_adapted_with_replay_and_scored_on_both_domains(folder: Path) -> None:
    command = ["adapt", "run", "new.en", "new.de", "--set", "train.max_steps=4", "--set", "data.max_length=100"]
    command += ["--set", "train.batch_tokens=512"]
    result = s2s(*command, cwd=folder)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("the new domain (20 sentences): BLEU ")
    assert "\nthe parent's (60 sentences): BLEU " in result.stdout
    child = folder / "run-adapted"
    assert load_bundle(child).vocabularies.fingerprint == load_bundle(folder / "run").vocabularies.fingerprint
    assert "replay: " in result.stderr
    replayed = lines(child / "data/replay.en")
    assert 0 < len(replayed) <= 60
    assert set(replayed) <= set(lines(folder / "train.en"))
    again = s2s(*command, cwd=folder)  # the same command is done, and scores again
    assert (again.exit_code, again.stdout) == (0, result.stdout)


def test_without_set_the_length_follows_from_the_pairs(folder: Path) -> None:
    result = s2s("adapt", "run", "new.{en,de}", "--to", "child/x", "--replay", "0", "--minutes", "0.1", cwd=folder)
    assert result.exit_code == 0, result.stderr
    config = load_config(folder / "child/x/config.yaml")
    assert config.train.max_minutes == 0.1
    assert not (folder / "child/x/data/replay.en").exists()


def test_what_is_held_out_is_not_replayed(folder: Path) -> None:
    for side in ("en", "de"):  # the new text is the parent's and some more
        old = lines(folder / f"train.{side}")
        (folder / f"new.{side}").write_text("\n".join([*old, *lines(folder / f"new.{side}")]) + "\n", "utf-8")
    result = s2s("adapt", "run", "new.{en,de}", "--set", "train.max_steps=2", cwd=folder)
    assert result.exit_code == 0, result.stderr
    data = folder / "run-adapted/data"
    held = set(lines(data / "valid.en")) | set(lines(data / "test.en"))
    assert not held & set(lines(data / "replay.en"))


def test_a_training_starts_from_the_weights_it_is_given(folder: Path, tmp_path: Path) -> None:
    parent = weights_of(load_bundle(folder / "run").transformer)
    config = small_config(tmp_path, start_from=str(folder / "run"), max_steps=1, learning_rate=1e-9)
    config = config.model_copy(update={"run": str(tmp_path / "child")})
    train(config)
    child = weights_of(load_bundle(tmp_path / "child").transformer)
    assert parent.keys() == child.keys()
    for name, tensor in parent.items():
        torch.testing.assert_close(child[name], tensor, atol=1e-6, rtol=0)


def test_another_shape_is_refused(folder: Path, tmp_path: Path) -> None:
    config = small_config(tmp_path, start_from=str(folder / "run"))
    shape = config.model.model_copy(update={"d_ff": 96})
    with pytest.raises(ConfigError, match="d_ff: 64 there, 96 here"):
        train(config.model_copy(update={"run": str(tmp_path / "child"), "model": shape}))


def test_what_cannot_be_adapted_is_said(folder: Path) -> None:
    assert s2s("adapt", "nobody", "new.{en,de}", cwd=folder).exit_code == 66
    (folder / "train.en").rename(folder / "away.en")
    result = s2s("adapt", "run", "new.{en,de}", cwd=folder)
    assert result.exit_code == 66
    assert "--replay 0" in result.stderr
    assert not (folder / "run-adapted/config.yaml").exists()
