"""Some systems on one test set: scores with intervals, significance between any two, where they fail and differ."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from s2s.report.outputs import FLAGS, flags_of_outputs
from s2s.report.parts import LengthPart, WordPart, by_kind, by_length
from s2s.scoring.measured import N_SAMPLES, SEED, Measured, p_value, paired_signature

N_SHOWN = 50
"""Segments that are shown."""

SIGNIFICANT = 0.05

N_COMPARED = 4
"""Systems of which any two are compared in the terminal; of more, all with the first."""


@dataclass(frozen=True)
class System:
    """A system on a test set.

    Attributes:
        name: What it is called.
        hypotheses: Its translations.
        measured: BLEU, chrF2, TER.
        flags: Of each translation, names of `FLAGS`.
        chrf: Of each translation by itself.
    """

    name: str
    hypotheses: list[str]
    measured: list[Measured]
    flags: list[tuple[str, ...]]
    chrf: list[float]

    def count_flags(self) -> Counter[str]:
        """Translations that have each flag."""
        return Counter(flag for flags in self.flags for flag in flags)


@dataclass(frozen=True)
class Difference:
    """How two systems differ by one metric.

    Attributes:
        metric: Its name.
        first: Index of a system.
        second: Index of another.
        gain: What the second has more.
        p: The probability of a difference as large if there were none.
    """

    metric: str
    first: int
    second: int
    gain: float
    p: float

    @property
    def is_clear(self) -> bool:
        """Whether it is significant."""
        return self.p < SIGNIFICANT

    def text(self) -> str:
        """In words."""
        return f"{self.metric} {self.gain:+.2f} (p = {self.p:.3f}{'' if self.is_clear else ', may be chance'})"


@dataclass(frozen=True)
class Judgement:
    """Some systems on one test set.

    Attributes:
        name: Of the test set.
        target: Target language.
        sources: Its sentences.
        references: Their references.
        systems: The systems; the first is what others are compared with first.
        differences: Between any two, the earlier first, by each metric.
        lengths: Scores by the length of the reference.
        kinds: Scores of kinds of words.
    """

    name: str
    target: str
    sources: list[str]
    references: list[str]
    systems: list[System]
    differences: list[Difference]
    lengths: list[LengthPart]
    kinds: list[WordPart]

    def shown(self) -> list[int]:
        """The segments to look at: where systems differ most by chrF; of one system, where it is worst."""
        columns = [system.chrf for system in self.systems]
        if len(columns) == 1:
            order = sorted(range(len(self.sources)), key=lambda row: (columns[0][row], row))
            return order[:N_SHOWN]
        apart = [max(row) - min(row) for row in zip(*columns, strict=True)]
        order = sorted(range(len(apart)), key=lambda row: (-apart[row], row))
        return [row for row in order[:N_SHOWN] if apart[row] > 0]

    def text(self) -> str:
        """What a table of scores does not show: differences and flags, some lines."""
        lines = []
        with_others = len(self.systems) <= N_COMPARED
        for first in range(len(self.systems) if with_others else 1):
            for second in range(first + 1, len(self.systems)):
                found = [one.text() for one in self.differences if (one.first, one.second) == (first, second)]
                lines.append(f"{self.systems[second].name} against {self.systems[first].name}: {', '.join(found)}")
        if not with_others:
            lines.append("any two against each other: --html FILE or --json")
        for system in self.systems:
            counted = system.count_flags()
            if counted:
                listed = ", ".join(f"{flag} {counted[flag]:,}" for flag in FLAGS if counted[flag])
                lines.append(f"{system.name}: flagged translations: {listed}")
        return "\n".join(lines)

    def tsv(self) -> list[list[str]]:
        """A row for each system and metric: test set, system, metric, score, mean, half width, p, signature."""
        p = {(one.metric, one.second): one.p for one in self.differences if one.first == 0}
        return [
            [
                self.name,
                system.name,
                one.name,
                *(f"{figure:.4f}" for figure in (one.score.value, one.mean, one.half_width)),
                f"{p[one.name, number]:.4f}" if number else "",
                paired_signature(one),
            ]
            for number, system in enumerate(self.systems)
            for one in system.measured
        ]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        names = [system.name for system in self.systems]
        return {
            "test_set": self.name,
            "n_sentences": len(self.sources),
            "bootstrap": {"samples": N_SAMPLES, "seed": SEED},
            "systems": [
                {
                    "name": system.name,
                    "scores": [
                        {
                            "name": one.name,
                            "score": one.score.value,
                            "mean": one.mean,
                            "half_width": one.half_width,
                            "signature": paired_signature(one),
                        }
                        for one in system.measured
                    ],
                    "flags": dict(system.count_flags()),
                    "flagged": [
                        {"line": row + 1, "text": system.hypotheses[row], "flags": list(flags)}
                        for row, flags in enumerate(system.flags)
                        if flags
                    ],
                }
                for system in self.systems
            ],
            "differences": [
                {
                    "metric": one.metric,
                    "first": names[one.first],
                    "second": names[one.second],
                    "gain": one.gain,
                    "p": one.p,
                }
                for one in self.differences
            ],
            "by_length": [vars(part) for part in self.lengths],
            "by_kind_of_word": [vars(part) for part in self.kinds],
            "segments": [
                {
                    "line": row + 1,
                    "source": self.sources[row],
                    "reference": self.references[row],
                    "systems": [
                        {"text": system.hypotheses[row], "chrF2": system.chrf[row], "flags": list(system.flags[row])}
                        for system in self.systems
                    ],
                }
                for row in self.shown()
            ],
        }


def judge(
    name: str,
    sources: Sequence[str],
    references: Sequence[str],
    systems: Sequence[tuple[str, Sequence[str], Sequence[Measured]]],
    target: str,
    training: Mapping[str, int] | None = None,
) -> Judgement:
    """Judge systems.

    Args:
        name: Of the test set.
        sources: Its sentences.
        references: Their references.
        systems: Name, translations and measures (BLEU, chrF2, TER) of each.
        target: Target language; it decides what a word is.
        training: How often each word was in the training text, to tell rare words; none if that is not known.

    """
    measured = [list(measures) for _, _, measures in systems]
    texts = [list(hypotheses) for _, hypotheses, _ in systems]
    flags = flags_of_outputs(sources, references, texts)
    built = [
        System(system, text, measures, found, measures[1].of_each())
        for (system, _, _), text, measures, found in zip(systems, texts, measured, flags, strict=True)
    ]
    differences = [
        Difference(one.name, first, second, other.score.value - one.score.value, p_value(one, other))
        for first in range(len(built))
        for second in range(first + 1, len(built))
        for one, other in zip(measured[first], measured[second], strict=True)
    ]
    lengths = by_length(references, measured, target)
    kinds = by_kind(sources, references, texts, target, training)
    return Judgement(name, target, list(sources), list(references), built, differences, lengths, kinds)
