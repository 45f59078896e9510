"""One model for several directions: tags before sources, sampling by temperature, scores by language."""

import contextlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from small_corpus import WORDS, small_config
from typer.testing import CliRunner, Result

from s2s import evaluate
from s2s.cli import app
from s2s.config.load import dump_config, load_config
from s2s.config.schema import Config
from s2s.corpus.batches import plan_balanced_epoch
from s2s.corpus.guess import in_direction
from s2s.corpus.pairs import open_pairs
from s2s.decoding.bundle import load_bundle
from s2s.decoding.translator import Translator
from s2s.errors import UsageError
from s2s.jobs.documents import _language_notes
from s2s.jobs.evaluate import mean_bleu
from s2s.jobs.judge import _words_of_run
from s2s.jobs.test_sets import TestSet, _source_of, check_languages, other_text
from s2s.jobs.tokenize import tokenize
from s2s.jobs.train import train


def s2s(*arguments: object, cwd: Path, stdin: bytes = b"") -> Result:
    with contextlib.chdir(cwd):
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


def multilingual(folder: Path, **changes: object) -> Config:
    """English to German, as the small corpus has it, and English to a language of capitals, a third as much."""
    config = small_config(folder, max_steps=300, validate_every=150, checkpoint_every=150, **changes)
    sources = (folder / "train.en").read_text("utf-8").split("\n")[:20]
    (folder / "caps.en").write_text("\n".join(sources) + "\n", "utf-8")
    (folder / "caps.xx").write_text("\n".join(line.upper() for line in sources) + "\n", "utf-8")
    specs = [f"en>de {folder}/train.{{en,de}}", f"en>xx {folder}/caps.{{en,xx}}"]
    data = config.data.model_copy(update={"train": specs, "valid": specs, "test": specs, "target": "mul"})
    return config.model_copy(update={"data": data})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("multilingual")
    train(multilingual(folder, temperature=5.0))
    return folder


