"""Folders that are complete or not there: built aside, sealed by a manifest, renamed, and verified when read.

The manifest (size and sha256 of every file) is written last and is the commit mark. It is also what finds a flipped
bit: the weights format itself has no checksum.
"""

import contextlib
import errno
import hashlib
import json
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from s2s.errors import DataError, InputMissingError
from s2s.run_folder.writing import for_user, fsync_folder, remove, reporting_os_errors, temporary_beside, write_atomic

MANIFEST = "manifest.json"
MANIFEST_FORMAT = 1
MAX_MANIFEST_BYTES = 1_000_000
MAX_SHOWN = 5
_RUST_ERROR = re.compile(r"\(os error (\d+)\)")
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM)
REPLACED = ".old-"
"""How the name of a folder begins that is being replaced."""


@contextlib.contextmanager
def build_folder(final: Path) -> Iterator[Path]:
    """Build a folder that appears under its final name at once, complete and sealed, or not at all.

    Yields a temporary folder beside `final` to write files into. If the block ends well, all files are fsynced, the
    manifest is written and the folder gets its name. A folder that had the name is moved away first and deleted after.
    Killed between these two steps, the old folder is still there under `.old-NAME`: `existing_folder` finds it, and the
    next `build_folder` or `RunFolder.clean_temporaries` puts it back. If the block fails, the temporary folder goes.

    Raises:
        CannotCreateError, OutputError: See `reporting_os_errors`; also for an OSError about a file in the folder.
    """
    with reporting_os_errors(final):
        temporary = temporary_beside(final)
        restore(final)
        temporary.mkdir()
    with _removed_if_it_fails(temporary, final):
        yield temporary
        with reporting_os_errors(final):
            _seal(temporary)
            _put_in_place(temporary, final)


@contextlib.contextmanager
def build_file(final: Path) -> Iterator[Path]:
    """Build a file that appears under its final name at once, complete, or not at all; as `build_folder`.

    Yields a temporary path beside `final` to write to, which can be read before it gets its name.

    Raises:
        CannotCreateError, OutputError: See `reporting_os_errors`; also for an OSError about the temporary file.
    """
    with reporting_os_errors(final):
        if final.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        temporary = temporary_beside(final)
    with _removed_if_it_fails(temporary, final):
        yield temporary
        with reporting_os_errors(final):
            with temporary.open("r+b") as file:
                os.fsync(file.fileno())
            temporary.replace(final)
            fsync_folder(final.parent)


@contextlib.contextmanager
def _removed_if_it_fails(temporary: Path, final: Path) -> Iterator[None]:
    """Remove what was to become `final` if the block raises; an OSError about it names `final` then."""
    try:
        yield
    except BaseException as error:
        with contextlib.suppress(OSError):
            remove(temporary)
        system_error = _system_error(error)
        if system_error is not None and _is_about(system_error, temporary):
            raise for_user(system_error, final) from error
        raise


def existing_folder(final: Path) -> Path:
    """Where to read a folder that `build_folder` makes: `final`, or what a killed process was about to replace."""
    if not final.name:  # "." or "/"
        return final
    replaced = _replaced_name(final)
    with contextlib.suppress(OSError):  # not ours to read: whoever opens the folder says so
        if not final.exists() and (replaced / MANIFEST).is_file():
            return replaced
    return final


def discard_folder(folder: Path) -> None:
    """Delete a folder so that it is there completely or not at all, as far as its name says."""
    temporary = temporary_beside(folder)
    folder.rename(temporary)
    remove(temporary)


def verify_folder(folder: Path, *, what: str, unread: Collection[str] = ()) -> None:
    """Check that a folder is exactly what `build_folder` sealed.

    Hidden files (.DS_Store, .gitattributes) do not count.

    Args:
        folder: The folder.
        what: What it is, for messages: "model", "checkpoint", "vocabulary".
        unread: Files of which only the size is checked; the caller has other means for their content.

    Raises:
        InputMissingError: There is no such folder.
        DataError: A file is damaged, missing or foreign, or the manifest is; names all of them.
    """
    try:
        if not folder.is_dir():
            raise InputMissingError(f"there is no {what} {folder}")
        sums = _read_manifest(folder, what)
        expected = {name: (size, None if name in unread else digest) for name, (size, digest) in sums.items()}
        problems = [found for name, entry in expected.items() if (found := _damage(folder / name, name, *entry))]
        foreign = _files_in(folder) - set(sums) - {MANIFEST}
    except OSError as error:
        if error.errno == errno.EIO:  # a bad place of the disk: damage, as another sum would be
            which = Path(error.filename).name if isinstance(error.filename, str) else f"the {what}"
            raise DataError(
                f"{which} cannot be read: {error.strerror}", where=str(folder), hint=_restore(what)
            ) from error
        raise InputMissingError(f"the {what} cannot be read: {error.strerror}", where=str(folder)) from error
    problems += [f"{_printable(name)} is not listed in {MANIFEST}" for name in sorted(foreign) if not _is_hidden(name)]
    if problems:
        if len(problems) > MAX_SHOWN:
            problems[MAX_SHOWN:] = [f"and {len(problems) - MAX_SHOWN} more"]
        raise DataError("; ".join(problems), where=str(folder), hint=_restore(what))


