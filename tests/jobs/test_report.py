"""`s2s report`, `s2s runs`, `s2s watch` on a real run folder."""

import contextlib
import json
from pathlib import Path

import pytest
from small_corpus import small_config
from typer.testing import CliRunner, Result

from s2s.cli import app
from s2s.jobs.report import sparkline, watch
from s2s.jobs.train import train
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


def test_a_glance_at_a_training(home: Path) -> None:
    text = s2s("watch", "small", cwd=home).stdout
    for words in ("runs/small: done", "update 100", "best BLEU", "hyp "):
        assert words in text
    assert max(len(line) for line in text.split("\n")) <= 80
    with contextlib.chdir(home):
        assert len(list(watch(Path("runs/small"), 80))) == 1  # nobody trains: once is enough
    assert s2s("watch", "nobody", cwd=home).exit_code == 66


def test_a_run_without_its_store_is_shown_too(home: Path) -> None:
    (home / "runs/small/store").rename(home / "store")
    result = s2s("report", "small", "-o", "other.html", cwd=home)
    (home / "store").rename(home / "runs/small/store")
    assert (result.exit_code, result.stdout) == (0, "other.html\n")
    assert "Pieces a sentence" not in (home / "other.html").read_text("utf-8")


def test_sparklines() -> None:
    assert sparkline([1.0, 1.0], 5) == "▁▁"
    assert sparkline([0.0, 7.0], 5) == "▁█"
    assert sparkline([float(number) for number in range(80)], 8) == "▁▂▃▄▅▆▇█"
