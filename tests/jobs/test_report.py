"""`s2s report`, `s2s runs`, `s2s watch` on a real run folder."""

import contextlib
import fcntl
import json
import shutil
import threading
from pathlib import Path

import pytest
from small_corpus import small_config
from typer.testing import CliRunner, Result

from s2s.cli import app
from s2s.jobs.report import sparkline, watch
from s2s.jobs.train import Session, train
from s2s.run_folder import RunFolder


def s2s(*arguments: object, cwd: Path) -> Result:
    with contextlib.chdir(cwd):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    config = small_config(folder, max_steps=100, validate_every=25, checkpoint_every=50)
    train(config.model_copy(update={"run": str(folder / "runs/small")}))
    (folder / "runs" / "no run").mkdir()
    (folder / "runs" / "file").write_text("x", "utf-8")
    return folder


def test_a_report_is_made_from_the_folder_alone(home: Path) -> None:
    result = s2s("report", "small", "--plots", "plots", cwd=home)
    assert result.exit_code == 0, result.stderr
    page = (home / "runs/small/report.html").read_text("utf-8")
    metrics = RunFolder(home / "runs/small").read_metrics()
    for one in metrics:
        if one["kind"] == "valid":
            assert f"<title>BLEU at {one['step']:,}: {one['bleu']:.4f}</title>" in page
            assert f"<title>chrF2 at {one['step']:,}: {one['chrf']:.4f}</title>" in page
    names = {path.name for path in (home / "plots").iterdir()}
    assert {"loss.svg", "scores.svg", "learning_rate.svg", "lengths_train.svg"} <= names
    assert "The learning curve" in page
    assert s2s("report", "nobody", cwd=home).exit_code == 66


def test_runs_are_listed_with_their_state(home: Path) -> None:
    [row] = json.loads(s2s("runs", "--json", cwd=home).stdout)
    assert (row["run"], row["state"], row["update"], row["pairs"]) == ("runs/small", "done", 100, 60)
    metrics = RunFolder(home / "runs/small").read_metrics()
    assert row["valid_bleu"] == max(one["bleu"] for one in metrics if one["kind"] == "valid")
    run = RunFolder(home / "runs/small")
    with run.lock():
        assert run.is_busy()
        header, line = s2s("runs", cwd=home).stdout.split("\n")[:2]
        assert header.split()[:2] == ["run", "state"]
        assert line.split()[:2] == ["runs/small", "training"]
    assert not run.is_busy()
    (run.path / "resolved.yaml").rename(home / "aside")
    (run.path / "resolved.yaml").write_text("run: [", "utf-8")
    broken = s2s("runs", cwd=home)
    (home / "aside").rename(run.path / "resolved.yaml")
    assert (broken.exit_code, "left out: runs/small" in broken.stderr) == (0, True)
    empty = s2s("runs", "nowhere", cwd=home)
    assert (empty.exit_code, "no runs in nowhere" in empty.stderr) == (0, True)


def test_a_test_bleu_is_of_the_test_split_alone(home: Path) -> None:
    folder = home / "runs/small/eval/test-ood.en"
    folder.mkdir()
    score = {"name": "BLEU", "value": 50.0, "signature": "x"}
    content = {"test_set": "test-ood.en", "n_sentences": 1, "scores": [score], "beam": 5}
    (folder / "scores.json").write_text(json.dumps(content), "utf-8")
    [row] = json.loads(s2s("runs", "--json", cwd=home).stdout)
    assert row["test_bleu"] is None
    (folder / "scores.json").write_text(json.dumps({**content, "test_set": "test"}), "utf-8")
    [row] = json.loads(s2s("runs", "--json", cwd=home).stdout)
    assert row["test_bleu"] == 50.0
    shutil.rmtree(folder)


def test_a_glance_at_a_training(home: Path) -> None:
    text = s2s("watch", "small", cwd=home).stdout
    for words in ("runs/small: done", "update 100", "best BLEU", "hyp "):
        assert words in text
    assert max(len(line) for line in text.split("\n")) <= 80
    with contextlib.chdir(home):
        assert len(list(watch(Path("runs/small"), 80))) == 1  # nobody trains: once is enough
    assert s2s("watch", "nobody", cwd=home).exit_code == 66


