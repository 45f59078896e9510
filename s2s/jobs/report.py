"""`s2s report`, `s2s runs` and `s2s watch`: what is known about trainings, from their run folders alone."""

import json
import math
import re
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np

from s2s.config.load import load_config
from s2s.console import duration, say
from s2s.corpus.pairs import targets_in
from s2s.corpus.store import EncodedSplit
from s2s.decoding.bundle import find_bundle, load_n_members
from s2s.errors import DataError, InputMissingError, S2SError, UsageError
from s2s.report.chart import svg_file
from s2s.report.html import visible
from s2s.report.training import Course, training_charts, training_page
from s2s.run_folder import RunFolder, existing_folder, reporting_os_errors, write_atomic
from s2s.training.curve import trend, verdict
from s2s.training.schedule import dropout_at

CLASS_WIDTH = 5
"""Of the histograms of lengths, in pieces."""

MAX_LENGTH = 200
"""Longer sentences are in the histograms' last class."""

_SAMPLE = re.compile(r"step-([0-9]+)\.txt")

SPARKS = "▁▂▃▄▅▆▇█"


def report(run: Path, output: Path | None = None, plots: Path | None = None) -> Path:
    """Write the page of a training, whether it has ended or not.

    Args:
        run: Its run folder.
        output: The page; none for `report.html` in the run folder.
        plots: A folder to be given the charts as SVG files too.

    Returns:
        The page.

    Raises:
        InputMissingError: It is no run folder of a training that has begun.
    """
    course = course_of(RunFolder(run))
    page = output or run / "report.html"
    write_atomic(page, training_page(course))
    if plots is not None:
        with reporting_os_errors(plots):
            plots.mkdir(parents=True, exist_ok=True)
        for name, chart in training_charts(course).items():
            if chart:
                write_atomic(plots / f"{name}.svg", svg_file(chart))
    return page


def course_of(run: RunFolder) -> Course:
    """What a run folder tells about its training."""
    if not run.resolved.is_file():
        raise InputMissingError("not a run folder: no resolved.yaml", where=str(run.path))
    if n_members := _n_members(run):
        raise UsageError(
            f"is an ensemble of {n_members} models: there is no training to show",
            where=str(run.path),
            hint="s2s report of a member shows its own; s2s evaluate --html compares models",
        )
    metrics = _metrics(run)
    curve = [(one["step"], one["nll"]) for one in metrics if one["kind"] == "valid"]
    splits = _json(run.data_json).get("splits", {})
    words = trend(curve)
    if _has_ended(run) and "train" in splits and metrics:
        words = verdict(curve, n_pairs=splits["train"]["kept"], n_steps=metrics[-1]["step"])
    return Course(
        name=run.path.resolve().name,
        metrics=metrics,
        splits=splits,
        lengths=dict(_lengths(run)),
        class_width=CLASS_WIDTH,
        last_class=MAX_LENGTH,
        samples=_samples(run),
        facts=list(_facts(run, metrics)),
        environment=_json(run.run_json).get("starts", []),
        scores=_scores(run),
        verdict=words,
    )


def runs(folder: Path) -> list[dict[str, Any]]:
    """The trainings in a folder, the last begun first.

    Returns:
        For each name, state, languages, preset, pairs, update, best validation BLEU, test BLEU; None for what is not
        known yet.
    """
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        run = RunFolder(path)
        if not run.resolved.is_file():
            continue
        try:
            found.append((run.resolved.stat().st_mtime, _row(run)))
        except (S2SError, OSError) as error:
            say(f"left out: {path}: {error}")
    return [row for _, row in sorted(found, key=lambda one: -one[0])]


