"""A model in one file, wherever a command takes a model: it does what the run's folder does."""

import contextlib
import json
import shutil
from pathlib import Path

import pytest
from small_corpus import small_config
from typer.testing import CliRunner, Result

from s2s.cli import app
from s2s.config.load import dump_config
from s2s.decoding.bundle import bundle_sum, load_bundle
from s2s.model.weights import weights_of
from s2s.run_folder import run_path

LINES = ["cat one", "red dog three", "two"]


def s2s(*arguments: object, cwd: Path) -> Result:
    with contextlib.chdir(cwd):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])


def done(*arguments: object, cwd: Path) -> str:
    """What a command prints that has to end well."""
    result = s2s(*arguments, cwd=cwd)
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, `runs/small`, and its model as one file, `small.s2s`."""
    folder = tmp_path_factory.mktemp("home")
    config = small_config(folder, max_steps=250, batch_tokens=256, validate_every=125)
    config = config.model_copy(update={"run": "runs/small"})
    (folder / "config.yaml").write_text(dump_config(config), "utf-8")
    done("train", "config.yaml", cwd=folder)
    done("export", "runs/small", "--to", "bundle", "-o", "small.s2s", cwd=folder)
    return folder


def test_it_is_written_beside_other_exports_and_only_a_model_is_replaced(home: Path) -> None:
    result = s2s("export", "small", "--to", "bundle", cwd=home)
    assert (result.exit_code, "greedy  60 of 60" in result.stdout) == (0, True)
    path = home / "runs/small/export/small.s2s"
    assert "next: s2s translate --model runs/small/export/small.s2s" in result.stderr
    assert path.read_bytes() == (home / "small.s2s").read_bytes()
    assert str(home).encode() not in path.read_bytes()
    assert [one.name for one in path.parent.iterdir() if not one.name.startswith(".lock")] == ["small.s2s"]
    done("export", "small", "--to", "bundle", cwd=home)

    thesis = home / "thesis.txt"
    thesis.write_text("It was a dark and stormy night.\n", "utf-8")
    (home / "folder").mkdir()
    (home / "theirs.s2s").write_text("notes\n", "utf-8")
    shutil.copy(home / "runs/small/model/model.safetensors", home / "weights.safetensors")
    foreign = [("theirs.s2s", 73), ("weights.safetensors", 73)]
    for output, code in (*foreign, ("thesis.txt", 73), ("folder", 73), ("no/where.s2s", 73), ("small.s2s", 2)):
        result = s2s("export", "small.s2s", "--to", "bundle", "-o", output, cwd=home)
        assert (result.exit_code, "Traceback" in result.stderr) == (code, False), output
    assert thesis.read_text("utf-8").startswith("It was")
    assert s2s("export", "small.s2s", "--to", "bundle", cwd=home).exit_code == 2  # where to?
    assert not list(home.glob(".tmp-*"))


def test_translate_and_score_take_it(home: Path) -> None:
    assert done("translate", "-m", "small.s2s", *LINES, cwd=home) == done("translate", "-m", "small", *LINES, cwd=home)
    (home / "a").write_text("".join(f"{line}\n" for line in LINES), "utf-8")
    (home / "b").write_text(done("translate", "-m", "small", *LINES, cwd=home), "utf-8")
    assert done("score", "a", "b", "-m", "small.s2s", cwd=home) == done("score", "a", "b", "-m", "small", cwd=home)


def test_evaluate_tells_it_from_a_file_of_translations(home: Path) -> None:
    (home / "given.de").write_bytes((home / "train.de").read_bytes())
    shutil.copy(home / "small.s2s", home / "renamed.model")
    text = ["--src", "train.en", "--ref", "train.de", "--json"]
    found = json.loads(done("evaluate", "small", "small.s2s", "renamed.model", "given.de", *text, cwd=home))
    by_run = {one["run"]: one for one in found["evaluations"]}
    scores = {run: [score["value"] for score in one["scores"]] for run, one in by_run.items()}
    assert scores["small.s2s"] == scores["renamed.model"] == scores["runs/small"]
    assert scores["given.de"][0] == pytest.approx(100)
    assert (by_run["small.s2s"]["ppl"], by_run["given.de"]["ppl"]) == (by_run["runs/small"]["ppl"], None)
    result = s2s("evaluate", "small.s2s", cwd=home)  # it has no test split
    assert (result.exit_code, "--src and --ref" in result.stderr) == (66, True)
    (home / "broken.s2s").write_text("eins\n" * 60, "utf-8")  # by its name a model, so not scored as translations
    assert s2s("evaluate", "broken.s2s", *text, cwd=home).exit_code == 65


def test_a_training_starts_from_it(home: Path) -> None:
    said = ["--set", "train.start_from=small.s2s", "--set", "run=runs/next", "--set", "train.learning_rate=1e-9"]
    done("train", "config.yaml", *said, "--set", "train.max_steps=2", cwd=home)
    first, second = (load_bundle(home / "runs" / name) for name in ("small", "next"))
    assert first.vocabularies.files == second.vocabularies.files
    ours, theirs = weights_of(first.transformer), weights_of(second.transformer)
    assert all((ours[name] - theirs[name]).abs().max() < 1e-6 for name in ours)


def test_it_translates_back_but_is_no_parent_without_its_text(home: Path) -> None:
    for command in (["adapt", "small.s2s", "train.{en,de}"], ["distill", "small.s2s"]):
        result = s2s(*command, "--to", "other", cwd=home)
        assert (result.exit_code, "give its run folder" in result.stderr) == (66, True), command
    config = (home / "config.yaml").read_text("utf-8")
    turned = config.replace("source: en", "source: XX").replace("target: de", "target: en").replace("XX", "de")
    turned = turned.replace("runs/small", "runs/back").replace("max_steps: 250", "max_steps: 4")
    (home / "back.yaml").write_text(turned.replace("{en,de}", "{de,en}"), "utf-8")
    done("train", "back.yaml", cwd=home)
    done("export", "back", "--to", "bundle", "--no-check", "-o", "back.s2s", cwd=home)
    (home / "more.de").write_text("eins zwei drei vier\nKatze Katze Hund Hund Katze\n", "utf-8")
    wishes = ["--reverse", "back.s2s", "--to", "bt", "--set", "train.max_steps=4"]
    result = s2s("backtranslate", "small", "more.de", *wishes, cwd=home)
    assert result.exit_code == 0, result.stderr
    made_from = json.loads((home / "runs/bt/data/made_from.json").read_bytes())
    assert made_from["reverse"] == bundle_sum(home / "back.s2s")
    wrong = s2s("backtranslate", "small", "more.de", "--reverse", "small.s2s", "--to", "wrong", cwd=home)
    assert (wrong.exit_code, "is no model from de into en" in wrong.stderr) == (2, True)


def test_what_is_no_model_is_said_to_be_none_by_every_command(home: Path) -> None:
    (home / "text.s2s").write_text("eins\n", "utf-8")
    (home / "half.s2s").write_bytes((home / "small.s2s").read_bytes()[:-100])
    commands = [
        ["translate", "-m", "X", "one"],
        ["score", "train.en", "train.de", "-m", "X"],
        ["evaluate", "X", "--src", "train.en", "--ref", "train.de"],
        ["export", "X", "--to", "bundle", "-o", "y.s2s"],
        ["push", "X", "me/it"],
        ["train", "config.yaml", "--set", "run=runs/new", "--set", "train.start_from=X"],
    ]
    for command in commands:
        for name in ("text.s2s", "half.s2s"):
            result = s2s(*(part.replace("X", name) for part in command), cwd=home)
            assert (result.exit_code, name in result.stderr) == (65, True), (command, result.stderr)
            assert "Traceback" not in result.stderr
    assert s2s("translate", "-m", "gone.s2s", "one", cwd=home).exit_code == 66


def test_a_file_goes_before_a_run_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "x.s2s").mkdir(parents=True)
    assert run_path("x.s2s") == Path("runs/x.s2s")
    (tmp_path / "x.s2s").touch()
    assert run_path("x.s2s") == Path("x.s2s")
