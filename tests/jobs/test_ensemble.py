"""`s2s ensemble`: several runs become one model, which every command takes."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from small_corpus import small_config, write_corpus
from typer.testing import CliRunner, Result

import s2s
from s2s.cli import app
from s2s.config.load import dump_config, load_config
from s2s.decoding.bundle import load_bundle, load_n_members
from s2s.decoding.one_file import Contents, read_one_file, write_one_file
from s2s.decoding.translator import Translator
from s2s.errors import CannotCreateError, ConfigError, DataError, InputMissingError, UsageError
from s2s.jobs import ensemble as job
from s2s.jobs.compare import say_if_unfinished
from s2s.jobs.distill import distill
from s2s.jobs.ensemble import ensemble
from s2s.jobs.evaluate import evaluate
from s2s.jobs.export import export
from s2s.jobs.resume import check_parent
from s2s.model import Ensemble
from s2s.model.weights import weights_of
from s2s.run_folder import RunFolder, newest_run
from s2s.scoring.metrics import bleu


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def member(folder: Path, name: str, **options: object) -> Path:
    """A run that knows its corpus in part: what it says differs from what another says."""
    config = small_config(folder, max_steps=80, batch_tokens=256, validate_every=40, checkpoint_every=40, **options)
    return s2s.train(config.model_copy(update={"run": str(folder / name)})).run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    return [member(folder, "one"), member(folder, "two", seed=2)]


@pytest.fixture(scope="module")
def both(runs: list[Path]) -> Path:
    found = call("ensemble", *runs, "--to", runs[0].with_name("both"))
    assert found.exit_code == 0, found.output
    assert "validation: BLEU" in found.stdout
    assert "one → all 2" in found.stdout or "two → all 2" in found.stdout
    return runs[0].with_name("both")


def test_it_holds_the_weights_of_all(runs: list[Path], both: Path) -> None:
    model = load_bundle(both).transformer
    assert isinstance(model, Ensemble)
    assert load_n_members(both) == 2
    assert load_n_members(runs[0]) == 0
    for number, run in enumerate(runs):
        for name, tensor in weights_of(load_bundle(run).transformer).items():
            assert torch.equal(tensor, weights_of(model)[f"members.{number}.{name}"])


def test_what_it_says_of_itself_is_so(runs: list[Path], both: Path, tmp_path: Path) -> None:
    result = ensemble(runs, tmp_path / "again")
    config = load_config(RunFolder(tmp_path / "again").resolved)
    assert config.run == str(tmp_path / "again")
    assert config.data.train == [load_config(RunFolder(runs[0]).resolved).data.train]  # the same text once
    text = [runs[0].parent / f"train.{side}" for side in ("en", "de")]
    sources, references = (path.read_text("utf-8").splitlines() for path in text)
    for path, score in zip([*runs, both], [*result.alone, result.together], strict=True):
        assert bleu(Translator.load(path).translate(sources), references, "de").value == pytest.approx(score.value)
    assert evaluate(both, split="valid").scores[0].value == pytest.approx(result.together.value)
    assert result.domains[0].comparison.after == pytest.approx(result.together.value)
    assert result.domains[0].comparison.before == pytest.approx(max(score.value for score in result.alone))
    again = ensemble(runs, tmp_path / "again")  # it is there: only scored
    assert again.text() == result.text()
    assert all(score.value > 5 for score in (*result.alone, result.together))  # else all this compares nothing


def test_all_commands_take_it(runs: list[Path], both: Path, tmp_path: Path) -> None:
    assert newest_run(both.parent) == both
    assert call("translate", "one two", "--model", both, "--alignments").stdout.count("|||") == 1
    text = runs[0].parent
    scored = call("score", text / "train.en", text / "train.de", "--model", both)
    assert scored.exit_code == 0, scored.output
    assert len(scored.stdout.splitlines()) == 60
    rows = {Path(row["run"]).name: row["state"] for row in json.loads(call("runs", both.parent, "--json").stdout)}
    assert (rows["one"], rows["both"]) == ("done", "ensemble")
    assert call("watch", both).stdout == f"{both}: ensemble\n"
    assert call("report", both).exit_code == 2
    seen = call("evaluate", both, "--src", text / "train.en", "--ref", text / "train.de")
    assert "60 of 60 sentences have their source in the training text" in " ".join(seen.stderr.split())
    made = call("distill", both, "--to", tmp_path / "student", "--set", "train.max_steps=20")
    assert made.exit_code == 0, made.output
    assert load_n_members(tmp_path / "student") == 0


def test_it_goes_into_one_file_and_into_no_format_of_one_model(both: Path, tmp_path: Path) -> None:
    file = export(both, "bundle", output=tmp_path / "both.s2s").path
    assert Translator.load(file).translate(["one two"]) == Translator.load(both).translate(["one two"])
    assert load_n_members(file) == 2
    for to in ("ctranslate2", "hf-marian", "onnx"):
        with pytest.raises(UsageError, match="ensemble of 2"):
            export(both, to, output=tmp_path / to)


def test_an_ensemble_of_ensembles_is_one_of_all_their_members(runs: list[Path], both: Path, tmp_path: Path) -> None:
    three = member(runs[0].parent, "three", seed=3)
    ensemble([both, three], tmp_path / "all")
    ensemble([*runs, three], tmp_path / "flat")
    assert load_n_members(tmp_path / "all") == 3
    assert "all 3" in ensemble([both, three], tmp_path / "all").text()
    ours, theirs = (weights_of(load_bundle(tmp_path / name).transformer) for name in ("all", "flat"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_what_does_not_fit_is_refused_and_nothing_is_made(runs: list[Path], tmp_path: Path) -> None:
    shutil.copytree(runs[0], tmp_path / "copy")
    for given, words in {
        (runs[0],): "two or more",
        (runs[0], runs[0]): "two or more",
        (*runs, tmp_path / "copy"): "same model",
    }.items():
        with pytest.raises(UsageError, match=words):
            ensemble(given, tmp_path / "new")
    (tmp_path / "corpus").mkdir()
    config = small_config(tmp_path / "corpus", max_steps=2, validate_every=2, checkpoint_every=2)
    config = config.model_copy(update={"vocab": config.vocab.model_copy(update={"size": 30})})
    with pytest.raises(UsageError, match="another vocabulary"):
        ensemble([runs[0], s2s.train(config).run], tmp_path / "new")
    with pytest.raises(InputMissingError, match="not a run folder"):
        ensemble([runs[0], runs[1] / "model"], tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_nothing_that_is_there_is_lost(runs: list[Path], both: Path, tmp_path: Path) -> None:
    config = load_config(RunFolder(runs[0]).resolved)
    before = {path: path.read_bytes() for run in (both, runs[1]) for path in run.rglob("*") if path.is_file()}
    for folder in (runs[1], runs[1] / "model", runs[1] / "model" / "x"):
        with pytest.raises(CannotCreateError):
            ensemble(runs, folder)
    for others in ([*runs[::-1], both], [both, runs[0]]):
        with pytest.raises((CannotCreateError, UsageError)):
            ensemble(others, both)
    with pytest.raises(ConfigError, match="ensemble of 2"):
        s2s.train(config.model_copy(update={"run": str(both)}))
    with pytest.raises(CannotCreateError, match="command"):
        distill(runs[0], both)
    after = {path: path.read_bytes() for run in (both, runs[1]) for path in run.rglob("*") if path.is_file()}
    assert {path for path in after if path.name != ".lock" and before.get(path) != after[path]} == set()
    assert before.keys() <= after.keys()
    (tmp_path / "bare" / "model").mkdir(parents=True)
    with pytest.raises(CannotCreateError, match="is there already"):
        ensemble(runs, tmp_path / "bare")


def test_more_seeds_are_trained_and_half_trained_ones_go_on(runs: list[Path], tmp_path: Path) -> None:
    first = tmp_path / "first"
    shutil.copytree(runs[0], first)
    second = RunFolder(Path(f"{first}-seed2"))
    config = load_config(RunFolder(first).resolved)
    seed = config.train.model_copy(update={"seed": 2})
    s2s.train(config.model_copy(update={"run": str(second.path), "train": seed}))
    last = second.checkpoints_by_step()[-1][1]
    shutil.rmtree(last)
    for _ in range(2):  # the second time all are there
        result = ensemble([first], tmp_path / "all", n_seeds=3)
        assert [path.name for path in result.members] == ["first", "first-seed2", "first-seed3"]
    assert load_n_members(tmp_path / "all") == 3
    assert last.is_dir()
    theirs = weights_of(load_bundle(runs[1]).transformer)  # which was trained in one go, with seed 2
    for name, tensor in weights_of(load_bundle(tmp_path / "first-seed2").transformer).items():
        assert torch.equal(tensor, theirs[name])


def test_other_text_than_the_first_was_trained_on_is_refused_before_anything_is_trained(
    runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = RunFolder(tmp_path / "first")
    shutil.copytree(runs[0], first.path)
    config = load_config(first.resolved)
    for side in ("en", "de"):
        text = (runs[0].parent / f"train.{side}").read_text("utf-8")
        (tmp_path / f"train.{side}").write_text(text, "utf-8")
    data = config.data.model_copy(update={"train": f"{tmp_path}/train.{{en,de}}"})
    first.resolved.write_text(dump_config(config.model_copy(update={"data": data})), "utf-8")

    class TrainedError(Exception):
        pass

    def trained(*_: object, **__: object) -> None:
        raise TrainedError

    monkeypatch.setattr(job, "train", trained)
    with pytest.raises(TrainedError):  # the same text elsewhere is the same text
        ensemble([first.path], tmp_path / "all", n_seeds=2)
    (tmp_path / "train.en").write_text(text + "one\n", "utf-8")
    (tmp_path / "train.de").write_text(text + "eins\n", "utf-8")
    with pytest.raises(ConfigError, match="changed"):
        ensemble([first.path], tmp_path / "all", n_seeds=2)


def test_the_length_penalty_is_chosen_unless_one_was_given(
    runs: list[Path], both: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "best_penalty", lambda *_: (2.2, 50.0))
    ensemble(runs, tmp_path / "new")
    assert load_bundle(tmp_path / "new").decode.length_penalty == 2.2
    # what is distilled of it chooses its own
    assert load_config(RunFolder(tmp_path / "new").resolved).decode.length_penalty is None
    given = tmp_path / "given"
    shutil.copytree(runs[0], given)
    text = RunFolder(given).resolved.read_text("utf-8")
    assert "length_penalty: null" in text
    RunFolder(given).resolved.write_text(text.replace("length_penalty: null", "length_penalty: 0.6"), "utf-8")
    ensemble([given, runs[1]], tmp_path / "as-given")
    assert load_bundle(tmp_path / "as-given").decode.length_penalty == 0.6


def test_models_of_other_shapes_and_limits_go_together(runs: list[Path], tmp_path: Path) -> None:
    config = small_config(runs[0].parent, max_steps=2, validate_every=2, checkpoint_every=2)
    shape = config.model.model_copy(update={"d_model": 16, "n_encoder_layers": 2})
    data = config.data.model_copy(update={"max_length": 4})
    other = s2s.train(config.model_copy(update={"run": str(tmp_path / "other"), "model": shape, "data": data})).run
    ensemble([runs[0], other], tmp_path / "new")
    bundle = load_bundle(tmp_path / "new")
    assert [shape.d_model for shape in bundle.members] == [32, 16]
    assert bundle.max_source_length == load_bundle(other).max_source_length < load_bundle(runs[0]).max_source_length


def test_the_text_of_all_is_what_is_distilled_and_keeps_its_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x").mkdir()
    specs = [write_corpus(tmp_path), write_corpus(tmp_path / "x", 40)]
    table = tmp_path / "t.tsv"
    table.write_text("a\tb\tc\none\teins\t1\n", "utf-8")
    config = small_config(tmp_path)

    def having(*train: str) -> s2s.config.schema.Config:
        return config.model_copy(update={"data": config.data.model_copy(update={"train": list(train)})})

    twice = having(specs[0], specs[1], specs[1])
    assert job._training_text([twice, having(specs[0]), having(specs[1])]) == [specs[0], specs[1], specs[1]]
    assert job._training_text([having(specs[0]), having(str(table), specs[1])]) == specs
    assert "cannot learn from this text" in capsys.readouterr().err
    gone = str(tmp_path / "gone.{en,de}")
    assert job._training_text([having(gone), having(gone)]) == [gone]  # no config is without text


def test_it_cannot_be_trained(both: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ensemble of 2"):
        check_parent(small_config(tmp_path, start_from=str(both)), RunFolder(tmp_path / "new"))
    trained = call("train", both)
    assert trained.exit_code == 78
    assert "s2s distill" in trained.output


@pytest.mark.parametrize("members", [[], [{}], "x", [1], {"a": 1}, {}, "", None, 1])
def test_a_damaged_description_is_said(members: object, both: Path, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole.s2s", tmp_path / "broken.s2s"
    export(both, "bundle", output=whole, check=False)
    contents = read_one_file(whole)
    write_one_file(Contents({**contents.config, "members": members}, *_others(contents)), broken)
    assert load_bundle(whole).members
    with pytest.raises(DataError):
        load_bundle(broken)


def test_more_models_than_there_are_weights_for_are_refused_before_they_are_made(both: Path, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole.s2s", tmp_path / "broken.s2s"
    export(both, "bundle", output=whole, check=False)
    contents = read_one_file(whole)
    small = {"preset": "tiny", "d_model": 2, "n_heads": 1, "d_ff": 1, "n_encoder_layers": 1, "n_decoder_layers": 1}
    write_one_file(Contents({**contents.config, "members": [small] * 100}, *_others(contents)), broken)
    with pytest.raises(DataError, match="more models than there are weights"):
        load_bundle(broken)


def _others(contents: Contents) -> tuple[dict[str, object], dict[str, bytes], dict[str, torch.Tensor]]:
    return contents.generation, contents.vocabulary, contents.weights


def test_a_model_counts_once_and_an_ensemble_has_no_other_seed(runs: list[Path], both: Path) -> None:
    with pytest.raises(UsageError, match=r"is the same model as .*both, or has it as a member"):
        ensemble([both, runs[0]], both.with_name("twice"))
    with pytest.raises(UsageError, match="of which there is no other seed"):
        ensemble([both], both.with_name("more"), n_seeds=3)
    assert not both.with_name("both-seed2").exists()


def test_scores_on_what_a_member_was_trained_on_are_said_to_be_too_good(
    runs: list[Path], both: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ensemble(runs, both)  # the small corpus is validated on its own training text
    said = capsys.readouterr().err
    assert f"note: {both} was trained on 60 sources of valid: its scores are too good by them" in said


def test_a_training_that_has_not_ended_is_told(runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    run = shutil.copytree(runs[0], tmp_path / "half")
    note = json.loads(RunFolder(run).run_json.read_bytes())
    say_if_unfinished(run)
    assert not capsys.readouterr().err
    del note["ended"]
    RunFolder(run).run_json.write_text(json.dumps(note), "utf-8")
    say_if_unfinished(run)
    assert f"the training of {run} has not ended; `s2s train {run}` goes on" in capsys.readouterr().err
