"""`s2s init`: from text to a config that trains, with nothing of what is held out in the training text."""

import contextlib
import json
from dataclasses import replace
from pathlib import Path
from string import ascii_lowercase
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from s2s.cli import app
from s2s.config.load import load_config
from s2s.config.recipes import FEWEST_FOR_MINI, Choice, recipe_for
from s2s.config.schema import Config
from s2s.corpus.pairs import open_pairs
from s2s.doctor.examine import HeldOut, examine
from s2s.doctor.faults import Fault
from s2s.errors import DataError, UsageError
from s2s.jobs import init as job
from s2s.jobs.split_text import Wishes, _side_with_words, split_text
from s2s.run_folder import RunFolder
from s2s.training.schedule import learning_rate

DATA = Path(__file__).parents[2] / "data"


def s2s(*arguments: object, cwd: Path) -> Result:
    with contextlib.chdir(cwd):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").split("\n")[:-1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for side in ("en", "de"):
        (tmp_path / f"all.{side}").write_text("\n".join(lines(DATA / f"train.{side}")[:600]) + "\n", "utf-8")
    return tmp_path


def test_from_two_files_to_a_model(folder: Path) -> None:
    valid = f"{DATA}/dev.{{en,de}}"
    result = s2s("init", "my", "all.en", "all.de", "--valid", valid, "--test", valid, cwd=folder)
    assert result.exit_code == 0, result.stderr
    assert "parameters" in result.stderr
    config = folder / "runs" / "my" / "config.yaml"
    assert result.stdout.strip() == config.read_text("utf-8").strip()
    assert len(config.read_text("utf-8").strip().split("\n")) <= 20
    quick = ["--set", "train.max_steps=3", "--set", "train.batch_tokens=256", "--set", "data.test=null"]
    for side in ("en", "de"):
        (folder / f"few.{side}").write_text("\n".join(lines(folder / f"all.{side}")[:20]) + "\n", "utf-8")
    quick += ["--set", f"data.valid={folder}/few.en,{folder}/few.de"]
    assert s2s("train", "my", *quick, cwd=folder).exit_code == 0
    assert s2s("translate", "--model", "my", "a dog", cwd=folder).exit_code == 0


def test_held_out_pairs_are_not_in_the_training_text(folder: Path) -> None:
    src, tgt = lines(folder / "all.en"), lines(folder / "all.de")
    src += [line.upper() for line in src[:50]]  # the same again, nearly
    tgt += tgt[:50]
    for side, text in (("en", src), ("de", tgt)):
        (folder / f"all.{side}").write_text("\n".join(text) + "\n", "utf-8")
    result = s2s("init", "my", "all.{en,de}", cwd=folder)
    data = folder / "runs" / "my" / "data"
    parts = {name: [lines(data / f"{name}.{side}") for side in ("en", "de")] for name in ("train", "valid", "test")}
    assert result.exit_code == 0, result.stderr
    for one in ("valid", "test"):
        assert len(parts[one][0]) == len(parts[one][1]) >= 10
        for other in {"train", "valid", "test"} - {one}:
            for side in (0, 1):
                assert not {line.lower() for line in parts[one][side]} & {line.lower() for line in parts[other][side]}
    report = json.loads((data / "report.json").read_text("utf-8"))
    assert sum(len(part[0]) for part in parts.values()) == report["train"]["kept"]
    again = s2s("check", "runs/my/config.yaml", "--json", cwd=folder)
    assert json.loads(again.stdout)["train"]["faults"]["in test"]["pairs"] == 0


def test_the_direction_can_be_turned(folder: Path) -> None:
    result = s2s("init", "back", "all.{en,de}", "--source", "de", "--minutes", "0.1", cwd=folder)
    assert result.exit_code == 0, result.stderr
    with contextlib.chdir(folder):
        config = load_config(Path("runs/back/config.yaml"), [])
    assert (config.data.source, config.data.target, config.train.max_minutes) == ("de", "en", 0.1)
    assert config.train.validate_every < 100  # so that some are done in the time
    assert set(lines(folder / "runs/back/data/train.de")) <= set(lines(folder / "all.de"))
    assert s2s("init", "x", "all.{en,de}", "--source", "fr", cwd=folder).exit_code == 2


