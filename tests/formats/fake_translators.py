"""Models that are none: one that changes nothing, and some that do everything wrong."""

import random
import zlib
from collections.abc import Callable

from s2s.formats.flow import Translate, Translated


def identity(texts: list[str], align: bool) -> list[Translated]:
    return [_aligned(text.split(), range(len(text.split())), align) for text in texts]


def shouting(texts: list[str], align: bool) -> list[Translated]:
    return [_aligned(text.upper().split(), range(len(text.split())), align) for text in texts]


def backwards(texts: list[str], align: bool) -> list[Translated]:
    return [_aligned(text.split()[::-1], range(len(text.split()))[::-1], align) for text in texts]


def silent(texts: list[str], align: bool) -> list[Translated]:
    return [Translated("") for _ in texts]


def constant(texts: list[str], align: bool) -> list[Translated]:
    """Says a thing of its own, whatever it is asked, and aligns all of it with the first word."""
    return [Translated("> Ja, *so* < & [ist] es_ | `x` ]]> \\ #", [(0, n) for n in range(11)]) for _ in texts]


def inventing(texts: list[str], align: bool) -> list[Translated]:
    """Says placeholders and tags that nobody has asked for."""
    return [Translated(f"{text} %d {{x}} </b><i> 1. --> 00:01", [(0, 0)]) for text in texts]


def _each(change: Callable[[random.Random, list[str]], list[int]]) -> Translate:
    """By numbers of words, chosen at random; the same for the same text."""

    def translate(texts: list[str], align: bool) -> list[Translated]:
        said = []
        for text in texts:
            words = text.split()
            order = change(random.Random(zlib.crc32(text.encode())), words)
            said.append(_aligned([words[n] for n in order], order, align))
        return said

    return translate


dropping = _each(lambda rng, words: [n for n in range(len(words)) if rng.random() < 0.6])
doubling = _each(lambda rng, words: [n for n in range(len(words)) for _ in range(1 + (rng.random() < 0.4))])
shuffling = _each(lambda rng, words: rng.sample(range(len(words)), len(words)))


def lying(texts: list[str], align: bool) -> list[Translated]:
    """Shuffles, and its alignment is made up, with words that are not there."""
    said = []
    for text, one in zip(texts, shuffling(texts, align), strict=True):
        rng = random.Random(zlib.crc32(text.encode()))
        said.append(Translated(one.text.lower(), [(rng.randrange(12), rng.randrange(12)) for _ in range(6)]))
    return said


HOSTILE: dict[str, Translate] = {
    "shouts": shouting,
    "says all backwards": backwards,
    "says nothing": silent,
    "says always the same": constant,
    "invents": inventing,
    "drops words": dropping,
    "doubles words": doubling,
    "shuffles words": shuffling,
    "aligns wrongly": lying,
}


def _aligned(words: list[str], order: "range | list[int]", align: bool) -> Translated:
    links = [(source, target) for target, source in enumerate(order)] if align else []
    return Translated(" ".join(words), links)
