import errno
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s2s.errors import CannotCreateError, DataError, InputMissingError, OutputError
from s2s.run_folder import MANIFEST, RunFolder, build_file, build_folder, existing_folder, verify_folder


def build(final: Path, text: str) -> None:
    with build_folder(final) as folder:
        (folder / "a.bin").write_text(text)
        (folder / "sub").mkdir()
        (folder / "sub" / "b.bin").write_text(text * 3)


def content(folder: Path) -> str:
    verify_folder(folder, what="model")
    first = (folder / "a.bin").read_text()
    assert (folder / "sub" / "b.bin").read_text() == first * 3
    return first


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_folder_is_built_sealed_and_replaced(tmp_path):
    final = tmp_path / "model"
    build(final, "old")
    assert content(final) == "old"
    build(final, "new")
    assert content(final) == "new"
    assert names(tmp_path) == ["model"]
    manifest = json.loads((final / MANIFEST).read_text())
    assert manifest["format"] == 1
    assert sorted(manifest["files"]) == ["a.bin", "sub/b.bin"]


def test_all_files_are_as_readable_as_the_umask_says(tmp_path):
    old = os.umask(0o022)
    try:
        with build_folder(tmp_path / "model") as folder:
            os.close(os.open(folder / "private", os.O_CREAT | os.O_WRONLY, 0o600))
    finally:
        os.umask(old)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "model").iterdir()} == {0o644}


def test_a_failed_block_leaves_the_old_folder(tmp_path):
    build(tmp_path / "model", "old")

    def fail() -> None:
        with build_folder(tmp_path / "model") as folder:
            (folder / "a.bin").write_text("half")
            raise KeyError("bug")

    with pytest.raises(KeyError):
        fail()
    assert names(tmp_path) == ["model"]
    assert content(tmp_path / "model") == "old"


def test_a_full_disk_within_the_block_is_reported(tmp_path):
    with pytest.raises(OutputError, match=r"cannot write .*model: No space"), build_folder(tmp_path / "model"):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(CannotCreateError), build_folder(tmp_path / "model") as folder:
        (folder / "no" / "such").write_text("x")
    assert names(tmp_path) == []


def test_an_error_about_other_files_is_not_taken_for_ours(tmp_path):
    with pytest.raises(FileNotFoundError), build_folder(tmp_path / "model"):
        (tmp_path / "input.txt").read_text()
    with pytest.raises(BrokenPipeError), build_folder(tmp_path / "model"):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_no_parent_folder(tmp_path):
    with pytest.raises(CannotCreateError):
        build(tmp_path / "no" / "model", "x")


def test_every_file_and_folder_is_fsynced_before_the_rename(tmp_path, monkeypatch):
    synced: set[int] = set()
    fsync, rename = os.fsync, Path.rename

    def note(number: int) -> None:
        synced.add(os.fstat(number).st_ino)
        fsync(number)

    def check(self: Path, to: Path) -> Path:
        if self.name.startswith(".tmp-model"):
            assert {path.stat().st_ino for path in [self, *self.rglob("*")]} <= synced
        return rename(self, to)

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(Path, "rename", check)
    build(tmp_path / "model", "x")
    assert tmp_path.stat().st_ino in synced


EVENTS = frozenset(
    ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod", "shutil.rmtree")
)


def in_child(action: Callable[[], None], die_at: int) -> int:
    """Run `action` in a forked process that is killed just before its `die_at`-th change; returns the exit status."""
    pid = os.fork()
    if pid == 0:
        n_events = 0

        def hook(event: str, _: object) -> None:
            nonlocal n_events
            if event in EVENTS:
                n_events += 1
                if n_events == die_at:
                    os._exit(137)

        try:
            sys.addaudithook(hook)
            action()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)  # the child only writes files
@pytest.mark.parametrize("replacing", [False, True])
def test_killed_at_any_point_the_old_or_the_new_folder_is_complete(tmp_path, replacing):
    seen = set()
    status, point = 137, 0
    while status == 137:
        point += 1
        run = RunFolder(tmp_path / str(point))
        run.create()
        if replacing:
            build(run.model, "old")
        status = in_child(lambda run=run: build(run.model, "new"), point)
        found = existing_folder(run.model)
        if replacing or found.exists():
            seen.add(content(found))  # a reader without the lock, right after
        # What the next start does: tidy up, and build again; killed or not.
        if point % 2:
            run.clean_temporaries()
            assert not [name for name in names(run.path) if name.startswith(".")]
            if replacing:
                assert content(run.model) in ("old", "new")
        build(run.model, "again")
        run.clean_temporaries()
        assert content(run.model) == "again"
        assert not [name for name in names(run.path) if name.startswith(".")]
    assert status == 0
    assert point > 10
    assert seen == ({"old", "new"} if replacing else {"new"})


def test_a_failing_rename_puts_the_old_folder_back(tmp_path, monkeypatch):
    build(tmp_path / "model", "old")
    rename = Path.rename

    def fail(self: Path, to: Path) -> Path:
        if self.name.startswith(".tmp-"):
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OutputError):
        build(tmp_path / "model", "new")
    assert names(tmp_path) == ["model"]
    assert content(tmp_path / "model") == "old"