def _restore(what: str) -> str:
    return f"Restore the {what} from a copy, or delete the folder and make it again."


def _seal(folder: Path) -> None:
    """Fsync every file, then write the manifest, the commit mark."""
    entries = {}
    mode = folder.stat().st_mode & 0o666  # by the umask; some writers make files that only their owner can read
    for name in sorted(_files_in(folder)):
        (folder / name).chmod(mode)
        with (folder / name).open("r+b") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
            entries[name] = {"size": os.fstat(file.fileno()).st_size, "sha256": digest}
    for path in folder.rglob("*"):
        if path.is_dir():
            fsync_folder(path)
    manifest = _manifest_of({"format": MANIFEST_FORMAT, "files": entries})
    write_atomic(folder / MANIFEST, manifest)  # which fsyncs the folder


def _manifest_of(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1) + "\n"


def _put_in_place(temporary: Path, final: Path) -> None:
    replaced = _replaced_name(final)
    if final.exists():
        final.rename(replaced)
    try:
        temporary.rename(final)
    except BaseException:
        if replaced.exists():
            replaced.rename(final)
        raise
    fsync_folder(final.parent)
    with contextlib.suppress(OSError):  # the new folder is there; the next start deletes the rest
        remove(replaced)


def _replaced_name(final: Path) -> Path:
    return final.with_name(f"{REPLACED}{final.name}")


def restore(final: Path) -> None:
    """Finish or undo a replacement that was killed half-way."""
    replaced = _replaced_name(final)
    if final.exists():
        remove(replaced)
    elif replaced.exists():
        replaced.rename(final)
        fsync_folder(final.parent)


def _system_error(error: BaseException) -> OSError | None:
    """The error of the system that an exception is or reports; safetensors reports it as Rust does."""
    if isinstance(error, OSError):
        return error
    reported = _RUST_ERROR.search(str(error))
    return OSError(int(reported[1]), os.strerror(int(reported[1]))) if reported else None


def _is_about(error: OSError, folder: Path) -> bool:
    """Whether an error is about writing into the folder: it names a file there, or the disk is full."""
    if error.filename is None:
        return error.errno in _OF_THE_DISK
    return isinstance(error.filename, str | bytes) and Path(os.fsdecode(error.filename)).is_relative_to(folder)


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _printable(name: str) -> str:
    return name if name.isprintable() else repr(name)


def _files_in(folder: Path) -> set[str]:
    """All files below a folder, as relative paths with /."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def unlisted_files(folder: Path) -> list[str]:
    """Files in a folder that its manifest does not list, hidden ones too; all of them if it has no sound manifest."""
    try:
        listed = {MANIFEST, *_read_manifest(folder, "folder")}
    except DataError:
        listed = set()
    return sorted(_files_in(folder) - listed)


def _damage(path: Path, name: str, size: int, digest: str | None) -> str | None:
    """What is wrong with one file, or None; without a sum, only the size is looked at."""
    if not path.is_file():
        return f"{name} is missing"
    if path.stat().st_size != size:
        return f"{name} is damaged ({path.stat().st_size} bytes instead of {size})"
    if digest is None:
        return None
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != digest:
            return f"{name} is damaged (sha256 differs from {MANIFEST})"
    return None


def _read_manifest(folder: Path, what: str) -> dict[str, tuple[int, str]]:
    """Size and sha256 by file name; every entry is checked before it is used."""
    path = folder / MANIFEST
    if not path.is_file():
        raise DataError(
            f"has no {MANIFEST}: this is no {what}, or one that was not written to its end", where=str(folder)
        )
    with path.open("rb") as file:
        content = file.read(MAX_MANIFEST_BYTES + 1)
    damaged = DataError(
        f"{MANIFEST} is damaged", where=str(folder), hint=f"Restore the {what} from a copy, or make it again."
    )
    try:
        manifest = json.loads(content) if len(content) <= MAX_MANIFEST_BYTES else None
    except (ValueError, RecursionError):
        raise damaged from None
    if not isinstance(manifest, dict) or type(manifest.get("format")) is not int:
        raise damaged
    if manifest["format"] > MANIFEST_FORMAT:
        raise DataError(f"the {what} was written by a newer s2s", where=str(folder), hint="Upgrade s2s.")
    if content != _manifest_of(manifest).encode():  # not one byte of it may change unnoticed
        raise damaged
    files = manifest.get("files")
    if (
        manifest["format"] != MANIFEST_FORMAT
        or not isinstance(files, dict)
        or not all(_is_entry(name, entry) for name, entry in files.items())
    ):
        raise damaged
    return {name: (entry["size"], entry["sha256"]) for name, entry in files.items()}


def _is_entry(name: str, entry: Any) -> bool:
    """Whether a line of a manifest is sound: a path inside the folder, a size and a sum."""
    inside = PurePosixPath(name)
    return (
        name == str(inside)
        and bool(inside.parts)
        and not inside.is_absolute()
        and ".." not in inside.parts
        and name.isprintable()
        and not set(name) & set('\\:*?"<>|')
        and isinstance(entry, dict)
        and type(entry.get("size")) is int
        and isinstance(entry.get("sha256"), str)
    )
