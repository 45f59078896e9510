"""`s2s evaluate` with several systems: runs beside files, pages, tables, sacreBLEU's test sets."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_corpus import small_config
from typer.testing import CliRunner, Result

from s2s.cli import app
from s2s.decoding.bundle import load_bundle, save_bundle
from s2s.jobs.evaluate import Evaluated
from s2s.jobs.judge import judge_all
from s2s.jobs.test_sets import TestSet
from s2s.jobs.train import train
from s2s.scoring.measured import measure


def s2s(*arguments: object, cwd: Path) -> Result:
    with contextlib.chdir(cwd):
        return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").split("\n")[:-1]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, and translations of its validation text that are better."""
    folder = tmp_path_factory.mktemp("judge")
    train(small_config(folder, max_steps=30, validate_every=30, checkpoint_every=30))
    better = [line if number % 5 else "falsch" * (number % 2) for number, line in enumerate(lines(folder / "train.de"))]
    (folder / "better.txt").write_text("".join(f"{line}\n" for line in better), "utf-8")
    return folder


def test_a_run_and_a_file_are_compared_on_the_runs_text(home: Path) -> None:
    result = s2s("run", "better.txt", "--split", "valid", "--html", "page.html", "--json", cwd=home)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    run, file = found["evaluations"]
    assert (run["run"], file["run"], file["ppl"]) == ("run", "better.txt", None)
    [judgement] = found["judgements"]
    hypotheses = home / "run/eval/valid/hypotheses.txt"
    command = [sys.executable, "-m", "sacrebleu", "train.de", "-i", hypotheses, "better.txt", "-m", "bleu", "chrf"]
    table = subprocess.run(
        [*command, "--paired-bs", "--format", "latex", "-w", "4"], cwd=home, capture_output=True, text=True, check=True
    ).stdout
    for system in judgement["systems"]:
        for score in system["scores"][:2]:
            assert f"{score['score']:.4f} ({score['mean']:.4f} ± {score['half_width']:.4f})" in table
    for one in judgement["differences"][:2]:
        assert f"(p = {one['p']:.4f})" in table
    page = (home / "page.html").read_text("utf-8")
    assert f"{run['scores'][0]['value']:.2f} (" in page
    assert "in training 5 to 49 times" in page  # the training text is there, so rare words are told
    assert len(judgement["segments"]) == 50


def test_it_is_written_in_each_form(home: Path) -> None:
    (home / "a|b_c.txt").write_bytes((home / "better.txt").read_bytes())
    given = ["run", "a|b_c.txt", "better.txt", "--split", "valid"]
    forms = ["md", "tsv", "html", "json"]
    result = s2s(*given, *(part for form in forms for part in ("--write", f"all.{form}")), cwd=home)
    assert result.exit_code == 0, result.stderr
    header, rule, *rows = lines(home / "all.md")
    assert [line.count(" |") for line in (header, rule, *rows[:3])] == [9] * 5
    shown = [line.split() for line in result.stdout.split("\n")]
    assert [
        [cell for cell in row.replace("\\", "").replace(" | ", " ").split() if cell != "|"] for row in rows[:3]
    ] == shown[1:4]
    assert "- valid: better.txt against a\\|b\\_c.txt: BLEU +0.00" in "\n".join(rows)
    assert lines(home / "all.tsv") == s2s(*given, "--tsv", cwd=home).stdout.split("\n")[:-1]
    written, printed = json.loads((home / "all.json").read_text("utf-8")), s2s(*given, "--json", cwd=home).stdout
    assert written["judgements"] == json.loads(printed)["judgements"]
    assert "in training 5 to 49 times" in (home / "all.html").read_text("utf-8")
    for file, code in (("all.xml", 2), ("none/all.md", 73)):
        assert s2s(*given, "--write", file, cwd=home).exit_code == code


