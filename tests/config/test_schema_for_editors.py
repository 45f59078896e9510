"""The JSON Schema says what the reader says: right configs pass, wrong ones do not; options are explained."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from s2s.cli import app
from s2s.config.explain import explain
from s2s.config.json_schema import json_schema
from s2s.config.load import load_config
from s2s.config.options import options
from s2s.errors import ConfigError, UsageError

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
VALIDATOR = Draft202012Validator(yaml.safe_load(json_schema()))


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_shipped_config_passes_and_names_the_schema(path: Path) -> None:
    Draft202012Validator.check_schema(VALIDATOR.schema)
    assert list(VALIDATOR.iter_errors(read(path))) == []
    first = path.read_text("utf-8").split("\n")[0]
    assert first == "# yaml-language-server: $schema=s2s.schema.json"
    assert (path.parent / "s2s.schema.json").read_text("utf-8") == json_schema(), (
        "run: python -m s2s schema > configs/s2s.schema.json"
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("train.max_stepps", 5),
        ("train.max_steps", 0),
        ("train.max_steps", "many"),
        ("train.optimizer", "sgd"),
        ("model.dropout", 1.0),
        ("model.preset", "huge"),
        ("data.source", ""),
        ("data.train", []),
        ("vocab.shared", "yes"),
        ("decode.beam", 1.5),
        ("seed", 1),
    ],
)
def test_what_the_reader_refuses_fails(key: str, value: object, tmp_path: Path) -> None:
    content = read(ROOT / "configs/demo.yaml")
    *sections, name = key.split(".")
    part = content
    for section in sections:
        part = part.setdefault(section, {})
    part[name] = value
    assert list(VALIDATOR.iter_errors(content))
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(content), "utf-8")
    with pytest.raises(ConfigError):
        load_config(path)


def test_what_has_to_be_there_is_asked_for() -> None:
    content = read(ROOT / "configs/demo.yaml")
    for section, name in (("data", "train"), ("data", "source"), (None, "run"), (None, "data")):
        less = {key: dict(value) if isinstance(value, dict) else value for key, value in content.items()}
        del (less if section is None else less[section])[name]
        assert any(name in error.message for error in VALIDATOR.iter_errors(less)), name
    del content["model"], content["train"], content["vocab"]  # all of which have defaults
    assert list(VALIDATOR.iter_errors(content)) == []


def test_options_are_explained() -> None:
    for key, option in options().items():
        text = explain(key)
        assert text.startswith(f"{key}\n")
        assert option.meaning in text
        assert f"--set {key}=" in text
    assert "tiny 400, mini 400, small 1000" in explain("train.warmup_steps")
    assert explain("train.warmup") == explain("train.warmup_steps")
    assert explain("decode").count("--set decode.") == explain("decode.").count("--set decode.") == 4
    with pytest.raises(UsageError) as caught:
        explain("train.warm")
    assert "train.warmup_steps" in (caught.value.hint or "")
    done = CliRunner().invoke(app, ["config", "explain", "decode.beam", "run"])
    assert (done.exit_code, "Hypotheses kept" in done.stdout, "It has to be given" in done.stdout) == (0, True, True)
    assert CliRunner().invoke(app, ["schema"]).stdout == json_schema()
