import pytest

from s2s.config.schema import DataConfig
from s2s.corpus.cleaning import N_EXAMPLES, Cleaner, CleaningRules, Reason


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
    assert Cleaner(rules).reason_by_text(src, tgt) == reason


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
    assert Cleaner(CleaningRules(10, 2.0)).reason_by_pieces([9] * n_src, [9] * n_tgt) == reason
    expected = reason if 0 in (n_src, n_tgt) else None
    assert Cleaner(None).reason_by_pieces([9] * n_src, [9] * n_tgt) == expected


def test_duplicates_are_of_both_sides() -> None:
    cleaner = Cleaner(CleaningRules(10, 2.0, True))
    pairs = [("ab", "c"), ("a", "bc"), ("ab", "d"), ("ab", "c")]
    assert [cleaner.reason_by_text(*pair) for pair in pairs] == [None, None, None, Reason.DUPLICATE]
    keeping = Cleaner(CleaningRules(10, 2.0, False))
    assert [keeping.reason_by_text(*pair) for pair in pairs] == [None] * 4


def test_drops_are_counted_with_the_first_places() -> None:
    cleaner = Cleaner(None)
    for number in range(20):
        cleaner.drop(Reason.RATIO, f"x:{number}")
    assert cleaner.dropped[Reason.RATIO] == 20
    assert cleaner.dropped[Reason.DUPLICATE] == 0
    assert cleaner.examples == {Reason.RATIO: [f"x:{number}" for number in range(N_EXAMPLES)]}
