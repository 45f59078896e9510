"""`s2s train` as a whole: what it leaves, and that it comes back exactly where it was."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from small_corpus import small_config

from s2s.config.load import load_config
from s2s.config.schema import Config
from s2s.decoding.bundle import load_bundle
from s2s.decoding.translator import Translator
from s2s.errors import ConfigError, DataError, InputMissingError, Interrupted, UsageError
from s2s.jobs import finish
from s2s.jobs import train as job
from s2s.jobs.dry_run import dry_run
from s2s.jobs.finish import LENGTH_PENALTIES, climb
from s2s.jobs.test_sets import split_of_run
from s2s.jobs.train import train
from s2s.run_folder import RunFolder, sealed
from s2s.scoring.metrics import Score, bleu
from s2s.training.signals import StopSignal
from s2s.training.trainer import Trainer


def weights(run: RunFolder, step: int) -> dict[str, torch.Tensor]:
    folder = run.checkpoint_folder(step)
    files = {"model": load_file(folder / "model.safetensors"), "optimizer": load_file(folder / "optimizer.safetensors")}
    # copies: what load_file returns is the file itself, mapped into memory
    return {f"{kind}/{name}": tensor.clone() for kind, tensors in files.items() for name, tensor in tensors.items()}


def metrics(run: RunFolder) -> list[dict[str, Any]]:
    timing = ("seconds", "tokens_per_second")
    return [{key: value for key, value in record.items() if key not in timing} for record in run.read_metrics()]


def assert_same_training(one: RunFolder, other: RunFolder, step: int) -> None:
    torch.testing.assert_close(weights(one, step), weights(other, step), rtol=0, atol=0)
    assert metrics(one) == metrics(other)
    models = [load_file(run.model / "model.safetensors") for run in (one, other)]
    torch.testing.assert_close(models[0], models[1], rtol=0, atol=0)
    facts = [json.loads((run.model / "config.json").read_bytes())["facts"] for run in (one, other)]
    assert facts[0] == facts[1]


def moved(config: Config, name: str) -> tuple[Config, RunFolder]:
    run = Path(config.run).parent / name
    return config.model_copy(update={"run": str(run)}), RunFolder(run)


def test_a_training_leaves_a_complete_run_folder(tiny_config: Config) -> None:
    result = train(tiny_config, given=b"# mine\n")
    run = RunFolder(Path(tiny_config.run))
    assert (result.n_steps, result.ended, result.tests) == (12, "12 updates are done", [])
    assert run.config.read_bytes() == b"# mine\n"
    assert load_config(run.resolved) == tiny_config
    best = json.loads((run.checkpoint_folder(12) / "state.json").read_bytes())["best_step"]
    assert [step for step, _ in run.checkpoints_by_step()] == sorted({4, 8, 12, best})
    valid = [record for record in run.read_metrics() if record["kind"] == "valid"]
    assert [record["step"] for record in valid] == [5, 10, 12]
    assert all("tok:13a" in record["signature"] for record in valid)
    assert json.loads(run.run_json.read_bytes())["starts"][0]["seed"] == 1
    assert json.loads(run.data_json.read_bytes())["splits"]["train"]["kept"] == 60
    assert sorted(path.name for path in run.samples.iterdir()) == [f"step-{n:06d}.txt" for n in (5, 10, 12)]
    deliverable = {path.name for path in run.model.iterdir()}
    assert deliverable == {"model.safetensors", "config.json", "generation.json", "shared.model", "manifest.json"}
    for path in run.model.iterdir():
        assert str(run.path).encode() not in path.read_bytes(), f"{path.name} holds a path of this machine"


def test_a_training_that_goes_on_in_another_precision_says_so(
    tiny_config: Config, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def go(gains_by_bf16: bool, max_steps: int) -> str:
        monkeypatch.setattr("s2s.runtime.cpu_gains_by_bf16", lambda: gains_by_bf16)
        options = tiny_config.train.model_copy(update={"max_steps": max_steps})
        train(tiny_config.model_copy(update={"train": options}), device="cpu")
        return capsys.readouterr().err

    told = "so far, and goes on in"
    assert told not in go(False, 4)
    file = RunFolder(Path(tiny_config.run)).run_json
    noted = json.loads(file.read_bytes())
    del noted["starts"][0]["precision"]  # as written before it was noted
    file.write_text(json.dumps(noted), "utf-8")
    assert told not in go(False, 5)
    assert "in float32 so far, and goes on in bfloat16" in go(True, 6)
    starts = json.loads(RunFolder(Path(tiny_config.run)).run_json.read_bytes())["starts"]
    assert [start.get("precision") for start in starts] == [None, "float32", "bfloat16"]


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_what_a_pre_norm_sub_layer_adds_begins_as_zero(tmp_path: Path, norm: str) -> None:
    config = small_config(tmp_path, max_steps=1, learning_rate=1e-9)
    config = config.model_copy(update={"model": config.model.model_copy(update={"norm": norm})})
    train(config)
    first = weights(RunFolder(Path(config.run)), 1)
    largest = [
        float(tensor.abs().max())
        for name, tensor in first.items()
        if name.startswith("model/") and name.endswith(("output.weight", "outer.weight"))
    ]
    assert len(largest) == 5  # of three attentions and two feed-forward networks
    assert max(largest) < 1e-8 if norm == "pre" else min(largest) > 0.1


@pytest.mark.parametrize("stop_after", [1, 4, 6, 11])
def test_stopped_and_resumed_equals_never_stopped(
    tiny_config: Config, stop_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_config, whole = moved(tiny_config, "whole")
    train(whole_config)
    parts_config, parts = moved(tiny_config, "parts")
    begin = Trainer._begin

    def begin_then_signal(self: Trainer, *arguments: Any) -> None:
        begin(self, *arguments)
        if self.state.step == stop_after:
            signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_begin", begin_then_signal)
        with pytest.raises(Interrupted) as caught:
            train(parts_config)
    assert caught.value.exit_code == 143
    assert parts.checkpoints_by_step()[-1][0] == stop_after
    train(parts_config)
    assert_same_training(whole, parts, 12)


def test_killed_without_warning_and_resumed_equals_never_stopped(
    tiny_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_config, whole = moved(tiny_config, "whole")
    train(whole_config)
    killed_config, killed = moved(tiny_config, "killed")

    class Killed(BaseException):
        """Stands for SIGKILL: nothing of ours runs after it but what the system undoes."""

    begin = Trainer._begin

    def begin_or_die(self: Trainer, *arguments: Any) -> None:
        if self.state.step == 7:
            raise Killed
        begin(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_begin", begin_or_die)
        with pytest.raises(Killed):
            train(killed_config)
    assert killed.checkpoints_by_step()[-1][0] in (4, 5)  # 5 if its validation was the best so far
    train(killed_config)
    assert_same_training(whole, killed, 12)


def test_two_trainings_with_one_seed_are_the_same_and_with_another_are_not(tiny_config: Config) -> None:
    runs = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        config, run = moved(tiny_config, name)
        train(config.model_copy(update={"train": config.train.model_copy(update={"seed": seed})}))
        runs.append(weights(run, 12)["model/tgt_embedding.weight"])
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_a_finished_run_stays_as_it_is_and_can_be_trained_longer(tiny_config: Config) -> None:
    run = RunFolder(Path(tiny_config.run))
    train(tiny_config)
    before = weights(run, 12)
    assert train(tiny_config).n_steps == 12
    torch.testing.assert_close(weights(run, 12), before, rtol=0, atol=0)
    longer = tiny_config.model_copy(update={"train": tiny_config.train.model_copy(update={"max_steps": 15})})
    assert train(longer).n_steps == 15


def test_another_config_is_refused_with_the_difference_and_overwrite_starts_anew(tiny_config: Config) -> None:
    train(tiny_config)
    other = tiny_config.model_copy(update={"train": tiny_config.train.model_copy(update={"learning_rate": 0.02})})
    with pytest.raises(ConfigError, match=r"train\.learning_rate: 0\.01 there, 0\.02 now"):
        train(other)
    bystander = Path(tiny_config.run) / "notes.txt"
    bystander.write_text("mine")
    assert train(other, overwrite=True).n_steps == 12
    assert bystander.read_text() == "mine"


def test_text_that_has_moved_is_the_same_text(tiny_config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    train(tiny_config)
    elsewhere = Path(tiny_config.run).parent / "elsewhere"
    elsewhere.mkdir()
    for side in ("en", "de"):
        (elsewhere.parent / f"train.{side}").rename(elsewhere / f"train.{side}")
    spec = f"{elsewhere}/train.{{en,de}}"
    data = tiny_config.data.model_copy(update={"train": spec, "valid": spec})
    longer = tiny_config.train.model_copy(update={"max_steps": 14})
    assert train(tiny_config.model_copy(update={"data": data, "train": longer})).n_steps == 14
    assert "note: data.train changed from" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["train", "valid"])
def test_other_text_is_refused_before_anything_is_written(tiny_config: Config, name: str) -> None:
    train(tiny_config)
    run = RunFolder(Path(tiny_config.run))
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file() and path.name != ".lock"}
    other = run.path.parent / "other"
    other.mkdir()
    for side in ("en", "de"):
        text = (run.path.parent / f"train.{side}").read_text("utf-8").split("\n")
        (other / f"train.{side}").write_text("\n".join([*text[1:40], ""]), "utf-8")
    data = tiny_config.data.model_copy(update={name: f"{other}/train.{{en,de}}"})
    changed = tiny_config.model_copy(update={"data": data})
    for job_of in (train, dry_run):
        with pytest.raises(ConfigError, match=f"data.{name} is another text"):
            job_of(changed)
    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_checkpoint_for_which_there_is_no_memory_is_not_called_damaged(
    tiny_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tiny_config)
    steps = RunFolder(Path(tiny_config.run)).checkpoints_by_step()

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    with monkeypatch.context() as patched:
        patched.setattr("s2s.training.checkpoint.load_weights", full)
        with pytest.raises(torch.OutOfMemoryError):
            train(tiny_config)
    monkeypatch.setattr("s2s.model.weights.load_weights", full)
    with pytest.raises(torch.OutOfMemoryError):
        load_bundle(Path(tiny_config.run))
    assert RunFolder(Path(tiny_config.run)).checkpoints_by_step() == steps


def test_changed_data_is_refused(tiny_config: Config) -> None:
    train(tiny_config)
    source = Path(tiny_config.run).parent / "train.en"
    source.write_text(source.read_text().replace("cat", "dog"))
    with pytest.raises(ConfigError, match="training data or the vocabulary"):
        train(tiny_config)


def test_a_damaged_checkpoint_is_said_and_the_one_before_is_used(
    tiny_config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tiny_config)
    run = RunFolder(Path(tiny_config.run))
    before = weights(run, 12)
    damaged = run.checkpoint_folder(12) / "model.safetensors"
    content = bytearray(damaged.read_bytes())
    content[-3] ^= 1
    damaged.write_bytes(content)
    train(tiny_config)
    said = capsys.readouterr().err
    assert "model.safetensors is damaged" in said
    assert re.search("resuming after update (8|10) ", said)
    torch.testing.assert_close(weights(run, 12), before, rtol=0, atol=0)
    for _, folder in run.checkpoints_by_step():
        (folder / "state.json").write_text("{}")
    with pytest.raises(DataError, match="no checkpoint is whole"):
        train(tiny_config)


def test_checkpoints_are_pruned_but_the_best_and_the_last_stay(tmp_path: Path) -> None:
    config = small_config(tmp_path, max_steps=8, checkpoint_every=1, validate_every=1, keep_checkpoints=2, average=2)
    train(config)
    run = RunFolder(Path(config.run))
    steps = [step for step, _ in run.checkpoints_by_step()]
    best = json.loads((run.checkpoint_folder(8) / "state.json").read_bytes())["best_step"]
    assert steps == sorted({7, 8, best})


def test_the_deliverable_is_the_best_by_validation(tiny_config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    validation = job.Session._validation
    seen: list[float] = []

    def spy(self: job.Session) -> Any:
        nll, score, hypotheses = validation(self)
        seen.append(score.value)
        return nll, score, hypotheses

    monkeypatch.setattr(job.Session, "_validation", spy)
    greedy = tiny_config.decode.model_copy(update={"beam": 1})
    result = train(tiny_config.model_copy(update={"decode": greedy}))
    facts = json.loads((RunFolder(Path(tiny_config.run)).model / "config.json").read_bytes())["facts"]
    assert result.valid_bleu == max(seen)
    assert facts["chosen"] == result.chosen


def test_the_model_is_no_worse_than_during_training(tmp_path: Path) -> None:
    config = small_config(tmp_path, max_steps=120, validate_every=40, checkpoint_every=40, batch_tokens=256)
    result = train(config)
    assert result.valid_bleu > 50


@pytest.mark.parametrize(("optimizer", "precision"), [("adam", "fp32"), ("muon", "fp32"), ("muon", "bf16")])
def test_resume_is_exact_with_several_workers_and_every_kind_of_dropout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: str, precision: str
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    config = small_config(
        tmp_path,
        max_steps=6,
        batch_tokens=1024,
        checkpoint_every=3,
        validate_every=3,
        optimizer=optimizer,
        precision=precision,
        subword_dropout=0.2,
        word_dropout=0.2,
        dropout_start=0.02,
    )
    whole_config, whole = moved(config, "whole")
    train(whole_config)
    parts_config, parts = moved(config, "parts")
    with monkeypatch.context() as patched:
        stop_after(patched, 4)
        with pytest.raises(Interrupted):
            train(parts_config)
    assert [step for step, _ in parts.checkpoints_by_step()][-1] == 4
    train(parts_config)
    torch.testing.assert_close(weights(whole, 6), weights(parts, 6), rtol=0, atol=0)


def stop_after(patched: pytest.MonkeyPatch, step: int) -> None:
    """Let a signal come after an update."""
    updated = job.Session.updated

    def update_then_signal(self: job.Session, report: Any) -> None:
        updated(self, report)
        if report.step == step:
            signal.raise_signal(signal.SIGTERM)

    patched.setattr(job.Session, "updated", update_then_signal)


def test_overwrite_with_data_that_is_not_there_loses_nothing(tiny_config: Config) -> None:
    train(tiny_config)
    model = RunFolder(Path(tiny_config.run)).model / "model.safetensors"
    before = model.read_bytes()
    gone = tiny_config.model_copy(update={"data": tiny_config.data.model_copy(update={"train": "gone.tsv"})})
    with pytest.raises(InputMissingError):
        train(gone, overwrite=True)
    with pytest.raises(UsageError):
        train(tiny_config, overwrite=True, device="cuda:99")
    assert model.read_bytes() == before


def test_a_changed_validation_text_is_refused(tmp_path: Path) -> None:
    config = small_config(tmp_path)
    for language in ("en", "de"):
        text = (tmp_path / f"train.{language}").read_text("utf-8")
        (tmp_path / f"valid.{language}").write_text("".join(text.splitlines(keepends=True)[:20]), "utf-8")
    spec = str(tmp_path / "valid.{en,de}")
    config = config.model_copy(update={"data": config.data.model_copy(update={"valid": spec})})
    train(config)
    (tmp_path / "valid.en").write_text((tmp_path / "valid.en").read_text("utf-8").replace("cat", "dog"), "utf-8")
    with pytest.raises(ConfigError, match="validation data changed"):
        train(config)


def test_an_ignored_signal_stays_ignored_and_another_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with StopSignal() as stop:
            signal.raise_signal(signal.SIGHUP)
            stop.check()
            signal.raise_signal(signal.SIGTERM)
            with pytest.raises(Interrupted):
                stop.check()
        assert "a second signal" in capsys.readouterr().err
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_stopped_while_it_validates_the_checkpoint_is_that_of_never_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config(tmp_path, validate_every=4, checkpoint_every=4)
    whole_config, whole = moved(config, "whole")
    train(whole_config)
    parts_config, parts = moved(config, "parts")
    validate = job.Session._validation

    def signal_then_validate(self: job.Session) -> Any:
        if self.trainer.state.step == 4:
            signal.raise_signal(signal.SIGTERM)
        return validate(self)

    with monkeypatch.context() as patched:
        patched.setattr(job.Session, "_validation", signal_then_validate)
        with pytest.raises(Interrupted):
            train(parts_config)
    train(parts_config)
    states = []
    for run in (whole, parts):
        state = json.loads((run.checkpoint_folder(4) / "state.json").read_bytes())
        states.append({key: value for key, value in state.items() if key != "seconds"})
    assert states[0] == states[1]
    assert_same_training(whole, parts, 12)


def test_stopped_before_the_first_update_leaves_no_checkpoint(
    tiny_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of random weights would count among those that are averaged."""
    whole_config, whole = moved(tiny_config, "whole")
    train(whole_config)
    parts_config, parts = moved(tiny_config, "parts")
    with monkeypatch.context() as patched:
        patched.setattr(job.Session, "_describe", lambda *_: signal.raise_signal(signal.SIGINT))
        with pytest.raises(Interrupted):
            train(parts_config)
    assert parts.checkpoints_by_step() == []
    train(parts_config)
    assert_same_training(whole, parts, 12)


