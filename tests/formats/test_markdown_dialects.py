"""What is text for CommonMark, and markup for those who write and read it."""

import pytest
from fake_translators import identity, shouting

from s2s.formats.documents import open_document
from s2s.formats.flow import Translate, Translated, outcomes


def translated(data: str, how: Translate = shouting) -> str:
    document = open_document(data.encode(), "file", "markdown")
    return document.render(outcomes(document.segments, how, document.accepts), None).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("> [!WARNING]\n> a dog\n> runs\n", "> [!WARNING]\n> A DOG\n> RUNS\n"),
        ("a $\\alpha_1$ dog\n", "A $\\alpha_1$ DOG\n"),
        ("a $x_1 * y_2 * z$ dog _b_\n", "A $x_1 * y_2 * z$ DOG _B_\n"),
        ("$$ E = mc^2 $$\n", "$$ E = mc^2 $$\n"),
        ("a dog\n$$\nE = m c^2\n$$\na cat\n", "A DOG\n$$\nE = m c^2\n$$\nA CAT\n"),
        ("a dog $$ x_1 $$ a cat $$ b\n", "A DOG $$ x_1 $$ A CAT $$ B\n"),
        ("> $$\n> E = m\n> $$\n", "> $$\n> E = m\n> $$\n"),
        ("it costs $5 and me $ 6 or US$7\n", "IT COSTS $5 AND ME $ 6 OR US$7\n"),
        ("`$a` and `$b` run\n", "`$a` AND `$b` RUN\n"),
        ("::: warning\na dog\n:::\n", "::: warning\nA DOG\n:::\n"),
        ("!!! note\na dog\n", "!!! note\nA DOG\n"),
        ("!!! note\n    a dog\n    runs\n", "!!! note\n    A DOG\n    RUNS\n"),
        ("a dog\\\n     runs\n", "A DOG\\\n     RUNS\n"),
        ("[^1]: a dog that runs\n[^2]: a cat\n[^3]: b c\n", "[^1]: A DOG THAT RUNS\n[^2]: A CAT\n[^3]: B C\n"),
        ("Term\n: Definition of it\n: another\n", "TERM\n: DEFINITION OF IT\n: ANOTHER\n"),
        ("see [[a_page|x *y*]] there\n", "SEE [[a_page|x *y*]] THERE\n"),
        ("| a $b_1$ | c |\n|---|---|\n| [[d\\|e]] f | g |\n", "| A $b_1$ | C |\n|---|---|\n| [[d\\|e]] F | G |\n"),
    ],
)
def test_markup_of_dialects_stays(before: str, after: str) -> None:
    assert translated(before) == after
    assert translated(before, identity) == before


@pytest.mark.parametrize(
    ("said", "written"),
    [("C:\\dogs ist da", "C:\\dogs ist da"), ("a \\* b", "a \\\\\\* b"), ("so \\", "so \\\\")],
)
def test_a_backslash_is_escaped_where_it_would_escape(said: str, written: str) -> None:
    assert translated("one\n", lambda texts, align: [Translated(said)] * len(texts)) == f"{written}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "see https://en.wikipedia.org/wiki/Dog_(zodiac) now\n",
            "SEE https://en.wikipedia.org/wiki/Dog_(zodiac) NOW\n",
        ),
        ("see http://x.y/_foo_/ now\n", "SEE http://x.y/_foo_/ NOW\n"),
        ("see **https://x.y/a*b** (www.x.y/_b_/c).\n", "SEE **https://x.y/a*b** (www.x.y/_b_/c).\n"),
        ("a [https://x.y/_z_/](https://x.y/_z_/) b\n", "A [https://x.y/_z_/](https://x.y/_z_/) B\n"),
        ("a [b](http://x.y/_z_/ 'c') ![d](http://x.y/_z_) e\n", "A [B](http://x.y/_z_/ 'c') ![d](http://x.y/_z_) E\n"),
        (
            "a **www.x.y**b <https://x.y/_z_> <a href='http://x.y/_z_'>b</a>\n",
            "A **www.x.y**B <https://x.y/_z_> <a href='http://x.y/_z_'>B</a>\n",
        ),
        ("a `http://x.y/_z_` b me_or_you@x.y c\n", "A `http://x.y/_z_` B me_or_you@x.y C\n"),
    ],
)
def test_bare_addresses_stay(before: str, after: str) -> None:
    assert translated(before) == after
    assert translated(before, identity) == before
