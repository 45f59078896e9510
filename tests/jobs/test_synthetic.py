"""Training text that models make: `s2s distill` and `s2s backtranslate`."""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_corpus import WORDS, small_config
from typer.testing import CliRunner, Result

from s2s.cli import app
from s2s.config.load import dump_config, load_config
from s2s.config.recipes import updates_for
from s2s.decoding.bundle import load_bundle
from s2s.decoding.sampling import Sampling
from s2s.decoding.translator import Translator
from s2s.errors import UsageError
from s2s.jobs import backtranslate as backtranslate_module
from s2s.jobs import monolingual
from s2s.jobs import synthetic as synthetic_module
from s2s.jobs.compare import config_of
from s2s.jobs.distill import _student
from s2s.jobs.synthetic import translate_lines_to
from s2s.jobs.tokenize import open_split
from s2s.jobs.train import train
from s2s.run_folder import RunFolder


def s2s(*arguments: object, cwd: Path) -> Result:
    with contextlib.chdir(cwd):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").split("\n")[:-1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus, and a model that has learnt it well enough to say something."""
    folder = tmp_path_factory.mktemp("runs")
    train(small_config(folder, max_steps=60, validate_every=30, checkpoint_every=30))
    return folder


def test_translations_stand_beside_their_lines_and_nothing_empty(folder: Path, tmp_path: Path) -> None:
    translator = Translator.load(folder / "run")
    given, made = tmp_path / "x" / "a.en", tmp_path / "x" / "a.de"
    text = ["one two", "", "  ", "red cat"]
    n = translate_lines_to(translator, text, given, made, n_lines=4, mark="<BT> ")
    assert lines(given) == ["one two", "red cat"]
    assert n == 2
    assert lines(made) == [f"<BT> {translator.translate([line])[0]}" for line in ("one two", "red cat")]
    made.write_text("kept\n", "utf-8")
    assert translate_lines_to(translator, text, given, made, n_lines=4) == 1  # it is there: not made again
    assert lines(made) == ["kept"]


