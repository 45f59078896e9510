"""What is where in a run folder, and who may write to it."""

import contextlib
import json
import os
import re
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s2s.errors import RunFolderBusyError
from s2s.paths import at_home, by_name
from s2s.run_folder.metrics import append_line, drop_after, read_lines
from s2s.run_folder.sealed import MANIFEST, REPLACED, existing_folder, restore
from s2s.run_folder.writing import TEMPORARY, fsync_folder, remove, reporting_os_errors

_LOOKS = 10
_STEP = re.compile(r"step-([0-9]{6,12})")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one training run.

    Args:
        path: The folder; it need not exist yet.
    """

    path: Path

    @property
    def config(self) -> Path:
        """The config as given."""
        return self.path / "config.yaml"

    @property
    def resolved(self) -> Path:
        """Every value of the config."""
        return self.path / "resolved.yaml"

    @property
    def run_json(self) -> Path:
        """Command, versions, seed, threads, git revision."""
        return self.path / "run.json"

    @property
    def data_json(self) -> Path:
        """What the data is: lines, what was dropped and why, sums."""
        return self.path / "data.json"

    @property
    def vocab(self) -> Path:
        """The vocabulary's folder."""
        return self.path / "vocab"

    @property
    def store(self) -> Path:
        """The encoded corpus's folder."""
        return self.path / "store"

    @property
    def data(self) -> Path:
        """The folder of text that was made for this run."""
        return self.path / "data"

    @property
    def card(self) -> Path:
        """What the model is, for whoever finds the folder."""
        return self.path / "README.md"

    @property
    def metrics(self) -> Path:
        """What training measured, a JSON object a line."""
        return self.path / "metrics.jsonl"

    @property
    def diverged(self) -> Path:
        """What is known about an update that diverged."""
        return self.path / "diverged.json"

    @property
    def samples(self) -> Path:
        """The folder of translations made while training."""
        return self.path / "samples"

    @property
    def eval(self) -> Path:
        """The folder of scores and scored translations."""
        return self.path / "eval"

    @property
    def checkpoints(self) -> Path:
        """The folder of all checkpoints."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """The deliverable's folder."""
        return self.path / "model"

    @property
    def lock_file(self) -> Path:
        """The file that the writing process holds locked."""
        return self.path / ".lock"

    def create(self) -> None:
        """Make the folder and those inside that hold single files; nothing if they are there.

        Raises:
            CannotCreateError, OutputError: See `reporting_os_errors`.
        """
        with reporting_os_errors(self.path):
            for folder in (self.path, self.checkpoints, self.samples, self.eval):
                folder.mkdir(parents=True, exist_ok=True)

    def checkpoint_folder(self, step: int) -> Path:
        """Where the checkpoint after update `step` is or will be."""
        return self.checkpoints / f"step-{step:06d}"

    def checkpoints_by_step(self) -> list[tuple[int, Path]]:
        """The checkpoints, the earliest first. Their names say the order: clocks may jump.

        One is there completely or not at all, so that one without its manifest is listed: it was damaged later.
        """
        found = []
        for entry in _entries(self.checkpoints):
            match = _STEP.fullmatch(entry.name)
            if match and self.checkpoint_folder(int(match[1])) == entry and entry.is_dir():
                found.append((int(match[1]), entry))
        return sorted(found)

    def clean_temporaries(self) -> None:
        """Tidy up after a killed process: delete what was unfinished, put back what was being replaced.

        To be called under the lock, for it cannot tell a dead writer's files from a living one's. `eval/` and
        `export/` have locks of their own: see `writing`.
        """
        with reporting_os_errors(self.path):
            for folder in (self.path, self.checkpoints, self.samples, self.store, self.data):
                _clean(folder)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only process that writes to this folder. The folder has to exist.

        The kernel drops the lock when the process dies, so there is nothing to clean up. On Windows, and on file
        systems that cannot lock (some NFS), the block runs without a lock.

        Raises:
            RunFolderBusyError: Another process holds it; names its number, host and start.
            CannotCreateError, OutputError: See `reporting_os_errors`.
        """
        with reporting_os_errors(self.lock_file):
            number = os.open(self.lock_file, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        try:
            for look in range(_LOOKS):  # somebody may only be looking whether it is locked
                if lock_file(number):
                    break
                time.sleep(0.02 if look < _LOOKS - 1 else 0)
            else:
                raise _busy(self.path, number)
            holder = {"pid": os.getpid(), "host": socket.gethostname(), "started": time.strftime("%Y-%m-%d %H:%M:%S")}
            with reporting_os_errors(self.lock_file):
                os.ftruncate(number, 0)
                os.write(number, json.dumps(holder).encode())
            yield
        finally:
            os.close(number)

    def is_busy(self) -> bool:
        """Whether a process holds the lock now."""
        try:
            number = os.open(self.lock_file, os.O_RDONLY)
        except OSError:
            return False
        try:
            return not lock_file(number, shared=True)
        finally:
            os.close(number)

    @contextlib.contextmanager
    def writing(self, folder: Path) -> Iterator[Path]:
        """Be the only process that writes to one of the folders that need no run lock: scores, exported models.

        Waits for whoever writes beside it; tidies up after those who were killed.

        Raises:
            CannotCreateError, OutputError: See `reporting_os_errors`.
        """
        with reporting_os_errors(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            number = os.open(folder.parent / ".lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        try:
            if lock_file(number, wait=True):
                with reporting_os_errors(folder):
                    _clean(folder.parent)
                    _clean(folder)
            yield folder
        finally:
            os.close(number)

    def append_metrics(self, record: Mapping[str, Any]) -> None:
        """Append one record to metrics.jsonl; see `metrics.append_line`."""
        append_line(self.metrics, record)

    def read_metrics(self) -> list[dict[str, Any]]:
        """All records of metrics.jsonl; see `metrics.read_lines`."""
        return read_lines(self.metrics)

    def sync_metrics(self) -> None:
        """Make sure that what was appended survives a power cut: to be called before a checkpoint that follows it."""
        with reporting_os_errors(self.metrics):
            if self.metrics.exists():
                with self.metrics.open("r+b") as file:  # Windows syncs only what may be written
                    os.fsync(file.fileno())
                fsync_folder(self.path)

    def truncate_metrics(self, after_step: int, validated_step: int) -> None:
        """Before resuming from a checkpoint, forget what was measured after it; see `metrics.drop_after`."""
        drop_after(self.metrics, after_step, validated_step)


def run_path(name: str | Path) -> Path:
    """A run folder by its name: what is there under this name, else the run in `runs/` that has it.

    A model in one file is there under its own name.
    """
    path = by_name(at_home(name))
    under = Path("runs") / path
    if len(path.parts) != 1 or not under.is_dir() or (path.suffix == ".s2s" and path.is_file()):
        return path
    is_run = path.exists() and (RunFolder(path).config.exists() or _last_written(RunFolder(path)) is not None)
    return path if is_run or (path / MANIFEST).exists() else under


def config_path(name: str | Path) -> Path:
    """A config by its path, or by its run's: `my` for `runs/my/config.yaml`, once it is there."""
    path = at_home(name)
    if path.is_file():
        return path
    for folder in (path, Path("runs") / path) if len(path.parts) == 1 else (path,):
        if RunFolder(folder).config.is_file():
            return RunFolder(folder).config
    return path


