"""How commands end when their output cannot be written."""

import errno
import io

import pytest
import typer

from s2s.errors import DataError
from s2s.exits import _explaining


class Unread(io.StringIO):
    """An output whose reader has left, which shows when it is flushed."""

    def flush(self) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_an_error_is_said_although_nobody_reads_the_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout", Unread())
    with pytest.raises(typer.Exit) as caught, _explaining():
        raise DataError("it is bad", where="x.en:3")
    assert caught.value.exit_code == 65
    assert "x.en:3: it is bad" in capsys.readouterr().err


def test_a_good_end_that_nobody_reads_is_a_broken_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Unread())
    with pytest.raises(typer.Exit) as caught, _explaining():
        pass
    assert caught.value.exit_code == 141
