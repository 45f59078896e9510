"""What is said about learning curves of each shape."""

import pytest

from s2s.training.curve import Curve, trend, verdict

STEPS = range(500, 10_500, 500)


def curve(*nlls: float) -> Curve:
    return list(zip(STEPS, nlls, strict=False))


@pytest.mark.parametrize(
    ("nlls", "expected"),
    [
        ((), ""),
        ((3.0, 2.0), ""),
        ((3.0, 2.0, 1.8), "still improving"),
        ((3.0, 2.0, 1.995), "hardly improving any more"),
        ((3.0, 2.0, 2.02), "no better than at update 1,000"),
        ((3.0, 2.0, 2.02, 2.3), "overfitting: 0.300 above its best, at update 1,000"),
    ],
)
def test_trend(nlls: tuple[float, ...], expected: str) -> None:
    assert trend(curve(*nlls)) == expected


@pytest.mark.parametrize(
    ("nlls", "expected"),
    [
        ((3.0, 2.0), ""),
        ((3.0, 2.5, 2.2, 2.0, 1.9), "still improving at the end"),
        ((3.0, 2.5, 2.0, 1.905, 1.9), "level from update 2,000 of 2,500 on, as it should be"),
        ((3.0, 1.905, 1.9, 1.9, 1.9), "stopped improving at update 1,000 of 2,500; with 2,000 pairs"),
        ((3.0, 1.9, 2.0, 2.1, 2.2), "overfitting: the validation loss was best at update 1,000 and rose by 0.300"),
    ],
)
def test_verdict(nlls: tuple[float, ...], expected: str) -> None:
    points = curve(*nlls)
    words = verdict(points, n_pairs=2_000, n_steps=points[-1][0])
    assert words.startswith(expected)
    assert bool(words) == bool(expected)
