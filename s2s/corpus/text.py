"""Lines of a text file, plain or compressed. Only a line feed ends a line.

A line is what `wc -l` counts: U+2028, U+0085, form feed and a lone carriage return are characters of the text.
Python's universal newlines and line splitting end lines there too, which shifts one side of a corpus against the
other.
Files are decoded block by block, which is several times faster than line by line.
"""

import contextlib
import errno
import gzip
import zlib
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import IO, cast

from s2s.errors import DataError, InputMissingError

BLOCK_BYTES = 1 << 20

COMPRESSIONS = (".gz", ".zst")

_BOM = b"\xef\xbb\xbf"
_FOREIGN_BOMS = (  # the longer ones first: UTF-32 begins like UTF-16
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_LFS = b"version https://git-lfs.github.com/spec/"
_REPAIR = "Convert the file to UTF-8, for example: iconv -f {encoding} -t UTF-8 {name} > {name}.utf8"


def read_lines(path: Path, *, lenient: bool = False) -> Iterator[str]:
    r"""Read the lines of a UTF-8 text file without their ends.

    A carriage return before the line feed is dropped, as is a byte order mark at the start of the file. Files named
    `.gz` and `.zst` are decompressed on the way.

    Args:
        path: The file. It is read as a stream: memory does not grow with it.
        lenient: Whether bytes that are not UTF-8 become lone surrogates (U+DC80 to U+DCFF) and are no error.

    Yields:
        Lines, in order. The last one need not end in a line feed.

    Raises:
        InputMissingError: The file is not there, not a file, or not readable.
        DataError: The text is not UTF-8 (names line, byte and column), or the compressed file is damaged.
    """
    return chain.from_iterable(read_blocks(path, lenient=lenient))


def read_blocks(path: Path, *, lenient: bool = False) -> Iterator[list[str]]:
    """Like `read_lines`, some thousand lines at a time."""
    n_lines = 0
    rest: list[bytes] = []  # pieces of a line that is longer than a block
    for number, block in enumerate(read_bytes(path)):
        if number == 0:
            block = _without_bom(path, block)
        end = block.rfind(b"\n") + 1
        if end == 0:
            rest.append(block)
            continue
        lines = _decode(path, b"".join([*rest, block[: end - 1]]), n_lines, lenient)
        n_lines += len(lines)
        rest = [block[end:]]
        yield lines
    last = b"".join(rest)
    if last:
        yield _decode(path, last, n_lines, lenient)


def decode_line(raw: bytes, *, first: bool = False) -> tuple[str, bool]:
    r"""Decode one line of a stream whatever its bytes are.

    Args:
        raw: The line; a line feed at its end, and a carriage return before that, are dropped.
        first: Whether this is the first line of its stream, where a byte order mark is dropped.

    Returns:
        The text, with U+FFFD for what is not UTF-8, and whether that was needed.

    >>> decode_line(b"caf\xe9\r\n")
    ('caf\ufffd', True)
    """
    line = raw.removesuffix(b"\n").removesuffix(b"\r")
    if first:
        line = line.removeprefix(_BOM)
    try:
        return line.decode("utf-8"), False
    except UnicodeDecodeError:
        return line.decode("utf-8", "replace"), True


def check_readable(path: Path) -> None:
    """Say clearly that an input file is not there, not a file, or not readable.

    Raises:
        InputMissingError: In each of these cases.
    """
    try:
        if not path.exists():
            raise InputMissingError("no such file", where=str(path), hint=_what_is_there(path))
        if path.is_dir():
            raise InputMissingError("is a folder; a file is needed", where=str(path), hint=_what_is_there(path / "x"))
        if not path.is_file():
            raise InputMissingError(
                "is not a regular file; it has to be read more than once",
                where=str(path),
                hint="Write the text to a file first.",
            )
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputMissingError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
    except ValueError as error:  # a NUL in the name
        raise InputMissingError(f"is no file name: {error}", where=repr(str(path))) from error


def _what_is_there(path: Path) -> str:
    """For somebody who named a file that is not there: what is."""
    if not path.parent.is_dir():
        return f"There is no folder {path.parent}; paths are relative to where the command is run, {Path.cwd()}."
    names = sorted(entry.name for entry in path.parent.iterdir() if not entry.name.startswith("."))
    close = get_close_matches(path.name, names, n=1)
    if close:
        return f"Did you mean {path.with_name(close[0])}?"
    return f"In {path.parent} there are: {', '.join(names[:8]) or 'no files'}{' …' if len(names) > 8 else ''}"


def uncompressed_suffix(path: Path) -> str:
    """The ending that tells the format, in lower case and without the compression: `.tsv` of `corpus.tsv.gz`."""
    name = path.name.lower()
    for ending in COMPRESSIONS:
        name = name.removesuffix(ending)
    return Path(name).suffix


def read_bytes(path: Path) -> Iterator[bytes]:
    """Blocks of a file's content, decompressed."""
    check_readable(path)
    try:
        with contextlib.ExitStack() as stack:
            file = _open(path, stack)
            while block := file.read(BLOCK_BYTES):
                yield bytes(block)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, error) from error
    except OSError as error:
        if path.name.lower().endswith(".zst") and error.errno in (None, errno.EIO):
            raise _damaged(path, error) from error
        raise InputMissingError(f"cannot be read: {error.strerror or error}", where=str(path)) from error


