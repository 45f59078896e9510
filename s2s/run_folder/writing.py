"""Writing files so that a crash or a full disk leaves the old content or the new, never half of it."""

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from s2s.errors import CannotCreateError, OutputError, S2SError

TEMPORARY = ".tmp-"
"""How names of unfinished files and folders begin."""

_CANNOT_CREATE = frozenset(
    (
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.EEXIST,
        errno.ENOTEMPTY,
        errno.ENAMETOOLONG,
        errno.ELOOP,
    )
)
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
_HINTS = {
    errno.ENOSPC: "Free some space on that disk, then run the same command again.",
    errno.EDQUOT: "Your quota on that disk is used up: free some space, then run the same command again.",
    errno.EFBIG: "The file is larger than this system or `ulimit -f` allows.",
    errno.EACCES: "Check the permissions of the folder, or choose another one.",
    errno.EPERM: "Check the permissions of the folder, or choose another one.",
    errno.EROFS: "That disk is read-only; choose another folder.",
    errno.ENOENT: "The folder it should be in does not exist.",
    errno.ENOTDIR: "A part of the path is a file, not a folder.",
    errno.EISDIR: "There is a folder of that name.",
}


@contextlib.contextmanager
def reporting_os_errors(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into an error for the user about writing `path`.

    Raises:
        CannotCreateError: The path or its permissions are at fault.
        OutputError: Writing failed: disk full, quota, input/output error.
    """
    try:
        yield
    except OSError as error:
        raise for_user(error, path) from error


def for_user(error: OSError, path: Path) -> S2SError:
    """The error to show for an OSError about writing `path`."""
    kind = CannotCreateError if error.errno in _CANNOT_CREATE else OutputError
    reason = error.strerror or str(error)
    return kind(f"cannot write {path}: {reason}", hint=_HINTS.get(error.errno or 0))


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write a file so that `path` holds the old or the new content whatever happens, and the new one durably after.

    Text is written as UTF-8. The mode is 0666 less the umask: 0644 as a rule. A symbolic link is followed; a device or
    pipe such as /dev/stdout is written to as it is.

    Raises:
        CannotCreateError, OutputError: See `reporting_os_errors`. Nothing is left behind.
    """
    with reporting_os_errors(path), writing_to(path) as file:
        file.write(data.encode("utf-8") if isinstance(data, str) else data)


@contextlib.contextmanager
def writing_to(path: Path) -> Iterator[BinaryIO]:
    """A file to write bit by bit, which gets its name when the block ends well; see `write_atomic`.

    Raises:
        CannotCreateError, OutputError: Creating or finishing it failed, or the disk is full. Another OSError of the
            block goes through.
    """
    with reporting_os_errors(path):
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        is_device = target.exists() and not target.is_file()
        temporary = target if is_device else temporary_beside(target)
        file = temporary.open("wb" if is_device else "xb")
    try:
        with _reporting_full_disk(path), file:
            yield file
            with reporting_os_errors(path):
                file.flush()
                if not is_device:
                    os.fsync(file.fileno())
        if not is_device:
            with reporting_os_errors(path):
                temporary.replace(target)
                fsync_folder(target.parent)
    except BaseException:
        if not is_device:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        raise


def refuse_to_lose(inputs: Iterable[Path], outputs: Iterable[Path]) -> None:
    """Raise if a file that is to be written is one that is read.

    Raises:
        CannotCreateError: Names it.
    """
    there = [one for one in inputs if one.exists()]
    for path in outputs:
        if path.exists() and any(path.samefile(one) for one in there):
            raise CannotCreateError(
                "is read here; it is not written over", where=str(path), hint="Give what is written another name."
            )


@contextlib.contextmanager
def _reporting_full_disk(path: Path) -> Iterator[None]:
    """Turn what only writing can raise, which names no file, into an error for the user about `path`."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in _FULL:
            raise for_user(error, path) from error
        raise


def temporary_beside(path: Path) -> Path:
    """An unused temporary name in the same folder, hence on the same disk."""
    temporary = path.with_name(f"{TEMPORARY}{path.name[:40]}-{os.getpid()}")
    remove(temporary)  # of a dead process that had our number
    return temporary


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Windows cannot and need not."""
    if sys.platform == "win32":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system without it
            raise
    finally:
        os.close(number)


def remove(path: Path) -> None:
    """Remove a file, a link or a whole folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
