"""What was found in a corpus, for people and for programs."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from s2s.corpus.pairs import Pair, PairCorpus
from s2s.doctor.examine import Examined, Part, pairs_at
from s2s.doctor.faults import MEANINGS, Fault
from s2s.doctor.parallel import Stretch

_SHOWN = 60
_MAX_UNREADABLE_SHOWN = 5


@dataclass(frozen=True)
class Report:
    """One split's report.

    Attributes:
        name: `train`, `valid` or `test`.
        corpus: Its text.
        examined: What was found.
        examples: Pairs to show, by index.
        n_examples: Of each fault.
        n_kept: Pairs that are left.
        title: What becomes of the others.
    """

    name: str
    corpus: PairCorpus
    examined: Examined
    examples: dict[int, Pair]
    n_examples: int
    n_kept: int
    title: str = "a cleaned copy leaves out (--clean):"

    @classmethod
    def of(cls, name: str, corpus: PairCorpus, examined: Examined, n_examples: int) -> "Report":
        """Read the examples and the edges of stretches."""
        wanted: list[int] = []
        for fault in MEANINGS:
            wanted += _first(examined, fault, n_examples)
        for part in examined.parts:
            for stretch in part.stretches:
                wanted += [part.first + stretch.first, part.first + stretch.last - 1]
        return cls(name, corpus, examined, pairs_at(corpus, wanted), n_examples, int(examined.is_kept.sum()))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        examined, n = self.examined, len(self.examined.flags)
        faults = {}
        for fault, meaning in MEANINGS.items():
            examples = [self.examples[index] for index in _first(examined, fault, self.n_examples)]
            faults[meaning.name] = {
                "pairs": examined.count(fault),
                "meaning": meaning.text,
                "left_out": meaning.drop,
                "examples": [{"place": _place(one), "src": _text(one.src), "tgt": _text(one.tgt)} for one in examples],
            }
        return {
            "data": _printable(self.corpus.description),
            "pairs": n,
            "kept": self.n_kept,
            "usable": not examined.is_broken,
            "scripts": [list(side.scripts) for side in examined.usual.sides],
            "words_per_line": [round(words / n, 2) for words in examined.n_words],
            "target_characters_per_source_character": round(examined.usual.ratio, 3),
            "unreadable": {
                "rows": examined.n_unreadable,
                "errors": [_printable(str(one)) for one in examined.unreadable],
            },
            "not_parallel": [self._stretch(part, one) for part in examined.parts for one in part.stretches],
            "faults": faults,
        }

    def text(self) -> str:
        """In words, some lines."""
        examined, n = self.examined, len(self.examined.flags)
        sides = [
            f"{'+'.join(side.scripts) or 'no letters'}, {words / n:.1f} words a line"
            for side, words in zip(examined.usual.sides, examined.n_words, strict=True)
        ]
        lines = [
            f"{self.name}: {_printable(self.corpus.description)}",
            f"  {n:,} pairs; source: {sides[0]}; target: {sides[1]}",
        ]
        broken = [
            f"    {_printable(str(error))}".replace("\n", "\n    ")
            for error in examined.unreadable[:_MAX_UNREADABLE_SHOWN]
        ]
        more = examined.n_unreadable - len(broken)
        if more > 0:
            broken.append(f"    … and {more:,} more that cannot be read")
        for part in examined.parts:
            broken += [f"    {self._stretch(part, one)['text']}" for one in part.stretches]
        groups = [("cannot be trained on as it is:", broken)]
        table = self._table(drop=True)
        groups.append((self.title, table))
        groups.append(("only told:", self._table(drop=False)))
        for title, rows in groups:
            if rows:
                lines += [f"  {title}", *rows]
        if self.n_kept < n:
            lines.append(f"  {self.n_kept:,} of {n:,} pairs are left ({100 * self.n_kept / n:.2f} %)")
        elif not broken and not table:
            lines.append("  no pair is to be left out")
        return "\n".join(lines)

    def _table(self, *, drop: bool) -> list[str]:
        rows = []
        place = _line if len(self.examined.parts) == 1 else _place  # the spec is said above
        n = len(self.examined.flags)
        for fault, meaning in MEANINGS.items():
            count = self.examined.count(fault)
            if meaning.drop is drop and count:
                rows.append(f"    {meaning.name:<16}{count:>11,}  {100 * count / n:7.3f} %  {meaning.text}")
                for index in _first(self.examined, fault, self.n_examples):
                    pair = self.examples[index]
                    rows.append(f"        {place(pair)}: {_text(pair.src)} ||| {_text(pair.tgt)}")
        return rows

    def _stretch(self, part: Part, stretch: Stretch) -> dict[str, Any]:
        first, last = (self.examples[part.first + index].line for index in (stretch.first, stretch.last - 1))
        if stretch.lag is None:
            what = "the two sides do not belong together (their lengths have nothing to do with each other)"
        else:
            what = f"the sides are shifted: line n of the source fits line n{stretch.lag:+d} of the target"
        spec = _printable(part.spec)
        text = f"{spec}: from about line {first:,} to {last:,} {what}"
        return {"data": spec, "first_line": first, "last_line": last, "lag": stretch.lag, "text": text}


def _first(examined: Examined, fault: Fault, n: int) -> list[int]:
    """The first pairs with a fault."""
    indices: list[int] = np.flatnonzero(examined.flags & np.uint32(fault))[:n].tolist()
    return indices


def _place(pair: Pair) -> str:
    return f"{_printable(pair.origin)}:{pair.line}"


def _line(pair: Pair) -> str:
    return f"line {pair.line:,}"


def _printable(text: str) -> str:
    """What a terminal can show; lines stay lines."""
    shown = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(char if char.isprintable() or char == "\n" else f"\\u{ord(char):04x}" for char in shown)


def _text(text: str) -> str:
    """A beginning of a side that a terminal can show."""
    shown = _printable(text[: 2 * _SHOWN])
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
