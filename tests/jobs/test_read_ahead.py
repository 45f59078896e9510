"""Lines are read ahead within limits, and what is together does not depend on chance."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from s2s.jobs import read_ahead
from s2s.jobs.read_ahead import CHUNK, chunks


def test_a_file_comes_in_full_chunks_and_a_pipe_line_by_line(tmp_path: Path) -> None:
    lines = [b"%d\n" % number for number in range(2 * CHUNK + 3)]
    (tmp_path / "x").write_bytes(b"".join(lines))
    with (tmp_path / "x").open("rb") as file:
        found = list(chunks(file))
    assert [len(chunk) for chunk in found] == [CHUNK, CHUNK, 3]
    assert [line for chunk in found for line in chunk] == lines
    assert [len(chunk) for chunk in chunks(lines)] == [CHUNK, CHUNK, 3]
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb", buffering=0) as typed:
        answers = chunks(source)
        for line in lines[:3]:  # the next is typed when the answer is there
            typed.write(line)
            assert next(answers) == [line]
        typed.close()
        assert list(answers) == []
    assert list(chunks(io.BytesIO())) == list(chunks([])) == []


def test_long_lines_are_not_read_far_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_ahead, "CHUNK_BYTES", 10_000)
    n_read = 0

    def source() -> Iterator[bytes]:
        nonlocal n_read
        for _ in range(200):
            n_read += 1
            yield b"x" * 999 + b"\n"

    found = chunks(source())
    first = next(found)
    until = time.monotonic() + 10
    while n_read < 40 + len(first) and time.monotonic() < until:
        time.sleep(0.001)
    time.sleep(0.05)
    assert n_read <= 42 + len(first)  # four chunks that wait, and one in the hand
    rest = list(found)
    assert len(first) + sum(map(len, rest)) == 200
    assert max(map(len, rest)) == 10


def test_lines_before_an_error_come_before_it() -> None:
    def source() -> Iterator[bytes]:
        yield b"one\n"
        raise OSError("torn")

    found = chunks(source())
    assert next(found) == [b"one\n"]
    with pytest.raises(OSError, match="torn"):
        next(found)


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes")
def test_ctrl_c_leaves_a_pipe_that_nobody_closes(tmp_path: Path) -> None:
    """To close a file waits for whoever reads from it, and that one for what may never come."""
    os.mkfifo(tmp_path / "pipe")
    model = Path(__file__).parents[1] / "golden" / "model"
    command = [sys.executable, "-m", "s2s", "translate", "--model", str(model), "--input", str(tmp_path / "pipe")]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child,
        (tmp_path / "pipe").open("wb", buffering=0) as pipe,
    ):
        pipe.write(b"one\n")
        assert child.stdout is not None
        assert child.stdout.readline()
        child.send_signal(signal.SIGINT)
        try:
            assert child.wait(60) == 130
        finally:
            child.kill()
