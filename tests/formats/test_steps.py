"""Twice as much text takes about twice as many steps, whatever a clock says."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest
from fake_translators import shouting

from s2s.formats import markdown
from s2s.formats.content import Encoded, Tag
from s2s.formats.documents import open_document
from s2s.formats.flow import outcomes
from s2s.formats.reflow import reflow


def steps(run: Callable[[], object]) -> int:
    """How many instructions of Python the formats need for it."""
    n = 0

    def trace(frame: FrameType, event: str, argument: object) -> object:
        nonlocal n
        if "formats" not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        n += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        run()
    finally:
        sys.settrace(before)
    return n


def whole(text: str, form: str) -> Callable[[], object]:
    def run() -> None:
        document = open_document(text.encode(), "file", form)
        document.render(outcomes(document.segments, shouting, document.accepts), None)

    return run


LINE = "and then the dog runs over the green grass again\n"


@pytest.mark.parametrize(
    ("make", "form", "size"),
    [
        (lambda n: LINE * n, "document", 40),
        (lambda n: LINE * n, "markdown", 40),
        (lambda n: "1\n00:00:01,000 --> 00:00:02,000\n" + LINE * n, "srt", 40),
        (lambda n: "<p>a dog" * n, "html", 40),
        (lambda n: '<p><img alt="a dog">a cat' * n, "html", 400),
        (lambda n: "<p>" + 'a <img alt="a dog"> cat' * n, "html", 400),
        (lambda n: "<p>" + "The <b>dog</b> runs. " * n, "html", 400),
        (lambda n: "<p>A dog" + "<b></b>" * n, "html", 400),
    ],
)
def test_steps_go_with_the_length(make: Callable[[int], str], form: str, size: int) -> None:
    once, twice = (steps(whole(make(n), form)) for n in (size, 2 * size))
    assert once > 1000
    assert twice < 2.5 * once


class _Counting(str):
    n_read = 0

    def count(self, text: str, start: int | None = 0, end: int | None = None) -> int:  # type: ignore[override]
        found = super().count(text, start, end)
        _Counting.n_read += len(self[start:end])
        return found


def test_lines_of_markdown_are_not_counted_from_the_beginning_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "decode", lambda data, where: Encoded(_Counting(data.decode()), "utf-8"))
    data = b"---\nx: y\n---\n" + b"a dog\n\n" * 100
    _Counting.n_read = 0
    file = markdown.MarkdownFile(data, "file")
    assert [one.line for one in file.segments] == list(range(4, 204, 2))
    assert _Counting.n_read <= 2 * len(data)


def test_reflow_takes_the_nearest_places_that_are_left() -> None:
    content = ("aa bb cc dd ee ff",)
    assert reflow(content, [1, 1, 30], ["|", "|"], lambda text, place: True) == (
        "aa",
        Tag("|"),
        "bb",
        Tag("|"),
        "cc dd ee ff",
    )
    assert reflow(("a b",), [1, 1, 1], ["|", "|"], lambda text, place: True) == ("a", Tag("|"), "b")
