"""From segments to outcomes: what is sent to a model, what is made of its answers, and what is done if they are bad.

A text is translated with its placeholders, numbers and addresses in it, but without its tags. If each comes out as
often as it went in, good; if not, it is translated without those that did not, then without any, and they are put where
the alignment of words says. Where that fails too, the source stays.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from s2s.formats.content import (
    Content,
    Outcome,
    Piece,
    Segment,
    Tag,
    flattened,
    halves_in_order,
    is_break,
    merged,
    unpaired_alone,
)
from s2s.formats.plain import Plain, has_words, peel, plain
from s2s.formats.projection import Link, is_nested, links_of, nesting_faults, project
from s2s.formats.protect import apostrophes_doubled, difference, invented_number, with_hard_spaces
from s2s.formats.sentences import joined, sentences


@dataclass(frozen=True)
class Translated:
    """What a model says.

    Attributes:
        text: The translation of a sentence.
        links: Pairs (word of the source, word of the translation), from 0, if they were asked for.
        problem: Why somebody should look at it, as that it was cut; empty if nothing is known.
    """

    text: str
    links: Sequence[tuple[int, int]] = ()
    problem: str = ""


Translate = Callable[[list[str], bool], Sequence[Translated]]
"""Translates texts; the flag asks for links."""

_NO_TEXT = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def outcomes(
    segments: Sequence[Segment],
    translate: Translate,
    accepts: Callable[[int, Content], bool] = lambda number, content: True,
    *,
    split_sentences: bool = True,
) -> list[Outcome]:
    """Translate segments.

    Args:
        segments: Of a document.
        translate: The model. It gets each text once a round.
        accepts: Whether a translation of a segment leaves the document valid.
        split_sentences: Whether sentences are translated one by one.
    """
    trees = [_Tree(segment, number, accepts) for number, segment in enumerate(segments)]
    for _ in range(_Flow.N_ROUNDS):
        for tree in trees:
            tree.settle()
        flows = [flow for tree in trees for flow in tree.waiting()]
        if not flows:
            break
        _round(flows, translate, split_sentences)
    return [tree.outcome() for tree in trees]


def _round(flows: "list[_Flow]", translate: Translate, split_sentences: bool) -> None:
    """Translate what waits: texts that need links, and those that do not."""
    plains = [flow.plain() for flow in flows]
    spans = [sentences(one.text) if split_sentences else [(0, len(one.text))] for one in plains]
    said: dict[tuple[str, bool], Translated] = {}
    for align in (False, True):
        texts = dict.fromkeys(
            one.text[start:end]
            for one, parts in zip(plains, spans, strict=True)
            if _needs_links(one) == align
            for start, end in parts
        )
        if texts:
            answers = translate(list(texts), align)
            said.update({(text, align): answer for text, answer in zip(texts, answers, strict=True)})
    for flow, one, parts in zip(flows, plains, spans, strict=True):
        answers = [said[one.text[start:end], _needs_links(one)] for start, end in parts]
        flow.take(one, *_joined(one.text, parts, answers))


def _needs_links(one: Plain) -> bool:
    return bool(one.root.inside)


def _joined(source: str, spans: list[tuple[int, int]], answers: Sequence[Translated]) -> tuple[str, list[Link], str]:
    """The translations of a text's sentences as one, with links between the whole texts, and what is wrong with any."""
    said = [" ".join(answer.text.split()) for answer in answers]
    links: list[Link] = []
    text, starts = joined(source, spans, said)
    for n, (start, end) in enumerate(spans):
        links += links_of(source[start:end], said[n], answers[n].links, (start, starts[n]))
    problems = [answer.problem for answer in answers if answer.problem]
    if any(has_words(source[start:end]) and not text for (start, end), text in zip(spans, said, strict=True)):
        return "", [], "a sentence has no translation"
    return text, links, problems[0] if problems else ""


