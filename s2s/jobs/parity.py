"""Whether a model in another format translates as it does in s2s: same text in, same pieces out, same probabilities.

Two searches may part where two pieces, or two translations, are equally probable up to rounding: that is a tie. The
model of s2s is the judge of it, with `TOLERANCE`.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from s2s.decoding.batching import pad_rows
from s2s.decoding.bundle import Bundle
from s2s.decoding.compiled import fastest_engine
from s2s.decoding.forced import forced_log_probabilities
from s2s.decoding.search import SearchOptions, StepModel, search
from s2s.errors import DataError
from s2s.scoring.metrics import bleu
from s2s.symbols import BOS, EOS, N_CONTROL, PAD, UNK

if TYPE_CHECKING:
    import torch

TOLERANCE = 1e-4
"""Nats (a piece, for whole translations) up to which two numbers are the same."""

MAX_CUT = 0.1
"""Share of the lines that the other's beam search may end at the length limit where that of s2s does not."""

MAX_BLEU = 1.0
"""BLEU by which ties, and lines that are found under the other's rule, may add up to another score."""

BATCH = 32
PROBE = 24
"""Pieces of a pair that is made up to have some pieces in it."""


class Engine(Protocol):
    """A model in another format, as the check sees it; ids are without begin and end symbols.

    Attributes:
        rescales: Whether its search shares the probability of the pieces that are never chosen among the others.
    """

    rescales: bool

    def can_read(self, line: str) -> bool:
        """Whether the format takes all of the line for text."""

    def encode(self, lines: Sequence[str]) -> list[list[int]]:
        """Source ids of lines."""

    def decode(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """Texts of target ids."""

    def search(
        self, sources: Sequence[Sequence[int]], beam: int, length_penalty: float, max_length: int
    ) -> list[list[int]]:
        """Best translations, as the search of s2s finds them."""

    def log_probabilities(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
        """Of each target with its end symbol, given its source, in nats."""


@dataclass
class SearchParity:
    """How one search compares.

    Attributes:
        beam: 1 is greedy search.
        n_equal: Lines with the same pieces.
        n_ties: Lines that differ where s2s finds both equally probable.
        n_rescaled: Lines that differ because the other shares the probability of the pieces that are never chosen
            among the others: s2s finds the same if it does so too.
        n_cut: Lines that differ, and were ended by either at the length limit, where every tool does otherwise.
        n_cut_there: Those of them that the other alone ended there.
        different: Other lines: source, translation of s2s, translation of the other.
        bleu: Of s2s on the lines that were compared, if there are references.
        bleu_there: Of the other.
        seconds: Time that s2s took.
        seconds_there: Time that the other took.
    """

    beam: int
    n_equal: int = 0
    n_ties: int = 0
    n_rescaled: int = 0
    n_cut: int = 0
    n_cut_there: int = 0
    different: list[tuple[str, str, str]] = field(default_factory=list)
    bleu: float | None = None
    bleu_there: float | None = None
    seconds: float = 0.0
    seconds_there: float = 0.0

    @property
    def name(self) -> str:
        """Greedy, or the beam."""
        return "greedy" if self.beam == 1 else f"beam {self.beam}"

    @property
    def bleu_gained(self) -> float:
        """BLEU of the other less that of s2s; 0 without references."""
        return 0.0 if self.bleu is None or self.bleu_there is None else self.bleu_there - self.bleu

    def cells(self, n_lines: int) -> list[str]:
        """A row of the table."""
        return [
            self.name,
            f"{self.n_equal} of {n_lines}",
            str(self.n_ties),
            str(self.n_cut),
            str(len(self.different)),
            "–" if self.bleu is None else f"{self.bleu:.2f} {self.bleu_gained:+.2f}",
            f"{self.seconds:.2f} s",
            f"{self.seconds_there:.2f} s",
            f"{self.seconds / self.seconds_there:.1f} ×" if self.seconds_there else "–",
        ]


@dataclass(frozen=True)
class Parity:
    """How a model in another format compares with itself in s2s.

    Attributes:
        tool: What runs the other format.
        lines: What was compared on, in words.
        n_lines: Lines compared.
        n_left_out: Lines that were empty, longer than any in training, or not read as text by the format.
        length_penalty: α of the beam search.
        searches: Greedy search, and the model's beam search.
        n_read_otherwise: Lines of which the format makes other pieces.
        n_written_otherwise: Translations of which it makes another text.
        difference: Largest difference of the log-probability of a pair, nats a piece: of the translations, and of pairs
            that are made up so that every piece occurs.
    """

    tool: str
    lines: str
    n_lines: int
    n_left_out: int
    length_penalty: float
    searches: list[SearchParity]
    n_read_otherwise: int
    n_written_otherwise: int
    difference: float

    @property
    def problems(self) -> list[str]:
        """What is not the same; empty if all is well."""
        found = []
        if self.n_read_otherwise:
            found.append(f"{self.n_read_otherwise} of {self.n_lines} lines are split into other pieces")
        if self.n_written_otherwise:
            found.append(f"{self.n_written_otherwise} of {self.n_lines} translations become another text")
        if not self.difference <= TOLERANCE:  # also if it is not a number
            found.append(f"log-probabilities differ by up to {self.difference:.2g} a piece")
        found += [
            f"{one.name}: {len(one.different)} of {self.n_lines} translations differ"
            for one in self.searches
            if one.different
        ]
        found += [
            f"{one.name}: {one.n_cut_there} of {self.n_lines} translations run on to the length limit, and not in s2s"
            for one in self.searches
            if one.n_cut_there > max(1, MAX_CUT * self.n_lines)
        ]
        found += [
            f"{one.name}: BLEU differs by {one.bleu_gained:+.2f}"
            for one in self.searches
            if not abs(one.bleu_gained) <= MAX_BLEU
        ]
        return found

    @property
    def example(self) -> str:
        """The first line that is translated otherwise, if there is one."""
        for one in self.searches:
            for source, ours, theirs in one.different:
                return f"first, {one.name}: {source!r}: s2s {ours!r}, {self.tool} {theirs!r}"
        return ""

    def table(self) -> str:
        """For people."""
        header = ["search", "equal", "ties", "cut", "different", "BLEU", "s2s", self.tool, "speed"]
        rows = [one.cells(self.n_lines) for one in self.searches]
        widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in [header, *rows]
        ]
        if n_rescaled := sum(one.n_rescaled for one in self.searches):
            lines.append(
                f"{n_rescaled} more differ because {self.tool} shares the probability of <pad>, <unk> and <s> among the"
                " other pieces, which ranks near-equals otherwise; s2s finds the same when it does so"
            )
        left_out = f", {self.n_left_out} left out" if self.n_left_out else ""
        return "\n".join(
            [
                f"compared on {self.n_lines} lines of {self.lines}{left_out}; float32, CPU, α {self.length_penalty:g}",
                *lines,
                "log-probabilities of translations, and of pairs in which every piece occurs: largest difference"
                f" {self.difference:.1e} nats a piece",
            ]
        )


def compare(
    bundle: Bundle,
    engine: Engine,
    lines: Sequence[str],
    *,
    tool: str,
    name: str,
    references: Sequence[str] | None = None,
) -> Parity:
    """Translate lines with both, greedily and with the model's beam.

    Args:
        bundle: The model, on the CPU.
        engine: The same model in another format.
        lines: Source text.
        tool: What runs the other format.
        name: What the lines are, in words.
        references: Their translations by people, to score both; none if there are none.

    Raises:
        DataError: There is no line to compare on.
    """
    encoded = bundle.vocabularies.src.encode_all(lines)
    usable = [
        number
        for number, ids in enumerate(encoded)
        if 0 < len(ids) <= bundle.max_source_length and engine.can_read(lines[number])
    ]
    if not usable:
        raise DataError(
            f"none of {len(lines)} lines can be compared on: all are empty or longer than any in training", where=name
        )
    sources = [encoded[number] for number in usable]
    wanted = None if references is None else [references[number] for number in usable]
    read = engine.encode([lines[number] for number in usable])
    n_read_otherwise = sum(one != other for one, other in zip(read, sources, strict=True))
    pairs: list[tuple[list[int], list[int]]] = []
    searches = [
        _compare_search(bundle, engine, sources, beam, pairs, wanted) for beam in dict.fromkeys((1, bundle.decode.beam))
    ]
    return Parity(
        tool=tool,
        lines=name,
        n_lines=len(usable),
        n_left_out=len(lines) - len(usable),
        length_penalty=bundle.decode.alpha,
        searches=searches,
        n_read_otherwise=n_read_otherwise,
        n_written_otherwise=_written_otherwise(bundle, engine, [target for _, target in pairs]),
        difference=_largest_difference(bundle, engine, [*pairs, *_pairs_of_all_pieces(bundle)]),
    )


def _compare_search(
    bundle: Bundle,
    engine: Engine,
    sources: Sequence[list[int]],
    beam: int,
    pairs: list[tuple[list[int], list[int]]],
    references: Sequence[str] | None,
) -> SearchParity:
    """One search; the greedy one also hands its translations to `pairs`."""
    decoder = fastest_engine(bundle.transformer)
    rescaling = _Rescaling(decoder) if engine.rescales else None
    alpha = bundle.decode.alpha
    options = SearchOptions(beam=beam, length_penalty=alpha, max_length_ratio=bundle.decode.max_length_ratio)
    result = SearchParity(beam)
    compared: list[tuple[list[int], list[int], int]] = []
    for turn, rows in enumerate(_batches_of_one_length(sources)):
        batch = [sources[row] for row in rows]
        limit = options.max_length(len(batch[0]))
        if turn == 0:  # what is only made once is not timed
            search(decoder, pad_rows([[*batch[0], EOS]]), options)
            engine.search(batch[:1], beam, alpha, limit)
        began = time.perf_counter()
        ours = [found[0] for found in search(decoder, pad_rows([[*ids, EOS] for ids in batch]), options)]
        between = time.perf_counter()
        theirs = engine.search(batch, beam, alpha, limit)
        result.seconds += between - began
        result.seconds_there += time.perf_counter() - between
        for row, source, mine, other in zip(rows, batch, ours, theirs, strict=True):
            if beam == 1:
                pairs.append((source, mine.ids))
            is_cut = mine.cut or len(other) >= limit  # for one of the two
            if beam == 1 or not is_cut:
                compared.append((mine.ids, other, row))
            if rescaling and beam > 1 and mine.ids != other and not is_cut:
                again = search(rescaling, pad_rows([[*source, EOS]]), options)[0][0]
                if again.ids == other:
                    result.n_rescaled += 1
                    continue
            _count(result, bundle, source, mine.ids, other, is_cut)
            result.n_cut_there += beam > 1 and mine.ids != other and is_cut and not mine.cut
    targets = bundle.targets or (bundle.target,)
    if references is not None and compared and len(targets) == 1:  # BLEU of several languages together says nothing
        given = [references[row] for _, _, row in compared]
        result.bleu, result.bleu_there = (
            bleu([bundle.vocabularies.tgt.decode(ids) for ids in found], given, targets[0]).value
            for found in ([one for one, _, _ in compared], [other for _, other, _ in compared])
        )
    return result


class _Rescaling:
    """A decoder in which the pieces that are never chosen have no probability, as search sees it."""

    def __init__(self, decoder: StepModel[Any]) -> None:
        self._decoder = decoder
        self.device, self.vocabulary_size = decoder.device, decoder.vocabulary_size
        self.start, self.step, self.select = decoder.start, decoder.step, decoder.select

    def logits(self, hidden_CD: "torch.Tensor") -> "torch.Tensor":
        """See `StepModel`."""
        logits_CV = self._decoder.logits(hidden_CD)
        logits_CV[:, [PAD, UNK, BOS]] = float("-inf")
        return logits_CV


def _batches_of_one_length(sources: Sequence[list[int]]) -> Iterator[list[int]]:
    """Numbers of sources of the same length: other tools have one length limit a batch, s2s has one a line."""
    for length in sorted({len(ids) for ids in sources}):
        group = [row for row, ids in enumerate(sources) if len(ids) == length]
        yield from (group[start : start + BATCH] for start in range(0, len(group), BATCH))


def _count(
    result: SearchParity, bundle: Bundle, source: list[int], ours: list[int], theirs: list[int], is_cut: bool
) -> None:
    """Add one line to the result."""
    if ours == theirs:
        result.n_equal += 1
    elif result.beam > 1 and is_cut:
        result.n_cut += 1
    elif _gap(bundle, source, ours, theirs, result.beam) <= TOLERANCE:
        result.n_ties += 1
    else:
        src, tgt = bundle.vocabularies.src, bundle.vocabularies.tgt
        result.different.append((src.decode(source), tgt.decode(ours), tgt.decode(theirs)))


def _gap(bundle: Bundle, source: list[int], ours: list[int], theirs: list[int], beam: int) -> float:
    """How far the two are from equally probable for s2s, in nats.

    For greedy search at the piece where they part; for beam search by the scores of the whole translations.
    """
    if beam > 1:
        found = forced_log_probabilities(bundle.transformer, [(source, ours), (source, theirs)])
        alpha = bundle.decode.alpha
        return abs(found[0] / math.pow(len(ours) + 1, alpha) - found[1] / math.pow(len(theirs) + 1, alpha))
    import torch

    one, other = [*ours, EOS], [*theirs, EOS]
    place = next(index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    model, src_1S = bundle.transformer, torch.tensor([[*source, EOS]])
    with torch.inference_mode():
        hidden_1TD = model.decode(torch.tensor([[BOS, *one[:place]]]), model.encode(src_1S), src_1S)
        log_p_V = model.projection(hidden_1TD[0, -1]).log_softmax(dim=-1)
    return abs(float(log_p_V[one[place]] - log_p_V[other[place]]))


def _written_otherwise(bundle: Bundle, engine: Engine, targets: Sequence[list[int]]) -> int:
    """How many translations become another text; white space apart, at which tools strip."""
    texts = [bundle.vocabularies.tgt.decode(ids) for ids in targets]
    return sum(one.split() != other.split() for one, other in zip(texts, engine.decode(targets), strict=True))


def _pairs_of_all_pieces(bundle: Bundle) -> list[tuple[list[int], list[int]]]:
    """Pairs in which every piece of both vocabularies occurs, so that no row of a table is left unseen."""
    sides = []
    for vocabulary in (bundle.vocabularies.src, bundle.vocabularies.tgt):
        ids = list(range(N_CONTROL, vocabulary.size))
        sides.append([ids[start : start + PROBE] for start in range(0, len(ids), PROBE)])
    n_pairs = max(map(len, sides))
    return [(sides[0][row % len(sides[0])], sides[1][row % len(sides[1])]) for row in range(n_pairs)]


def _largest_difference(bundle: Bundle, engine: Engine, pairs: Sequence[tuple[list[int], list[int]]]) -> float:
    """Of the log-probabilities of the same translations, nats a piece."""
    ours = forced_log_probabilities(bundle.transformer, pairs)
    theirs = engine.log_probabilities(pairs)
    gaps = [abs(one - other) / (len(target) + 1) for one, other, (_, target) in zip(ours, theirs, pairs, strict=True)]
    return max(gaps, key=lambda gap: gap if gap == gap else float("inf"))