def newest_run(root: Path) -> Path | None:
    """The run in `root` whose model was written last; None if no run has one yet."""
    dated = [(time_ns, run) for run in _entries(root) if (time_ns := _last_written(RunFolder(run))) is not None]
    return max(dated, default=(0, None))[1]


def _last_written(run: RunFolder) -> int | None:
    with contextlib.suppress(OSError):
        return (existing_folder(run.model) / MANIFEST).stat().st_mtime_ns
    return None


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, by name; nothing if it is not there or not readable."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _clean(folder: Path) -> None:
    """Delete what was unfinished in a folder, put back what was being replaced."""
    for entry in _entries(folder):
        if entry.name.startswith(TEMPORARY):
            remove(entry)
        elif entry.name.startswith(REPLACED):
            restore(entry.with_name(entry.name.removeprefix(REPLACED)))


def lock_file(number: int, *, wait: bool = False, shared: bool = False) -> bool:
    """Lock an open file, for oneself or shared; False if another process has it and this one does not wait."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(number, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # this file system cannot
        return True
    return True


def _first_words(number: int) -> bytes:
    """What the holder of a lock has written into it; it may have got it a moment ago."""
    for _ in range(20):
        if words := os.pread(number, 4096, 0):
            return words
        time.sleep(0.02)
    return b""


def _busy(folder: Path, number: int) -> RunFolderBusyError:
    """The error that somebody else holds the lock, with what they wrote into it."""
    try:
        holder = json.loads(_first_words(number))
        who = f"process {int(holder['pid'])} on {holder['host']}, since {holder['started']}"
    except (ValueError, KeyError, TypeError, OSError, RecursionError):
        who = "another process"
    return RunFolderBusyError(
        f"{folder} is in use by {who}",
        hint="Wait for it to end or stop it, or give another run folder (run: in the config).",
    )