def test_a_translation_that_was_cut_off_goes_on(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    translator = Translator.load(folder / "run")
    given, made = tmp_path / "a.en", tmp_path / "a.de"
    text = [*lines(folder / "train.en")[:7], "", "one two"]
    whole = [tmp_path / "whole.en", tmp_path / "whole.de"]
    how = Sampling()
    translate_lines_to(translator, text, whole[0], whole[1], n_lines=9, sampling=how)
    monkeypatch.setattr(synthetic_module, "_AT_ONCE", 2)
    usual, asked = translator.translate_lines, list[str]()

    def once(chunk: list[str], *arguments: Any, **named: Any) -> Any:
        if len(asked) == 4:
            raise KeyboardInterrupt
        asked.extend(chunk)
        return usual(chunk, *arguments, **named)

    monkeypatch.setattr(translator, "translate_lines", once)
    with pytest.raises(KeyboardInterrupt):
        translate_lines_to(translator, text, given, made, n_lines=9, sampling=how)
    assert not given.exists()
    notes = tmp_path / "a.de.part.jsonl"
    notes.write_bytes(notes.read_bytes() + b'["half a li')  # as a killed process leaves it
    asked.append("so that it goes on")
    translate_lines_to(translator, text, given, made, n_lines=9, sampling=how)
    assert asked[5:] == text[4:]
    assert [given.read_bytes(), made.read_bytes()] == [path.read_bytes() for path in whole]
    assert not notes.exists()


def test_a_sample_is_drawn_once_and_not_the_likeliest_of_several(folder: Path, tmp_path: Path) -> None:
    translator = Translator.load(folder / "run")
    text = lines(folder / "train.en")
    translate_lines_to(translator, text, tmp_path / "a.en", tmp_path / "a.de", n_lines=len(text), sampling=Sampling())
    drawn = translator.translate_lines(text, translator.options(beam=1), sampling=Sampling())
    assert lines(tmp_path / "a.de") == [one.text for one in drawn if one.text and not one.n_cut]


def test_a_student_sees_each_part_of_the_text_as_its_teacher_saw_it(folder: Path, tmp_path: Path) -> None:
    for side in ("en", "de"):
        text = lines(folder / f"train.{side}")
        for name, part in (("large", text[5:]), ("small", text[:5])):
            (tmp_path / f"{name}.{side}").write_text("\n".join(part) + "\n", "utf-8")
    config = small_config(tmp_path, temperature=5.0, max_steps=60, validate_every=60)
    specs = [f"{tmp_path}/{name}.{{en,de}}" for name in ("large", "small")]
    data = config.data.model_copy(update={"train": specs, "test": f"{tmp_path}/test.{{en,de}}"})
    train(config.model_copy(update={"data": config.data.model_copy(update={"train": specs})}))
    resolved = RunFolder(tmp_path / "run").resolved
    before = resolved.read_bytes()
    resolved.write_text(dump_config(config.model_copy(update={"data": data})), "utf-8")
    command = ["distill", "run", "--to", "new/student", "--set", "train.max_steps=2"]
    missing = s2s(*command, cwd=tmp_path)
    assert (missing.exit_code, "test.en" in missing.stderr) == (66, True)
    assert not (tmp_path / "new/student/data").exists()  # said before hours of translation
    resolved.write_bytes(before)
    result = s2s(*command, cwd=tmp_path)
    assert result.exit_code == 0, result.stderr
    made = load_config(tmp_path / "new/student/config.yaml").data.train
    assert made[2:] == specs
    for spec, name in zip(made, ("large", "small"), strict=False):
        known = set(lines(tmp_path / f"{name}.en"))
        sources = lines(tmp_path / spec.replace("{en,de}", "en"))
        assert sources
        assert set(sources) <= known


def test_a_student_learns_from_its_teacher(folder: Path) -> None:
    command = ["distill", "run", "--to", "new/student", "--set", "train.max_steps=6", "--set", "model.n_heads=2"]
    result = s2s(*command, cwd=folder)
    assert result.exit_code == 0, result.stderr
    assert "teacher → student, valid (60 sentences): BLEU " in result.stdout
    assert "times as fast" in result.stdout
    student = folder / "new/student"
    config = load_config(student / "config.yaml")
    assert (config.model.n_decoder_layers, config.model.d_model) == (1, 16)
    assert len(config.data.train) == 2
    sources = lines(student / "data/distilled.en")
    assert sources == [line for line in lines(folder / "train.en") if line in set(sources)]
    teacher = Translator.load(folder / "run")
    assert lines(student / "data/distilled.de") == teacher.translate(sources)
    assert s2s("distill", "nobody", cwd=folder).exit_code == 66
    assert s2s("distill", "run", "--to", "other", "--set", "data.train=x.tsv", cwd=folder).exit_code == 2
    assert s2s("distill", "run", "--to", folder / "run", cwd=folder).exit_code == 73  # the teacher itself


def test_text_in_the_target_language_is_translated_back(folder: Path) -> None:
    words = list(WORDS.values())
    text = [f"{one} {other}" for one in words for other in words]
    (folder / "mono.de").write_text("\n".join([*text, "", text[0]]) + "\n", "utf-8")
    options = ["--set", "train.max_steps=60", "--set", "train.label_smoothing=0.2"]
    result = s2s("backtranslate", "run", "mono.de", "--to", "new/bt", *options, cwd=folder)
    assert result.exit_code == 0, result.stderr
    for name in ("new/bt", "new/bt-reverse"):  # both are trained as it says
        assert load_config(folder / name / "config.yaml").train.label_smoothing == 0.2
    assert result.stdout.startswith("the parent's, valid (60 sentences): BLEU ")
    made, given = (lines(folder / f"new/bt/data/backtranslated.{side}") for side in ("en", "de"))
    assert set(given) <= set(text)
    assert len(given) == len(set(given)) > 0
    assert all(line.startswith("<BT> ") for line in made)
    reverse = load_bundle(folder / "new/bt-reverse")
    assert (reverse.source, reverse.target) == ("de", "en")
    assert lines(folder / "new/bt-reverse/data/train.de") == lines(folder / "train.de")
    vocabulary = load_bundle(folder / "new/bt").vocabularies.src
    assert "<BT>" in vocabulary.pieces("<BT> one")
    # with a model of the wrong direction it is refused
    wrong = s2s("backtranslate", "run", "mono.de", "--to", "new/x", "--reverse", "run", cwd=folder)
    assert wrong.exit_code == 2
    assert "no model from de into en, but from en into de" in wrong.stderr


def test_text_of_the_source_language_is_not_taken_for_text_to_say(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.de").write_text("one red cat\ntwo blue dog\n" * 9, "utf-8")
    (tmp_path / "script.de").write_text("один красный кот\n", "utf-8")
    for name in ("wrong.de", "script.de"):
        result = s2s("backtranslate", "run", tmp_path / name, "--to", tmp_path / "x", "--reverse", "run", cwd=folder)
        assert result.exit_code == 65, result.stderr
        assert "seems to be en, or in another script than de" in result.stderr


def test_what_is_held_out_is_not_learnt_from_and_a_stop_changes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = lines(folder / "train.de")  # which is the validation text too
    (folder / "more.de").write_text("\n".join([*held, "Katze Hund rot blau eins zwei"]) + "\n", "utf-8")
    command = ["backtranslate", "run", "more.de", "--to", folder / "bt2", "--set", "train.max_steps=60"]

    def killed(*_: object, **__: object) -> None:
        raise SystemExit(137)

    for stage in ("_reverse_of", "translate_lines_to", "train"):
        with monkeypatch.context() as patched:
            patched.setattr(backtranslate_module, stage, killed)
            assert s2s(*command, cwd=folder).exit_code == 137
    result = s2s(*command, cwd=folder)
    assert result.exit_code == 0, result.stderr
    given = lines(folder / "bt2/data/backtranslated.de")
    assert any(len(line.split()) <= 3 for line in held)
    assert given == ["Katze Hund rot blau eins zwei"]
    assert not list((folder / "bt2" / "data").glob(".*"))
    (folder / "more.de").write_text("etwas ganz anderes\n", "utf-8")
    assert s2s(*command, cwd=folder).exit_code == 73


def test_a_model_of_the_other_direction_does_not_learn_to_say_what_a_machine_said(folder: Path, tmp_path: Path) -> None:
    was = config_of(folder / "run")
    for side, line in (("en", "<BT> clumsy words"), ("de", "schöne Worte")):
        (tmp_path / f"bt.{side}").write_text(f"{line}\n", "utf-8")
    specs = [str(was.data.train), f"{tmp_path}/bt.{{en,de}}"]
    vocab = was.vocab.model_copy(update={"user_symbols": ["<x>", "<BT>"]})
    twice = was.model_copy(update={"data": was.data.model_copy(update={"train": specs}), "vocab": vocab})
    turned = backtranslate_module._turned(twice, tmp_path / "turned")
    assert lines(tmp_path / "turned/data/train.en") == lines(folder / "train.en")
    assert turned.vocab.user_symbols == ["<x>"]


def test_lines_are_read_as_a_stream_once_each_and_what_is_held_out_is_not(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(monolingual, "_AT_ONCE", 7)  # across blocks
    held = lines(folder / "train.de")
    first = [f"Zeile {number} hier" for number in range(40)]
    (tmp_path / "a.de").write_text("\n".join(["", *first, held[3].upper() + "!"]) + "\n", "utf-8")
    (tmp_path / "b.de").write_text("\n".join([first[5], "  ", "Zeile 5, hier", held[9]]) + "\n", "utf-8")
    was = config_of(folder / "run")
    text = monolingual.Monolingual([tmp_path / "a.de", tmp_path / "b.de"], [open_split(was, was.data.valid)])
    assert [*text] == [*text] == [*first, "Zeile 5, hier"]
    assert len(text) == 41
    assert "41 lines to learn from; left out 1 that came before and 2 that are in a" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [("memory.tmx", 2, "s2s adapt learns from pairs"), ("numbered.txt", 65, "rows of a table")],
)
def test_pairs_and_rows_are_no_lines_of_text(folder: Path, tmp_path: Path, name: str, code: int, said: str) -> None:
    (tmp_path / name).write_text("".join(f"{number}\trot Katze {number}\n" for number in range(9)), "utf-8")
    result = s2s("backtranslate", "run", tmp_path / name, "--to", tmp_path / "x", "--reverse", "run", cwd=folder)
    assert result.exit_code == code, result.stderr
    assert said in result.stderr


def test_the_test_set_that_is_given_and_those_of_models_before_are_not_learnt_from(
    folder: Path, tmp_path: Path
) -> None:
    was = config_of(folder / "run")
    for name, line in (("new", "ganz neue Worte"), ("old", "ganz alte Worte")):
        for side in ("en", "de"):
            (tmp_path / f"{name}.{side}").write_text(f"{line} {side}\n", "utf-8")
    draft = was.model_copy(update={"data": was.data.model_copy(update={"test": f"{tmp_path}/new.{{en,de}}"})})
    before = was.model_copy(update={"data": was.data.model_copy(update={"test": f"{tmp_path}/old.{{en,de}}"})})
    gone = was.model_copy(update={"data": was.data.model_copy(update={"test": f"{tmp_path}/gone.{{en,de}}"})})
    held_out = backtranslate_module._held_out_of([draft, was, before, gone])
    assert len(held_out) == 3  # the validation text once, though all have it
    (tmp_path / "mono.de").write_text("ganz neue Worte de\nganz alte Worte de\nnoch andere\n", "utf-8")
    assert [*monolingual.Monolingual([tmp_path / "mono.de"], held_out)] == ["noch andere"]
    # and another test set is another command
    command = ["backtranslate", "run", "mono.de", "--to", tmp_path / "y", "--set", "train.max_steps=60"]
    (folder / "mono.de").write_text("rot Katze eins\nblau Hund zwei\n", "utf-8")
    assert s2s(*command, cwd=folder).exit_code == 0
    with_test = s2s(*command, "--set", f"data.test={tmp_path}/new.{{en,de}}", cwd=folder)
    assert with_test.exit_code == 73
    assert "held out" in with_test.stderr


def test_a_model_with_tags_translates_back_if_it_knows_the_direction(folder: Path) -> None:
    bundle = load_bundle(folder / "run")
    several = replace(bundle, targets=("en", "fr"), sources=("de",))
    where = folder / "run"
    assert backtranslate_module._tag_for(several, "de", "en", where) == "en"
    assert backtranslate_module._tag_for(bundle, "en", "de", where) is None
    with pytest.raises(UsageError, match="no model from de into nl, but from de into en, fr"):
        backtranslate_module._tag_for(several, "de", "nl", where)
    with pytest.raises(UsageError, match="no model from de into en"):
        backtranslate_module._tag_for(bundle, "de", "en", where)


def test_what_the_command_puts_together_is_not_to_be_set(folder: Path) -> None:
    for command in (["backtranslate", "run", "mono.de"], ["adapt", "run", "train.{en,de}"], ["distill", "run"]):
        result = s2s(*command, "--to", "never", "--set", "data.train=x.{en,de}", cwd=folder)
        assert result.exit_code == 2, result.stderr
        assert "data.train is not to be set here" in result.stderr
    assert not (folder / "runs/never").exists()


def test_new_lines_with_new_characters_get_a_vocabulary_that_holds_them(folder: Path, tmp_path: Path) -> None:
    was = config_of(folder / "run")
    run = RunFolder(tmp_path / "x")
    new = ["".join(map(chr, range(0x4E00, 0x4E00 + 3_000)))]
    assert (
        backtranslate_module._config(was, was.train, run, 1, new).vocab.size == was.vocab.size + 3_000 + 1
    )  # and the mark
    large = was.model_copy(update={"vocab": was.vocab.model_copy(update={"size": 8_000})})
    assert backtranslate_module._config(large, large.train, run, 1, new).vocab.size == 8_000


def test_translations_that_are_all_cut_off_are_nothing_to_learn_from(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "more.de").write_text("Katze Hund rot blau eins zwei\n", "utf-8")
    monkeypatch.setattr(backtranslate_module, "translate_lines_to", lambda *_, **__: 0)
    command = ["backtranslate", "run", tmp_path / "more.de", "--to", tmp_path / "none"]
    result = s2s(*command, cwd=folder)
    assert result.exit_code == 66
    assert "no line could be translated" in result.stderr


def test_a_student_is_never_larger_than_its_teacher(folder: Path) -> None:
    was = config_of(folder / "run")
    shape = {"preset": "small", "d_model": 64, "dropout": 0.4}
    small = was.model_copy(update={"model": was.model.model_copy(update=shape)})
    student = _student(small, 60)
    assert (student.model.d_model, student.model.n_encoder_layers, student.model.n_decoder_layers) == (64, 1, 1)
    assert student.model.dropout == 0.1
    assert was.train.max_steps is not None
    assert student.train.max_steps == updates_for(60)  # the teacher had few
    long = was.model_copy(update={"train": was.train.model_copy(update={"max_steps": 2_000})})
    assert _student(long, 60).train.max_steps == 4_000  # there is twice the text
    timed = was.model_copy(update={"train": was.train.model_copy(update={"max_steps": None, "max_minutes": 5.0})})
    assert _student(timed, 60).train.max_steps is None
    wrong = s2s("distill", "run", "--to", "new/y", "--set", "model.d_modl=1", cwd=folder)
    assert wrong.exit_code == 78
    assert not (folder / "new/y").exists()
