"""Learning rates against the published formulas, and dropout."""

import pytest

from s2s.config.presets import PRESETS
from s2s.config.schema import TrainConfig
from s2s.training.schedule import dropout_at, learning_rate


def config(
    schedule: str, warmup: int, rate: float = 1e-3, factor: float = 1.0, start: float | None = None
) -> TrainConfig:
    given = {"schedule": schedule, "warmup_steps": warmup, "learning_rate": rate, "dropout_start": start}
    return TrainConfig.model_validate({**PRESETS["base"]["train"], **given, "noam_factor": factor})


@pytest.mark.parametrize("step", [1, 100, 3999, 4000, 4001, 100_000])
def test_noam_is_equation_3_of_the_paper(step: int) -> None:
    expected = 512**-0.5 * min(step**-0.5, step * 4000**-1.5)
    assert learning_rate(config("noam", 4000), 512, step, 0.0) == pytest.approx(expected, rel=1e-12)
    assert learning_rate(config("noam", 4000, factor=2.0), 512, step, 0.0) == pytest.approx(2 * expected, rel=1e-12)


def test_inverse_sqrt_rises_to_its_peak_and_falls_with_the_root() -> None:
    schedule = config("inverse_sqrt", 100, rate=0.01)
    assert learning_rate(schedule, 128, 50, 0.0) == pytest.approx(0.005)
    assert learning_rate(schedule, 128, 100, 0.0) == pytest.approx(0.01)
    assert learning_rate(schedule, 128, 400, 0.3) == pytest.approx(0.005)


def test_cosine_ends_at_zero_and_is_half_way_down_in_the_middle() -> None:
    schedule = config("cosine", 100, rate=0.01)
    assert learning_rate(schedule, 128, 500, 0.5) == pytest.approx(0.005)
    assert learning_rate(schedule, 128, 1000, 1.0) == pytest.approx(0.0, abs=1e-12)
    assert learning_rate(schedule, 128, 1001, 1.01) == pytest.approx(0.0, abs=1e-12)


def test_warm_up_of_a_short_run_ends_after_a_tenth_of_it() -> None:
    schedule = config("inverse_sqrt", 4000, rate=0.01)
    assert learning_rate(schedule, 128, 40, 0.05) == pytest.approx(0.005)
    assert learning_rate(schedule, 128, 80, 0.10) == pytest.approx(0.01)
    assert learning_rate(schedule, 128, 320, 0.40) == pytest.approx(0.005)  # and falls from there
    assert learning_rate(schedule, 128, 800, 1.0) == pytest.approx(0.01 * 0.1**0.5)


@pytest.mark.parametrize(
    ("start", "last", "expected"), [(0.1, 0.5, [0.1, 0.3, 0.5]), (None, 0.5, [0.5] * 3), (0.3, 0.2, [0.2] * 3)]
)
def test_dropout_grows_evenly_from_its_start_and_is_never_more_than_at_last(
    start: float | None, last: float, expected: list[float]
) -> None:
    given = config("cosine", 100, start=start)
    assert [dropout_at(given, last, progress) for progress in (0.0, 0.5, 1.0)] == pytest.approx(expected)