def test_files_alone_need_text_and_language(home: Path) -> None:
    text = ["--src", "train.en", "--ref", "train.de"]
    result = s2s("better.txt", "train.de", *text, "--to", "de", "--tsv", cwd=home)
    assert result.exit_code == 0, result.stderr
    header, *rows = [line.split("\t") for line in result.stdout.split("\n")[:-1]]
    assert header[:3] == ["test_set", "system", "metric"]
    assert [(row[1], row[2]) for row in rows][3:] == [("train.de", name) for name in ("BLEU", "chrF2", "TER")]
    assert rows[3][3:6] == ["100.0000", "100.0000", "0.0000"]
    assert float(rows[3][6]) < 0.05
    table = s2s("better.txt", "train.de", *text, "--to", "de", cwd=home).stdout
    assert "train.de against better.txt: BLEU +" in table
    assert "better.txt: flagged translations: empty 6" in table
    (home / "other.en").write_text("".join(f"{line}\n" for line in reversed(lines(home / "train.en"))), "utf-8")
    for arguments, code, words in (
        (["better.txt", *text], 2, "language"),
        (["better.txt", "--to", "de"], 2, "need the text"),
        (["better.txt", "run", "--split", "valid", "--src", "other.en", *text[2:]], 2, "several texts"),
        (["better.txt", "--to", "de", "--test-set", "wmt14/full"], 2, "needs a run"),
        (["run", "--test-set", "wmt99"], 2, "no test set"),
        (["run", "--test-set", "wmt20", "--to", "xx"], 2, "It has "),
    ):
        failed = s2s(*arguments, cwd=home)
        assert (failed.exit_code, words in failed.stderr) == (code, True), (arguments, failed.stderr)
    for arguments, code, words in (
        (["mistyped", "better.txt", *text, "--to", "de"], 66, "mistyped"),
        (["run", "better.txt", "--split", "test"], 2, "no test split"),
        (["run", *text, "--html", "nowhere/page.html"], 73, "nowhere"),
        (["run", *text, "--to", "fr"], 2, "translates into de"),
    ):
        failed = s2s(*arguments, cwd=home)
        assert (failed.exit_code, words in failed.stderr) == (code, True), (arguments, failed.stderr)
        assert not (home / "run/eval/train.en").exists()
    (home / "short.txt").write_text("x\n", "utf-8")
    failed = s2s("run", "short.txt", *text, cwd=home)
    assert (failed.exit_code, "1 lines" in failed.stderr) == (65, True)
    assert not (home / "run/eval/train.en").exists()  # told before anything is translated


def test_one_text_is_scored_in_one_way(home: Path) -> None:
    result = s2s("run", "better.txt", "--split", "valid", "--to", "zh", cwd=home)
    assert (result.exit_code, "translates into de" in result.stderr) == (2, True)
    shutil.copytree(home / "run", home / "other")
    save_bundle(replace(load_bundle(home / "run"), target="zh"), home / "other" / "model")
    both = s2s("run", "other", "--split", "valid", cwd=home)
    assert (both.exit_code, "run by 13a, other by zh" in both.stderr) == (2, True), both.stderr


def test_a_run_without_a_model_is_left_out_and_the_others_are_scored(home: Path) -> None:
    (home / "stopped").mkdir(exist_ok=True)
    (home / "stopped/resolved.yaml").write_bytes((home / "run/resolved.yaml").read_bytes())
    for more in (["--src", "train.en", "--ref", "train.de"], ["better.txt", "--split", "valid"]):
        result = s2s("stopped", "run", *more, cwd=home)
        assert (result.exit_code, "left out: stopped" in result.stderr) == (0, True), result.stderr


def test_sides_that_have_changed_places_are_noticed(home: Path) -> None:
    result = s2s("run", "--src", "train.de", "--ref", "train.en", cwd=home)
    assert (result.exit_code, "change their places" in result.stderr) == (2, True)
    for old, new in (("de", "DE"), ("en", "en-GB")):
        (home / f"other.{new}").write_bytes((home / f"train.{old}").read_bytes())
    result = s2s("run", "--src", "other.DE", "--ref", "other.en-GB", cwd=home)
    assert (result.exit_code, "change their places" in result.stderr) == (2, True)


def test_test_sets_of_one_name_that_differ_are_not_compared_in_silence(home: Path) -> None:
    shutil.copytree(home / "run", home / "shorter")
    resolved = (home / "shorter/resolved.yaml").read_text("utf-8")
    for side in ("en", "de"):
        (home / f"few.{side}").write_text("".join(f"{line}\n" for line in lines(home / f"train.{side}")[:9]), "utf-8")
    text = resolved.replace("valid: " + str(home) + "/train.", "valid: " + str(home) + "/few.")
    assert text != resolved
    (home / "shorter/resolved.yaml").write_text(text, "utf-8")
    result = s2s("run", "shorter", "--split", "valid", cwd=home)
    assert "valid is not the same text in run; shorter" in result.stderr