def test_a_direction_stands_before_a_spec(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("fr\ten\nchien\tdog\n \tcat\n", "utf-8")
    [dog, cat] = open_pairs(f"en>fr {tmp_path}/x.tsv", source="a", target="b")
    assert (dog.src, dog.tgt) == ("<2fr> dog", "chien")
    assert (cat.src, cat.tgt) == ("<2fr> cat", " ")
    [dog, cat] = open_pairs(f"fr>en {tmp_path}/x.tsv", source="a", target="b")
    assert (dog.src, dog.tgt) == ("<2en> chien", "dog")
    assert cat.src == " "  # an empty side stays one
    tagged, plain = (open_pairs(f"{prefix}{tmp_path}/x.tsv", source="fr", target="en") for prefix in ("fr>en ", ""))
    assert tagged.fingerprint != plain.fingerprint


def test_tags_are_no_text_to_be_checked(tmp_path: Path) -> None:
    for side, line in (("en", "a red cat"), ("de", "eine rote Katze")):
        (tmp_path / f"x.{side}").write_text("".join(f"{line} {number}\n" for number in range(30)), "utf-8")
    result = s2s("check", "en>de x.{en,de}", "--json", "--clean", "clean.{en,de}", cwd=tmp_path)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["train"]["faults"].get("numbers", {"pairs": 0})["pairs"] == 0
    assert (tmp_path / "clean.en").read_bytes() == (tmp_path / "x.en").read_bytes()
    result = s2s("check", "en>de x.{en,de}", "de>en x.{de,en}", "--clean", "both.{en,de}", cwd=tmp_path)
    assert result.exit_code == 2
    (tmp_path / "test.en").write_text("a red cat 7\na blue dog\n", "utf-8")
    (tmp_path / "test.de").write_text("noch eine rote Katze 70\nein blauer Hund\n", "utf-8")
    for turned, n in (("de>en x.{de,en}", 1), ("en>de x.{en,de}", 1)):
        result = s2s("check", turned, "en>xx x.{en,de}", "--test", "en>de test.{en,de}", "--json", cwd=tmp_path)
        found = json.loads(result.stdout)
        assert found[f"train {turned[:5]}"]["faults"]["in test"]["pairs"] == n
        assert found["train en>xx"]["faults"]["in test"]["pairs"] == 1
    assert in_direction("de>en x.{de,en}", "en", "de") == "de>en x.{de,en}"


def test_rare_words_are_those_of_one_language(folder: Path) -> None:
    german = _words_of_run(folder / "run", "de")
    assert german is not None
    assert {"Katze", "CAT"} & set(german) == {"Katze"}


def test_the_model_says_it_in_the_language_it_is_told(folder: Path) -> None:
    result = [s2s("translate", "--model", "run", "--to", to, "red cat", "blue dog", cwd=folder) for to in ("de", "xx")]
    german, capitals = (one.stdout.split("\n")[:-1] for one in result)
    assert set(" ".join(german).split()) <= set(WORDS.values())
    assert set(" ".join(capitals).split()) <= {word.upper() for word in WORDS}
    assert german != capitals


def test_a_language_has_to_be_given_and_known(folder: Path) -> None:
    nothing = s2s("translate", "--model", "run", "red cat", cwd=folder)
    assert (nothing.exit_code, nothing.stdout) == (2, "")
    assert "de, xx" in nothing.stderr
    unknown = s2s("translate", "--model", "run", "--to", "fr", "red cat", cwd=folder)
    assert unknown.exit_code == 2
    assert "translates into de, xx" in unknown.stderr
    # lines may say it themselves, and then each its own
    mixed = s2s("translate", "--model", "run", cwd=folder, stdin=b"<2de> red cat\n\n<2xx> red cat\n")
    german, empty, capitals = mixed.stdout.split("\n")[:-1]
    assert (empty, capitals.isupper(), german.isupper()) == ("", True, False)
    blank = "\u200b\n".encode()  # which is no text either
    assert s2s("translate", "--model", "run", "--to", "de", cwd=folder, stdin=blank).stdout == "\n"
    assert s2s("translate", "--model", "run", cwd=folder, stdin=b"<2xx> red cat\n" + blank).stdout.endswith("\n\n")
    refused = s2s("evaluate", "run", "--src", "caps.en", "--ref", "caps.xx", cwd=folder)
    assert (refused.exit_code, "nothing says into which" in refused.stderr) == (2, True)


def test_each_language_is_scored_by_itself(folder: Path) -> None:
    for name, n in (("test-de", 60), ("test-xx", 20)):
        scores = json.loads((folder / "run" / "eval" / name / "scores.json").read_text("utf-8"))
        assert scores["n_sentences"] == n
    result = s2s("evaluate", "run", "--split", "valid", "--json", cwd=folder)
    assert [one["test_set"] for one in json.loads(result.stdout)["evaluations"]] == ["valid-de", "valid-xx"]
    files = s2s("evaluate", "run", "--src", "caps.en", "--ref", "caps.xx", "--to", "xx", "--json", cwd=folder)
    [one], [_, same] = (json.loads(done.stdout)["evaluations"] for done in (files, result))
    assert [score["value"] for score in one["scores"]] == [score["value"] for score in same["scores"]]
    with pytest.raises(UsageError, match="is into de, xx"):
        evaluate(folder / "run", split="valid")
    [german, capitals] = (evaluate(folder / "run", split="valid", to=to) for to in ("de", "xx"))
    said = [[score["value"] for score in one["scores"]] for one in json.loads(result.stdout)["evaluations"]]
    again = evaluate(folder / "run", src=folder / "caps.en", ref=folder / "caps.xx", to="xx")
    assert [score.value for score in again.scores] == said[1]
    tagged = folder / "told.en"
    lines = (folder / "caps.en").read_text("utf-8").split("\n")[:-1]
    tagged.write_text("".join(f"<2xx> {line}\n" for line in lines), "utf-8")
    with pytest.raises(UsageError, match="is into xx"):
        evaluate(folder / "run", src=tagged, ref=folder / "caps.xx", to="de")
    assert [[score.value for score in one.scores] for one in (german, capitals)] == said
    card = (folder / "run" / "README.md").read_text("utf-8")
    assert "test-de, 60 sentences" in card
    assert "test-xx, 20 sentences" in card
    assert '--model run --to de "your text"' in card


def test_one_language_of_a_split_can_be_scored(folder: Path) -> None:
    command = ["evaluate", "run", "--split", "valid", "--json"]
    both = json.loads(s2s(*command, cwd=folder).stdout)["evaluations"]
    [one] = json.loads(s2s(*command, "--to", "xx", cwd=folder).stdout)["evaluations"]
    assert (one["test_set"], one["scores"]) == ("valid-xx", both[1]["scores"])
    assert s2s(*command, "--to", "fr", cwd=folder).exit_code == 2
    # and a file of translations be compared with it
    theirs = (folder / "run/eval/valid-xx/hypotheses.txt").read_text("utf-8")
    (folder / "theirs.txt").write_text(theirs, "utf-8")
    result = s2s("evaluate", "run", "theirs.txt", "--split", "valid", "--to", "xx", "--json", cwd=folder)
    assert result.exit_code == 0, result.stderr
    assert [found["scores"] for found in json.loads(result.stdout)["evaluations"]] == [one["scores"]] * 2


def test_a_model_from_several_languages_takes_text_of_each(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "run" / "model", tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    content = {**json.loads(path.read_bytes()), "source": "mul", "sources": ["en", "fr"]}
    path.write_text(json.dumps(content), "utf-8")
    check_languages(tmp_path, TestSet("x", [], [], "de", "fr"))
    with pytest.raises(UsageError, match="from en, fr to de, xx; x is from cs"):
        check_languages(tmp_path, TestSet("x", [], [], "de", "cs"))
    assert _source_of("wmt14/full", ["xx", "fr"], "en") == "fr"
    document = SimpleNamespace(languages=[("fr-CA", "de")])
    assert _language_notes(document, ["en", "fr"], "de") == []  # type: ignore[arg-type]
    [note] = _language_notes(document, ["en", "cs"], "de")  # type: ignore[arg-type]
    assert "the model translates from en, cs" in note


def test_text_with_tags_is_scored_by_language_too(folder: Path) -> None:
    for end, tag in (("en", "<2xx> "), ("xx", "")):
        lines = (folder / f"caps.{end}").read_text("utf-8").split("\n")[:-1]
        (folder / f"tagged.{end}").write_text("".join(f"{tag}{line}\n" for line in lines), "utf-8")
    tagged = s2s("evaluate", "run", "--src", "tagged.en", "--ref", "tagged.xx", "--json", cwd=folder)
    told = s2s("evaluate", "run", "--src", "caps.en", "--ref", "caps.xx", "--to", "xx", "--json", cwd=folder)
    [one], [same] = (json.loads(done.stdout)["evaluations"] for done in (tagged, told))
    assert one["test_set"] == same["test_set"].replace("caps", "tagged") == "tagged.en-xx"
    assert [score["value"] for score in one["scores"]] == [score["value"] for score in same["scores"]]
    # the language that is asked for is that of some lines, or of none
    for end, text in (("en", "<2de> red cat\n"), ("xx", "rot Katze\n")):
        with (folder / f"tagged.{end}").open("a", encoding="utf-8") as file:
            file.write(text)
    command = ["evaluate", "run", "--src", "tagged.en", "--ref", "tagged.xx", "--json", "--to"]
    [part] = json.loads(s2s(*command, "xx", cwd=folder).stdout)["evaluations"]
    assert (part["test_set"], part["scores"]) == (one["test_set"], one["scores"])
    (folder / "tagged.en").write_text("<2xx> a\n", "utf-8")
    (folder / "tagged.xx").write_text("A\n", "utf-8")
    refused = s2s(*command, "de", cwd=folder)
    assert (refused.exit_code, "nothing that is to be de" in refused.stderr) == (2, True)


def test_names_of_the_config_do_not_forbid_a_direction(folder: Path, tmp_path: Path) -> None:
    """`data.source` and `data.target` of a model of several directions are any two names."""
    shutil.copytree(folder / "run" / "model", tmp_path / "model")
    for end, text in (("de", "rot Katze\n"), ("en", "red cat\n")):
        (tmp_path / f"x.{end}").write_text(text, "utf-8")
    [found] = other_text([tmp_path / "x.de"], [tmp_path / "x.en"], [], [tmp_path], "xx")
    assert found.sources == ["rot Katze"]
    with pytest.raises(UsageError, match="translates into de, xx, and nothing says into which"):
        other_text([], [], ["wmt14/full"], [tmp_path], None)


def test_what_is_said_not_to_be_scored_is_not_scored(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = "eins zwei drei rot blau"
    text = TestSet("valid", ["<2de> one two three red blue", ""], [said, "Hund"])
    score = mean_bleu([said, ""], text, load_bundle(folder / "run"))
    assert "1 sentences are not scored" in capsys.readouterr().err
    assert score.value == pytest.approx(100.0)


def test_scores_of_pairs_are_of_a_language(folder: Path) -> None:
    command = ["score", "caps.en", "caps.xx", "--model", "run"]
    untold = s2s(*command, cwd=folder)
    assert (untold.exit_code, untold.stdout, "says into which" in untold.stderr) == (2, "", True)
    right, wrong = (s2s(*command, "--to", to, cwd=folder).stdout.split("\n")[:-1] for to in ("xx", "de"))
    assert sum(map(float, right)) > sum(map(float, wrong))


def test_parts_of_a_line_are_joined_as_its_language_is_written(folder: Path) -> None:
    translator = Translator.load(folder / "run")
    assert [translator.joint(to) for to in ("de", "xx", "zh", "ja_JP")] == [" ", " ", "", ""]
    line = " ".join(["red cat."] * 30)
    translator.bundle = replace(translator.bundle, target="zh", targets=("de", "xx"))
    [german] = translator.translate_lines([line], translator.options(beam=1), to="de")
    assert german.n_parts > 1
    assert set(german.text.split()) <= set(WORDS.values())


def test_every_part_of_a_long_line_says_the_language(folder: Path) -> None:
    translator = Translator.load(folder / "run")
    line = " ".join(["red cat."] * 30)
    [translation] = translator.translate_lines([line], translator.options(beam=1), to="xx")
    assert translation.n_parts > 1
    assert translation.source == line
    assert translation.text.isupper()
    parts = translator._parts(f"<2xx> {line}")
    vocabulary = translator.bundle.vocabularies.src
    whole, tag = vocabulary.encode(f"<2xx> {line}"), vocabulary.encode("<2xx>")
    assert all(part[: len(tag)] == tag for part in parts)
    assert tag + [id_ for part in parts for id_ in part[len(tag) :]] == whole


def test_alignments_count_the_words_of_the_line(folder: Path) -> None:
    translator = Translator.load(folder / "run")
    line = "red cat blue dog"
    [with_to] = translator.translate_lines([line], translator.options(beam=1), align=True, to="xx")
    [typed] = translator.translate_lines([f"<2xx> {line}"], translator.options(beam=1), align=True)
    assert with_to.text == typed.text
    assert with_to.alignment == [(src - 1, tgt) for src, tgt in typed.alignment or [] if src]
    long = " ".join(["red cat."] * 30)
    [in_parts] = translator.translate_lines([long], translator.options(beam=1), align=True, to="xx")
    assert in_parts.alignment
    assert max(src for src, _ in in_parts.alignment) < 60


def test_a_model_of_one_direction_takes_its_own_language(tmp_path: Path) -> None:
    train(small_config(tmp_path))
    translator = Translator.load(tmp_path / "run")
    assert translator.translate(["red cat"], to="de") == translator.translate(["red cat"])
    with pytest.raises(UsageError, match="it knows de alone"):
        translator.translate(["red cat"], to="fr")


@pytest.mark.parametrize("temperature", [1.0, 2.0, 100.0])
def test_small_corpora_come_more_often_as_temperature_says(tmp_path: Path, temperature: float) -> None:
    split = tokenize(multilingual(tmp_path)).train
    assert split.corpus_starts == [0, 60]
    sizes = np.array([60, len(split) - 60])
    shares = sizes ** (1 / temperature) / (sizes ** (1 / temperature)).sum()
    drawn = np.zeros(2)
    seen = set()
    for epoch in range(30):
        plan = plan_balanced_epoch(split, batch_tokens=64, seed=1, epoch=epoch, temperature=temperature)
        pairs = np.concatenate(list(plan))
        again = plan_balanced_epoch(split, batch_tokens=64, seed=1, epoch=epoch, temperature=temperature)
        assert np.array_equal(pairs, np.concatenate(list(again)))
        drawn += [(pairs < 60).sum(), (pairs >= 60).sum()]
        seen |= set(pairs.tolist())
    assert drawn.sum() / 30 == pytest.approx(len(split), rel=0.03)
    assert drawn / drawn.sum() == pytest.approx(shares, abs=0.02)
    assert seen == set(range(len(split)))


def test_a_config_with_directions_is_written_and_read(tmp_path: Path) -> None:
    config = multilingual(tmp_path)
    (tmp_path / "c.yaml").write_text(dump_config(config), "utf-8")
    assert load_config(tmp_path / "c.yaml") == config
    result = s2s("check", *config.data.train, "--examples", "0", cwd=tmp_path)
    assert result.exit_code == 0, result.stdout


@pytest.mark.parametrize("command", [("adapt", "new.tsv"), ("backtranslate", "mono.xx")])
def test_what_knows_one_direction_alone_refuses_several(folder: Path, command: tuple[str, str]) -> None:
    result = s2s(command[0], "run", command[1], cwd=folder)
    assert result.exit_code == 2
    assert "several" in result.stderr


def test_flags_of_a_translation_into_a_told_language(folder: Path) -> None:
    (folder / "numbers.en").write_text("one cat 3\n" * 9 + "red dog sees 12\n", "utf-8")
    (folder / "numbers.xx").write_text("ONE CAT 3\n" * 9 + "RED DOG SEES 12\n", "utf-8")
    (folder / "wrong.txt").write_text("ONE CAT 3\n" * 9 + "RED DOG SEES 77\n", "utf-8")
    text = ["--src", "numbers.en", "--ref", "numbers.xx", "--to", "xx"]
    result = s2s("evaluate", "run", "wrong.txt", *text, "--json", cwd=folder)
    assert result.exit_code == 0, result.stderr
    [judgement] = json.loads(result.stdout)["judgements"]
    assert judgement["systems"][1]["flags"]["numbers"] == 1  # the 2 of a tag <2xx> is no number
    assert not any(segment["source"].startswith("<2") for segment in judgement["segments"])
    # a tag is added for a model that needs it, and only for that
    assert s2s("evaluate", "run", *text[:4], cwd=folder).exit_code == 2


def test_a_student_of_several_languages_is_compared_in_each(folder: Path) -> None:
    result = s2s("distill", "run", "--to", "new/student", "--set", "train.max_steps=4", cwd=folder)
    assert result.exit_code == 0, result.stderr
    compared = [line for line in result.stdout.split("\n") if line.startswith("teacher → student")]
    assert [line.split(":")[0].split(", ")[1] for line in compared] == [
        "test-de (60 sentences)",
        "test-xx (20 sentences)",
    ]
    assert result.stdout.count("student, greedy: BLEU") == 2
    config = load_config(folder / "new/student/config.yaml")
    data = folder / "new/student/data"
    assert [Path(spec).name for spec in config.data.train[:2]] == ["distilled-1.{en,de}", "distilled-2.{en,xx}"]
    assert [spec[:6] for spec in config.data.train] == ["en>de ", "en>xx "] * 2
    sources = (data / "distilled-2.en").read_text("utf-8").split("\n")[:-1]
    assert sources
    assert not any("<2" in line for line in sources)
    made = Translator.load(folder / "run").translate(sources, to="xx")
    assert (data / "distilled-2.xx").read_text("utf-8").split("\n")[:-1] == made
