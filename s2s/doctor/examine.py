"""Look through a corpus: what is wrong with which pair, and where parallelism is lost.

The text is read three times as a stream: a sample to learn what is usual, all of it to look for faults, and the
examples. Kept in memory are 36 bytes a pair, and 12 to 24 more for the pairs seen before.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from s2s.corpus.memories import CutOffError
from s2s.corpus.pairs import Pair, PairCorpus, UnequalLinesError
from s2s.corpus.seen import Keys, SeenKeys
from s2s.doctor.characters import Sums
from s2s.doctor.faults import DROPPED, Fault
from s2s.doctor.lines import Integers, Lines
from s2s.doctor.pair_checks import Flags, flags_of
from s2s.doctor.parallel import Stretch, stretches
from s2s.doctor.usual import Usual, learn
from s2s.errors import DataError
from s2s.runtime import n_cores

SAMPLE_PAIRS = 40_000
"""At most so many pairs, evenly spread, show what is usual."""

_SAMPLE_CHARACTERS = 8_000_000
_SAMPLE_LINE = 1_000  # of a line no more is taken into the sample
_PAIRS_AT_ONCE = 2_048
_CHARACTERS_AT_ONCE = 1_000_000
_MANY = 20
_MAX_UNREADABLE = 1_000  # errors that are kept; all are counted

_NO_SUMS: Sums = np.zeros(0, dtype=np.uint64)
_NONE: Integers = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Part:
    """The pairs of one spec among those of a corpus.

    Attributes:
        spec: The spec.
        first: Index of its first pair, from 0.
        last: The one after its last.
        stretches: Where its sides are not parallel.
    """

    spec: str
    first: int
    last: int
    stretches: list[Stretch]


@dataclass
class Examined:
    """What was found in a corpus.

    Attributes:
        usual: What is usual in it.
        flags: The faults of each pair, `Fault` as bits.
        parts: Its specs.
        unreadable: Errors of rows that cannot be read, and of files of unequal length, the first of them.
        n_unreadable: How many there were.
        is_incomplete: Whether two files do not have the same number of lines, or one cannot be read to its end.
        n_words: Words of the source and the target side.
        texts: Hash sums of the letters and digits of each source and each target.
        n_words_of: Words of each source and target, at most half as many as letters and digits, as a character of
            Chinese is less than a word, and at least an eighth as many as letters, as Thai has no spaces.
    """

    usual: Usual
    flags: Flags
    parts: list[Part] = field(default_factory=list)
    unreadable: list[DataError] = field(default_factory=list)
    n_unreadable: int = 0
    is_incomplete: bool = False
    n_words: tuple[int, int] = (0, 0)
    texts: tuple[Sums, Sums] = field(default_factory=lambda: (_NO_SUMS, _NO_SUMS))
    n_words_of: tuple[Integers, Integers] = field(default_factory=lambda: (_NONE, _NONE))

    def count(self, fault: Fault) -> int:
        """Pairs with a fault."""
        return int(((self.flags & np.uint32(fault)) != 0).sum())

    @property
    def is_kept(self) -> npt.NDArray[np.bool_]:
        """Which pairs a cleaned copy has."""
        kept: npt.NDArray[np.bool_] = (self.flags & np.uint32(DROPPED)) == 0
        return kept

    @property
    def is_parallel(self) -> bool:
        """Whether all is there, and line n of one side goes with line n of the other, as far as is seen."""
        return not self.is_incomplete and not any(part.stretches for part in self.parts)

    @property
    def is_broken(self) -> bool:
        """Whether training would refuse it, or learn from pairs that do not belong together."""
        # only a validation or test set can be, beside the training text
        is_turned = 2 * self.count(Fault.SWAPPED) > len(self.flags)
        return bool(
            self.n_unreadable
            or self.count(Fault.NOT_UTF8)
            or is_turned
            or not self.is_parallel
            or not self.is_kept.any()
        )


@dataclass(frozen=True)
class HeldOut:
    """What the training text must not have: the sides of a validation or test set.

    Attributes:
        fault: What a pair is that has it.
        sources: Sorted hash sums of its sources.
        targets: The same of its targets, those of three words or fewer left out: anybody says those.
    """

    fault: Fault
    sources: Sums
    targets: Sums

    @classmethod
    def of(cls, fault: Fault, examined: Examined) -> "HeldOut":
        """The sides of a corpus that was looked through.

        A pair that is written the other way round has them too: sources are looked for among targets, and targets among
        sources, those of three words or fewer left out.

        Args:
            fault: What a pair is that has one of them.
            examined: What was found.
        """
        src, tgt = examined.texts
        n_src, n_tgt = examined.n_words_of
        sources, targets = (src[n_src > 0], tgt[n_tgt > 3]), (tgt[n_tgt > 3], src[n_src > 3])
        return cls(fault, np.unique(np.concatenate(sources)), np.unique(np.concatenate(targets)))

    def holds(self, sources: Sums, targets: Sums) -> npt.NDArray[np.bool_]:
        """Which pairs have a side that is in it, by hash sums."""
        return _is_in(sources, self.sources) | _is_in(targets, self.targets)


def examine(corpus: PairCorpus, held_out: Sequence[HeldOut] = ()) -> Examined:
    """Look through a corpus.

    Args:
        corpus: The pairs.
        held_out: Sets that it must not overlap.

    Raises:
        DataError: It has no pair at all, or a file cannot be read as text.
    """
    found = Examined(usual_of(corpus), np.zeros(0, dtype=np.uint32))
    seen = SeenKeys()
    flags: list[Flags] = []
    texts: tuple[list[Sums], list[Sums]] = ([], [])
    n_words: tuple[list[Integers], list[Integers]] = ([], [])
    lengths: tuple[list[Integers], list[Integers]] = ([], [])
    runs: list[tuple[str, int]] = []  # spec and number of pairs
    total = [0, 0]

    def complain(error: DataError) -> None:
        found.n_unreadable += 1
        found.is_incomplete |= isinstance(error, UnequalLinesError | CutOffError)
        if len(found.unreadable) < _MAX_UNREADABLE:
            found.unreadable.append(error)

    for spec, keys, marks, looked in _looked_at(_blocks(corpus.readable(complain)), found.usual):
        has_text = (looked[0].n_characters > 0) & (looked[1].n_characters > 0)
        marks[np.flatnonzero(has_text)[seen.add(keys[has_text])]] |= np.uint32(Fault.DUPLICATE)
        for held in held_out:
            marks[held.holds(looked[0].text, looked[1].text)] |= np.uint32(held.fault)
        flags.append(marks)
        for side in (0, 1):
            texts[side].append(looked[side].text)
            total[side] += int(looked[side].n_words.sum())
            n_words[side].append(_words_of(looked[side]))
            lengths[side].append(looked[side].n_characters.astype(np.int32))
        runs.append((spec, len(keys)))
    if not flags and found.unreadable:
        raise found.unreadable[0]
    if not flags:
        raise DataError("there is no pair to look at", where=corpus.description)
    found.flags = np.concatenate(flags)
    found.texts = np.concatenate(texts[0]), np.concatenate(texts[1])
    found.n_words_of = np.concatenate(n_words[0]), np.concatenate(n_words[1])
    found.n_words = total[0], total[1]
    _mark_many(found)
    found.parts = _parts(runs, np.concatenate(lengths[0]), np.concatenate(lengths[1]))
    return found


def mark_turned(found: Examined, corpus: PairCorpus, usual: Usual) -> None:
    """Mark the pairs of a validation or test set that are written the other way round than the training text.

    Beside itself, a set that is turned as a whole is as usual.

    Args:
        found: What was found in the set; gets the marks.
        corpus: The set.
        usual: What is usual in the training text.
    """
    parts = [flags_of(sources, targets, usual)[0] for _, sources, targets in _blocks(corpus.readable(lambda _: None))]
    found.flags |= np.concatenate(parts) & np.uint32(Fault.SWAPPED)


def pairs_at(corpus: PairCorpus, indices: Iterable[int]) -> dict[int, Pair]:
    """The pairs at some indices, as `examine` counts them."""
    wanted = sorted(set(indices))
    pairs = iter(corpus.readable(lambda _: None))
    found: dict[int, Pair] = {}
    before = 0
    for index in wanted:
        pair = next(islice(pairs, index - before, None), None)
        before = index + 1
        if pair is not None:
            found[index] = pair
    return found


def usual_of(corpus: PairCorpus) -> Usual:
    """Learn from a sample: every n-th pair, with n doubled whenever they become too many."""
    sample: list[tuple[str, str]] = []
    every, n_characters = 1, 0
    for index, pair in enumerate(corpus.readable(lambda _: None)):
        if index % every:
            continue
        sample.append((pair.src[:_SAMPLE_LINE], pair.tgt[:_SAMPLE_LINE]))
        n_characters += sum(map(len, sample[-1]))
        if len(sample) >= 2 * SAMPLE_PAIRS or (n_characters > _SAMPLE_CHARACTERS and len(sample) > 1):
            sample = sample[::2]
            n_characters = sum(len(text) for cut in sample for text in cut)
            every *= 2
    return learn([src for src, _ in sample], [tgt for _, tgt in sample])


def _blocks(pairs: Iterator[Pair]) -> Iterator[tuple[str, list[str], list[str]]]:
    """Some thousand pairs of one spec at a time, fewer if they are long."""
    spec, n_characters = "", 0
    sources: list[str] = []
    targets: list[str] = []
    for src, tgt, origin, _ in pairs:
        if sources and (origin is not spec or len(sources) == _PAIRS_AT_ONCE or n_characters > _CHARACTERS_AT_ONCE):
            yield spec, sources, targets
            sources, targets, n_characters = [], [], 0
        spec = origin
        sources.append(src)
        targets.append(tgt)
        n_characters += len(src) + len(tgt)
    if sources:
        yield spec, sources, targets


def _looked_at(
    blocks: Iterator[tuple[str, list[str], list[str]]], usual: Usual
) -> Iterator[tuple[str, Keys, Flags, tuple[Lines, Lines]]]:
    """Spec, hash sums, faults and facts of each block, in order; a thread per core, as NumPy lets others run."""

    def look(block: tuple[str, list[str], list[str]]) -> tuple[str, Keys, Flags, tuple[Lines, Lines]]:
        spec, sources, targets = block
        keys = np.fromiter(map(hash, zip(sources, targets, strict=True)), dtype=np.int64, count=len(sources))
        return spec, keys.view(np.uint64), *flags_of(sources, targets, usual)

    with ThreadPoolExecutor(n_cores()) as pool:
        waiting = deque(pool.submit(look, block) for block in islice(blocks, n_cores() + 1))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(look, block) for block in islice(blocks, 1))


def _words_of(lines: Lines) -> npt.NDArray[Any]:
    """Words of each line, at most half as many as letters and digits, and at least an eighth as many as letters."""
    most = (lines.n_letters + lines.n_digits + 1) // 2
    found: npt.NDArray[Any] = np.maximum(np.minimum(lines.n_words, most), lines.n_letters // 8).astype(np.int32)
    return found


def _is_in(keys: Keys, known: Keys) -> npt.NDArray[np.bool_]:
    if not len(known):
        return np.zeros(len(keys), dtype=np.bool_)
    place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    result: npt.NDArray[np.bool_] = known[place] == keys
    return result


def _mark_many(found: Examined) -> None:
    """Mark what only all pairs together show: one line beside several others."""
    for side in (0, 1):
        mine, theirs = found.texts[side], found.texts[1 - side]
        long = np.flatnonzero((found.n_words_of[side] > 3) & (found.n_words_of[1 - side] > 0))
        order = long[np.lexsort((theirs[long], mine[long]))]
        first_of_line = np.ones(len(order), dtype=np.bool_)
        first_of_line[1:] = mine[order[1:]] != mine[order[:-1]]
        differs = first_of_line.copy()
        differs[1:] |= theirs[order[1:]] != theirs[order[:-1]]
        line = np.cumsum(first_of_line) - 1
        n_different = np.bincount(line[differs], minlength=int(first_of_line.sum()))[line] if len(line) else line
        found.flags[order[n_different >= _MANY]] |= np.uint32(Fault.MANY_TO_ONE)
        if side == 0:
            found.flags[order[n_different > 1]] |= np.uint32(Fault.SEVERAL)


def _parts(runs: list[tuple[str, int]], n_src: npt.NDArray[Any], n_tgt: npt.NDArray[Any]) -> list[Part]:
    parts: list[Part] = []
    first = last = 0
    for number, (spec, n) in enumerate(runs):
        last += n
        if number + 1 == len(runs) or runs[number + 1][0] is not spec:
            parts.append(Part(spec, first, last, stretches(n_src[first:last], n_tgt[first:last])))
            first = last
    return parts
