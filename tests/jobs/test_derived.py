"""What models made from others inherit: held-out text, recipes, and the longest source that is known."""

import json
from pathlib import Path

import pytest
from small_corpus import small_config

from s2s.config.load import dump_config
from s2s.config.schema import Config
from s2s.decoding.bundle import load_bundle
from s2s.errors import CannotCreateError, ConfigError, DataError, InputMissingError, UsageError
from s2s.jobs import adapt as adapt_module
from s2s.jobs import backtranslate as backtranslate_module
from s2s.jobs.card import _name_of
from s2s.jobs.derived import Ancestors, changed, config_in, deriving, file_sums, pairs_of_recipe, recipe_of
from s2s.jobs.distill import _student
from s2s.jobs.split_text import SplitText, Wishes
from s2s.jobs.train import train
from s2s.run_folder import RunFolder

DATA = Path(__file__).parents[2] / "data"


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").split("\n")[:-1]


def as_run(folder: Path, config: Config, name: str, text: tuple[int, int], **train_options: object) -> Config:
    """A run folder with a config alone: trained on so many pairs of the bundled corpus, the last 40 held out."""
    run = RunFolder(folder / name)
    run.create()
    for part, (first, last) in {"train": (text[0], text[1] - 40), "valid": (text[1] - 40, text[1])}.items():
        for side in ("en", "de"):
            some = lines(DATA / f"train.{side}")[first:last]
            (run.path / f"{part}.{side}").write_text("\n".join(some) + "\n", "utf-8")
    data = {part: f"{run.path}/{part}.{{en,de}}" for part in ("train", "valid")}
    config = config.model_copy(
        update={
            "run": str(run.path),
            "data": config.data.model_copy(update=data),
            "train": config.train.model_copy(update=train_options),
        }
    )
    run.resolved.write_text(dump_config(config), "utf-8")
    return config


@pytest.fixture
def family(tmp_path: Path) -> list[Config]:
    """A model, and one that began with it."""
    config = small_config(tmp_path)
    first = as_run(tmp_path, config, "first", (0, 400))
    start = str(tmp_path / "first")
    second = as_run(tmp_path, config, "second", (400, 600), start_from=start, learning_rate=0.003, max_steps=7)
    return [first, second]


