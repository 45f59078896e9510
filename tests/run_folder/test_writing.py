import errno
import os
import resource
import signal
import stat
from pathlib import Path

import pytest

from s2s.errors import CannotCreateError, OutputError
from s2s.run_folder import reporting_os_errors, write_atomic, writing_to


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_text_and_bytes_are_written_and_replaced(tmp_path):
    path = tmp_path / "a.txt"
    write_atomic(path, "grün\n")
    assert path.read_bytes() == "grün\n".encode()
    write_atomic(path, b"\xff")
    assert path.read_bytes() == b"\xff"
    assert names(tmp_path) == ["a.txt"]


def test_the_mode_follows_the_umask(tmp_path):
    old = os.umask(0o022)
    try:
        write_atomic(tmp_path / "a", "")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644


def test_the_order_is_write_fsync_rename_fsync_folder(tmp_path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda number: (calls.append(_kind(number)), fsync(number))[1])
    monkeypatch.setattr(Path, "replace", lambda self, to: (calls.append("rename"), replace(self, to))[1])
    write_atomic(tmp_path / "a", "x")
    assert calls == ["fsync file", "rename", "fsync folder"]


def _kind(number: int) -> str:
    return "fsync folder" if stat.S_ISDIR(os.fstat(number).st_mode) else "fsync file"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENOSPC, OutputError),
        (errno.EDQUOT, OutputError),
        (errno.EFBIG, OutputError),
        (errno.EIO, OutputError),
        (errno.EACCES, CannotCreateError),
        (errno.EPERM, CannotCreateError),
        (errno.EROFS, CannotCreateError),
        (errno.ENOENT, CannotCreateError),
        (errno.ENOTDIR, CannotCreateError),
        (errno.EISDIR, CannotCreateError),
        (errno.ENAMETOOLONG, CannotCreateError),
    ],
)
def test_each_cause_has_its_error(code, kind):
    with pytest.raises(kind) as caught, reporting_os_errors(Path("out/x")):
        raise OSError(code, os.strerror(code))
    assert "out/x" in caught.value.what
    assert os.strerror(code) in caught.value.what


@pytest.mark.parametrize(("owner", "name"), [(os, "fsync"), (Path, "replace")])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, owner, name):
    write_atomic(tmp_path / "a", "old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(owner, name, full)
    with pytest.raises(OutputError, match="No space left") as caught:
        write_atomic(tmp_path / "a", "new")
    assert caught.value.exit_code == 74
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_a_write_that_stops_half_way_leaves_the_old_file(tmp_path):
    """The system refuses to write more than 1,000 bytes, as a full disk would, only with other words."""
    write_atomic(tmp_path / "a", "old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OutputError, match="File too large"):
            write_atomic(tmp_path / "a", "x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_a_disk_that_is_full_in_the_middle_of_a_file_is_named(tmp_path):
    with pytest.raises(OutputError, match=r"cannot write .*/a: No space left") as caught, writing_to(tmp_path / "a"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert "Free some space" in caught.value.hint
    with pytest.raises(FileNotFoundError, match="other"), writing_to(tmp_path / "a"):
        (tmp_path / "other").read_bytes()  # not about the file: not ours to explain
    assert names(tmp_path) == []


@pytest.mark.parametrize("bad", ["no/such/folder/a", "file/a", "x" * 300, "folder", "."])
def test_paths_that_cannot_be(tmp_path, monkeypatch, bad):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("folder").mkdir()
    with pytest.raises(CannotCreateError) as caught:
        write_atomic(Path(bad), "x")
    assert caught.value.exit_code == 73
    assert names(tmp_path) == ["file", "folder"]


def test_a_long_name_that_is_possible_works(tmp_path):
    for name in ("x" * 255, "ä" * 127):
        write_atomic(tmp_path / name, "x")
        assert (tmp_path / name).read_text() == "x"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(CannotCreateError, match="Permission"):
        write_atomic(tmp_path / "a", "x")
    tmp_path.chmod(0o700)


def test_links_are_followed_and_devices_stay(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    write_atomic(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"
    (tmp_path / "null").symlink_to("/dev/null")
    write_atomic(tmp_path / "null", "gone")
    assert Path("/dev/null").is_char_device()
