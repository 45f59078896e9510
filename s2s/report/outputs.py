"""What is wrong with a translation, as far as it shows without understanding it."""

from collections.abc import Sequence

import numpy as np

from s2s.doctor.faults import Fault
from s2s.doctor.pair_checks import Flags, flags_of
from s2s.doctor.usual import Usual, learn
from s2s.report.words import words_in

FLAGS = {
    "empty": "no text",
    "loop": "says the same words again and again",
    "copied": "is its source, word for word",
    "length": "far longer or shorter than its source lets expect",
    "numbers": "not the digits of its source",
    "language": "in the source's language, or in another script",
    "characters": "characters that are broken, invisible or no text",
}
"""The flags that a translation may get, with their meaning."""

_FAULTS = {
    "empty": Fault.EMPTY,
    "loop": Fault.REPETITION,
    "copied": Fault.COPIED,
    "length": Fault.RATIO,
    "numbers": Fault.NUMBERS,
    "language": Fault.OTHER_LANGUAGE | Fault.SWAPPED | Fault.OTHER_SCRIPT | Fault.MIXED_SCRIPT,
    "characters": Fault.REPLACED | Fault.MOJIBAKE | Fault.CONTROL | Fault.NOT_UTF8,
}

_MAX_UNIT = 6
_AT_ONCE = 5_000
_SAMPLE = 20_000  # pairs that show what is usual


def flags_of_outputs(
    sources: Sequence[str], references: Sequence[str], systems: Sequence[Sequence[str]]
) -> list[list[tuple[str, ...]]]:
    """The flags of every translation of some systems; of `FLAGS`, in their order.

    What is usual is learnt from sources and references. What a reference would be flagged for as well is not held
    against a translation: a number may be written out.

    Args:
        sources: Sentences.
        references: Their references.
        systems: The translations of each system.
    """
    every = -(-len(sources) // _SAMPLE)
    usual = learn(sources[::every], references[::every])
    right = _flags(sources, references, usual)
    found = []
    for hypotheses in systems:
        wrong = _flags(sources, hypotheses, usual) & ~right
        loops = np.array(
            [is_loop(text) and not is_loop(reference) for text, reference in zip(hypotheses, references, strict=True)],
            dtype=np.bool_,
        )
        wrong[loops] |= np.uint32(Fault.REPETITION)
        wrong[[not source.strip() for source in sources]] = 0  # an empty line is translated by an empty line
        found.append(
            [tuple(name for name, faults in _FAULTS.items() if flags & int(faults)) for flags in wrong.tolist()]
        )
    return found


def _flags(sources: Sequence[str], targets: Sequence[str], usual: Usual) -> Flags:
    """The doctor's faults of many pairs, some at a time."""
    parts = [
        flags_of(sources[first : first + _AT_ONCE], targets[first : first + _AT_ONCE], usual)[0]
        for first in range(0, len(sources), _AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint32)


def is_loop(text: str) -> bool:
    """Whether words come again at once, three times or more and four words at least: as of a decoder that hangs."""
    words = [word.strip() for word in words_in(text.lower())]
    for unit in range(1, _MAX_UNIT + 1):
        run = 0
        for index in range(unit, len(words)):
            run = run + 1 if words[index] == words[index - unit] else 0
            if run >= max(2 * unit, 3):
                return True
    return False