def test_the_length_penalty_is_the_best_on_the_validation_text_and_the_card_tells_what_is_so(tmp_path: Path) -> None:
    config = small_config(tmp_path, max_steps=80)
    data = config.data.model_copy(update={"test": config.data.valid})
    result = job.train(config.model_copy(update={"data": data}))
    translator = Translator.load(result.run)
    test_set = split_of_run(result.run, "valid")
    scores = {
        alpha: bleu(translator.translate(test_set.sources, length_penalty=alpha), test_set.references, "de").value
        for alpha in LENGTH_PENALTIES
    }
    assert len(set(scores.values())) > 1
    chosen = translator.bundle.decode.length_penalty
    assert chosen is not None
    seen = climb(LENGTH_PENALTIES, 1.0, lambda alpha: scores[alpha])
    assert scores[chosen] == max(seen.values())
    card = (result.run / "README.md").read_text("utf-8")
    for score in result.tests[0].scores:
        assert f"| {score.name} | {score.value:.2f} | `{score.signature}` |" in card
    assert f"{result.n_steps:,} updates" in card
    given = config.decode.model_copy(update={"length_penalty": 0.3})
    other = config.model_copy(update={"run": str(tmp_path / "other"), "decode": given})
    assert Translator.load(job.train(other).run).bundle.decode.length_penalty == 0.3