def test_a_validation_set_that_is_given_is_turned_too(folder: Path) -> None:
    for side in ("en", "de"):
        (folder / f"dev.{side}").write_bytes((DATA / f"dev.{side}").read_bytes())
    result = s2s("init", "back", "all.{en,de}", "--source", "de", "--valid", "dev.{en,de}", cwd=folder)
    assert result.exit_code == 0, result.stderr
    with contextlib.chdir(folder):
        assert load_config(Path("runs/back/config.yaml"), []).data.valid == "dev.{de,en}"


def test_text_that_lies_where_it_would_be_written_is_not_written_over(folder: Path) -> None:
    (folder / "data").mkdir()
    for side in ("en", "de"):
        (folder / f"all.{side}").rename(folder / "data" / f"train.{side}")
    before = (folder / "data" / "train.en").read_bytes()
    result = s2s("init", "./", "data/train.{en,de}", cwd=folder)
    assert result.exit_code == 73
    assert (folder / "data" / "train.en").read_bytes() == before


def test_a_hundred_pairs_and_some_can_be_split(folder: Path) -> None:
    for side in ("en", "de"):
        (folder / f"few.{side}").write_text("\n".join(lines(folder / f"all.{side}")[:150]) + "\n", "utf-8")
    result = s2s("init", "few", "few.{en,de}", cwd=folder)
    assert result.exit_code == 0, result.stderr
    assert len(lines(folder / "runs/few/data/test.en")) >= 10


@pytest.mark.parametrize("name", ["my{1}", "a,b", "bad\udcff"])
def test_names_that_a_config_cannot_hold_are_refused(folder: Path, name: str) -> None:
    result = s2s("init", name, "all.{en,de}", cwd=folder)
    assert result.exit_code == 2
    assert s2s("init", "my", "all.{en,de}", "--source", "a,b", "--target", "c", cwd=folder).exit_code == 2


def test_norwegian_is_a_language(folder: Path) -> None:
    for side, name in (("en", "no"), ("de", "en")):
        (folder / f"x.{name}").write_bytes((folder / f"all.{side}").read_bytes())
    assert s2s("init", "my", "x.no", "x.en", cwd=folder).exit_code == 0
    with contextlib.chdir(folder):
        assert load_config(Path("runs/my/config.yaml"), []).data.source == "no"


def test_what_is_there_is_not_written_over(folder: Path) -> None:
    (folder / "runs/my").mkdir(parents=True)
    (folder / "runs/my/config.yaml").write_text("mine", "utf-8")
    result = s2s("init", "my", "all.{en,de}", cwd=folder)
    assert result.exit_code == 73
    assert (folder / "runs/my/config.yaml").read_text("utf-8") == "mine"


def test_text_that_is_not_parallel_is_refused(folder: Path) -> None:
    (folder / "all.de").write_text("\n".join([*lines(folder / "all.de"), "x"]) + "\n", "utf-8")
    result = s2s("init", "my", "all.{en,de}", cwd=folder)
    assert result.exit_code == 65
    assert "601" in result.stderr
    assert not (folder / "runs/my/config.yaml").exists()


def test_a_run_is_not_begun_anew_over_a_model(folder: Path) -> None:
    (folder / "runs/my/checkpoints/step-000001").mkdir(parents=True)
    result = s2s("init", "my", "all.en", "all.de", cwd=folder)
    assert (result.exit_code, "delete the folder" in result.stderr) == (73, True)
    assert not (folder / "runs/my/data").exists()


