"""Pages that are templates: the code in them is not text."""

import pytest
from fake_translators import backwards, identity, shouting

from s2s.formats.documents import open_document
from s2s.formats.flow import Translate, outcomes


def translated(data: str, how: Translate = shouting) -> str:
    document = open_document(data.encode(), "file", "html")
    return document.render(outcomes(document.segments, how, document.accepts), None).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<p>{% if n > 3 %}Two dogs run{% endif %}", "<p>{% if n > 3 %}TWO DOGS RUN{% endif %}"),
        ("<p>a {% if n > 3 %}b{% else %}c{% endif %} d", "<p>A {% if n > 3 %}B{% else %}C{% endif %} D"),
        ("<p>a dog {{ a && b }}", "<p>A DOG {{ a && b }}"),
        ("<p>a {{ {'b': 1}|c }} {{{d}}} e", "<p>A {{ {'b': 1}|c }} {{{d}}} E"),
        ('<p>a {{ x|default("&nbsp;") }} b', '<p>A {{ x|default("&nbsp;") }} B'),
        ('<p>a <%= link_to "dog" %> b', '<p>A <%= link_to "dog" %> B'),
        ("<p>a <?php echo $a->b; ?> dog", "<p>A <?php echo $a->b; ?> DOG"),
        ("<p>a {# no\n<p>text > #} b", "<p>A {# no\n<p>text > #} B"),
        ("<p>a <?php if ($x):\n  echo '<p>b</p>' ?> c", "<p>A <?php if ($x):\n  echo '<p>b</p>' ?> C"),
        ("<p>a</p><?php foo();\n$a->b(); // no end", "<p>A</p><?php foo();\n$a->b(); // no end"),
        ("<title>a {{ b > c }}</title>", "<title>A {{ b > c }}</title>"),
        ('<p title="a {{ b|c("d") }} e" id=x>f', '<p title="A {{ b|c("d") }} E" id=x>F'),
        ("<a {% if x > 3 %}class='y'{% endif %} title='b'>c", "<a {% if x > 3 %}class='y'{% endif %} title='B'>C"),
        ("<p>{{ a {% b {# c <% d", "<p>{{ A {% B {# C &lt;% D"),
        ('<?xml version="1.0"?><p>a', '<?xml version="1.0"?><p>A'),
        ("<?pi a><p>b", "<?pi a><p>B"),
        ("<p>a {n, plural, one {b} other {{n} c}}", "<p>A {n, plural, one {B} other {{n} C}}"),
        ('<img alt="{n, plural, one {a & b} other {# c}}">', '<img alt="{n, plural, one {A &amp; B} other {# C}}">'),
        (
            "<a title='{% if x %}it&#39;s a{% else %}b{% endif %} c' href=#>",
            "<a title='{% if x %}IT&#39;S A{% else %}B{% endif %} C' href=#>",
        ),
    ],
)
def test_code_stays_and_what_is_around_it_is_translated(before: str, after: str) -> None:
    assert translated(before) == after
    assert translated(before, identity) == before


def test_what_a_condition_in_an_attribute_governs_is_a_text_of_its_own() -> None:
    before = '<a title="{% if x %}open the door{% else %}close the door{% endif %}" href=#>'
    after = '<a title="{% if x %}door the open{% else %}door the close{% endif %}" href=#>'
    assert translated(before, backwards) == after


def test_a_page_whose_language_is_code_keeps_it() -> None:
    document = open_document(b'<html lang="{{ LANG }}" xml:lang="en"><p>a', "file", "html")
    found = document.render(outcomes(document.segments, shouting, document.accepts), "de").decode()
    assert found == '<html lang="{{ LANG }}" xml:lang="de"><p>A'


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("a b {% if x %} c d {% else %} e f {% endif %} g h", "b a {% if x %} d c {% else %} f e {% endif %} h g"),
        ("a b <% if x %>c d<% else %>e f<% end %> g h", "b a <% if x %>d c<% else %>f e<% end %> h g"),
        ("a b <?php if (x) { ?>c d<?php } ?> g h", "b a <?php if (x) { ?>d c<?php } ?> h g"),
        ("a b {{#if x}}c d{{else}}e f{{/if}} g h", "b a {{#if x}}d c{{else}}f e{{/if}} h g"),
    ],
)
def test_what_a_condition_governs_stays_in_it(text: str, after: str) -> None:
    assert translated(f"<p>{text}", backwards) == f"<p>{after}"


@pytest.mark.parametrize(
    "text", ["{{", "{%", "{#", "<%", "<?", "{{ {", "<a {%", '<a b="{{', "{{a} ", "<% %> <%", "{%%} {%"]
)
def test_code_without_an_end_is_read(text: str) -> None:
    assert translated(f"{text} a", identity) == f"{text} a"
    long = f"{text} a" * 2000
    assert translated(long, identity) == long