def test_a_readme_of_somebody_else_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = small_config(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "README.md").write_text("mine", "utf-8")
    job.train(config)
    assert (tmp_path / "run" / "README.md").read_text("utf-8") == "mine"
    assert "it stays" in capsys.readouterr().err
    (tmp_path / "run" / "README.md").unlink()
    job.train(config)
    assert "Translation from en to de" in (tmp_path / "run" / "README.md").read_text("utf-8")
    with pytest.raises(InputMissingError):  # an old card does not stay beside a training that starts anew
        job.train(
            config.model_copy(update={"train": config.train.model_copy(update={"start_from": "x"})}), overwrite=True
        )
    assert (tmp_path / "run" / "README.md").exists()
    job.clear(RunFolder(tmp_path / "run"))
    assert not (tmp_path / "run" / "README.md").exists()


def test_the_model_is_what_translates_best_with_the_search_that_it_gets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[float, float]] = []
    search = finish.best_penalty

    def noted(*arguments: Any) -> tuple[float, float]:
        said.append(search(*arguments))
        return said[-1]

    monkeypatch.setattr(finish, "best_penalty", noted)
    monkeypatch.setattr(job.Session, "_validation", lambda _: (1.0, Score("BLEU", next(greedy), ""), ["x"] * 60))
    greedy = iter([10.0, 20.0, 30.0, 20.0, 10.0, 5.0, *[1.0] * 3])  # so that the best checkpoint is not the last
    recipe = {"max_steps": 60, "batch_tokens": 256, "validate_every": 10, "checkpoint_every": 10, "learning_rate": 0.03}
    config = small_config(tmp_path, **recipe)
    result = job.train(config)
    assert len(said) == 3
    assert len({bleu for _, bleu in said}) > 1
    model = Translator.load(result.run)
    text = split_of_run(result.run, "valid")
    found = bleu(model.translate(text.sources), text.references, "de").value
    assert (model.bundle.decode.length_penalty, pytest.approx(found)) == max(said, key=lambda one: one[1])
    # greedy search would have it otherwise
    scores = iter([(1.0, 50.0), (1.4, 40.0), (1.8, 45.0)])
    monkeypatch.setattr(finish, "best_penalty", lambda *_: next(scores))
    greedy = iter([10.0, 30.0, 20.0])
    again = job.train(config)
    assert (again.chosen, again.valid_bleu) == ("last", 10.0)
    assert Translator.load(again.run).bundle.decode.length_penalty == 1.0


def test_by_nll_the_search_is_looked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = small_config(tmp_path, max_steps=40, validate_every=10, checkpoint_every=10, best_by="nll")
    validation = job.Session._validation
    seen: list[float] = []

    def spy(self: job.Session) -> Any:
        found = validation(self)
        seen.append(found[0])
        return found

    monkeypatch.setattr(job.Session, "_validation", spy)
    scores = iter([(1.4, 40.0)])
    monkeypatch.setattr(finish, "best_penalty", lambda *_: next(scores))
    result = job.train(config)
    assert Translator.load(result.run).bundle.decode.length_penalty == 1.4
    at_end = seen[4:]  # after as many validations
    names = ["last", "average"] if len(at_end) == 2 else ["last", "best", "average"]
    assert result.chosen == names[at_end.index(min(at_end))]


def test_what_a_network_file_system_leaves_of_a_checkpoint_is_none(
    tiny_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NFS keeps a file that somebody has open, in the folder where it was."""
    train(tiny_config)
    run = RunFolder(Path(tiny_config.run))
    monkeypatch.setattr(sealed, "remove", lambda _: None)
    job.clear(run)
    assert run.checkpoints_by_step() == []