def test_after_a_mistake_the_same_command_goes_on(folder: Path) -> None:
    for side, n in (("en", 60), ("de", 61)):
        (folder / f"dev.{side}").write_text("\n".join(lines(DATA / f"dev.{side}")[:n]) + "\n", "utf-8")
    command = ["init", "my", "all.{en,de}", "--valid", "dev.{en,de}", "--minutes", "1"]
    assert s2s(*command, cwd=folder).exit_code == 65
    RunFolder(folder / "runs/my").create()  # as where the vocabulary could not be learnt
    (folder / "dev.de").write_text("\n".join(lines(DATA / "dev.de")[:60]) + "\n", "utf-8")
    for _ in range(2):
        result = s2s(*command, cwd=folder)
        assert result.exit_code == 0, result.stderr
        (folder / "runs/my/config.yaml").unlink()  # as if it had been stopped before


def test_nothing_of_the_users_is_written_over(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data/test.en").write_text("precious\n", "utf-8")
    result = s2s("init", "./", "all.{en,de}", cwd=folder)
    assert (result.exit_code, "data/test.en" in result.stderr) == (73, True)
    assert (folder / "data/test.en").read_text("utf-8") == "precious\n"
    assert [path.name for path in (folder / "data").iterdir()] == ["test.en"]


def test_held_out_text_that_is_shifted_is_refused_too(folder: Path) -> None:
    for side, lag in (("en", 0), ("de", 3)):
        text = lines(DATA / f"train.{side}")[600:2600]
        (folder / f"dev.{side}").write_text("\n".join([*text[lag:], *text[:lag]]) + "\n", "utf-8")
    wishes = Wishes([f"{folder}/all.{{en,de}}"], [f"{folder}/dev.{{en,de}}"], [])
    with pytest.raises(DataError, match="not parallel") as caught:
        split_text(RunFolder(folder / "x"), wishes)
    assert "dev." in (caught.value.where or "")


def test_a_memory_that_is_broken_in_the_middle_is_not_taken_for_its_beginning(folder: Path) -> None:
    pairs = zip(lines(folder / "all.en"), lines(folder / "all.de"), strict=True)
    units = [
        f"<tu><tuv xml:lang='en'><seg>{escape(en)}</seg></tuv><tuv xml:lang='de'><seg>{escape(de)}</seg></tuv></tu>"
        for en, de in pairs
    ]
    units.insert(400, "<tu><tuv xml:lang='en'><seg>this & that</seg></tuv></tu>")
    (folder / "m.tmx").write_text(
        "<tmx version='1.4'><header srclang='en'/><body>" + "\n".join(units) + "</body></tmx>", "utf-8"
    )
    result = s2s("init", "my", "m.tmx", cwd=folder)
    assert (result.exit_code, "from en to de" in result.stderr) == (65, True)
    assert "m.tmx:401: malformed XML" in result.stderr
    assert not (folder / "runs/my").exists()
    assert s2s("check", "m.tmx", cwd=folder).exit_code == 65


@pytest.mark.parametrize(
    "given",
    [
        ["all.{en,de}", "other.{en,fr}"],
        ["all.{en,de}", "--valid", "other.{en,fr}"],
        ["all.{en,de}", "--source", "en", "--target", "fr"],
    ],
)
def test_files_of_other_languages_are_refused(folder: Path, given: list[str]) -> None:
    for side, name in (("en", "en"), ("de", "fr")):
        (folder / f"other.{name}").write_bytes((folder / f"all.{side}").read_bytes())
    result = s2s("init", "my", *given, cwd=folder)
    assert (result.exit_code, "fr" in result.stderr) == (2, True)
    assert not (folder / "runs").exists()


@pytest.mark.parametrize("command", [["init", "my"], ["check"]])
def test_braces_that_the_shell_has_taken_apart_are_asked_for_in_quotes(folder: Path, command: list[str]) -> None:
    result = s2s(
        *command, "all.en", "all.de", "--valid", "dev.en", "dev.de", "--test", "test.en", "test.de", cwd=folder
    )
    assert result.exit_code == 2
    assert "--valid 'dev.{en,de}'" in result.stderr


def test_the_report_counts_what_is_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for side in ("en", "de"):
        text = lines(folder / f"all.{side}")
        (folder / f"all.{side}").write_text("\n".join([*text, *text[:100]]) + "\n", "utf-8")
        dev = lines(DATA / f"dev.{side}")
        (folder / f"dev.{side}").write_text("\n".join([*dev, *dev[:10]]) + "\n", "utf-8")
    wishes = Wishes([f"{folder}/all.{{en,de}}"], [f"{folder}/dev.{{en,de}}"], [], clean=False)
    made = split_text(RunFolder(folder / "x"), wishes)
    report = json.loads((folder / "x/data/report.json").read_text("utf-8"))
    n_test = len(lines(folder / "x/data/test.en"))
    assert report["train"]["kept"] == made.n_pairs["train"] + n_test
    assert report["valid"]["kept"] == made.n_pairs["valid"] == len(lines(folder / "dev.en"))
    assert "--clean" not in capsys.readouterr().err


def test_paragraphs_are_not_dropped_for_their_length_and_what_is_kept_is_counted(folder: Path) -> None:
    for side in ("en", "de"):
        text = lines(DATA / f"train.{side}")
        paragraphs = [" ".join(text[n % 900 : n % 900 + 25]) for n in range(0, 1500, 5)]
        (folder / f"all.{side}").write_text("\n".join(dict.fromkeys(paragraphs)) + "\n", "utf-8")
    result = s2s("init", "my", "all.{en,de}", "--keep-all", cwd=folder)
    assert result.exit_code == 0, result.stderr
    text = (folder / "runs/my/config.yaml").read_text("utf-8")
    assert "max_length: 1000 " in text
    kept = json.loads((folder / "runs/my/data.json").read_text("utf-8"))["splits"]["train"]["kept"]
    assert f"{kept:,} pairs to train on" in text


def test_long_sentences_of_a_small_corpus_are_trained_on(folder: Path) -> None:
    random = np.random.default_rng(1)
    words = [["".join(random.choice(list("abcdefgh"), 8)) for _ in range(n)] for n in random.integers(50, 90, 150)]
    sides = {"en": words, "de": [[word[::-1] for word in line] for line in words]}
    for side, text in sides.items():
        (folder / f"long.{side}").write_text("\n".join(map(" ".join, text)) + "\n", "utf-8")
    result = s2s("init", "my", "long.{en,de}", cwd=folder)
    assert result.exit_code == 0, result.stderr
    assert "pieces are dropped: once more" in result.stderr
    config = load_config(folder / "runs/my/config.yaml", [])
    report = json.loads((folder / "runs/my/data.json").read_text("utf-8"))["splits"]["train"]
    assert (config.data.max_length, report["kept"]) == (1000, report["read"])


def test_batches_are_made_smaller_until_there_is_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    measure, recipe = job.measure, job.recipe_for

    def larger(*arguments: Any, **options: Any) -> list[Choice]:
        key = "train.batch_tokens"
        return [replace(one, value=4096) if one.key == key else one for one in recipe(*arguments, **options)]

    def cramped(config: Config, *arguments: Any, **options: Any) -> Any:
        asked.append((config.train.batch_tokens, config.train.accumulate))
        if config.train.batch_tokens > 1024:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return measure(config, *arguments, **options)

    monkeypatch.setattr(job, "recipe_for", larger)
    monkeypatch.setattr(job, "measure", cramped)
    result = s2s("init", "my", "all.{en,de}", cwd=folder)
    assert result.exit_code == 0, result.stderr
    config = load_config(folder / "runs/my/config.yaml", [])
    assert asked == [(4096, 1), (2048, 2), (1024, 4)]
    assert (config.train.batch_tokens, config.train.accumulate) == (1024, 4)
    monkeypatch.setattr(job, "measure", lambda *_a, **_o: (_ for _ in ()).throw(MemoryError()))
    assert s2s("init", "other", "all.{en,de}", cwd=folder).exit_code == 74


def test_what_takes_more_memory_than_there_is_is_not_looked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wishes = Wishes([f"{folder}/all.{{en,de}}"], [], [])
    monkeypatch.setattr("s2s.jobs.split_text.available_memory", lambda: 100_000)
    split_text(RunFolder(folder / "x"), wishes)
    assert "0.0 GiB are available: pairs that differ by a word are not kept on one side" in capsys.readouterr().err


def test_a_large_model_that_is_trained_for_minutes_has_a_schedule_that_fits(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("run: x\ndata: {source: a, target: b, train: x.tsv, valid: x.tsv}\n", "utf-8")
    choices = recipe_for(1_000_000, on_gpu=True, max_minutes=30)
    config = load_config(tmp_path / "c.yaml", [f"{choice.key}={choice.value}" for choice in choices])
    assert (config.train.max_steps, config.train.max_minutes) == (None, 30)
    assert learning_rate(config.train, 512, 100, 0.1) == pytest.approx(7e-4)  # the peak, in a fortieth of the updates


def test_columns_of_a_table_without_a_header_are_given_by_number(folder: Path) -> None:
    pairs = list(zip(lines(folder / "all.en"), lines(folder / "all.de"), strict=True))
    rows = "".join(f"{number}\t{en}\t{number + 7}\t{de}\n" for number, (en, de) in enumerate(pairs))
    (folder / "tatoeba.tsv").write_text(rows, "utf-8")
    wishes = Wishes([f"{folder}/tatoeba.tsv"], [], [], "en", "de")
    with pytest.raises(DataError, match=r"(?s)4 columns.*--source-column"):
        split_text(RunFolder(folder / "x"), wishes)
    split_text(RunFolder(folder / "x"), replace(wishes, source_column="2", target_column="4"))
    written = set(zip(*(lines(folder / f"x/data/train.{side}") for side in ("en", "de")), strict=True))
    assert written
    assert written <= set(pairs)


def test_languages_that_nobody_has_named_are_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for side, name in (("en", "one.txt"), ("de", "other.txt")):
        (folder / f"all.{side}").rename(folder / name)
    wishes = Wishes([f"{folder}/one.txt,{folder}/other.txt"], [], [])
    split_text(RunFolder(folder / "x"), wishes)
    assert "--source and --target" in capsys.readouterr().err
    text = "".join(f"{chr(0x4E00 + n)}{chr(0x4E00 + n * 7)}\n" for n in range(600))
    (folder / "other.txt").write_text(text, "utf-8")
    with pytest.raises(UsageError, match="BLEU would be of no use"):
        split_text(RunFolder(folder / "y"), wishes)
    assert not (folder / "y").exists()


@pytest.mark.parametrize("most", [600, 100])
def test_what_is_kept_on_one_side_is_what_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], most: int
) -> None:
    monkeypatch.setattr("s2s.jobs.split_text.MAX_PAIRS", most)
    for side in ("en", "de"):  # among them some couples that differ by a word
        numbered = [f"{line} {number}" for number, line in enumerate(lines(folder / f"all.{side}")[:500])]
        text = [f"{first} {line}" for first in "xy" for line in (numbered if first == "x" else numbered[:100])]
        (folder / f"all.{side}").write_text("\n".join(text) + "\n", "utf-8")
    split_text(RunFolder(folder / "x"), Wishes([f"{folder}/all.{{en,de}}"], [], []))
    said = capsys.readouterr().err
    train, test = ({line[2:] for line in lines(folder / f"x/data/{name}.en")} for name in ("train", "test"))
    is_nearly_same_together = not train & test
    assert is_nearly_same_together == (most == 600)
    assert ("that say nearly the same stay together" in said) == is_nearly_same_together
    assert ("over 100 pairs: pairs that differ by a word are not" in said) == (not is_nearly_same_together)


