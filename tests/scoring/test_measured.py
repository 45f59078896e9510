"""Scores, intervals and p-values are those of sacreBLEU's own command line on the same files."""

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from s2s.scoring.measured import Measured, measure, measure_bleu, p_value, paired_signature

METRICS = ["-m", "bleu", "chrf", "ter"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """References and three systems, which leave out, repeat and replace words."""
    folder = tmp_path_factory.mktemp("text")
    generator = random.Random(7)
    words = [*(f"wort{number}" for number in range(60)), "Straße,", "3.5", "(ja)", "日本", "naïve"]
    references = [" ".join(generator.choices(words, k=generator.randint(1, 25))) for _ in range(150)]
    systems = [references]
    for rate in (0.35, 0.33, 0.15):
        lines = []
        for line in references:
            kept = [generator.choice(words) if generator.random() < rate else word for word in line.split()]
            lines.append(" ".join(kept[: len(kept) - (generator.random() < rate)]))
        systems.append(lines)
    systems[1][3] = ""
    paths = []
    for number, lines in enumerate(systems):
        paths.append(folder / f"{number}.txt")
        paths[-1].write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return paths


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").split("\n")[:-1]


def sacrebleu(*arguments: object) -> str:
    command = [sys.executable, "-m", "sacrebleu", *map(str, arguments), "-w", "4"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def by_name(path: Path, references: Path) -> dict[str, Measured]:
    return {one.name: one for one in measure(lines(path), lines(references), "de")}


def test_scores_and_intervals_are_sacrebleus(files: list[Path]) -> None:
    found = json.loads(sacrebleu(files[0], "-i", files[1], *METRICS, "--confidence", "--format", "json"))
    ours = by_name(files[1], files[0])
    assert [one["name"] for one in found] == list(ours)
    for theirs in found:
        mine = ours[theirs["name"]]
        figures = [mine.score.value, mine.mean, mine.half_width]
        theirs_too = [theirs[key] for key in ("score", "confidence_mean", "confidence_var")]
        assert figures == pytest.approx(theirs_too, abs=6e-5)
        assert paired_signature(mine) == theirs["signature"]
    plain = json.loads(sacrebleu(files[0], "-i", files[1], *METRICS, "--format", "json"))
    assert [one.score.signature for one in ours.values()] == [one["signature"] for one in plain]


def test_p_values_are_sacrebleus(files: list[Path]) -> None:
    table = sacrebleu(files[0], "-i", *files[1:], *METRICS, "--paired-bs", "--format", "latex")
    rows = [row for row in table.split("\n") if ".txt &" in row]
    systems = [by_name(path, files[0]) for path in files[1:]]
    expected = []
    for row in rows:
        figures = [float(figure) for cell in row.split("&")[1:] for figure in re.findall(r"\d+\.\d{4}", cell)]
        expected.append(figures)
    ours = []
    for system in systems:
        row = []
        for name, one in system.items():
            row += [one.score.value, one.mean, one.half_width]
            row += [p_value(systems[0][name], one)] if system is not systems[0] else []
        ours.append(row)
    assert [len(row) for row in ours] == [9, 12, 12]
    for mine, theirs in zip(ours, expected, strict=True):
        assert mine == pytest.approx(theirs, abs=6e-5)
    assert ours[1][3] > 0.05 > ours[2][3]  # of a chance and of a real difference
    # and between any two, in any order
    assert p_value(systems[1]["BLEU"], systems[2]["BLEU"]) == p_value(systems[2]["BLEU"], systems[1]["BLEU"])


def test_parts_are_scored_as_if_they_were_alone(files: list[Path]) -> None:
    hypotheses, references = lines(files[2]), lines(files[0])
    rows = [3, 5, 8, 13, 21, 34, 55, 89]
    alone = {one.name: one for one in measure([hypotheses[i] for i in rows], [references[i] for i in rows], "de")}
    for name, one in by_name(files[2], files[0]).items():
        assert one.of(rows) == pytest.approx(alone[name].score.value)
    one = by_name(files[2], files[0])["chrF2"]
    found = sacrebleu(files[0], "-i", files[2], "-m", "chrf", "--sentence-level")
    assert one.of_each() == pytest.approx([float(line.split(" = ")[1]) for line in found.splitlines()], abs=6e-5)


def test_samples_are_the_same_for_all_systems(files: list[Path]) -> None:
    first, second = (measure_bleu(lines(files[i]), lines(files[0]), "de") for i in (1, 1))
    assert np.array_equal(first.samples, second.samples)
    assert p_value(first, second) == 1.0


def test_of_a_single_sentence_nothing_is_significant() -> None:
    first, second = (measure_bleu([text], ["a b c d e"], "de") for text in ("a b c x y", "a b c d e"))
    assert p_value(first, second) == 1.0