def runs_table(rows: list[dict[str, Any]]) -> str:
    """Runs as a table for people."""
    header = ["run", "state", "from-to", "preset", "pairs", "update", "valid BLEU", "test BLEU"]
    cells = [header]
    for row in rows:
        figures = [row[key] for key in ("pairs", "update")]
        scores = [row[key] for key in ("valid_bleu", "test_bleu")]
        cells.append(
            [
                *(str(row[key]) for key in ("run", "state", "languages", "preset")),
                *("" if one is None else f"{one:,}" for one in figures),
                *("" if one is None else f"{one:.2f}" for one in scores),
            ]
        )
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 4 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def glance(run: Path, width: int = 80) -> str:
    """How a training stands, some lines: the loss as a line of blocks, speed, time left, the last sample.

    Raises:
        InputMissingError: It is no run folder.
    """
    folder = RunFolder(run)
    if not folder.resolved.is_file():
        raise InputMissingError("not a run folder: no resolved.yaml", where=str(run))
    metrics = _metrics(folder)
    updates = [one for one in metrics if one["kind"] == "train"]
    valid = [one for one in metrics if one["kind"] == "valid"]
    state, saved = _state(folder), folder.checkpoints_by_step()
    goes_on = f" after update {saved[-1][0]:,}: s2s train {quote(str(run))} goes on" if saved else ""
    lines = [f"{run}: {state}{goes_on if state == 'stopped' else ''}"]
    if updates:
        last = updates[-1]
        lines.append(f"loss {sparkline([one['nll'] for one in updates], max(10, width - 14))} {last['nll']:.3f}")
        lines.append(
            f"update {last['step']:,}, epoch {last['epoch'] + 1}; {duration(last['seconds'])};"
            f" {last['tokens_per_second']:,.0f} target pieces/s{_left(folder, last)}"
        )
    if valid:
        best = max(valid, key=lambda one: one["bleu"])
        lines.append(f"BLEU {sparkline([one['bleu'] for one in valid], max(10, width - 14))} {valid[-1]['bleu']:.2f}")
        words = trend([(one["step"], one["nll"]) for one in valid])
        lines.append(
            f"validation nll {valid[-1]['nll']:.4f}{f', {words}' if words else ''}; best BLEU {best['bleu']:.2f} at"
            f" update {best['step']:,}"
        )
    samples = _sample_files(folder)
    if samples:
        lines += ["", *_read_text(samples[-1][1]).split("\n\n")[0].split("\n")]
    return "\n".join(map(visible, lines))


def watch(run: Path, width: int, every: float = 2.0) -> Iterator[str]:
    """Glances, until no process trains any more; the last tells how it ended."""
    shown: object = None
    while True:
        folder = RunFolder(run)
        is_busy = folder.is_busy()
        now = (is_busy, _size(folder.metrics))
        if now != shown:  # nothing is read again for nothing: the processor has a model to train
            yield "\n".join(line[:width] for line in glance(run, width).split("\n"))
            shown = now
        if not is_busy:
            return
        time.sleep(every)


def sparkline(values: list[float], width: int) -> str:
    """Values as blocks of eight heights, at most so many.

    >>> sparkline([1.0, 2.0, 3.0, 8.0], 10)
    '▁▂▃█'
    """
    if len(values) > width:
        edges = [round(number * len(values) / width) for number in range(width + 1)]
        values = [sum(values[first:last]) / (last - first) for first, last in pairwise(edges)]
    low, high = min(values), max(values)
    if high == low:
        return SPARKS[0] * len(values)
    return "".join(SPARKS[round((value - low) / (high - low) * (len(SPARKS) - 1))] for value in values)


def _state(run: RunFolder) -> str:
    if run.is_busy():
        return "training"
    if _n_members(run):
        return "ensemble"
    return "done" if _has_ended(run) else "stopped"


def _has_ended(run: RunFolder) -> bool:
    return "ended" in _json(run.run_json)


def _n_members(run: RunFolder) -> int:
    """How many models an ensemble has; 0 for any other run."""
    try:
        return load_n_members(run.path)
    except S2SError:  # it has no model yet
        return 0


def _left(run: RunFolder, last: dict[str, Any]) -> str:
    """How long it will take, by what it took."""
    config = load_config(run.resolved).train
    shares = []
    if config.max_steps is not None:
        shares.append(last["step"] / config.max_steps)
    if config.max_minutes is not None:
        shares.append(last["seconds"] / 60 / config.max_minutes)
    share = max(shares, default=0.0)
    return f"; {duration(last['seconds'] * (1 - share) / share)} left" if 0 < share < 1 else ""


def _row(run: RunFolder) -> dict[str, Any]:
    config = load_config(run.resolved)
    metrics = _metrics(run)
    valid = [one["bleu"] for one in metrics if one["kind"] == "valid"]
    # of several languages the mean; other text may have been scored too
    names = {"test", *(f"test-{target}" for target in targets_in(config.data.test))}
    tests = [
        score["value"]
        for one in _scores(run)
        if one["test_set"] in names
        for score in one["scores"]
        if score["name"] == "BLEU"
    ]
    return {
        "run": str(run.path),
        "state": _state(run),
        "languages": f"{config.data.source}-{config.data.target}",
        "preset": config.model.preset,
        "pairs": _json(run.data_json).get("splits", {}).get("train", {}).get("kept"),
        "update": metrics[-1]["step"] if metrics else None,
        "valid_bleu": max(valid, default=None),
        "test_bleu": sum(tests) / len(tests) if tests else None,
    }


