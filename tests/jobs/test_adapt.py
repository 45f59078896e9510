"""`s2s adapt`: the parent's vocabulary and weights, replay without what is held out, both domains scored."""

import contextlib
from pathlib import Path

import datasets
import pytest
import torch
from small_corpus import small_config
from typer.testing import CliRunner, Result

from s2s.cli import app
from s2s.config.load import dump_config, load_config
from s2s.decoding.bundle import load_bundle
from s2s.errors import ConfigError, InputMissingError
from s2s.jobs import adapt as adapt_module
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
    config = small_config(tmp_path)
    for side in ("en", "de"):
        (tmp_path / f"valid.{side}").write_bytes((tmp_path / f"train.{side}").read_bytes())
    valid = {"valid": f"{tmp_path}/valid.{{en,de}}"}
    train(config.model_copy(update={"data": config.data.model_copy(update=valid)}))
    for side in ("en", "de"):
        (tmp_path / f"new.{side}").write_text("\n".join(lines(DATA / f"train.{side}")[:400]) + "\n", "utf-8")
    return tmp_path


def test_a_model_is_adapted_with_replay_and_scored_on_both_domains(folder: Path) -> None:
    command = ["adapt", "run", "new.en", "new.de", "--set", "train.max_steps=4", "--set", "data.max_length=100"]
    command += ["--set", "train.batch_tokens=512"]
    result = s2s(*command, cwd=folder)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("the new domain, test (20 sentences): BLEU ")
    assert "\nthe parent's, valid (60 sentences): BLEU " in result.stdout
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
    was = load_config(folder / "run/resolved.yaml")
    assert config.train.temperature == 1.0
    assert config.train.validate_every <= was.train.validate_every
    assert not (folder / "child/x/data/replay.en").exists()


def test_minutes_may_be_set_as_any_option(folder: Path) -> None:
    minutes = ["--set", "train.max_minutes=0.05"]
    result = s2s("adapt", "run", "new.{en,de}", "--to", "x/y", "--replay", "0", *minutes, cwd=folder)
    assert result.exit_code == 0, result.stderr
    config = load_config(folder / "x/y/config.yaml").train
    assert (config.max_minutes, config.max_steps) == (0.05, None)  # 1,000 updates were left from the draft


def test_a_short_adaptation_of_a_long_training_is_validated_on_the_way(folder: Path) -> None:
    resolved = folder / "run/resolved.yaml"
    was = load_config(resolved)
    long = {"validate_every": 2000, "checkpoint_every": 2000, "warmup_steps": 500, "temperature": 5.0}
    resolved.write_text(dump_config(was.model_copy(update={"train": was.train.model_copy(update=long)})), "utf-8")
    result = s2s("adapt", "run", "new.{en,de}", "--to", "x/y", "--minutes", "0.1", cwd=folder)
    assert result.exit_code == 0, result.stderr
    config = load_config(folder / "x/y/config.yaml").train
    assert max(config.validate_every, config.checkpoint_every, config.warmup_steps) < 500
    assert config.temperature == 1.0  # or it would see less of the old text than was said


def test_columns_of_a_table_can_be_named(folder: Path) -> None:
    rows = zip(lines(folder / "new.en"), lines(folder / "new.de"), strict=True)
    (folder / "new.tsv").write_text("".join(f"{n}\t{en}\t{de}\n" for n, (en, de) in enumerate(rows)), "utf-8")
    command = ["adapt", "run", "new.tsv", "--to", "x/y", "--set", "train.max_steps=2"]
    result = s2s(*command, cwd=folder)
    assert (result.exit_code, "--source-column" in result.stderr) == (65, True)
    assert s2s(*command, "--source-column", "2", "--target-column", "3", cwd=folder).exit_code == 0
    assert set(lines(folder / "x/y/data/train.en")) <= set(lines(folder / "new.en"))


