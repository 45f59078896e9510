"""XLIFF 1.2 and 2: each source goes into a target beside it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from pyexpat import ExpatError, ParserCreate
from xml.sax.saxutils import escape

from s2s.errors import DataError
from s2s.formats.content import Content, Edit, Outcome, Piece, Segment, Tag, merged, splice, unpaired_alone
from s2s.formats.html_tags import VOID
from s2s.formats.protect import EMBEDDED, with_embedded_tags, with_messages
from s2s.formats.xml_scan import XML, Node, scan, with_attributes

NAMESPACE = "urn:oasis:names:tc:xliff:document:"
DONE_STATES = ("reviewed", "final", "signed-off")
NOT_DONE_STATES = frozenset(
    ("new", "initial", "needs-translation", "needs-adaptation", "needs-l10n", "needs-review-adaptation")
)
"""A target in one of them may be a copy of the source."""
# elements around text that is translated; those of native code are opaque as a whole
_PAIRS = {"g": 1, "mrk": 1, "pc": 2}
_ENDS = {"bpt": "open", "bx": "open", "sc": "open", "sm": "open"}
_ENDS |= {"ept": "close", "ex": "close", "ec": "close", "em": "close"}


@dataclass(frozen=True)
class _Target:
    """Where a translation goes.

    Attributes:
        first: Number of the first segment that belongs into it.
        n: How many.
        inner: The span that is copied: the inside of the source, or of what says its segments.
        spans: Of the segments, within it.
        cdata: Whether each segment is one section of CDATA.
        holder: The element that has the state: the target itself, or a segment of XLIFF 2.
        target: An empty target that is there.
        after: Where a target is made, if none is there.
        like: The start tag of the source.
        space: White space before it.
    """

    first: int
    n: int
    inner: tuple[int, int]
    spans: list[tuple[int, int]]
    cdata: list[bool]
    holder: Node | None
    target: tuple[int, int, str] | None
    after: int
    like: str
    space: str


class XliffFile:
    """A file of XLIFF; see `Document`.

    Args:
        data: Its bytes.
        where: Its name, for messages.

    Raises:
        DataError: It is malformed, or no XLIFF.
    """

    def __init__(self, data: bytes, where: str) -> None:
        self.segments: list[Segment] = []
        self.n_kept = 0
        self.notes: list[str] = []
        self._xml = scan(data, where)
        self._nodes = self._xml.nodes
        self._targets: list[_Target] = []
        self._n_partial = 0
        root = next(node for node in self._nodes if node.kind == "start")
        if root.name[1] != "xliff" or (root.name[0] and not root.name[0].startswith(NAMESPACE)):
            raise DataError(f"is no XLIFF: its outermost element is {root.name[1]}", where=where)
        self._namespace = root.name[0]
        self.version = 1 if root.attributes.get(("", "version"), "").startswith("1") else 2
        self._root = root
        self._files = [node for node in self._nodes if self._is(node, "file")]
        holders = self._files if self.version == 1 else [root]
        names = ("source-language", "target-language") if self.version == 1 else ("srcLang", "trgLang")
        self._language_name = names[1]
        self._holders = holders
        self.languages = [tuple(node.attributes.get(("", name), "") for name in names) for node in holders]
        self._walk(0, len(self._nodes), translate=True, space="default")
        if self._n_partial:
            self.notes.append(f"{self._n_partial:,} of those with a translation lack that of some of their segments")

    def _is(self, node: Node, *names: str) -> bool:
        return node.kind == "start" and node.name[0] == self._namespace and node.name[1] in names

    def _walk(self, start: int, end: int, *, translate: bool, space: str) -> None:
        """Find what is to be translated among some nodes."""
        stack = [(translate, space)]
        place = start
        while place < end:
            node = self._nodes[place]
            if node.kind == "start":
                translates, spacing = stack[-1]
                if (said := node.attributes.get(("", "translate"))) is not None:
                    translates = said != "no"
                spacing = node.attributes.get((XML, "space"), spacing)
                if self._is(node, "trans-unit") or (self._is(node, "segment") and self.version == 2):
                    self._unit(place, translates=translates, space=spacing)
                    place = node.close + 1
                    continue
                if self._is(node, "alt-trans", "bin-unit", "ignorable", "header", "notes", "originalData"):
                    place = node.close + 1
                    continue
                if not node.is_empty:
                    stack.append((translates, spacing))
            elif node.kind == "end":
                stack.pop()
            place += 1

    def _unit(self, place: int, *, translates: bool, space: str) -> None:
        """One `trans-unit`, or one `segment` of XLIFF 2."""
        unit = self._nodes[place]
        inside: dict[str, int] = {}
        at = place + 1
        while at < unit.close:
            node = self._nodes[at]
            if node.kind == "start":
                if self._is(node, "source", "seg-source", "target"):
                    inside.setdefault(node.name[1], at)
                at = node.close
            at += 1
        if not translates or "source" not in inside:
            return
        if any(name == "locked" and said in ("locked", "true", "yes") for (_, name), said in unit.attributes.items()):
            self.n_kept += 1  # by memoQ and others: it is to stay as it is
            return
        if "seg-source" in inside and self._nodes[inside["seg-source"]].is_empty:
            del inside["seg-source"]
        source = self._nodes[inside["seg-source"]] if "seg-source" in inside else self._nodes[inside["source"]]
        space = self._nodes[inside["source"]].attributes.get((XML, "space"), space)
        target = self._nodes[inside["target"]] if "target" in inside else None
        done = unit.attributes.get(("", "approved")) == "yes" or unit.attributes.get(("", "state")) in DONE_STATES
        if target is not None:
            states = {unit.attributes.get(("", "state")), target.attributes.get(("", "state"))}
            done = done or target.attributes.get(("", "state")) in DONE_STATES
            done = done or (
                self._is_filled(inside["target"])
                and not (states & NOT_DONE_STATES and self._said(inside["target"]) == self._said(inside["source"]))
            )
        if done or source.is_empty:
            self.n_kept += done
            return
        self._add(inside, unit, source, target, keeps_lines=space == "preserve")

    def _is_filled(self, number: int) -> bool:
        """Whether a target has text or codes; if its segments are marked, in one of them.

        Tools write a frame for the translation: the codes around the segments, and the marks of these, with nothing in.
        """
        marked = [at for at in range(number + 1, self._nodes[number].close) if self._is_segment(self._nodes[at])]
        filled = [self._has_content(at) for at in marked] or [self._has_content(number)]
        self._n_partial += any(filled) and not all(filled)
        return any(filled)

    def _has_content(self, number: int) -> bool:
        return any(
            node.kind == "start" or (node.kind in ("text", "cdata") and node.text.strip())
            for node in self._nodes[number + 1 : self._nodes[number].close]
        )

    def _is_segment(self, node: Node) -> bool:
        return self._is(node, "mrk") and node.attributes.get(("", "mtype")) == "seg"

    def _said(self, number: int) -> list[str]:
        """The text and the tags in an element, without the marks of segments, whatever the white space."""
        said = [""]
        closed: set[int] = set()
        for at in range(number + 1, self._nodes[number].close):
            node = self._nodes[at]
            if self._is_segment(node):
                closed.add(node.close)
            elif node.kind in ("text", "cdata"):
                said[-1] += node.text
            elif at not in closed and node.kind != "other":
                said += [self._xml.text[node.start : node.end], ""]
        return [" ".join(text.split()) for text in said]

    def _add(self, inside: dict[str, int], unit: Node, source: Node, target: Node | None, *, keeps_lines: bool) -> None:
        number = inside.get("seg-source", inside["source"])
        ranges = self._segmented(number) if "seg-source" in inside else []
        ranges = ranges or [(number + 1, source.close)]
        first = len(self.segments)
        spans, cdata = [], []
        for start, end in ranges:
            content = self._content(start, end)
            span = self._span(start, end)
            spans.append(span)
            kinds = [node.kind for node in self._nodes[start:end]]
            cdata.append(kinds == ["cdata"])
            self.segments.append(Segment(content, self._xml.lines.at(span[0]), keeps_lines))
        outer = self._nodes[source.close]
        text = self._xml.text
        element = self._nodes[inside["source"]]
        before = self._nodes[inside["source"] - 1]
        place = None
        if target is not None:
            end = target.end if target.is_empty else self._nodes[target.close].end
            place = (target.start, end, text[target.start : target.end])
        self._targets.append(
            _Target(
                first,
                len(ranges),
                (source.end, outer.start),
                spans,
                cdata,
                unit if self.version == 2 else None,
                place,
                outer.end,
                text[element.start : element.end],
                text[before.start : before.end] if before.kind == "text" and not before.text.strip() else "",
            )
        )

    def _span(self, start: int, end: int) -> tuple[int, int]:
        """From the first node's beginning to where the next begins; nodes may be none."""
        return self._nodes[start - 1].end, self._nodes[end].start

    def _segmented(self, number: int) -> list[tuple[int, int]]:
        """The insides of `<mrk mtype="seg">`."""
        ranges = []
        at, end = number + 1, self._nodes[number].close
        while at < end:
            node = self._nodes[at]
            if self._is_segment(node) and not node.is_empty:
                ranges.append((at + 1, node.close))
                at = node.close
            at += 1
        return ranges

    def _content(self, start: int, end: int) -> Content:
        text = self._xml.text
        pieces: list[Piece] = []
        ids: dict[tuple[str, str], list[int]] = {}
        closing: dict[int, int] = {}
        n_pairs = 0
        at = start
        while at < end:
            node = self._nodes[at]
            if node.kind in ("text", "cdata"):
                pieces.append(node.text)
            elif node.kind == "end":
                pieces.append(Tag(text[node.start : node.end], "close", closing[at]))
            elif node.kind == "start" and self._holds_text(node):
                n_pairs += 1
                closing[node.close] = n_pairs
                pieces.append(Tag(text[node.start : node.end], "open", n_pairs))
            else:
                last = self._nodes[node.close] if node.kind == "start" else node
                raw = text[node.start : last.end]
                ends = self._end_of(node)
                if ends is None:
                    pieces.append(Tag(raw))
                elif ends[0] == "open":
                    n_pairs += 1
                    ids.setdefault(ends[1], []).append(n_pairs)
                    pieces.append(Tag(raw, "open", n_pairs))
                else:
                    opened = ids.get(ends[1])
                    pieces.append(Tag(raw, "close", opened.pop()) if opened else Tag(raw))
                at = node.close if node.kind == "start" else at
            at += 1
        paired = merged(unpaired_alone(pieces))
        return with_messages(with_embedded_tags(paired))

    def _end_of(self, node: Node) -> tuple[str, tuple[str, str]] | None:
        """Whether a code opens or closes something, and what: also one that stands alone but says so."""
        name = node.name[1]
        if node.kind != "start" or not self._is(node, *_ENDS, "x", "ph", "it"):
            return None
        if name in _ENDS:
            return _ENDS[name], _key(node)
        said = [node.attributes.get(("", one), "") for one in ("id", "equiv", "equiv-text", "disp")]
        for one in said[:2]:  # as in Angular's files; a second opening one of a kind has a number, its end need not
            if match := re.fullmatch(r"(START|CLOSE)_(\w+?)(?:_\d+)?", one):
                return "open" if match[1] == "START" else "close", ("named", match[2])
        inside = unescape(self._xml.text[node.end : self._nodes[node.close].start]) if not node.is_empty else ""
        element = next(filter(None, (EMBEDDED.fullmatch(one.strip()) for one in (inside, *said[2:]))), None)
        if name == "it" and (position := node.attributes.get(("", "pos"))) in ("open", "close"):
            number = node.attributes.get(("", "rid"))
            return position, ("it", number or (element[2] or "" if element else ""))
        if element is None or not element[2] or element[4] or element[2].lower() in VOID:
            return None
        return "close" if element[1] else "open", ("element", element[2])

    def _holds_text(self, node: Node) -> bool:
        if not self._is(node, *_PAIRS) or node.is_empty or node.attributes.get(("", "translate")) == "no":
            return False
        return node.attributes.get(("", "mtype")) != "protected"

    def accepts(self, number: int, content: Content) -> bool:
        """Whether it is well-formed."""
        parser = ParserCreate("utf-8")
        try:
            parser.Parse(f"<x>{self._written(number, content, cdata=False)}</x>".encode(), True)
        except ExpatError:
            return False
        return True

    def render(self, outcomes: Sequence[Outcome], language: str | None) -> bytes:
        """The file with targets; states say which are to be looked at."""
        edits: list[Edit] = []
        for target in self._targets:
            some = outcomes[target.first : target.first + target.n]
            edits += self._edits(target, some)
        if language and self._targets:
            for holder in self._holders:
                if ("", self._language_name) not in holder.attributes:
                    tag = self._xml.text[holder.start : holder.end]
                    edits.append(Edit(holder.start, holder.end, with_attributes(tag, {self._language_name: language})))
        return self._xml.encoded.encode(splice(self._xml.text, edits), references=True)

    def _edits(self, target: _Target, some: Sequence[Outcome]) -> list[Edit]:
        inside = [
            Edit(*span, self._written(number, outcome.content, target.cdata[number - target.first]))
            for number, (span, outcome) in enumerate(zip(target.spans, some, strict=True), target.first)
            if outcome.content is not None and outcome.content != self.segments[number].content
        ]
        inner = splice(self._xml.text, inside, *target.inner)
        flagged = any(outcome.problem for outcome in some)
        kept = any(outcome.content is None for outcome in some)
        edits = []
        if target.holder is not None:
            states = {"state": "initial" if flagged else "translated", "subState": "s2s:check" if flagged else None}
            tag = self._xml.text[target.holder.start : target.holder.end]
            edits.append(Edit(target.holder.start, target.holder.end, with_attributes(tag, states)))
            attributes: dict[str, str | None] = {}
        else:
            state = "needs-translation" if kept else "needs-review-translation" if flagged else "translated"
            attributes = {"state": state}
        if target.target is not None:
            start, end, tag = target.target
            opened = with_attributes(f"{tag[:-2].rstrip()}>" if tag.endswith("/>") else tag, attributes)
            name = _name(tag)
            return [*edits, Edit(start, end, f"{opened}{inner}</{name}>")]
        name = re.sub(r"source$", "target", _name(target.like))
        space = re.search(r"\s(?:\w+:)?space\s*=\s*(\"[^\"]*\"|'[^']*')", target.like)
        opened = with_attributes(f"<{name}{space[0] if space else ''}>", attributes)
        return [*edits, Edit(target.after, target.after, f"{target.space}{opened}{inner}</{name}>")]

    def _written(self, number: int, content: Content, cdata: bool) -> str:
        texts = [piece if isinstance(piece, str) else piece.raw for piece in content]
        # CDATA has no references, as a character that the encoding lacks, or a carriage return, needs
        if cdata and self._xml.encoded.holds("".join(texts)) and "\r" not in "".join(texts):
            return "<![CDATA[" + "".join(texts).replace("]]>", "]]]]><![CDATA[>") + "]]>"
        return "".join(
            escape(text, {"\r": "&#13;"}) if isinstance(piece, str) or piece.is_text else text
            for piece, text in zip(content, texts, strict=True)
        )


def _name(tag: str) -> str:
    """The name in a tag, with its prefix."""
    match = re.match(r"<([^\s/>]+)", tag)
    assert match is not None
    return match[1]


def _key(node: Node) -> tuple[str, str]:
    """What connects the two ends of a pair: kind, and number."""
    kinds = {"bpt": "pt", "ept": "pt", "bx": "x", "ex": "x", "sc": "c", "ec": "c", "sm": "m", "em": "m"}
    attributes = node.attributes
    number = attributes.get(("", "rid")) or attributes.get(("", "startRef")) or attributes.get(("", "id")) or ""
    return kinds[node.name[1]], number