def _facts(run: RunFolder, metrics: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    config = load_config(run.resolved)
    yield "state", _state(run)
    yield "languages", f"{config.data.source} to {config.data.target}"
    shape = config.model
    yield (
        "model",
        f"{shape.preset}: {shape.n_encoder_layers} + {shape.n_decoder_layers} layers, width {shape.d_model},"
        f" feed-forward {shape.d_ff}, {shape.n_heads} heads, {shape.norm}-norm",
    )
    recipe = config.train
    first, full = (dropout_at(recipe, shape.dropout, progress) for progress in (0.0, 1.0))
    against = {"subword dropout": recipe.subword_dropout, "word dropout": recipe.word_dropout}
    against |= {"weight decay": recipe.weight_decay, "R-Drop": recipe.consistency}
    dropout = f"{first:g}" if first == full else f"{first:g} growing to {full:g}"
    used = [f"dropout {dropout}", *(f"{name} {x:g}" for name, x in against.items() if x), *["FixNorm"] * recipe.fixnorm]
    yield "regularisation", ", ".join(used)
    yield (
        "training",
        f"{recipe.optimizer}, {recipe.schedule}, {recipe.batch_tokens:,} pieces a batch, label smoothing"
        f" {recipe.label_smoothing:g}",
    )
    if metrics:
        last = metrics[-1]
        yield "so far", f"{last['step']:,} updates in {duration(last['seconds'])}"
    if facts := _model_facts(run):
        yield "weights", f"{facts.get('chosen')}, after {facts.get('step')} updates"


def _model_facts(run: RunFolder) -> dict[str, Any]:
    """What the model of a run says of itself; nothing if there is none."""
    try:
        return dict(_json(find_bundle(run.path) / "config.json").get("facts", {}))
    except InputMissingError:
        return {}


def _lengths(run: RunFolder) -> Iterator[tuple[str, tuple[list[int], list[int]]]]:
    for name in ("train", "valid"):
        try:
            split = EncodedSplit.open(existing_folder(run.store / name))
        except (S2SError, OSError):  # it was deleted to save room, say
            continue
        sides = []
        for lengths in (split.src_lengths, split.tgt_lengths):
            classes = np.minimum(lengths.astype(np.int64), MAX_LENGTH) // CLASS_WIDTH
            sides.append(np.bincount(classes).tolist())
        yield name, (sides[0], sides[1])


def _metrics(run: RunFolder) -> list[dict[str, Any]]:
    """The records of metrics.jsonl that have what is shown, all of it finite."""
    needed = {
        "train": ("step", "nll", "seconds", "epoch", "tokens_per_second"),
        "valid": ("step", "nll", "bleu", "seconds"),
    }
    every = run.read_metrics()
    whole = [one for one in every if all(_is_number(one.get(key)) for key in needed.get(str(one.get("kind")), ("",)))]
    if len(whole) < len(every):
        say(f"note: {run.metrics}: {len(every) - len(whole):,} of {len(every):,} records are not complete and left out")
    return whole


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _samples(run: RunFolder) -> list[tuple[int, str]]:
    return [(step, _read_text(path)) for step, path in _sample_files(run)]


def _sample_files(run: RunFolder) -> list[tuple[int, Path]]:
    """The files of samples by update, in order."""
    files = run.samples.iterdir() if run.samples.is_dir() else []
    return sorted((int(match[1]), path) for path in files if (match := _SAMPLE.fullmatch(path.name)))


def _read_text(path: Path) -> str:
    return path.read_text("utf-8", errors="replace").rstrip("\n")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _scores(run: RunFolder) -> list[dict[str, Any]]:
    """The evaluations of the model that is there: a training that goes on replaces it."""
    found, update = [], _model_facts(run).get("step")
    for path in sorted(run.eval.glob("*/scores.json")):
        one = _json(path)
        if not {"test_set", "n_sentences", "scores", "beam"} <= one.keys():
            say(f"note: {path} is no evaluation and left out")
        elif one.get("update", update) != update:
            say(f"note: {path} is of update {one['update']}, the model now of update {update}: left out")
        else:
            found.append(one)
    return found


def _json(path: Path) -> dict[str, Any]:
    """A JSON object; empty if there is no file."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DataError(f"is no JSON: {error}", where=str(path)) from None
    return found if isinstance(found, dict) else {}
