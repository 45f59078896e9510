import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from s2s.errors import CannotCreateError, DataError, RunFolderBusyError
from s2s.run_folder import RunFolder, build_folder, existing_folder, newest_run, verify_folder


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "runs" / "x")
    folder.create()
    return folder


def build(final: Path, text: str = "x") -> None:
    with build_folder(final) as folder:
        (folder / "a").write_text(text)


def test_creating_twice_is_fine_and_a_file_in_the_way_is_not(run, tmp_path):
    run.create()
    assert run.checkpoints.is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(CannotCreateError):
        RunFolder(tmp_path / "file").create()
    with pytest.raises(CannotCreateError):
        RunFolder(tmp_path / "file" / "x").create()


def test_checkpoints_are_complete_and_in_order(run):
    assert RunFolder(run.path / "none").checkpoints_by_step() == []
    for step in (1_000_000, 999_999, 500, 20):
        build(run.checkpoint_folder(step))
    (run.checkpoints / "step-000777").mkdir()  # without its manifest it is damaged, which is for its reader to say
    (run.checkpoints / ".tmp-step-000888-1").mkdir()
    build(run.checkpoints / "step-0000020")  # not a name we give
    build(run.checkpoints / "step-٠٠٠٠٠٧")
    (run.checkpoints / "step-000009").touch()
    assert run.checkpoint_folder(123).name == "step-000123"
    assert run.checkpoints_by_step() == [
        (step, run.checkpoint_folder(step)) for step in (20, 500, 777, 999_999, 1_000_000)
    ]


def test_temporaries_go_and_what_was_being_replaced_returns(run, tmp_path):
    build(run.model)
    run.model.rename(run.path / ".old-model")
    build(run.vocab)
    build(run.path / ".old-vocab")
    build(run.checkpoints / ".old-step-000005")
    (run.path / ".tmp-resolved.yaml-77").touch()
    (run.checkpoints / ".tmp-step-000010-77").mkdir()
    (run.checkpoints / ".tmp-step-000010-77" / "a").touch()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").touch()
    (run.samples / ".tmp-link").symlink_to(tmp_path / "outside")
    assert existing_folder(run.model) == run.path / ".old-model"
    run.clean_temporaries()
    assert sorted(entry.name for entry in run.path.iterdir()) == ["checkpoints", "eval", "model", "samples", "vocab"]
    assert run.checkpoints_by_step() == [(5, run.checkpoint_folder(5))]
    verify_folder(run.model, what="model")
    assert list(run.samples.iterdir()) == []
    assert (tmp_path / "outside" / "kept").exists()


HOLD = """
import sys
from pathlib import Path
from s2s.run_folder import RunFolder
with RunFolder(Path(sys.argv[1])).lock():
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(run):
    """Another process that holds the lock."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_one_process_writes_and_its_death_frees_the_folder(run, holder):
    with pytest.raises(RunFolderBusyError) as caught, run.lock():
        pass
    assert f"process {holder.pid} on {os.uname().nodename}" in caught.value.what
    assert caught.value.exit_code == 75
    assert run.checkpoints_by_step() == []  # readers do not care
    holder.kill()
    holder.wait()
    with run.lock():
        assert json.loads(run.lock_file.read_text())["pid"] == os.getpid()


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_the_lock_ends_with_its_block_and_survives_nonsense(run):
    run.lock_file.write_bytes(b"\xff" * 9000)
    with run.lock():
        for nonsense in (b"", b"[1]", b'{"pid": "x"}', b"[" * 4000):
            run.lock_file.write_bytes(nonsense)
            with pytest.raises(RunFolderBusyError, match="another process"), run.lock():
                pass
    with run.lock():
        pass


def test_no_folder_to_lock(tmp_path):
    with pytest.raises(CannotCreateError), RunFolder(tmp_path / "none").lock():
        pass


def set_time(folder: Path, seconds: int) -> None:
    os.utime(folder / "manifest.json", (seconds, seconds))


def test_the_newest_run_is_the_one_whose_model_was_written_last(tmp_path):
    assert newest_run(tmp_path / "none") is None
    assert newest_run(tmp_path) is None
    for name, checkpoint, model in (("a", 900, None), ("b", 100, 300), ("c", 500, 250), ("empty", None, None)):
        run = RunFolder(tmp_path / name)
        run.create()
        if checkpoint:
            build(run.checkpoint_folder(7))
            set_time(run.checkpoint_folder(7), checkpoint)
        if model:
            build(run.model)
            set_time(run.model, model)
    (tmp_path / "file").touch()
    assert newest_run(tmp_path) == tmp_path / "b"
    set_time(tmp_path / "c/model", 400)
    assert newest_run(tmp_path) == tmp_path / "c"


def test_metrics_are_appended_read_and_cut_back(run):
    assert run.read_metrics() == []
    run.truncate_metrics(5, 5)
    for step in (1, 2, 3):
        run.append_metrics({"step": step, "nll": 0.5 / step, "text": "grün\n", "bad": float("nan")})
    run.append_metrics({"note": "no step"})
    with run.metrics.open("ab") as file:
        file.write(b'{"step": 2, "nl')  # cut off by a crash
    assert [record.get("step") for record in run.read_metrics()] == [1, 2, 3, None]
    assert run.read_metrics()[0] == {"step": 1, "nll": 0.5, "text": "grün\n", "bad": None}
    before = run.metrics.read_bytes().split(b"\n")
    run.truncate_metrics(2, 2)
    assert run.metrics.read_bytes().split(b"\n") == [*before[:2], before[3], b""]
    run.append_metrics({"step": 3})
    assert [record.get("step") for record in run.read_metrics()] == [1, 2, None, 3]
    inode = run.metrics.stat().st_ino
    run.truncate_metrics(3, 3)
    assert run.metrics.stat().st_ino == inode  # nothing to do, nothing written


def test_a_line_is_one_write(run, monkeypatch):
    writes = []
    write = os.write
    monkeypatch.setattr(os, "write", lambda number, data: (writes.append(bytes(data)), write(number, data))[1])
    run.append_metrics({"step": 1})
    assert writes == [b'{"step": 1}\n']


@pytest.mark.parametrize("line", [b"5", b"{", b"\xff", b"[" * 100_000, b""])
def test_a_damaged_line_is_named(run, line):
    run.metrics.write_bytes(b'{"step": 1}\n' + line + b"\n")
    with pytest.raises(DataError) as caught:
        run.read_metrics()
    assert caught.value.where == f"{run.metrics}:2"


def test_a_validation_that_will_be_done_again_is_forgotten(run):
    for step, kind in ((5, "valid"), (10, "train"), (10, "valid")):
        run.append_metrics({"step": step, "kind": kind})
    run.truncate_metrics(10, 5)
    assert [(record["step"], record["kind"]) for record in run.read_metrics()] == [(5, "valid"), (10, "train")]