@pytest.mark.parametrize("unspaced", [["en"], ["de"], ["en", "de"]])
def test_text_without_spaces_is_told_apart_by_the_other_side(
    folder: Path, capsys: pytest.CaptureFixture[str], unspaced: list[str]
) -> None:
    for side in ("en", "de"):  # among them some couples that differ by the last word
        numbered = [
            f"{line} {chr(97 + n // 26)}{chr(97 + n % 26)}" for n, line in enumerate(lines(folder / f"all.{side}"))
        ]
        text = [f"{line} {last}" for last, part in (("red", numbered), ("blue", numbered[:100])) for line in part]
        if side in unspaced:  # in Thai letters
            text = [
                "".join(chr(0x0DA0 + ord(char)) for char in line.lower() if char in ascii_lowercase) for line in text
            ]
        (folder / f"all.{side}").write_text("\n".join(text) + "\n", "utf-8")
    split_text(RunFolder(folder / "x"), Wishes([f"{folder}/all.{{en,de}}"], [], [], source="en", target="de"))
    said = capsys.readouterr().err
    assert ("neither side has spaces between words: pairs that differ by a word are not" in said) == (
        len(unspaced) == 2
    )
    if len(unspaced) == 1:
        side = "de" if "en" in unspaced else "en"
        train, test = (
            {line.rpartition(" ")[0] for line in lines(folder / f"x/data/{name}.{side}")} for name in ("train", "test")
        )
        assert not train & test


