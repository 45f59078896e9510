"""50 files of each format: valid and the same with a model that changes nothing, valid with models that are hostile."""

import html.parser
import random
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable

import made_files
import pytest
from fake_translators import HOSTILE, identity
from markdown_it import MarkdownIt

from s2s.formats.content import Document, Outcome
from s2s.formats.documents import open_document
from s2s.formats.flow import Translate, outcomes
from s2s.formats.po_entries import entries

N_FILES = 50
FORMS = {
    "xliff12": "xliff",
    "xliff2": "xliff",
    "po": "po",
    "html": "html",
    "markdown": "markdown",
    "srt": "srt",
    "vtt": "srt",
    "document": "document",
}
# what has to come out as often as it went in, said once more, without the code that is tested
THINGS = re.compile(
    r"https://[\w./?=&#]*\w|%\(name\)s|%1\$d|%-5\.2f|%%|%s|\{0\}|\{name\}|\$\{x\}|\{\{ y \}\}"
    r"|%\{z\}|me@example\.org|\b3[.,]14\b|\b1[.,]000\b|\b42\b"
)


def made(name: str, seed: int) -> bytes:
    make: Callable[[random.Random], bytes] = getattr(made_files, name)
    return make(random.Random(f"{name} {seed}"))


def translated(name: str, data: bytes, translate: Translate) -> tuple[bytes, Document, list[Outcome]]:
    document = open_document(data, "file", FORMS[name])
    found = outcomes(document.segments, translate, document.accepts)
    return document.render(found, None), document, found


@pytest.mark.parametrize("name", FORMS)
def test_files_come_back_equal_with_a_model_that_changes_nothing(name: str) -> None:
    n_segments = 0
    for seed in range(N_FILES):
        data = made(name, seed)
        out, document, found = translated(name, data, identity)
        n_segments += len(document.segments)
        assert not document.notes, data.decode()
        assert all(outcome.content is not None for outcome in found)
        if name.startswith("xliff"):
            _same_xliff(data, out)
        elif name == "po":
            _same_po(data, out)
        else:
            assert out == data
    assert n_segments > 2 * N_FILES


@pytest.mark.parametrize("how", HOSTILE)
@pytest.mark.parametrize("name", FORMS)
def test_files_stay_valid_and_nothing_is_lost_with_a_hostile_model(
    name: str, how: str, request: pytest.FixtureRequest
) -> None:
    n_changed = 0
    seeds = (
        range(N_FILES) if request.config.getoption("--full") else range(first := sum(map(ord, how)) % 40, first + 10)
    )
    for seed in seeds:
        data = made(name, seed)
        out, document, found = translated(name, data, HOSTILE[how])
        n_changed += out != data
        CHECKS[name](data, out, document, found)
    assert how in ("says nothing", "invents") or n_changed > len(seeds) // 4


def _decoded(data: bytes) -> str:
    return data.decode("utf-16" if data.startswith(b"\xff\xfe") else "utf-8")


def _same_xliff(data: bytes, out: bytes) -> None:
    """Each target is the source, byte by byte, and without targets and states the file is as it was."""
    before, after = _decoded(data), _decoded(out)
    source = r"<(source|seg-source)((?:\s[^>]*)?)>((?:(?!</?source>|<seg-source>).)*?)</\1>"
    pairs = re.findall(source + r"\s*<target[^>/]*state[^>]*>(.*?)</target>", after, re.DOTALL)
    pairs += re.findall(source + r"\s*<target(?:\sxml:space=\"preserve\")?>(.*?)</target>", after, re.DOTALL)
    assert pairs
    for _, _, one, other in pairs:
        if other != "Fertig %s":
            assert one == other
    assert _stripped(after) == _stripped(before)


def _stripped(text: str) -> str:
    text = re.sub(r"\s*<target[^>/]*(?:/>|>(?!Fertig).*?</target>)", "", text, flags=re.DOTALL)
    return re.sub(r"(<segment)[^>]*>", r"\1>", text)


def _same_po(data: bytes, out: bytes) -> None:
    before, after = ([*entries(_decoded(one).split("\n"), "x")] for one in (data, out))
    for old, new in zip(before, after, strict=True):
        assert old.source is not None
        assert new.source is not None
        assert new.source.text == old.source.text
        if not old.is_header and old.source.text != "kept":
            texts = {one.text for one in (new.source, new.plural) if one}
            assert {one.text for one in new.targets.values()} <= texts
    message = re.compile(r'msgstr(?:\[\d\])? (?:"(?:[^"\\]|\\.)*"\r?\n?)+')
    kept = [re.sub(message, "", _decoded(one)) for one in (data, out)]
    assert kept[0] == kept[1]
    # the lines of a text are those of its source
    if data.count(b"msgid_plural") == 0:
        bodies = re.findall(r'msgid ((?:"(?:[^"\\]|\\.)*"\s*)+)msgstr ((?:"(?:[^"\\]|\\.)*"\r?\n?)+)', _decoded(out))
        assert all(a.strip() == b.strip() for a, b in bodies[1:-1])