def test_named_columns_are_those_of_the_given_validation_text_too(folder: Path) -> None:
    """Or what the parent knows of it would be replayed: here the sides stand the other way round."""
    for name, wanted in (("new", slice(None)), ("valid", slice(30))):
        rows = zip(lines(folder / f"{name}.de")[wanted], lines(folder / f"{name}.en")[wanted], strict=True)
        (folder / f"{name}.tsv").write_text("".join(f"{de}\t{en}\n" for de, en in rows), "utf-8")
    columns = ["--source-column", "2", "--target-column", "1", "--set", "train.max_steps=2"]
    result = s2s("adapt", "run", "new.tsv", "--valid", "valid.tsv", "--to", "x/y", *columns, cwd=folder)
    assert result.exit_code == 0, result.stderr
    replayed = lines(folder / "x/y/data/replay.en")
    assert replayed
    assert not set(replayed) & set(lines(folder / "valid.en")[:30])


def test_without_replay_the_parent_s_text_may_be_out_of_reach(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    resolved = folder / "run/resolved.yaml"
    was = load_config(resolved)
    away = was.data.model_copy(update={"train": "hf:no/such:train"})
    resolved.write_text(dump_config(was.model_copy(update={"data": away})), "utf-8")
    command = ["adapt", "run", "new.{en,de}", "--to", "x/y", "--set", "train.max_steps=2"]
    refused = s2s(*command, cwd=folder)
    assert (refused.exit_code, "--replay 0 does without" in refused.stderr) == (69, True)
    result = s2s(*command, "--replay", "0", cwd=folder)
    assert result.exit_code == 0, result.stderr
    assert "cannot be said" in result.stderr
    # of a model that began with that one, it is an ancestor's
    for side in ("en", "de"):
        (folder / f"more.{side}").write_text("\n".join(lines(DATA / f"train.{side}")[400:700]) + "\n", "utf-8")
    again = s2s("adapt", "x/y", "more.{en,de}", "--to", "x/z", "--replay", "0", *command[5:], cwd=folder)
    assert again.exit_code == 0, again.stderr
    assert "hf:no/such:train" in again.stderr


def test_what_is_held_out_is_not_trained_on_and_what_was_trained_on_is_not_held_out(folder: Path) -> None:
    known = lines(DATA / "train.en")[:400]
    for side in ("en", "de"):  # the new text has the parent's validation text, and the parent knows half of the rest
        old = lines(folder / f"valid.{side}")
        new = lines(DATA / f"train.{side}")[:800]
        (folder / f"new.{side}").write_text("\n".join([*old, *new]) + "\n", "utf-8")
        (folder / f"train.{side}").write_text("\n".join(new[:400]) + "\n", "utf-8")
    (folder / "run").rename(folder / "other")
    config = small_config(folder, max_steps=5)
    for side in ("en", "de"):
        (folder / f"train.{side}").write_text("\n".join(lines(DATA / f"train.{side}")[:400]) + "\n", "utf-8")
    data = config.data.model_copy(update={"valid": f"{folder}/valid.{{en,de}}", "max_length": 200})
    vocabulary = config.vocab.model_copy(update={"size": 500})
    long = config.train.model_copy(update={"batch_tokens": 512})
    train(config.model_copy(update={"data": data, "vocab": vocabulary, "train": long}))
    result = s2s("adapt", "run", "new.{en,de}", "--set", "train.max_steps=2", cwd=folder)
    assert result.exit_code == 0, result.stderr
    made = folder / "run-adapted/data"
    held = {line for name in ("valid", "test") for line in lines(made / f"{name}.en")}
    assert len(held) >= 20
    assert not held & set(known)  # or the score before would be of what it has seen
    assert not held & set(lines(made / "replay.en"))
    assert not set(lines(folder / "valid.en")) & set(lines(made / "train.en"))
    assert set(lines(made / "replay.en")) <= set(known)


def test_the_same_command_goes_on_and_another_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["adapt", "run", "new.{en,de}", "--set", "train.max_steps=4", "--set", "data.max_length=100"]
    command += ["--set", "train.batch_tokens=512", "--set", "train.warmup_steps=1"]
    whole = s2s(*command, "--to", folder / "whole", cwd=folder)
    assert whole.exit_code == 0, whole.stderr

    def killed(*_: object, **__: object) -> None:
        raise SystemExit(137)

    for stage in ("split_text", "_replay", "_with_length", "train"):
        with monkeypatch.context() as patched:
            patched.setattr(adapt_module, stage, killed)
            assert s2s(*command, "--to", folder / "again", cwd=folder).exit_code == 137
    again = s2s(*command, "--to", folder / "again", cwd=folder)
    assert (again.exit_code, again.stdout) == (0, whole.stdout)
    weights = [weights_of(load_bundle(folder / name).transformer) for name in ("whole", "again")]
    for name, tensor in weights[0].items():
        assert torch.equal(tensor, weights[1][name])
    config = load_config(folder / "again" / "config.yaml")
    assert (config.train.max_steps, config.train.warmup_steps) == (4, 1)
    other = s2s(*command, "--to", folder / "again", "--replay", "2", cwd=folder)
    assert other.exit_code == 73
    assert "replay: 4.0 there, 2.0 now" in other.stderr
    (folder / "new.en").write_text("x\n" * 400, "utf-8")
    assert s2s(*command, "--to", folder / "again", cwd=folder).exit_code == 73


def test_a_wrong_option_is_refused_before_anything_is_made(folder: Path) -> None:
    for option, code in (("model.d_ff=96", 78), ("train.max_step=4", 78), ("run=elsewhere", 2)):
        assert s2s("adapt", "run", "new.{en,de}", "--to", "x/y", "--set", option, cwd=folder).exit_code == code
        (folder / "x/y").mkdir(parents=True, exist_ok=True)
        assert not (folder / "x/y/config.yaml").exists()


def test_the_length_follows_from_the_pairs(folder: Path) -> None:
    for side in ("en", "de"):
        (folder / f"few.{side}").write_text("\n".join(lines(folder / f"new.{side}")[:130]) + "\n", "utf-8")
    more = ["--set", "train.batch_tokens=2048", "--set", "data.max_length=400"]
    result = s2s("adapt", "run", "few.{en,de}", *more, cwd=folder)
    assert result.exit_code == 0, result.stderr
    assert load_config(folder / "run-adapted/config.yaml").train.max_steps in range(100, 400)


def test_it_goes_on_without_the_parent_once_there_is_a_checkpoint(folder: Path) -> None:
    more = ["--set", "train.max_steps=4", "--set", "data.max_length=100", "--set", "train.batch_tokens=512"]
    assert s2s("adapt", "run", "new.{en,de}", *more, cwd=folder).exit_code == 0
    (folder / "run").rename(folder / "away")
    result = s2s("train", "run-adapted", "--set", "train.max_steps=6", cwd=folder)
    assert result.exit_code == 0, result.stderr
    assert load_bundle(folder / "run-adapted").facts["step"] == 6


def test_starting_anew_loses_nothing_if_the_parent_does_not_fit(folder: Path, tmp_path: Path) -> None:
    config = small_config(tmp_path)
    train(config.model_copy(update={"run": str(tmp_path / "mine")}))
    before = (tmp_path / "mine/model/model.safetensors").read_bytes()
    wide = config.model.model_copy(update={"d_ff": 96})
    for start, model in (("nobody", config.model), (str(tmp_path / "mine"), config.model), (str(folder / "run"), wide)):
        changes = config.train.model_copy(update={"start_from": start})
        update = {"run": str(tmp_path / "mine"), "train": changes, "model": model}
        with pytest.raises((ConfigError, InputMissingError)):
            train(config.model_copy(update=update), overwrite=True)
        assert (tmp_path / "mine/model/model.safetensors").read_bytes() == before


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
    assert s2s("adapt", "run", "new.{en,de}", "--replay", "inf", cwd=folder).exit_code == 2
    (folder / "away.en").rename(folder / "train.en")
    quick = ["--set", "train.max_steps=2", "--set", "data.max_length=100", "--set", "train.batch_tokens=512"]
    assert s2s("adapt", ".", "../new.{en,de}", *quick, cwd=folder / "run").exit_code == 0  # from within the run