def test_text_that_is_written_the_other_way_round_is_refused(folder: Path) -> None:
    text = [lines(folder / f"all.{side}") for side in ("en", "de")]
    for name, part in (("test", slice(0, 100)), ("mixed", slice(100, 300))):
        for side, turned, other in (("en", *text[::-1]), ("de", *text)):
            kept = turned[part] + (other[300:600] if name == "mixed" else [])
            (folder / f"{name}.{side}").write_text("\n".join(kept) + "\n", "utf-8")
    with pytest.raises(DataError, match="100 of 100 pairs are, beside the training text, written the other way round"):
        split_text(RunFolder(folder / "x"), Wishes([f"{folder}/all.{{en,de}}"], [], [f"{folder}/test.{{en,de}}"]))
    with pytest.raises(DataError, match=r"19\d of 500 of its pairs are written the other way round"):
        split_text(RunFolder(folder / "x"), Wishes([f"{folder}/mixed.{{en,de}}"], [], []))
    split_text(RunFolder(folder / "x"), Wishes([f"{folder}/mixed.{{en,de}}"], [], [], clean=False))


def test_names_in_latin_letters_do_not_make_chinese_a_text_with_spaces(folder: Path) -> None:
    for side, text in (("zh", "点击 Settings{} 打开 Preferences{} 再看"), ("en", "click Settings{} and look {}")):
        (folder / f"ui.{side}").write_text("".join(text.format(n, n) + "\n" for n in range(30)), "utf-8")
    examined = examine(open_pairs([f"{folder}/ui.{{zh,en}}"], source="zh", target="en"))
    assert examined.usual.sides[0].scripts == ("Latin", "Han")
    assert _side_with_words(examined) == 1


