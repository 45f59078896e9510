"""What is said while it works."""

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