def damaged(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        verify_folder(folder, what="checkpoint")
    assert caught.value.exit_code == 65
    assert caught.value.where == str(folder)
    return caught.value.what


def test_each_kind_of_damage_is_named(tmp_path):
    build(tmp_path / "other", "xyz")
    cases: dict[str, Callable[[Path], object]] = {
        f"a.bin is damaged (sha256 differs from {MANIFEST})": lambda f: (f / "a.bin").write_text("abd"),
        "a.bin is damaged (2 bytes instead of 3)": lambda f: (f / "a.bin").write_text("ab"),
        "a.bin is missing": lambda f: (f / "a.bin").unlink(),
        f"extra is not listed in {MANIFEST}": lambda f: (f / "extra").touch(),
        f"sub/b.bin is damaged (sha256 differs from {MANIFEST})": lambda f: (f / "sub/b.bin").write_bytes(
            (tmp_path / "other/sub/b.bin").read_bytes()
        ),
        f"'\\x1b' is not listed in {MANIFEST}": lambda f: (f / "\x1b").touch(),
        "a.bin is missing; sub/b.bin is missing": lambda f: ((f / "a.bin").unlink(), (f / "sub/b.bin").unlink()),
    }
    for number, (message, harm) in enumerate(cases.items()):
        folder = tmp_path / str(number)
        build(folder, "abc")
        harm(folder)
        assert damaged(folder) == message


def test_hidden_files_of_the_system_do_no_harm(tmp_path):
    build(tmp_path / "m", "abc")
    (tmp_path / "m/.DS_Store").touch()
    (tmp_path / "m/sub/.DS_Store").touch()
    verify_folder(tmp_path / "m", what="model")


def test_a_folder_or_manifest_that_is_not_there(tmp_path):
    with pytest.raises(InputMissingError, match="there is no model"):
        verify_folder(tmp_path / "m", what="model")
    with pytest.raises(InputMissingError):
        verify_folder(tmp_path / ("x" * 300), what="model")
    (tmp_path / "m").mkdir()
    assert "not written to its end" in damaged(tmp_path / "m")


def test_a_bad_place_of_the_disk_is_damage(tmp_path, monkeypatch):
    build(tmp_path / "m", "abc")

    def unreadable(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr(Path, "open", unreadable)
    assert damaged(tmp_path / "m").endswith("json cannot be read: Input/output error")


GOOD_ENTRY = {"size": 0, "sha256": "0" * 64}


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"\xff",
        b"{",
        b"[]",
        b"[" * 100_000,
        b"1" * 10_000,
        b"null",
        b'{"format": 1}',
        b'{"format": true, "files": {}}',
        b'{"format": "1", "files": {}}',
        b'{"format": 1, "files": []}',
        b" " * 2_000_000,
        *(
            json.dumps({"format": 1, "files": {name: GOOD_ENTRY}}).encode()
            for name in ["../a", "/etc/passwd", "a/../../b", "", ".", "./a", "a//b", "a\\b", "C:a", "a\0b", "\x1b[31m"]
        ),
        *(
            json.dumps({"format": 1, "files": {"a": entry}}).encode()
            for entry in [
                None,
                1,
                {},
                {"size": "1", "sha256": ""},
                {"size": True, "sha256": ""},
                {"size": 1, "sha256": 5},
            ]
        ),
    ],
    ids=lambda manifest: repr(manifest[-40:]),
)
def test_a_hostile_manifest_is_refused(tmp_path, manifest):
    build(tmp_path / "m", "x")
    (tmp_path / "m" / MANIFEST).write_bytes(manifest)
    assert damaged(tmp_path / "m") == f"{MANIFEST} is damaged"


def test_a_newer_format_says_upgrade(tmp_path):
    build(tmp_path / "m", "x")
    (tmp_path / "m" / MANIFEST).write_text('{"format": 2, "new": "things"}')
    assert "newer s2s" in damaged(tmp_path / "m")


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sealed") / "m"
    with build_folder(folder) as inside:
        (inside / "a").write_bytes(bytes(range(256)))
        (inside / "b").write_bytes(b"\0" * 100)
    return folder


@given(
    name=st.sampled_from(["a", "b", MANIFEST]),
    where=st.floats(0, 1, exclude_max=True),
    bit=st.integers(0, 7),
    cut=st.booleans(),
)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_no_flipped_bit_or_cut_passes(sealed, name, where, bit, cut):
    good = (sealed / name).read_bytes()
    bad = bytearray(good)
    place = int(where * len(bad))
    if cut:
        del bad[place:]
    else:
        bad[place] ^= 1 << bit
    (sealed / name).write_bytes(bad)
    try:
        # White space around the JSON is the only thing that says nothing.
        if name != MANIFEST or json_or_none(bytes(bad)) != json.loads(good):
            with pytest.raises(DataError):
                verify_folder(sealed, what="model")
    finally:
        (sealed / name).write_bytes(good)


def json_or_none(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return None


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    final = tmp_path / "model.s2s"
    for content in (b"first", b"second"):
        with build_file(final) as temporary:
            assert temporary.parent == tmp_path
            temporary.write_bytes(content)
            assert not final.exists() or final.read_bytes() == b"first"
        assert final.read_bytes() == content
    with pytest.raises(ZeroDivisionError), build_file(final) as temporary:
        1 / (temporary.write_bytes(b"third") - 5)
    assert final.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [final]


def test_a_file_that_cannot_be_written_is_an_error_for_the_user(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "none" / "x"):
        with pytest.raises(CannotCreateError), build_file(path) as temporary:
            temporary.write_bytes(b"x")
    with pytest.raises(OutputError, match=r"x.s2s: No space left") as full, build_file(tmp_path / "x.s2s"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert full.value.hint is not None
    with pytest.raises(FileNotFoundError, match="other"), build_file(tmp_path / "x.s2s"):
        (tmp_path / "other").read_bytes()  # not about the file: not ours to explain
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