def _skeletons(text: str) -> list[str]:
    """The messages of a text without the texts of their branches, read by counting braces."""
    found = []
    place = 0
    while match := re.compile(r"\{\s*\w+,\s*(?:plural|select),", re.IGNORECASE).search(text, place):
        place, depth = match.start(), 0
        parts = []
        while True:
            quoted = re.compile(r"''|'[{}].*?'").match(text, place)
            char = quoted[0] if quoted else text[place]
            place += len(char)
            if char == "}":
                depth -= 1
            if depth in (0, 1) or (char == "#" and "plural" in match[0]):
                parts.append(char)
            if char == "{":
                depth += 1
            if depth == 0:
                break
        found.append("".join(parts))
    return sorted(found)


def _in_order(raw: str) -> bool:
    """Whether no code closes before it opens."""
    opened: set[str] = set()
    for kind, number in re.findall(r"""<(bx|ex|sc|ec|x) (?:id|startRef)=["'](\w+)["']""", raw):
        if kind in ("bx", "sc") or number.startswith("START_"):
            opened.add(number.removeprefix("START_"))
        elif (kind in ("ex", "ec") or number.startswith("CLOSE_")) and number.removeprefix("CLOSE_") not in opened:
            return False
    return True


def _things(text: str) -> Counter[str]:
    return Counter(re.sub(r"^(3|1)[.,]", r"\1.", one) for one in THINGS.findall(text))


def _check_xliff(data: bytes, out: bytes, document: Document, found: list[Outcome]) -> None:
    before, after = ET.fromstring(data), ET.fromstring(out)
    local = lambda element: element.tag.split("}")[-1] if isinstance(element.tag, str) else "!"  # noqa: E731
    n_targets = 0
    for holder in after.iter():
        if local(holder) not in ("trans-unit", "segment"):
            continue
        children = {local(child): child for child in holder}
        source = children.get("seg-source", children["source"])
        target = children.get("target")
        if target is None:
            assert holder.get("translate") == "no"
            continue
        n_targets += 1
        if (target.text or "").startswith("Fertig"):
            continue
        assert _inline(source) == _inline(target)
        said = "".join(source.itertext()), "".join(target.itertext())
        assert _things(said[0]) == _things(said[1])
        assert _skeletons(said[0]) == _skeletons(said[1])
        written = re.sub(r"<ns\d+:", "<", ET.tostring(target, "unicode"))
        assert _in_order(written), written
    assert n_targets
    sources = [[ET.tostring(e).rstrip() for e in root.iter() if local(e) == "source"] for root in (before, after)]
    assert sources[0] == sources[1]


def _inline(element: ET.Element) -> Counter[str]:
    own = [one for one in element.iter() if one is not element]
    return Counter(f"{one.tag} {sorted(one.attrib.items())}" for one in own)


def _check_po(data: bytes, out: bytes, document: Document, found: list[Outcome]) -> None:
    before, after = ([*entries(_decoded(one).split("\n"), "x")] for one in (data, out))
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        assert old.source is not None
        assert new.source is not None
        if old.is_header or old.source.text == "kept":
            assert {n: one.text for n, one in old.targets.items()} == {n: one.text for n, one in new.targets.items()}
            continue
        singular = new.source.text
        plural = new.plural.text if new.plural else singular
        for target in new.targets.values():
            candidates = [singular, plural]
            assert any(_po_same(one, target.text) for one in candidates), (candidates, target.text)


def _po_same(source: str, target: str) -> bool:
    tags = re.compile(r"</?[a-z][^<>]*>")
    return (
        _things(source) == _things(target)
        and Counter(tags.findall(source)) == Counter(tags.findall(target))
        and source.count("\n") == target.count("\n")
        and source.endswith("\n") == target.endswith("\n")
        and _skeletons(source) == _skeletons(target)
    )


