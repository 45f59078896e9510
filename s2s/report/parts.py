"""Scores of parts of a test set: by the length of a sentence, and by the kind of a word."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from s2s.scoring.measured import Measured
from s2s.scoring.metrics import words_of

LENGTHS = (5, 10, 15, 20, 30, 50)
"""Most words of a reference in each class of lengths but the last."""

FREQUENCIES = (0, 4, 49)
"""How often at most a word was in the training text, for each class but the last."""


@dataclass(frozen=True)
class LengthPart:
    """The sentences whose references have about the same length.

    Attributes:
        name: Of the class, as `6-10`.
        n_sentences: In it.
        bleu: Of each system.
        chrf: Of each system.
    """

    name: str
    n_sentences: int
    bleu: list[float]
    chrf: list[float]


@dataclass(frozen=True)
class WordPart:
    """The words of a kind.

    Attributes:
        name: Of the kind.
        n_words: Of it in the references.
        f1: Of each system, 0 to 100: the harmonic mean of the share of the references' words that it says and the
            share of its words that are in the reference.
    """

    name: str
    n_words: int
    f1: list[float]


def by_length(references: Sequence[str], systems: Sequence[Sequence[Measured]], target: str) -> list[LengthPart]:
    """Scores by the length of the reference, in words of BLEU's tokenisation.

    Args:
        references: One for each sentence.
        systems: The measures of each, BLEU and chrF2 first.
        target: Target language.
    """
    classes: dict[int, list[int]] = {}
    for row, words in enumerate(words_of(references, target)):
        number = sum(len(words) > most for most in LENGTHS)
        classes.setdefault(number, []).append(row)
    found = []
    for number, rows in sorted(classes.items()):
        bleu, chrf = ([system[metric].of(rows) for system in systems] for metric in (0, 1))
        found.append(LengthPart(_range(LENGTHS, number, 1), len(rows), bleu, chrf))
    return found


def by_kind(
    sources: Sequence[str],
    references: Sequence[str],
    systems: Sequence[Sequence[str]],
    target: str,
    training: Mapping[str, int] | None = None,
) -> list[WordPart]:
    """How well words of some kinds are translated: numbers, names, and words rare and frequent.

    A name is a word with a capital that the source has too, letter by letter.

    Args:
        sources: Sentences.
        references: One for each.
        systems: The translations of each system.
        target: Target language.
        training: How often each word was in the training text; none to leave frequencies out.
    """
    of_source = [set(words) for words in words_of(sources, target)]
    of_reference = words_of(references, target)
    of_systems = [words_of(hypotheses, target) for hypotheses in systems]
    kinds: dict[str, Callable[[str, set[str]], bool]] = {
        "numbers": lambda word, source: any(char.isdigit() for char in word),
        "names": lambda word, source: word[0].isupper() and len(word) > 2 and word in source,
    }
    if training is not None:
        for number in range(len(FREQUENCIES) + 1):
            name = f"in training {_range(FREQUENCIES, number, 0)} times"
            kinds[name] = partial(_is_as_frequent, training=training, number=number)
    found = []
    for name, belongs in kinds.items():
        wanted = [_counted(words, source, belongs) for words, source in zip(of_reference, of_source, strict=True)]
        n_wanted = sum(count.total() for count in wanted)
        if not n_wanted:
            continue
        f1 = []
        for of_system in of_systems:
            said = [_counted(words, source, belongs) for words, source in zip(of_system, of_source, strict=True)]
            n_right = sum((one & other).total() for one, other in zip(said, wanted, strict=True))
            f1.append(200 * n_right / (n_wanted + sum(count.total() for count in said)))
        found.append(WordPart(name, n_wanted, f1))
    return found


def _is_as_frequent(word: str, source: set[str], training: Mapping[str, int], number: int) -> bool:
    """Whether a word with a letter is in a class of `FREQUENCIES`."""
    return any(char.isalpha() for char in word) and sum(training.get(word, 0) > n for n in FREQUENCIES) == number


def _counted(words: Sequence[str], source: set[str], belongs: Callable[[str, set[str]], bool]) -> Counter[str]:
    return Counter(word for word in words if belongs(word, source))


def _range(most: Sequence[int], number: int, least: int) -> str:
    first = most[number - 1] + 1 if number else least
    if number == len(most):
        return f"{first} or more"
    return f"{first}" if first == most[number] else f"{first} to {most[number]}"
