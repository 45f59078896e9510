"""The page of a training shows what its run folder holds, and its charts are true to scale."""

import re
from typing import Any

import pytest
from test_judgement import read

from s2s.report.chart import HEIGHT, MAX_POINTS, WIDTH, Line, histogram, line_chart, svg_file
from s2s.report.html import Html
from s2s.report.training import Course, training_charts, training_page


def points_of(chart: Html, number: int = 0) -> list[tuple[float, float]]:
    found = re.findall(rf'<polyline points="([^"]*)" class="line l{number}"', chart)
    return [(float(x), float(y)) for pair in found[0].split(" ") for x, y in [pair.split(",")]]


def course(**changes: Any) -> Course:
    metrics: list[dict[str, Any]] = []
    for step in range(50, 1001, 50):
        train = {
            "loss": 9 - step / 200,
            "nll": 8 - step / 200,
            "learning_rate": step * 1e-6,
            "tokens_per_second": 5000.0,
        }
        metrics.append({"step": step, "kind": "train", **train, "seconds": step / 10, "epoch": 0})
        if step % 250 == 0:
            metrics.append({"step": step, "kind": "valid", "nll": 4 - step / 500, "bleu": step / 40, "chrf": step / 20})
    side = {"pieces_per_word": 1.234, "unknown_rate": 0.01, "longest": 17}
    split = {"read": 12, "kept": 11, "dropped": {"empty source": 1, "duplicate": 0}, "src": side, "tgt": side}
    given: dict[str, Any] = {
        "name": "<my>",
        "metrics": metrics,
        "splits": {"train": split},
        "lengths": {"train": ([0, 5, 3], [1, 7])},
        "class_width": 5,
        "last_class": 200,
        "samples": [(250, "src a\nref b\nhyp <c>"), (500, "src a\nref b\nhyp d")],
        "facts": [("state", "done")],
        "environment": [{"at": "2026", "command": ["s2s", "train"], "torch": "2.13", "device_name": ""}],
        "verdict": "still improving",
    }
    return Course(**{**given, **changes})


def test_points_are_where_their_figures_are() -> None:
    chart = line_chart("t", [Line("a", [(0, 10.0), (50, 20.0), (100, 10.0)], is_exact=True)], across="updates")
    (left, low), (middle, high), (right, again) = points_of(chart)
    assert left < middle < right <= WIDTH
    assert middle == pytest.approx((left + right) / 2, abs=0.1)
    assert 0 <= high < low == again <= HEIGHT  # up is less in SVG
    # ticks lie where their figures are
    ticks = {float(text): float(y) for y, text in re.findall(r'y="([\d.]+)" dy="4"[^>]*>([\d.]+)</text>', chart)}
    assert {10.0, 20.0} <= set(ticks)
    assert ticks[10.0] == pytest.approx(low, abs=0.1)
    assert ticks[20.0] == pytest.approx(high, abs=0.1)
    assert re.findall("<title>(.*?)</title>", chart) == ["a at 0: 10.0000", "a at 50: 20.0000", "a at 100: 10.0000"]


def test_long_lines_are_means_and_nothing_gives_no_chart() -> None:
    many = [(float(x), float(x % 2)) for x in range(10 * MAX_POINTS)]
    points = points_of(line_chart("t", [Line("a", many)], across="x"))
    assert len(points) <= MAX_POINTS
    assert len({y for _, y in points}) == 1  # each is the mean of zeros and ones
    assert line_chart("t", [Line("a", [])], across="x") == ""
    assert histogram("t", [("a", [])], across="x", width=5) == ""
    for one in ([(7.0, 0.0)], [(7.0, -3.0), (8.0, -3.0)], [(1.0, 1e-9), (2.0, 2e-9)], [(1.0, 3e7), (2e6, 5e7)]):
        assert "nan" not in line_chart("t", [Line("a", one)], across="x")


def test_what_is_above_the_ceiling_runs_along_it() -> None:
    chart = line_chart("t", [Line("a", [(0, 100.0), (1, 2.0), (2, 1.0)])], across="x", ceiling=2.0)
    (_, cut), (_, second), (_, third) = points_of(chart)
    assert cut <= second < third
    assert cut > 0


def test_bars_are_as_high_as_their_counts() -> None:
    chart = histogram("t", [("a", [0, 4, 8]), ("b", [2])], across="pieces", width=5)
    heights = [float(height) for height in re.findall(r'<rect [^>]*height="([\d.]+)"', chart)]
    assert heights == pytest.approx([heights[1] / 2, heights[1], heights[1] / 4], abs=0.1)
    assert "a, 5 to 9: 4" in chart
    assert "a, 10 or more: 8" in histogram("t", [("a", [0, 4, 8])], across="pieces", width=5, last=10)


def test_the_page_has_every_validation_and_runs_nothing() -> None:
    given = course()
    text = training_page(given)
    checked = read(text)
    assert checked.active == []
    for one in given.metrics:
        if one["kind"] == "valid":
            assert f"<title>validation at {one['step']:,}: {one['nll']:.4f}</title>" in text
            assert f"<title>BLEU at {one['step']:,}: {one['bleu']:.4f}</title>" in text
            assert f"<title>chrF2 at {one['step']:,}: {one['chrf']:.4f}</title>" in text
    shown = "".join(checked.text)
    for words in (
        "Training of <my>",
        "best BLEU 25.00 at 1,000",
        "dropped: empty source",
        "hyp <c>",
        "still improving",
    ):
        assert words in shown
    assert "dropped: duplicate" not in shown  # nothing was
    assert "No test set has been scored yet" in shown
    score = {"name": "BLEU", "value": 12.345, "signature": "nrefs:1|<x>", "half_width": 1.5}
    scored = {"test_set": "test", "n_sentences": 1000, "beam": 5, "scores": [score]}
    assert "12.35 ± 1.50" in "".join(read(training_page(course(scores=[scored]))).text)


def test_a_training_that_has_just_begun_has_a_page() -> None:
    begun = course(metrics=[], splits={}, lengths={}, samples=[], environment=[], verdict="")
    assert read(training_page(begun)).active == []
    assert not any(training_charts(begun).values())


def test_charts_are_files_too() -> None:
    for name, chart in training_charts(course()).items():
        text = svg_file(chart)
        assert text.startswith("<svg "), name
        assert 'xmlns="http://www.w3.org/2000/svg"' in text
        assert read(text).active == []