def test_text_that_is_known_is_said_to_be_known(folder: Path) -> None:
    wishes = Wishes([f"{folder}/all.{{en,de}}"], [], [])
    known = HeldOut.of(Fault.DUPLICATE, examine(open_pairs(wishes.corpus, source="en", target="de")))
    with pytest.raises(DataError, match=r"of .* pairs are in what the model was trained on before"):
        split_text(RunFolder(folder / "x"), wishes, known=[known])


def test_too_little_text_is_refused(folder: Path) -> None:
    for side in ("en", "de"):
        (folder / f"few.{side}").write_text("\n".join(lines(DATA / f"train.{side}")[:50]) + "\n", "utf-8")
    assert s2s("init", "my", "few.{en,de}", cwd=folder).exit_code == 65


def test_a_small_corpus_of_many_characters_gets_a_piece_for_each(folder: Path) -> None:
    source = [f"sentence {number} of many" for number in range(600)]
    target = ["".join(chr(0x4E00 + (7 * number + place) % 2_000) for place in range(9)) for number in range(600)]
    (folder / "m.en").write_text("\n".join(source) + "\n", "utf-8")
    (folder / "m.zh").write_text("\n".join(target) + "\n", "utf-8")
    result = s2s("init", "zh", "m.{en,zh}", cwd=folder)
    assert result.exit_code == 0, result.stderr
    assert "no spaces between words" not in result.stderr
    with contextlib.chdir(folder):
        assert load_config(Path("runs/zh/config.yaml"), []).vocab.size > 2_000
    (folder / "m.zh").rename(folder / "m.xx")  # no code of a language: BLEU would take a sentence for a word
    assert "no spaces between words" in s2s("init", "xx", "m.en,m.xx", cwd=folder).stderr


