"""What is known about a training, and the page that shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from s2s.report.chart import Line, histogram, line_chart
from s2s.report.html import Html, element, join, page, table

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Course:
    """A training, as its run folder tells it.

    Attributes:
        name: Of the run.
        metrics: Records of metrics.jsonl, in order.
        splits: By name, what data.json says of each split.
        lengths: By split, how many sentences have so many pieces: source side and target side, in classes.
        class_width: Of these classes, in pieces.
        last_class: Where the class begins that has all longer ones.
        samples: Update and text of samples, in order.
        facts: What else is to be told, name and text.
        environment: The starts of the training: versions, machine, command.
        scores: Of test sets, as evaluations in JSON.
        verdict: What the learning curve says.
    """

    name: str
    metrics: Sequence[Record]
    splits: Mapping[str, Any]
    lengths: Mapping[str, tuple[list[int], list[int]]]
    class_width: int
    last_class: int
    samples: Sequence[tuple[int, str]]
    facts: Sequence[tuple[str, str]]
    environment: Sequence[Record]
    scores: Sequence[Record] = field(default_factory=list)
    verdict: str = ""

    def line(self, kind: str, key: str, name: str) -> Line:
        """A figure over the updates; validations each by themselves."""
        points = [(one["step"], one[key]) for one in self.metrics if one["kind"] == kind and one.get(key) is not None]
        return Line(name, points, is_exact=kind == "valid")

    def best(self) -> tuple[int, float] | None:
        """Update and BLEU of the best validation."""
        found = [(one["step"], one["bleu"]) for one in self.metrics if one["kind"] == "valid"]
        return max(found, key=lambda one: one[1]) if found else None


def training_charts(course: Course) -> dict[str, Html]:
    """The charts of a training by name; those for which there is no figure are empty."""
    best = course.best()
    loss = [course.line("train", "nll", "training (with dropout)"), course.line("valid", "nll", "validation")]
    mark = (float(best[0]), f"best BLEU {best[1]:.2f} at {best[0]:,}") if best else None
    across = "updates"
    charts = {
        "loss": line_chart(
            "Negative log-likelihood a piece, in nats",
            loss,
            across=across,
            mark=mark,
            ceiling=_ceiling(loss),
        ),
        "scores": line_chart(
            "Validation scores, greedy",
            [course.line("valid", "bleu", "BLEU"), course.line("valid", "chrf", "chrF2")],
            across=across,
            mark=mark,
        ),
        "learning_rate": line_chart(
            "Learning rate", [course.line("train", "learning_rate", "learning rate")], across=across
        ),
        "speed": line_chart(
            "Target pieces a second",
            [course.line("train", "tokens_per_second", "target pieces a second")],
            across=across,
        ),
    }
    for split, (sources, targets) in course.lengths.items():
        sides = [("source", sources), ("target", targets)]
        name = f"lengths_{split}"
        charts[name] = histogram(
            f"Pieces a sentence, {split}", sides, across="pieces", width=course.class_width, last=course.last_class
        )
    return charts


def training_page(course: Course) -> str:
    """The page of a training."""
    charts = training_charts(course)
    lengths = [chart for name, chart in charts.items() if name.startswith("lengths_")]
    facts = table("The run", ["what", "value"], course.facts, n_words=2)
    curve = element("p", f"The learning curve: {course.verdict}.") if course.verdict else Html("")
    return page(
        f"Training of {course.name}",
        facts,
        element("h2", "Course"),
        curve,
        charts["loss"],
        charts["scores"],
        charts["learning_rate"],
        charts["speed"],
        element("h2", "Scores"),
        _scores(course),
        element("h2", "Data"),
        _data(course),
        *lengths,
        element("h2", "Samples over time"),
        _samples(course),
        element("h2", "Environment"),
        _environment(course),
    )


def _ceiling(lines: Sequence[Line]) -> float | None:
    """The highest loss from the first validation on: what was before would leave no room for the rest."""
    training, validation = lines
    if not validation.points:
        return None
    first = validation.points[0][0]
    return max(y for line in (training, validation) for x, y in line.points if x >= first)


def _scores(course: Course) -> Html:
    if not course.scores:
        return element("p", "No test set has been scored yet.")
    rows = [
        [
            str(one["test_set"]),
            f"{one['n_sentences']:,}",
            *(f"{score['value']:.2f}{_half(score)}" for score in one["scores"]),
            str(one["beam"]),
        ]
        for one in course.scores
    ]
    names = [score["name"] for score in course.scores[0]["scores"]]
    signatures = dict.fromkeys(
        f"{one['name']}: {one['signature']}" for found in course.scores for one in found["scores"]
    )
    listed = [element("li", element("code", signature)) for signature in signatures]
    caption = "Test sets; ± is half the 95 % interval of bootstrap samples"
    return join([table(caption, ["test set", "sentences", *names, "beam"], rows), element("ul", *listed)])


def _half(score: Record) -> str:
    half = score.get("half_width")
    return "" if half is None else f" ± {half:.2f}"


def _data(course: Course) -> Html:
    reasons = list(dict.fromkeys(reason for split in course.splits.values() for reason in split.get("dropped", {})))
    raised = [reason for reason in reasons if any(split["dropped"].get(reason) for split in course.splits.values())]
    header = ["split", "read", "kept", *(f"dropped: {reason}" for reason in raised)]
    header += [f"{side}: {what}" for side in ("source", "target") for what in ("pieces a word", "unknown", "longest")]
    rows = []
    for name, split in course.splits.items():
        row = [
            name,
            f"{split['read']:,}",
            f"{split['kept']:,}",
            *(f"{split['dropped'].get(why, 0):,}" for why in raised),
        ]
        for side in ("src", "tgt"):
            found = split[side]
            row += [f"{found['pieces_per_word']:.2f}", f"{100 * found['unknown_rate']:.3g} %", f"{found['longest']:,}"]
        rows.append(row)
    return table("Pairs, and what cleaning dropped", header, rows)


def _samples(course: Course) -> Html:
    if not course.samples:
        return element("p", "There are none yet.")
    parts = []
    for number, (step, text) in enumerate(reversed(course.samples)):
        opened = {"open": ""} if number == 0 else {}
        parts.append(
            element("details", element("summary", f"update {step:,}"), element("pre", text, dir="auto"), **opened)
        )
    return join(parts)


def _environment(course: Course) -> Html:
    parts = []
    for start in course.environment:
        command = start.get("command")
        text = " ".join(map(str, command)) if isinstance(command, list) else str(command)
        names = ("at", "s2s", "python", "torch", "platform", "device", "device_name", "threads", "seed", "git_revision")
        rows = [[name.replace("_", " "), str(start[name])] for name in names if start.get(name) not in (None, "")]
        parts.append(table(f"Started: {text}", ["what", "value"], rows, n_words=2))
    return join(parts)
