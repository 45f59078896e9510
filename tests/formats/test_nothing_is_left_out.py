"""Texts after something that is not closed or not separated are translated too."""

import pytest
from fake_translators import identity, shouting

from s2s.formats.documents import open_document
from s2s.formats.flow import outcomes

TIMES = "00:00:01,000 --> 00:00:02,000"


@pytest.mark.parametrize(
    ("form", "before", "after"),
    [
        ("srt", f"1\n{TIMES}\na dog\n2\n{TIMES}\na cat\n", f"1\n{TIMES}\nA DOG\n2\n{TIMES}\nA CAT\n"),
        ("srt", f"{TIMES}\na dog\n{TIMES}\na cat\n", f"{TIMES}\nA DOG\n{TIMES}\nA CAT\n"),
        ("srt", f"1\n{TIMES}\n7 dogs\n 12 \n{TIMES}\na cat\n", f"1\n{TIMES}\n7 DOGS\n 12 \n{TIMES}\nA CAT\n"),
        ("srt", f"1\n{TIMES}\n2\n{TIMES}\na cat\n", f"1\n{TIMES}\n2\n{TIMES}\nA CAT\n"),
        ("html", "<ul><li translate=no>Foo<li>a dog</ul><p>a cat", "<ul><li translate=no>Foo<li>A DOG</ul><p>A CAT"),
        ("html", "<ul><li translate=no>Foo</ul><p>a cat", "<ul><li translate=no>Foo</ul><p>A CAT"),
        ("html", "<p>Use <code>foo</p><p>more text", "<p>USE <code>foo</p><p>MORE TEXT"),
        ("html", "<p>Use <code>foo<p>more text", "<p>USE <code>foo<p>MORE TEXT"),
        ("html", "<p translate=no>Foo<p>a<div translate=no><p>b</div>c",
         "<p translate=no>Foo<p>A<div translate=no><p>b</div>C"),
        ("html", "<p translate=no>Foo<div>a</div>", "<p translate=no>Foo<div>A</div>"),
        ("html", "<p><b>a <kbd>b</b> c", "<p><b>A <kbd>b</b> C"),
        ("html", "<b>a <i translate=no>b <b>c</b> d</i> e</b>", "<b>A <i translate=no>b <b>c</b> d</i> E</b>"),
        (
            "html",
            "<table><tr><td translate=no>a<td>b<tr translate=no><td>c<td>d<tr><td>e</table>f",
            "<table><tr><td translate=no>a<td>B<tr translate=no><td>c<td>d<tr><td>E</table>F",
        ),
        ("html", "<dl><dt translate=no>a<dd>b<dt>c</dl>", "<dl><dt translate=no>a<dd>B<dt>C</dl>"),
        ("html", "<select><option translate=no>a<option>b</select>",
         "<select><option translate=no>a<option>B</select>"),
        ("html", "<ul translate=no><li>a<ul><li>b</ul><li>c</ul>d", "<ul translate=no><li>a<ul><li>b</ul><li>c</ul>D"),
        ("html", "<li translate=no>a<ul><li>b</ul>c</li>d", "<li translate=no>a<ul><li>b</ul>c</li>D"),
        ("html", "<div><pre>a</div>b", "<div><pre>a</div>B"),
        ("html", "<p>a <svg><text>b</text><p>c</p></svg> d", "<p>A <svg><text>b</text><p>c</p></svg> D"),
    ],
)  # fmt: skip
def test_what_follows_is_translated(form: str, before: str, after: str) -> None:
    document = open_document(before.encode(), "file", form)
    assert document.render(outcomes(document.segments, shouting, document.accepts), None).decode() == after
    assert document.render(outcomes(document.segments, identity, document.accepts), None).decode() == before


def test_what_is_left_open_to_the_end_is_said() -> None:
    document = open_document(b"<div>\n<div translate=no>\na dog <p>a cat", "file", "html")
    assert document.segments == []
    assert document.notes == ["line 2: <div> is not closed: what follows it to the end of the file stays as it is"]
    assert open_document(b"<p translate=no>a", "file", "html").notes == []
    assert open_document(b"<script>a", "file", "html").notes == [
        "line 1: <script> is not closed: what follows it to the end of the file stays as it is"
    ]