@pytest.mark.parametrize("output", ["--write", "--html"])
def test_what_is_judged_is_not_written_over(home: Path, output: str) -> None:
    for name in ("hyp.tsv", "src.tsv"):
        (home / name).write_bytes((home / "better.txt").read_bytes())
    text = ["--src", "src.tsv", "--ref", "train.de", "--to", "de"]
    for name in ("hyp.tsv", "src.tsv"):
        result = s2s("hyp.tsv", *text, output, name, cwd=home)
        assert (result.exit_code, "not written over" in result.stderr) == (73, True)
        assert lines(home / name) == lines(home / "better.txt")


def test_one_text_is_compared_under_any_name() -> None:
    def evaluated(run: str, name: str, sources: list[str], hypotheses: list[str]) -> Evaluated:
        text = TestSet(name, sources, ["A B C D", "E F G H"])
        measured = measure(hypotheses, text.references, "de")
        evaluation = SimpleNamespace(run=run)
        return Evaluated(Path(run), evaluation, text, "de", hypotheses, measured)  # type: ignore[arg-type]

    right, wrong = ["A B C D", "E F G H"], ["A B C", "E F H G"]
    found = [evaluated("bi", "test", ["a", "e"], right), evaluated("mul", "test-de", ["a", "e"], wrong)]
    [judgement] = judge_all(found, with_training=False)
    assert [system.name for system in judgement.systems] == ["bi", "mul"]
    found.append(evaluated("other", "test", ["b", "e"], right))
    assert len(judge_all(found, with_training=False)) == 2


def test_what_cannot_be_written_does_not_hide_the_scores(home: Path) -> None:
    (home / "folder.md").mkdir()
    result = s2s("run", "--split", "valid", "--write", "folder.md", cwd=home)
    assert result.exit_code == 73
    assert "BLEU" in result.stdout


def test_a_file_is_not_taken_for_a_translation_of_another_runs_text(home: Path, tmp_path: Path) -> None:
    other = small_config(tmp_path, max_steps=2, validate_every=2, checkpoint_every=2)
    (tmp_path / "train.de").write_text((tmp_path / "train.de").read_text("utf-8").upper(), "utf-8")  # a third language
    train(other)
    failed = s2s("run", tmp_path / "run", "better.txt", "--split", "valid", cwd=home)
    assert (failed.exit_code, "several texts" in failed.stderr) == (2, True)
    # the same system twice is one
    result = s2s("run", "run", "--split", "valid", "--split", "valid", "--json", cwd=home)
    assert len(json.loads(result.stdout)["evaluations"]) == 1


def test_sacrebleus_own_sets_are_read_where_it_keeps_them(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sacrebleu" / "multi30k/2016"
    folder.mkdir(parents=True)
    for field, side in (("src", "en"), ("ref", "de")):
        name = folder / f"multi30k_2016.en-de.{field}"
        name.write_text("".join(f"{line}\n" for line in lines(home / f"train.{side}")[:7]), "utf-8")
    places = {"SACREBLEU": str(tmp_path / "sacrebleu"), "PYTHONPATH": str(Path(__file__).parents[2])}
    environment = {**os.environ, **places}  # with the cache of the compiled engine
    command = [sys.executable, "-m", "s2s", "evaluate", "run", "--test-set", "multi30k/2016", "--json"]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [evaluation] = json.loads(done.stdout)["evaluations"]
    assert (evaluation["test_set"], evaluation["n_sentences"]) == ("multi30k_2016", 7)
    assert (home / "run/eval/multi30k_2016/hypotheses.txt").read_text("utf-8").count("\n") == 7
    turned = small_config(tmp_path, max_steps=2, validate_every=2, checkpoint_every=2)
    splits = dict.fromkeys(("train", "valid"), str(tmp_path / "train.{de,en}"))
    data = turned.data.model_copy(update={"source": "de", "target": "en", **splits})
    train(turned.model_copy(update={"data": data}))
    done = subprocess.run(
        [*command, tmp_path / "run"], cwd=home, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "translates from de to en" in done.stderr) == (2, True)