def raw_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file with their line feeds, decompressed; not decoded."""
    rest = b""
    for block in read_bytes(path):
        *lines, rest = (rest + block).split(b"\n")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest


def _open(path: Path, stack: contextlib.ExitStack) -> IO[bytes]:
    name = path.name.lower()
    if name.endswith(".gz"):
        return cast(IO[bytes], stack.enter_context(gzip.open(path, "rb")))
    if name.endswith(".zst"):
        import pyarrow

        file = stack.enter_context(path.open("rb"))
        return cast(IO[bytes], stack.enter_context(pyarrow.CompressedInputStream(file, "zstd")))
    return stack.enter_context(path.open("rb"))


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        f"the compressed file is damaged or cut off ({error})",
        where=str(path),
        hint="Copy or download it again; `gzip -t` and `zstd -t` test a file.",
    )


def _without_bom(path: Path, block: bytes) -> bytes:
    """The first block of a file, without a UTF-8 byte order mark; other encodings that show are refused."""
    encoding = next((name for bom, name in _FOREIGN_BOMS if block.startswith(bom)), None)
    sample = block[:4096]
    zeros = sample[::2].count(0), sample[1::2].count(0)
    if encoding is None and len(sample) >= 16 and sum(zeros) * 4 >= len(sample):
        if min(zeros) * 10 >= max(zeros):
            raise DataError(
                "no text: a quarter of its beginning is bytes of value 0",
                where=str(path),
                hint="Is it another kind of file, damaged by a crash, or UTF-32? Text has to be UTF-8.",
            )
        encoding = "UTF-16LE" if zeros[1] > zeros[0] else "UTF-16BE"  # Latin script without the mark
    if block.startswith(_LFS):
        raise DataError("is a pointer of Git LFS, not the file itself", where=str(path), hint="Fetch it: git lfs pull")
    if encoding:
        raise DataError(
            f"not UTF-8 but {encoding}",
            where=str(path),
            hint=_REPAIR.format(encoding=encoding, name=path.name),
        )
    return block.removeprefix(_BOM)


def _decode(path: Path, block: bytes, n_before: int, lenient: bool) -> list[str]:
    """Whole lines without the last line feed; `n_before` lines of the file come before them."""
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError as error:
        if lenient:
            return _lines_in(block.decode("utf-8", "surrogateescape"))
        line = n_before + block.count(b"\n", 0, error.start) + 1
        start = block.rfind(b"\n", 0, error.start) + 1
        column = len(block[start : error.start].decode("utf-8")) + 1
        raise DataError(
            f"not UTF-8 (byte 0x{block[error.start]:02X} at column {column})",
            where=f"{path}:{line}",
            hint=_REPAIR.format(encoding="ISO-8859-1", name=path.name) + " (if that is its encoding)",
        ) from error
    return _lines_in(text)


def _lines_in(text: str) -> list[str]:
    lines = text.split("\n")
    if "\r" in text:
        lines = [line.removesuffix("\r") for line in lines]
    return lines
