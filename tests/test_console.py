"""What is said while it works."""

import errno
import io
import sys

import pytest

from s2s.console import Progress, duration, say


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (3599, "59 min 59 s"), (7260, "2 h 1 min")]
)
def test_durations_are_said_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_progress_is_plain_lines_now_and_then_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 5.0, 16.0, 16.0, 20.0])
    monkeypatch.setattr("s2s.console.time.monotonic", lambda: next(clock))
    progress = Progress("train", interval=15)
    progress.show(0.1, "too soon")
    progress.show(0.5, "now")
    progress.show(0.6, "too soon again")
    progress.close()
    captured = capsys.readouterr()
    assert captured.err == "train  50%  now\n"
    assert captured.out == ""


def test_control_characters_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\x1b]0;title\x07\x9b2J\rb\nc\td — é 🐭")
    assert capsys.readouterr().err == "a\\x1b]0;title\\x07\\x9b2J\\x0db\nc\td — é 🐭\n"


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EIO, errno.ENOSPC])
def test_that_nobody_can_read_it_is_no_error(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(number, "gone")

    gone = Gone()
    monkeypatch.setattr("sys.stderr", gone)
    say("a line")
    say("another")
    assert sys.stderr is not gone  # whose buffer would fail again at exit
    print("of a library", file=sys.stderr)
    sys.stderr.close()


def test_a_signal_in_the_midst_of_a_line_says_nothing_and_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Busy(io.StringIO):
        def write(self, _text: str) -> int:
            raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")

    busy = Busy()
    monkeypatch.setattr("sys.stderr", busy)
    say("a line")
    assert sys.stderr is busy
