"""`s2s check` as a user types it."""

import contextlib
import json
import os
from pathlib import Path

import pytest
from small_corpus import small_config
from typer.testing import CliRunner, Result

from s2s.cli import app
from s2s.config.load import dump_config

DATA = Path(__file__).parents[2] / "data"


def check(*arguments: object, cwd: Path) -> Result:
    with contextlib.chdir(cwd):
        return CliRunner().invoke(app, ["check", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The bundled corpus, with a few things that are wrong."""
    src, tgt = ((DATA / f"train.{side}").read_text("utf-8").split("\n")[:-1] for side in ("en", "de"))
    tgt[10], tgt[11] = src[10], ""
    src[20], tgt[20] = src[19], tgt[19]
    for name, lines in (("train.en", src), ("train.de", tgt)):
        (tmp_path / name).write_text("\n".join(lines) + "\n", "utf-8")
    return tmp_path


def test_the_bundled_corpus_can_be_used() -> None:
    result = check("train.{en,de}", "--valid", "dev.{en,de}", "--test", "test.{en,de}", cwd=DATA)
    assert result.exit_code == 0
    assert "cannot be trained on" not in result.stdout


def test_json_has_counts_and_examples(folder: Path) -> None:
    result = check("train.en", "train.de", "--json", "--examples", "500", cwd=folder)
    assert result.exit_code == 0
    train = json.loads(result.stdout)["train"]
    for name, line in (("copied", 11), ("empty", 12), ("duplicate", 21)):
        fault = train["faults"][name]
        assert f"train.en,train.de:{line}" in [one["place"] for one in fault["examples"]]
        assert len(fault["examples"]) == fault["pairs"]
    assert train["pairs"] > train["kept"] > 0
    assert train["usable"] is True


@pytest.mark.parametrize("form", ["clean.{en,de}", "clean.tsv", "clean.jsonl"])
def test_a_cleaned_copy_has_what_is_left_and_nothing_to_complain_about(folder: Path, form: str) -> None:
    result = check("train.{en,de}", "--clean", form, "--json", cwd=folder)
    kept = json.loads(result.stdout)["train"]["kept"]
    assert f"{kept:,} pairs" in result.stderr
    again = json.loads(check(form, "--json", cwd=folder).stdout)["train"]
    assert (again["pairs"], again["kept"]) == (kept, kept)


@pytest.mark.parametrize("data", ["train.{en,de}", "train.tsv", "en>de train.{en,de}"])
@pytest.mark.parametrize("form", ["clean.{en,de}", "clean.{de,en}", "clean.de,clean.en"])
def test_a_cleaned_copy_has_each_language_under_its_name(folder: Path, data: str, form: str) -> None:
    src, tgt = ((folder / f"train.{side}").read_text("utf-8").split("\n")[:-1] for side in ("en", "de"))
    rows = "".join(f"{one}\t{other}\n" for one, other in zip(src, tgt, strict=True))
    (folder / "train.tsv").write_text(f"en\tde\n{rows}", "utf-8")
    assert check(data, "--clean", form, cwd=folder).exit_code == 0
    for side, lines in (("en", src), ("de", tgt)):
        copy = (folder / f"clean.{side}").read_text("utf-8").split("\n")[:-1]
        assert copy
        assert set(copy) <= set(lines)


def test_what_was_looked_at_is_never_written_over(folder: Path) -> None:
    before = (folder / "train.en").read_bytes()
    result = check("train.{en,de}", "--clean", "train.{en,de}", cwd=folder)
    assert result.exit_code == 73
    assert "not written over" in result.stderr
    assert (folder / "train.en").read_bytes() == before
    assert check("train.{en,de}", "--clean", "clean.csv", cwd=folder).exit_code == 2
    for side in ("en", "de"):
        (folder / f"dev.{side}").write_bytes((DATA / f"dev.{side}").read_bytes())
    assert check("train.{en,de}", "--valid", "dev.{en,de}", "--clean", "dev.{en,de}", cwd=folder).exit_code == 73
    assert (folder / "dev.en").read_bytes() == (DATA / "dev.en").read_bytes()
    (folder / "hub").mkdir()
    (folder / "hub" / "train.jsonl").write_text('{"en": "a dog", "de": "ein Hund"}\n', "utf-8")
    assert check("hf:./hub:train", "--clean", "hub/train.jsonl", cwd=folder).exit_code == 73


def test_a_validation_set_is_looked_at_in_the_direction_of_the_training_text(folder: Path) -> None:
    src, tgt = ((folder / f"train.{side}").read_text("utf-8").split("\n")[100:150] for side in ("en", "de"))
    table = "".join(f"{de}\t{en}\n" for en, de in zip(src, tgt, strict=True))
    (folder / "valid.tsv").write_text(f"de\ten\n{table}", "utf-8")
    for side, lines in (("en", src), ("de", tgt)):
        (folder / f"valid.{side}").write_text("\n".join(lines) + "\n", "utf-8")
    for valid in ("valid.tsv", "valid.{de,en}"):
        result = check("train.{en,de}", "--valid", valid, "--json", cwd=folder)
        assert json.loads(result.stdout)["train"]["faults"]["in valid"]["pairs"] >= 50


def test_each_of_several_directions_is_looked_at_by_itself(folder: Path) -> None:
    src = (folder / "train.en").read_text("utf-8").split("\n")[100:400]
    greek = str.maketrans("abdefghiklmnoprstuvwyz", "αβδεφγηικλμνοπρστυβωυζ")
    small = [f"{en.lower().translate(greek)} {n}" for n, en in enumerate(src)]
    for side, lines in (("en", [f"{en} {n}" for n, en in enumerate(src)]), ("el", small)):
        (folder / f"small.{side}").write_text("\n".join(lines) + "\n", "utf-8")
        (folder / f"valid.{side}").write_text("\n".join(lines[:20]) + "\n", "utf-8")
        (folder / f"other.{side}").write_text("\n".join(f"{line} {line}" for line in lines) + "\n", "utf-8")
    (folder / "both.yaml").write_text(
        "run: runs/both\n"
        "data: {source: mul, target: mul, "
        "train: ['en>de train.{en,de}', 'el>en small.{el,en}', 'en>el other.{en,el}'], valid: 'en>el valid.{en,el}'}\n",
        "utf-8",
    )
    result = check("both.yaml", "--json", cwd=folder)
    found = json.loads(result.stdout)
    assert list(found) == ["train en>de", "train el>en", "train en>el", "valid en>el"]
    assert found["train el>en"]["scripts"] == [["Greek"], ["Latin"]]
    assert found["train el>en"]["faults"]["other script"]["pairs"] == 0
    assert found["train el>en"]["faults"]["in valid"]["pairs"] == 20  # turned round
    assert found["train el>en"]["kept"] == 280


def test_a_source_in_several_languages_has_one_target_in_each(folder: Path) -> None:
    other = [f"{line} oui" for line in (folder / "train.de").read_text("utf-8").split("\n")[:-1]]
    (folder / "train.fr").write_text("\n".join(other) + "\n", "utf-8")
    (folder / "both.yaml").write_text(
        "run: runs/both\n"
        "data: {source: en, target: mul, train: ['en>de train.{en,de}', 'en>fr train.{en,fr}'], "
        "valid: 'en>de train.{en,de}'}\n",
        "utf-8",
    )
    alone = json.loads(check("train.{en,de}", "--json", cwd=folder).stdout)["train"]
    found = json.loads(check("both.yaml", "--json", cwd=folder).stdout)
    assert found["train en>de"]["pairs"] > found["train en>de"]["faults"]["several targets"]["pairs"]
    for direction in ("train en>de", "train en>fr"):
        n = found[direction]["faults"]["several targets"]["pairs"]
        assert n == alone["faults"]["several targets"]["pairs"]


def test_a_first_line_that_cannot_be_read_does_not_hide_the_columns(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"en\n{"en": "a dog", "de": "ein Hund"}\n', "utf-8")
    result = check("x.jsonl", cwd=tmp_path)
    assert result.exit_code == 65
    assert "x.jsonl:1: malformed JSON" in result.stdout


def test_text_that_is_not_parallel_gives_65(folder: Path) -> None:
    lines = (folder / "train.de").read_text("utf-8").split("\n")[:-1]
    (folder / "train.de").write_text("\n".join([*lines[:2_000], *lines[2_001:], "x"]) + "\n", "utf-8")
    result = check("train.{en,de}", cwd=folder)
    assert result.exit_code == 65
    assert "line n of the source fits line n-1 of the target" in result.stdout
    told = int(result.stdout.split("from about line ")[1].split(" ")[0].replace(",", ""))
    assert abs(told - 2_001) <= 40  # this corpus' sentences are alike, and short


def test_a_config_says_what_its_data_is(tmp_path: Path) -> None:
    config = small_config(tmp_path)
    (tmp_path / "small.yaml").write_text(dump_config(config), "utf-8")
    result = check("small.yaml", cwd=tmp_path)
    assert result.stdout.startswith("train: ")
    assert "\nvalid: " in result.stdout
    assert check("small.yaml", "--valid", "x.tsv", cwd=tmp_path).exit_code == 2
    for given, place in (("train.{de,en}", "data.valid"), ("en>de train.{de,en}", "data.valid")):
        valid = given.replace("train.", f"{tmp_path}/train.")
        train = f"en>de {config.data.train}" if given.startswith("en>de") else config.data.train
        data = config.data.model_copy(update={"valid": valid, "train": train})
        (tmp_path / "small.yaml").write_text(dump_config(config.model_copy(update={"data": data})), "utf-8")
        refused = check("small.yaml", cwd=tmp_path)  # as training does, which would score against the sources
        assert (refused.exit_code, f"{place}: " in refused.stderr) == (78, True), refused.stderr
        assert f"Write {'en>de ' * given.startswith('en>de')}{tmp_path}/train.{{en,de}}" in refused.stderr


def test_columns_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("id\tother\tEnglish\n1\tder Hund\tthe dog\n", "utf-8")
    result = check("x.tsv", "--source-column", "English", "--target-column", "other", cwd=tmp_path)
    assert result.exit_code == 0
    assert "columns English, other" in result.stdout


def test_a_header_that_is_not_known_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("phrase\tSatz\nthe dog\tder Hund\n", "utf-8")
    result = check("x.tsv", cwd=tmp_path)
    assert result.stderr.count("line 1 is a pair: phrase, Satz") == 1
    result = check("x.tsv", "--source-column", "phrase", "--target-column", "Satz", cwd=tmp_path)
    assert "line 1" not in result.stderr


def test_text_cannot_break_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_bytes(b"a\x1b[31mb\tder \xffHund\n")
    result = check("x.tsv", cwd=tmp_path)
    assert result.exit_code == 65
    assert "\x1b" not in result.stdout
    assert "\\udcff" in result.stdout
    name = os.fsdecode(b"caf\xe9.po")
    (tmp_path / name).write_bytes(b'msgid "a"\nmsgstr "b"\n\nmsg\x1b \xff\n')
    for more in ([], ["--json"]):
        result = check(name, *more, cwd=tmp_path)
        assert (result.exit_code, "caf\\udce9.po" in result.stdout.replace("\\\\", "\\")) == (65, True), result.stderr
        assert "\x1b" not in result.stdout


def test_a_run_is_looked_at_by_its_name(tmp_path: Path) -> None:
    for side in ("en", "de"):
        text = (DATA / f"train.{side}").read_text("utf-8").split("\n")[:200]
        (tmp_path / f"train.{side}").write_text("\n".join(text) + "\n", "utf-8")
    (tmp_path / "runs/my").mkdir(parents=True)
    data = "{source: en, target: de, train: 'train.{en,de}', valid: 'train.{en,de}'}"
    (tmp_path / "runs/my/config.yaml").write_text(f"run: runs/my\ndata: {data}\n", "utf-8")
    assert check("my", cwd=tmp_path).stdout == check("runs/my/config.yaml", cwd=tmp_path).stdout
    assert "200" in check("my", cwd=tmp_path).stdout