@dataclass
class _Flow:
    """A text that is translated as a whole: a line of a segment, or a branch of a message in it."""

    content: Content
    in_message: bool = False
    round: int = 0
    out: set[str] = field(default_factory=set)
    done: Content | None = None
    problem: str = ""
    failed: str = ""

    N_ROUNDS = 5

    def __post_init__(self) -> None:
        self.content = tuple(unpaired_alone(self.content))
        self.before, self.core, self.after = peel(self.content)
        self.failed = next((piece.problem for piece in self.content if isinstance(piece, Tag) and piece.problem), "")
        if not self.failed and not has_words(self.plain().text):
            self.done = self.content

    def plain(self) -> Plain:
        return plain(self.core, None if self.round >= 2 else self.out)

    @property
    def is_waiting(self) -> bool:
        return self.done is None and not self.failed

    def take(self, asked: Plain, text: str, links: list[Link], problem: str) -> None:
        """Use an answer, or say what the next round is to do."""
        if not text and problem:
            self.failed = problem
            return
        if _NO_TEXT.search(text):
            self.failed = "the translation has control characters"
            return
        if text == asked.text:
            self.done = self.content  # as it is: also where it has tags within words, or white space of its own
            self.problem = problem
            return
        projected = project(asked, text, links)
        if self.in_message:
            projected = replace(projected, content=apostrophes_doubled(projected.content, self.core))
        wrong = difference(self.core, projected.content)
        if self.in_message and _n_hashes(self.core) != _n_hashes(projected.content):
            wrong.append("#")  # would be a number
        if not wrong and _tags(projected.content) == _tags(self.core) and is_nested(projected.content):
            content = halves_in_order(projected.content)
            if content != projected.content:
                problem = problem or "tags that cross others have changed places"
            content = with_hard_spaces(content, self.core)
            self.done = merged([*self.before, *content, *self.after])
            guessed = "no alignment says where some of its tags or placeholders stand" if projected.guessed else ""
            number = invented_number(self.core, content)
            invented = f"the number {number} is not in the source" if number else ""
            self.problem = problem or guessed or invented
            return
        self.again(f"{', '.join(wrong[:3])} would not come out as it went in" if wrong else "its tags would be broken")
        self.out |= set(wrong)

    def again(self, why: str) -> None:
        """Try the next way, if there is one."""
        self.done = None
        self.round += 1
        if self.round >= 3 or (self.round == 2 and not has_words(self.plain().text)):
            self.failed = why


def _n_hashes(content: Content) -> int:
    return sum(piece.count("#") for piece in content if isinstance(piece, str))


def _tags(content: Content) -> Counter[tuple[str, str, int, int]]:
    return Counter((one.raw, one.kind, one.pair, one.start) for one in content if isinstance(one, Tag))


class _Tree:
    """A segment with its lines and the messages in them."""

    def __init__(self, segment: Segment, number: int, accepts: Callable[[int, Content], bool]) -> None:
        self.segment, self.number, self.accepts = segment, number, accepts
        self.flows: list[_Flow] = []
        self.branches: dict[tuple[int, Tag], list[_Flow | Piece]] = {}
        self.shape = self._lines(segment.content, segment.keeps_lines)
        self.result: Content | None = None

    def _lines(self, content: Content, keeps_lines: bool, in_message: bool = False) -> list["_Flow | Piece"]:
        """Flows with what stands between them."""
        lines: list[list[Piece]] = [[]]
        ends: list[Piece] = []
        for piece in content:
            if is_break(piece):
                ends.append(piece)
                lines.append([])
                continue
            if isinstance(piece, Tag) or not keeps_lines:
                lines[-1].append(piece)
                continue
            first, *others = re.split(r"([\n\t])", piece)
            lines[-1].append(first)
            ends += others[::2]
            lines += [[other] for other in others[1::2]]
        shape: list[_Flow | Piece] = []
        for number, line in enumerate(lines):
            shape += ends[number - 1 : number] if number else []
            shape.append(self._flow(merged(line), in_message))
        return shape

    def _flow(self, content: Content, in_message: bool) -> _Flow:
        flow = _Flow(content, in_message)
        self.flows.append(flow)
        for piece in flow.content:
            if isinstance(piece, Tag) and piece.inner is not None:
                self.branches[id(flow), piece] = [
                    part
                    for one in piece.inner
                    for part in ([one] if isinstance(one, str) else self._lines(one, self.segment.keeps_lines, True))
                ]
        return flow

    def waiting(self) -> list[_Flow]:
        return [flow for flow in self.flows if flow.is_waiting]

    def settle(self) -> None:
        """If all is there, put it together; what the document refuses is tried in another way."""
        if self.result is not None or any(flow.done is None for flow in self.flows):
            return
        content = merged(
            piece for part in self.shape for piece in (self._said(part) if isinstance(part, _Flow) else (part,))
        )
        if all(flow.done == flow.content for flow in self.flows):
            self.result = self.segment.content
            return
        faults = nesting_faults(tuple(flattened(self.segment.content)))
        if nesting_faults(content) <= faults and self.accepts(self.number, content):
            self.result = content
            return
        for flow in self.flows:
            if flow.done != flow.content:
                flow.again("the file would not be valid with the translation")

    def _said(self, flow: _Flow) -> Iterator[Piece]:
        """A translation with the branches of its messages, in which tags of the file may be."""
        assert flow.done is not None
        for piece in flow.done:
            if isinstance(piece, Tag) and piece.inner is not None:
                for one in self.branches[id(flow), piece]:
                    yield from self._said(one) if isinstance(one, _Flow) else (one,)
            else:
                yield piece

    def outcome(self) -> Outcome:
        if self.result is None:
            failed = next((flow.failed for flow in self.flows if flow.failed), "")
            return Outcome(None, f"the source stays: {failed or 'no translation is valid in the file'}")
        return Outcome(self.result, next((flow.problem for flow in self.flows if flow.problem), ""))
