import gzip
from pathlib import Path

import pyarrow
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import s2s.corpus.text
from s2s.corpus.text import decode_line, read_lines
from s2s.errors import DataError, InputMissingError

# characters that one library or another takes for the end of a line
NASTY = "a é\t\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\x00\u0301😀\ufeff▁"


def write(path: Path, content: bytes) -> Path:
    if path.suffix == ".gz":
        content = gzip.compress(content)
    elif path.suffix == ".zst":
        content = pyarrow.compress(content, codec="zstd", asbytes=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"\n\n\n", ["", "", ""]),
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\ntwo", ["one", "two"]),
        (b"one\r\ntwo\r\n", ["one", "two"]),
        (b"one\r\r\n", ["one\r"]),
        (b"a\rb\n", ["a\rb"]),
        (b"\xef\xbb\xbfone\n", ["one"]),
        (b"one\n\xef\xbb\xbftwo\n", ["one", "\ufefftwo"]),
        (b"\xef\xbb\xbf", []),
        ("a\u2028b\x85c\x0cd\n".encode(), ["a\u2028b\x85c\x0cd"]),
        (b"a\x00b\n", ["a\x00b"]),
    ],
)
def test_lines(tmp_path: Path, ending: str, content: bytes, lines: list[str]) -> None:
    assert list(read_lines(write(tmp_path / f"x{ending}", content))) == lines


@pytest.mark.parametrize("block", [3, 7, 1 << 20])
@settings(max_examples=60)
@given(lines=st.lists(st.text(st.sampled_from(NASTY + "\r"), max_size=12)), end=st.booleans())
def test_what_is_joined_by_line_feeds_comes_apart_there_and_nowhere_else(
    tmp_path_factory: pytest.TempPathFactory, block: int, lines: list[str], end: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines"
    content = "\n".join([*lines, ""] if end else lines).encode()
    assume(content[:4096].count(0) * 4 < max(16, len(content)))  # more is taken for another encoding
    path.write_bytes(content)
    if lines:
        lines[0] = lines[0].removeprefix("\ufeff")
    expected = [line.removesuffix("\r") for line in lines]
    if not end and lines and lines[-1] == "":
        expected.pop()  # nothing after the last line feed is no line
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s2s.corpus.text, "BLOCK_BYTES", block)
        assert list(read_lines(path)) == expected


def test_lines_of_several_blocks_and_a_line_longer_than_a_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"line {number} é" for number in range(1000)]
    lines[500] = "x" * 5000
    path = write(tmp_path / "x", "\n".join(lines).encode())
    monkeypatch.setattr(s2s.corpus.text, "BLOCK_BYTES", 100)
    assert list(read_lines(path)) == lines


@pytest.mark.parametrize("block", [100, 1 << 20])
def test_bytes_that_are_not_utf8_are_named_by_line_and_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(s2s.corpus.text, "BLOCK_BYTES", block)
    good = "".join(f"Zeile {number} für alle\n" for number in range(1840)).encode()
    path = write(tmp_path / "train.de", good + "ä sixteen letter".encode() + b"\xe9 und so\n")
    with pytest.raises(DataError) as caught:
        list(read_lines(path))
    assert str(caught.value).startswith(f"{path}:1841: not UTF-8 (byte 0xE9 at column 17)\n  ")
    assert "iconv -f ISO-8859-1" in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-32"])
def test_utf16_and_utf32_are_recognised(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "x", "Ein kleines Haus\nam See\n".encode(encoding))
    with pytest.raises(DataError, match="not UTF-8 but UTF-") as caught:
        list(read_lines(path))
    assert caught.value.hint is not None
    assert "iconv" in caught.value.hint


@pytest.mark.parametrize("ending", [".gz", ".zst"])
@pytest.mark.parametrize("damage", ["cut", "flip", "junk", "plain"])
def test_damaged_compression(tmp_path: Path, ending: str, damage: str) -> None:
    path = write(tmp_path / f"x{ending}", "".join(f"line {n * n}\n" for n in range(5000)).encode())
    content = bytearray(path.read_bytes())
    if damage == "cut":
        del content[-20:]
    elif damage == "flip":
        content[len(content) // 2] ^= 0xFF
        content[len(content) // 2 + 1] ^= 0xFF
    else:
        content[:] = b"one\ntwo\n" if damage == "plain" else b"\x00\x01junk" * 30
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        list(read_lines(path))
    assert str(path) in str(caught.value)


def test_missing_folder_and_fifo(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    for name, message in [("nothing", "no such file"), ("", "is a folder"), ("pipe", "not a regular file")]:
        with pytest.raises(InputMissingError, match=message) as caught:
            list(read_lines(tmp_path / name))
        assert caught.value.exit_code == 66


@given(st.binary(max_size=40))
def test_any_bytes_decode(raw: bytes) -> None:
    text, repaired = decode_line(raw)
    assert repaired == (text.encode() != raw.removesuffix(b"\n").removesuffix(b"\r"))
    text.encode("utf-8")


def test_decode_line() -> None:
    assert decode_line(b"caf\xc3\xa9\r\n") == ("café", False)
    assert decode_line(b"caf\xe9") == ("caf\ufffd", True)
    assert decode_line(b"\xed\xa0\x80\n")[1]  # a surrogate in UTF-8
    assert decode_line(b"\xef\xbb\xbfa\n", first=True) == ("a", False)
