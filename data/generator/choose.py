"""Random choice with nothing but ``random()``, whose sequence Python promises to keep the same for a seed."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def pick(rng: Random, items: Sequence[T]) -> T:
    """Returns one item, each equally likely."""
    if not items:
        raise ValueError("nothing to pick from")
    return items[int(rng.random() * len(items))]


def pick_weighted(rng: Random, items: Sequence[tuple[T, float]]) -> T:
    """Returns one item of pairs of an item and its weight."""
    mark = rng.random() * sum(weight for _, weight in items)
    for item, weight in items:
        mark -= weight
        if mark < 0:
            return item
    return items[-1][0]


def chance(rng: Random, probability: float) -> bool:
    return rng.random() < probability