def test_a_direction_is_not_taken_for_text(folder: Path) -> None:
    result = s2s("init", "my", "en>de all.{en,de}", cwd=folder)
    assert result.exit_code == 2
    assert "--source en --target de" in result.stderr


@pytest.mark.parametrize("on_gpu", [True, False])
def test_every_recipe_is_a_config_and_grows_with_the_corpus(tmp_path: Path, on_gpu: bool) -> None:
    sizes = []
    for n_pairs in (150, 2_000, 10_000, 29_000, 100_000, 500_000, 5_000_000):
        choices = recipe_for(n_pairs, on_gpu=on_gpu)
        (tmp_path / "c.yaml").write_text(
            "run: x\ndata: {source: a, target: b, train: x.tsv, valid: x.tsv}\nmodel: {}\n", "utf-8"
        )
        config = load_config(tmp_path / "c.yaml", [f"{choice.key}={choice.value}" for choice in choices])
        sizes.append((config.vocab.size, config.model.d_model))
    assert sizes == sorted(sizes)


def test_a_few_pairs_more_are_not_trained_for_fewer_epochs() -> None:
    def pieces_a_pair(n_pairs: int) -> float:
        chosen = {choice.key: choice.value for choice in recipe_for(n_pairs, on_gpu=False)}
        return float(chosen["train.max_steps"]) * float(chosen["train.batch_tokens"]) / n_pairs

    for n_pairs in (2_000, FEWEST_FOR_MINI, 8_000, 29_000):
        assert pieces_a_pair(n_pairs) == pytest.approx(pieces_a_pair(n_pairs - 1), rel=0.02)


def test_width_goes_with_the_corpus() -> None:
    presets = [
        next(choice.value for choice in recipe_for(n_pairs, on_gpu=False) if choice.key == "model.preset")
        for n_pairs in (2_000, 5_000, 29_000, 100_000)
    ]
    assert presets == ["tiny", "mini", "mini", "small"]  # the first three as measured: benchmarks/quality.md


def test_a_list_of_words_in_the_text_can_be_kept(folder: Path) -> None:
    """The length of a word says nothing about that of its translation."""
    generator = np.random.default_rng(3)
    words = ["".join(generator.choice(list("abcdefghij"), generator.integers(2, 18))) for _ in range(2 * 1_280)]
    for number, side in enumerate(("en", "de")):
        text = lines(DATA / f"train.{side}")[:3_840]
        some = words[number::2]
        (folder / f"with.{side}").write_text("\n".join([*text[:1_280], *some, *text[1_280:]]) + "\n", "utf-8")
    wishes = Wishes([f"{folder}/with.{{en,de}}"], [], [])
    with pytest.raises(DataError, match="not parallel") as caught:
        split_text(RunFolder(folder / "x"), wishes)
    assert "--keep-all" in (caught.value.hint or "")
    kept = split_text(RunFolder(folder / "x"), replace(wishes, clean=False))
    assert sum(kept.n_pairs.values()) > 3_840
