"""Where two texts are not parallel is found to the line or two; where they are, nothing is said."""

import numpy as np
import pytest

from s2s.doctor.parallel import Stretch, stretches

RANDOM = np.random.default_rng(1)
N = 6_000


@pytest.fixture
def sides() -> tuple[np.ndarray, np.ndarray]:
    src = RANDOM.lognormal(4.0, 0.5, N).astype(int) + 3
    return src, np.maximum(1, src * RANDOM.normal(1.1, 0.15, N)).astype(int)


def test_parallel_text_is_let_pass(sides: tuple[np.ndarray, np.ndarray]) -> None:
    assert stretches(*sides) == []


@pytest.mark.parametrize("lag", [1, -1, 3, -17])
def test_a_shift_is_found_with_its_edges(sides: tuple[np.ndarray, np.ndarray], lag: int) -> None:
    src, tgt = sides
    first, last = 1_500, 4_200
    moved = tgt.copy()
    moved[first:last] = np.roll(tgt, lag)[first:last]
    [found] = stretches(src, moved)
    assert found.lag == lag
    # the lines next to an edge have their translation beyond it
    assert abs(found.first - first) <= 4 + abs(lag)
    assert abs(found.last - last) <= 4 + abs(lag)


def test_a_shift_to_the_end(sides: tuple[np.ndarray, np.ndarray]) -> None:
    src, tgt = sides
    [found] = stretches(src, np.concatenate((tgt[:5_000], tgt[5_001:], [9])))
    assert (found.last, found.lag) == (N, -1)
    assert abs(found.first - 5_000) <= 4


def test_lines_in_another_order_are_found(sides: tuple[np.ndarray, np.ndarray]) -> None:
    src, tgt = sides
    tgt[2_048:4_096] = RANDOM.permutation(tgt[2_048:4_096])
    assert stretches(src, tgt) == [Stretch(2_048, 4_096, None)]
    assert stretches(src, RANDOM.permutation(tgt)) == [Stretch(0, N, None)]


BY_LENGTH = {
    "source": lambda src, tgt: src,
    "target": lambda src, tgt: tgt,
    "longest first": lambda src, tgt: -src,
    "source, then target": lambda src, tgt: src * 10_000 + tgt,
    "both together": lambda src, tgt: src + tgt,
    "the longer one": np.maximum,
    "tens of characters": lambda src, tgt: src // 10,
}


@pytest.mark.parametrize("by", BY_LENGTH)
def test_text_that_is_sorted_by_length_is_let_pass(sides: tuple[np.ndarray, np.ndarray], by: str) -> None:
    src, tgt = sides
    order = np.argsort(BY_LENGTH[by](src, tgt), kind="stable")
    assert stretches(src[order], tgt[order]) == []
    for part in (order[:2_500], order[-2_500:], order[::3]):  # a stretch of it, after or before other text
        assert stretches(np.concatenate((src, src[part])), np.concatenate((tgt, tgt[part]))) == []
        assert stretches(np.concatenate((src[part], src)), np.concatenate((tgt[part], tgt))) == []


def test_what_is_lost_is_found_beside_sorted_text_and_in_it(sides: tuple[np.ndarray, np.ndarray]) -> None:
    src, tgt = sides
    order = np.argsort(src, kind="stable")
    long, other = np.concatenate((src, src[order])), np.concatenate((tgt, tgt[order]))
    [found] = stretches(long, np.concatenate((other[:2_000], other[2_001:N], [9], other[N:])))
    assert (found.lag, abs(found.first - 2_000) <= 4, abs(found.last - N) <= 256) == (-1, True, True)
    assert stretches(src[order], RANDOM.permutation(tgt)) == [Stretch(0, N, None)]
    [found] = stretches(long, np.concatenate((tgt, RANDOM.permutation(tgt))))
    assert (found.lag, found.last, abs(found.first - N) <= 512) == (None, 2 * N, True)


def test_lengths_that_say_nothing_say_nothing() -> None:
    same = np.full(N, 20)
    assert stretches(same, same) == []
    assert stretches(np.zeros(N), np.zeros(N)) == []
    verses = np.where(np.arange(N) % 33 == 0, 5, 7)  # nearly all of a length
    assert stretches(verses, RANDOM.lognormal(4.0, 0.5, N)) == []
    assert stretches(RANDOM.lognormal(4.0, 0.5, 600), RANDOM.lognormal(4.0, 0.5, 600)) == []  # too few to say
    assert stretches(same[:100], RANDOM.permutation(N)[:100]) == []


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_what_is_not_translated_is_not_taken_for_another_text(
    sides: tuple[np.ndarray, np.ndarray], share: float
) -> None:
    src, tgt = sides
    untranslated = np.where(RANDOM.random(N) < share, 0, tgt)
    assert stretches(src, untranslated) == []
    assert stretches(untranslated, src) == []
    part = np.concatenate((tgt[:1_000], untranslated[1_000:3_000], tgt[3_000:]))
    assert stretches(src, part) == []
    # what is not parallel besides is still found
    assert stretches(src, RANDOM.permutation(untranslated)) == [Stretch(0, N, None)]
    [found] = stretches(src, np.concatenate((part[:4_000], np.roll(part[4_000:], 1))))
    assert found.last == N
    assert abs(found.first - 4_000) <= 256