def test_a_training_that_was_stopped_says_from_where_it_goes_on(home: Path) -> None:
    note = home / "runs/small/run.json"
    before = note.read_bytes()
    note.write_text(json.dumps({"starts": json.loads(before)["starts"]}), "utf-8")
    text = s2s("watch", "small", cwd=home).stdout
    note.write_bytes(before)
    assert text.startswith("runs/small: stopped after update 100: s2s train runs/small goes on\n")


def test_a_run_without_its_store_is_shown_too(home: Path) -> None:
    (home / "runs/small/store").rename(home / "store")
    result = s2s("report", "small", "-o", "other.html", cwd=home)
    (home / "store").rename(home / "runs/small/store")
    assert (result.exit_code, result.stdout) == (0, "other.html\n")
    assert "Pieces a sentence" not in (home / "other.html").read_text("utf-8")


def test_a_training_that_had_ended_and_was_stopped_on_its_way_on_is_not_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config(tmp_path)
    config = config.model_copy(
        update={"run": "runs/x", "data": config.data.model_copy(update={"test": config.data.valid})}
    )
    monkeypatch.chdir(tmp_path)
    train(config)
    [row] = json.loads(s2s("runs", "--json", cwd=tmp_path).stdout)
    assert (row["state"], row["test_bleu"] is None) == ("done", False)
    more = config.model_copy(update={"train": config.train.model_copy(update={"max_steps": 60})})

    class StoppedError(Exception):
        pass

    def stop(session: Session) -> None:
        if session.trainer.state.step == 50:
            raise StoppedError

    with monkeypatch.context() as patched:
        patched.setattr(Session, "check_stop", stop)
        with pytest.raises(StoppedError):
            train(more)
    found = s2s("runs", "--json", cwd=tmp_path)
    [row] = json.loads(found.stdout)
    assert (row["state"], row["test_bleu"]) == ("stopped", None)  # which was of another model
    assert "is of update 12, the model now of update" in found.stderr
    assert not Path("runs/x/README.md").exists()
    Path("runs/x/README.md").write_text("mine", "utf-8")
    assert json.loads(s2s("runs", "--json", cwd=tmp_path).stdout)[0]["state"] == "stopped"
    train(more)
    [row] = json.loads(s2s("runs", "--json", cwd=tmp_path).stdout)
    assert (row["state"], row["test_bleu"] is None) == ("done", False)


def test_sparklines() -> None:
    assert sparkline([1.0, 1.0], 5) == "▁▁"
    assert sparkline([0.0, 7.0], 5) == "▁█"
    assert sparkline([float(number) for number in range(80)], 8) == "▁▂▃▄▅▆▇█"


def test_a_folder_that_is_not_as_it_should_be_is_shown_as_far_as_can_be(home: Path) -> None:
    run = home / "runs/small"
    broken = home / "broken"
    shutil.copytree(run, broken / "run")
    run = broken / "run"
    with (run / "metrics.jsonl").open("a", encoding="utf-8") as file:
        for record in ({"step": 101, "kind": "valid"}, {"step": 102, "kind": "train", "nll": None}, {"kind": "x"}, {}):
            file.write(json.dumps(record) + "\n")
    (run / "samples/step-last.txt").write_text("x", "utf-8")
    (run / "samples/step-1000000.txt").write_bytes(b"src \xff\x1b[31m\nref b\nhyp c\n")
    (run / "eval/other").mkdir(parents=True)
    (run / "eval/other/scores.json").write_text("[]", "utf-8")
    result = s2s("report", run, cwd=broken)
    assert result.exit_code == 0, result.stderr
    assert "4 of " in result.stderr
    assert "is no evaluation" in result.stderr
    glimpse = s2s("watch", run, cwd=broken)
    assert (glimpse.exit_code, "\x1b" in glimpse.stdout, "hyp c" in glimpse.stdout) == (0, False, True)
    assert s2s("runs", broken, cwd=broken).stdout.count("\n") == 2
    (broken / "file").write_text("x", "utf-8")
    assert s2s("report", run, "--plots", broken / "file", cwd=broken).exit_code == 73


def test_looking_does_not_lock_others_out(home: Path) -> None:
    run = RunFolder(home / "runs/small")
    with run.lock_file.open("rb") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)  # as somebody who looks
        assert not run.is_busy()  # two may look
        threading.Timer(0.05, lambda: fcntl.flock(file.fileno(), fcntl.LOCK_UN)).start()
        with run.lock():
            assert run.is_busy()
