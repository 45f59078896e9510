import numpy as np
import pytest

from s2s.config.schema import DataConfig
from s2s.corpus.cleaning import N_EXAMPLES, Cleaner, CleaningRules, Reason, key_of


def reasons(cleaner: Cleaner, pairs: list[tuple[str, str]], lengths: list[tuple[int, int]]) -> list[Reason | None]:
    blank = tuple(np.array([not pair[side] or pair[side].isspace() for pair in pairs]) for side in (0, 1))
    keys = np.array([key_of(*pair) for pair in pairs], dtype=np.uint64)
    found = dict(cleaner.reasons((blank[0], blank[1]), keys, (np.array(lengths)[:, 0], np.array(lengths)[:, 1])))
    return [found.get(index) for index in range(len(pairs))]


def test_rules_of_a_config() -> None:
    config = DataConfig(source="en", target="de", train="x", valid="y", max_length=7, max_ratio=3.0, deduplicate=True)
    assert CleaningRules.from_config(config) == CleaningRules(7, 3.0, True)


@pytest.mark.parametrize(
    ("src", "tgt", "reason"),
    [
        ("", "b", Reason.EMPTY_SOURCE),
        ("", "", Reason.EMPTY_SOURCE),
        ("\u3000\t \u2028", "b", Reason.EMPTY_SOURCE),
        ("a", " ", Reason.EMPTY_TARGET),
        ("a", "b", None),
    ],
)
@pytest.mark.parametrize("rules", [None, CleaningRules(10, 2.0, True)])
def test_empty_sides(src: str, tgt: str, reason: Reason | None, rules: CleaningRules | None) -> None:
    assert reasons(Cleaner(rules), [(src, tgt)], [(1, 1)]) == [reason]


@pytest.mark.parametrize(
    ("n_src", "n_tgt", "reason"),
    [
        (0, 3, Reason.EMPTY_SOURCE),
        (3, 0, Reason.EMPTY_TARGET),
        (10, 10, None),
        (11, 10, Reason.LONG_SOURCE),
        (11, 11, Reason.LONG_SOURCE),
        (10, 11, Reason.LONG_TARGET),
        (2, 4, None),
        (2, 5, Reason.RATIO),
        (5, 2, Reason.RATIO),
    ],
)
def test_lengths(n_src: int, n_tgt: int, reason: Reason | None) -> None:
    assert reasons(Cleaner(CleaningRules(10, 2.0)), [("a", "b")], [(n_src, n_tgt)]) == [reason]
    expected = reason if 0 in (n_src, n_tgt) else None
    assert reasons(Cleaner(None), [("a", "b")], [(n_src, n_tgt)]) == [expected]


def test_duplicates_are_of_both_sides() -> None:
    cleaner = Cleaner(CleaningRules(10, 2.0, True))
    pairs = [("ab", "c"), ("a", "bc"), ("ab", "d"), ("ab", "c")]
    assert reasons(cleaner, pairs, [(1, 1)] * 4) == [None, None, None, Reason.DUPLICATE]
    assert reasons(cleaner, [("e", "f"), ("ab", "d")], [(1, 1)] * 2) == [None, Reason.DUPLICATE]
    keeping = Cleaner(CleaningRules(10, 2.0, False))
    assert reasons(keeping, pairs, [(1, 1)] * 4) == [None] * 4


def test_the_first_reason_counts() -> None:
    cleaner = Cleaner(CleaningRules(3, 2.0, True))
    pairs = [("a", "b"), ("a", "b"), (" ", ""), ("\x01", ""), ("\x01", "b"), ("\x01", "b"), ("", "b"), ("", "b")]
    lengths = [(9, 1), (9, 1), (0, 0), (0, 0), (0, 1), (0, 1), (0, 1), (0, 1)]
    assert reasons(cleaner, pairs, lengths) == [
        Reason.LONG_SOURCE,
        Reason.DUPLICATE,  # of a pair that is dropped itself
        Reason.EMPTY_SOURCE,
        Reason.EMPTY_TARGET,
        Reason.EMPTY_SOURCE,
        Reason.DUPLICATE,
        Reason.EMPTY_SOURCE,  # white space is no duplicate of anything
        Reason.EMPTY_SOURCE,
    ]


def test_drops_are_counted_with_the_first_places() -> None:
    cleaner = Cleaner(None)
    for number in range(20):
        cleaner.drop(Reason.RATIO, f"x:{number}")
    assert cleaner.dropped[Reason.RATIO] == 20
    assert cleaner.dropped[Reason.DUPLICATE] == 0
    assert cleaner.examples == {Reason.RATIO: [f"x:{number}" for number in range(N_EXAMPLES)]}
