"""The paired bootstrap tells a real difference from none."""

import random

import pytest

from s2s.errors import DataError
from s2s.scoring.metrics import bleu
from s2s.scoring.significance import compare


def worse(lines: list[str], share: float, seed: int) -> list[str]:
    """Replace a share of the words."""
    generator = random.Random(seed)
    return [" ".join("x" if generator.random() < share else word for word in line.split()) for line in lines]


@pytest.fixture
def references() -> list[str]:
    generator = random.Random(1)
    words = [f"w{number}" for number in range(50)]
    return [" ".join(generator.choices(words, k=12)) for _ in range(200)]


def test_a_real_difference_is_significant(references: list[str]) -> None:
    before, after = worse(references, 0.3, 2), worse(references, 0.1, 3)
    found = compare(before, after, references, "de")
    assert found.before == pytest.approx(bleu(before, references, "de").value)
    assert found.after == pytest.approx(bleu(after, references, "de").value)
    assert found.p < 0.01
    assert "bs:1000" in found.signature
    assert "may be chance" not in found.text()


def test_a_difference_by_chance_is_not(references: list[str]) -> None:
    found = compare(worse(references, 0.2, 2), worse(references, 0.2, 3), references, "de")
    assert found.p > 0.05
    assert "may be chance" in found.text()
    # the same twice, and the same samples each time
    again = compare(worse(references, 0.2, 2), worse(references, 0.2, 3), references, "de")
    assert again == found


def test_equal_systems_are_not_different(references: list[str]) -> None:
    same = worse(references, 0.2, 2)
    assert compare(same, same, references, "de").p == 1.0
    assert compare(["x"] * 200, ["y"] * 200, references, "de").p == 1.0


def test_counts_have_to_agree(references: list[str]) -> None:
    with pytest.raises(DataError):
        compare(references, references[1:], references, "de")