class _Events(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.blocks: list[str] = []
        self.depth: list[str] = []
        self.raw: list[str] = []
        self.all_text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = [pair for pair in attrs if pair[0] not in ("alt", "title", "placeholder")]
        self.tags[f"<{tag} {own}>"] += 1
        if tag in ("p", "h1", "li", "td", "blockquote", "div", "ul", "pre", "br", "body", "html"):
            self.blocks.append(f"<{tag}>")

    def handle_endtag(self, tag: str) -> None:
        self.tags[f"</{tag}>"] += 1
        if tag in ("p", "h1", "li", "td", "blockquote", "div", "ul", "pre", "body", "html"):
            self.blocks.append(f"</{tag}>")

    def handle_comment(self, data: str) -> None:
        self.raw.append(data)

    def handle_data(self, data: str) -> None:
        self.all_text += f" {data}"


def _check_html(data: bytes, out: bytes, document: Document, found: list[Outcome]) -> None:
    codec = "windows-1252" if b'charset="windows-1252"' in data else "utf-8"
    before, after = _Events(data.decode(codec)), _Events(out.decode(codec))
    assert before.tags == after.tags
    assert before.blocks == after.blocks
    assert _skeletons(before.all_text) == _skeletons(after.all_text)
    assert Counter(before.raw) == Counter(after.raw)
    assert _things(before.all_text) == _things(after.all_text)
    for kept in (rb"<script>.*?</script>", rb"<style>.*?</style>", rb"<pre>.*?</pre>"):
        assert re.findall(kept, data, re.DOTALL) == re.findall(kept, out, re.DOTALL)


def _check_markdown(data: bytes, out: bytes, document: Document, found: list[Outcome]) -> None:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    front = re.compile(rb"\A---\r?\n.*?\n---\r?\n", re.DOTALL)
    before, after = (parser.parse(front.sub(b"", one).decode()) for one in (data, out))
    shape = [[(token.type, token.tag, token.markup, token.info) for token in tokens] for tokens in (before, after)]
    assert shape[0] == shape[1]
    for old, new in zip(before, after, strict=True):
        if old.type in ("fence", "code_block", "html_block"):
            assert old.content == new.content
        texts = []
        for token in (old, new):
            inline = token.children or []
            kinds = Counter(
                (one.type, one.markup, str(one.attrs), one.content)
                if one.type in ("code_inline", "html_inline", "image")
                else (one.type, one.markup, str(one.attrs), "")
                for one in inline
                if one.type not in ("text", "softbreak", "text_special")
            )
            texts.append((kinds, _things(" ".join(one.content for one in inline if one.type == "text"))))
        assert texts[0] == texts[1], (old.content, new.content)
    assert front.findall(data) == front.findall(out)


def _check_subtitles(data: bytes, out: bytes, document: Document, found: list[Outcome]) -> None:
    times = re.compile(r"^.*-->.*$", re.MULTILINE)
    before, after = data.decode(), out.decode()
    assert times.findall(before) == times.findall(after)
    tags = re.compile(r"\{\\an8\}|<[^<>]+>")
    cues = [re.split(r"\r?\n\r?\n", text) for text in (before, after)]
    assert len(cues[0]) == len(cues[1])
    for old, new in zip(*cues, strict=True):
        assert Counter(tags.findall(old)) == Counter(tags.findall(new))
        assert _things(html.unescape(old)) == _things(html.unescape(new))
        assert new.count("\n") <= old.count("\n")


def _check_document(data: bytes, out: bytes, document: Document, found: list[Outcome]) -> None:
    before, after = (re.split(r"\r?\n[ ]*\r?\n", one.decode()) for one in (data, out))
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        assert _things(old) == _things(new)


CHECKS: dict[str, Callable[[bytes, bytes, Document, list[Outcome]], None]] = {
    "xliff12": _check_xliff,
    "xliff2": _check_xliff,
    "po": _check_po,
    "html": _check_html,
    "markdown": _check_markdown,
    "srt": _check_subtitles,
    "vtt": _check_subtitles,
    "document": _check_document,
}


def test_po_files_are_read_by_polib() -> None:
    polib = pytest.importorskip("polib")
    for seed in range(N_FILES):
        out, _, found = translated("po", made("po", seed), HOSTILE["drops words"])
        read = polib.pofile(out.decode())
        flagged = sum(outcome.problem != "" for outcome in found)
        fuzzy = [entry for entry in read if "fuzzy" in entry.flags and entry.msgid != "kept"]
        assert bool(fuzzy) == bool(flagged)
        for entry in read:
            if not entry.obsolete:
                assert all(entry.msgstr_plural.values()) if entry.msgid_plural else entry.msgstr