def test_what_a_grandparent_was_trained_on_is_not_held_out_and_what_it_held_out_is_not_trained_on(
    family: list[Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for side in ("en", "de"):  # all that both know, and some more
        (tmp_path / f"new.{side}").write_text("\n".join(lines(DATA / f"train.{side}")[:900]) + "\n", "utf-8")
    for name in ("check_parent", "refuse_several_targets"):
        monkeypatch.setattr(adapt_module, name, lambda *_: None)
    monkeypatch.setattr(adapt_module, "bundle_sum", lambda _: "")
    monkeypatch.setattr(adapt_module, "text_of", lambda _: None)

    class SplitError(Exception):
        pass

    made: list[SplitText] = []
    split_text = adapt_module.split_text

    def split(*arguments: object) -> SplitText:
        made.append(split_text(*arguments))  # type: ignore[arg-type]
        raise SplitError

    monkeypatch.setattr(adapt_module, "split_text", split)
    wishes = Wishes([f"{tmp_path}/new.{{en,de}}"], [], [])
    with pytest.raises(SplitError):
        adapt_module.adapt(tmp_path / "second", tmp_path / "third", wishes)
    data = tmp_path / "third" / "data"
    held = {line for name in ("valid", "test") for line in lines(data / f"{name}.en")}
    known = {line for run in ("first", "second") for line in lines(tmp_path / run / "train.en")}
    assert len(held) >= 20
    assert not held & known
    for run in ("first", "second"):
        assert not set(lines(tmp_path / run / "valid.en")) & set(lines(data / "train.en"))
    (tmp_path / "first" / "train.en").unlink()
    assert list(Ancestors.of(family[1]).text()) == []
    assert "cannot be said" in capsys.readouterr().err


def test_the_recipe_is_that_of_the_first_model_and_not_guessed(family: list[Config], tmp_path: Path) -> None:
    first, second = family
    assert recipe_of(second) == first.train
    assert _student(second, 60).train.learning_rate == first.train.learning_rate
    in_run = second.train.model_copy(update={"start_from": str(tmp_path / "first" / "model")})
    assert recipe_of(second.model_copy(update={"train": in_run})) == first.train
    RunFolder(tmp_path / "first").resolved.unlink()
    with pytest.raises(InputMissingError, match="training from scratch"):
        recipe_of(second)
    assert recipe_of(second, ["train.learning_rate=0.01"]).start_from is None


def test_another_option_of_the_training_keeps_what_was_translated(tmp_path: Path) -> None:
    note = {"command": "distill", "teacher": "a", "set": ["x=1"]}
    with deriving(tmp_path / "run", note) as run:
        (run.data / "distilled.de.part.jsonl").write_text("hours of work", "utf-8")
    with deriving(tmp_path / "run", {**note, "set": ["x=2"]}) as run:
        assert (run.data / "distilled.de.part.jsonl").exists()
    assert json.loads((run.data / "made_from.json").read_bytes())["set"] == ["x=2"]
    with (
        pytest.raises(CannotCreateError, match="teacher: 'a' there, 'b' now"),
        deriving(tmp_path / "run", {**note, "set": ["x=2"], "teacher": "b"}),
    ):
        pass
    assert (run.data / "distilled.de.part.jsonl").read_text("utf-8") == "hours of work"
    (run.data / "distilled.de.part.jsonl").unlink()
    with deriving(tmp_path / "run", {**note, "teacher": "b"}) as run:  # nothing is lost by that
        pass
    assert json.loads((run.data / "made_from.json").read_bytes())["teacher"] == "b"


def test_text_is_known_by_its_content_and_order_and_not_by_its_name(tmp_path: Path) -> None:
    for name, content in (("a.de", "x\n"), ("b.de", "y\n"), ("moved.de", "x\n")):
        (tmp_path / name).write_text(content, "utf-8")
    a, b, moved = (tmp_path / name for name in ("a.de", "b.de", "moved.de"))
    assert file_sums([a, b]) == file_sums([moved, b]) != file_sums([b, a])


def test_a_run_that_was_copied_does_not_train_in_the_place_of_the_first(family: list[Config], tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    for name in ("second", "copy"):
        (tmp_path / name / "config.yaml").write_text(dump_config(family[1]), "utf-8")
    assert config_in(RunFolder(tmp_path / "second")) == family[1]
    with pytest.raises(CannotCreateError, match="moved or copied"):
        config_in(RunFolder(tmp_path / "copy"))


def test_a_recipe_is_for_the_text_of_the_model_that_was_trained_by_it(family: list[Config], tmp_path: Path) -> None:
    first, second = family
    n_first = len(lines(tmp_path / "first" / "train.en"))
    assert pairs_of_recipe(second) == pairs_of_recipe(first) == n_first
    long = first.model_copy(update={"train": first.train.model_copy(update={"max_steps": 10_000})})
    RunFolder(tmp_path / "first").resolved.write_text(dump_config(long), "utf-8")
    assert _student(second, 4 * n_first).train.max_steps == 40_000
    assert _student(long, n_first).train.max_steps == 20_000
    grown = backtranslate_module._config(second, recipe_of(second), RunFolder(tmp_path / "x"), 10)
    n_second = len(lines(tmp_path / "second" / "train.en"))
    assert grown.train.max_steps == round(10_000 * ((n_second + 10) / n_first) ** 0.5)


def test_notes_that_are_none_and_names_that_are_no_text(tmp_path: Path) -> None:
    with deriving(tmp_path / "run", {"text": {"caf\udce9.de": "sum"}}):
        pass
    with deriving(tmp_path / "run", {"text": {"caf\udce9.de": "sum"}}) as run:  # and is the same again
        note = run.data / "made_from.json"
    for content in ("", "[]", "[" * 100_000):
        note.write_text(content, "utf-8")
        with pytest.raises(DataError, match="made_from"), deriving(tmp_path / "run", {}):
            pass


def test_the_preset_of_a_student_is_a_size_and_no_name(tmp_path: Path) -> None:
    was = small_config(tmp_path)
    shape = {"preset": "base", "n_encoder_layers": 6, "n_decoder_layers": 6, "d_model": 512, "d_ff": 2048, "n_heads": 8}
    base = was.model_copy(update={"model": was.model.model_copy(update=shape)})
    assert _student(base, 60).model.d_model == 256
    tiny = _student(base, 60, ["model.preset=tiny"]).model
    assert (tiny.preset, tiny.d_model, tiny.d_ff, tiny.n_encoder_layers, tiny.n_decoder_layers) == (
        *("tiny", 128, 256, 4),
        1,
    )
    same = was.model_copy(update={"model": was.model.model_copy(update={**shape, "preset": "tiny", "d_model": 128})})
    assert _student(same, 60, ["model.preset=tiny"]).model.d_model == 128  # asked for, so not halved
    with pytest.raises(UsageError, match="there are tiny"):
        _student(base, 60, ["model.preset=tinny"])
    with pytest.raises(UsageError, match="d_model"):
        changed(base, ["model.preset=tiny"])


def test_a_model_that_goes_on_with_short_text_still_takes_long_lines_whole(tmp_path: Path) -> None:
    config = small_config(tmp_path)
    train(config)
    longest = load_bundle(tmp_path / "run").max_source_length
    for side, line in (("en", "red cat"), ("de", "Katze rot")):
        (tmp_path / f"short.{side}").write_text(f"{line}\n" * 60, "utf-8")
    data = config.data.model_copy(update={"train": f"{tmp_path}/short.{{en,de}}"})
    going_on = config.train.model_copy(update={"start_from": str(tmp_path / "run"), "max_steps": 4})
    child = config.model_copy(update={"run": str(tmp_path / "child"), "data": data, "train": going_on})
    train(child)
    assert load_bundle(tmp_path / "child").max_source_length == longest
    (tmp_path / "run").rename(tmp_path / "away")  # and without the parent
    train(child.model_copy(update={"train": going_on.model_copy(update={"max_steps": 6})}))
    assert load_bundle(tmp_path / "child").max_source_length == longest


@pytest.mark.parametrize(
    ("directions", "said"),
    [
        ({"train": "en>de ", "valid": ""}, r"data.valid: has no direction.*`en>de dev.tsv`"),
        ({"train": "", "valid": "en>de "}, "data.valid: is into de, and the training text is without a direction"),
        ({"train": "en>de ", "valid": "en>fr "}, "data.valid: is into fr, and the training text is into de"),
        ({"train": "en>de ", "valid": "en>de ", "test": ""}, "data.test: has no direction"),
    ],
)
def test_directions_of_all_splits_go_together_or_nothing_begins(
    tmp_path: Path, directions: dict[str, str], said: str
) -> None:
    config = small_config(tmp_path)
    specs = {name: f"{direction}{config.data.train}" for name, direction in directions.items()}
    with pytest.raises(ConfigError, match=f"(?s){said}"):
        train(config.model_copy(update={"data": config.data.model_copy(update=specs)}))


def test_a_language_that_the_parent_has_no_symbol_for_is_refused(tmp_path: Path) -> None:
    config = small_config(tmp_path)
    both = dict.fromkeys(("train", "valid"), f"en>de {config.data.train}")
    first = config.model_copy(update={"data": config.data.model_copy(update=both)})
    train(first)
    start = config.train.model_copy(update={"start_from": str(tmp_path / "run")})
    more = {"train": [both["train"], f"en>xx {config.data.train}"]}
    second = {"run": str(tmp_path / "child"), "data": first.data.model_copy(update=more), "train": start}
    with pytest.raises(ConfigError, match="no symbol <2xx>"):
        train(first.model_copy(update=second))
    train(first.model_copy(update={"run": str(tmp_path / "child"), "train": start}))


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (
            {"spec": "en>de /srv/me/my secret/x.{en,de}", "files": [{"path": "/srv/me/a b/x.en"}, {"path": "x.de"}]},
            "en>de x.en and x.de",
        ),
        ({"spec": "~/secret/x.tsv", "files": [{"path": "/srv/me/secret/x.tsv"}]}, "x.tsv"),
        (
            {"spec": "hf:/srv/me/d:train", "path": "/srv/me/d", "config": "a", "split": "train", "files": []},
            "d (a, train)",
        ),
        ({"spec": "hf:o/d:train", "dataset": "o/d", "config": "default", "split": "train"}, "o/d (default, train)"),
    ],
)
def test_a_card_says_no_folder(part: dict[str, object], name: str) -> None:
    assert _name_of(part) == name
