"""Charts as SVG: lines over updates, and how often lengths occur. Every point of a line tells its figures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from s2s.report.html import Html, element, join

WIDTH, HEIGHT = 640, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 28, 40

_FILE_STYLE = (
    "svg{background:#fff}text{fill:#1b1f24;font:12px system-ui,sans-serif}.grid{stroke:#d1d9e0}"
    ".mark{stroke:#59636e;stroke-dasharray:4 3}.line{fill:none;stroke-width:1.8}"
    ".line.l0{stroke:#0969da}.line.l1{stroke:#bc4c00;stroke-dasharray:7 3}.line.l2{stroke:#6639ba;stroke-dasharray:2 3}"
    ".dot.l0,.block.l0{fill:#0969da}.dot.l1,.block.l1{fill:#bc4c00}.dot.l2,.block.l2{fill:#6639ba}"
)

MAX_POINTS = 300
"""A line of more points shows means of neighbours."""


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        name: What it shows.
        points: Update and value, in order.
        is_exact: Whether each point is shown by itself, with its figures, however many there are.
    """

    name: str
    points: Sequence[tuple[float, float]]
    is_exact: bool = False


def line_chart(
    title: str,
    lines: Sequence[Line],
    *,
    across: str,
    mark: tuple[float, str] | None = None,
    ceiling: float | None = None,
) -> Html:
    """Lines over one axis; nothing if there is no point.

    Args:
        title: What the chart shows.
        lines: The lines; at most three can be told apart.
        across: What the horizontal axis is.
        mark: A place on it to be marked, and what is there.
        ceiling: Where the vertical axis ends, if not at the highest point; lines above it run along it.
    """
    drawn = [Line(line.name, _thinned(line), line.is_exact) for line in lines if line.points]
    if not drawn:
        return Html("")
    xs = [x for line in drawn for x, _ in line.points]
    ys = [y for line in drawn for _, y in line.points]
    scale = _Scale(0.0, max(xs), *_limits(min(ys), max(ys) if ceiling is None else min(ceiling, max(ys))))
    parts = [*scale.axes(across)]
    if mark is not None:
        x = f"{scale.x(mark[0]):.1f}"
        side = "end" if scale.x(mark[0]) > WIDTH / 2 else "start"
        parts.append(element("line", x1=x, x2=x, y1=str(_TOP), y2=str(HEIGHT - _BOTTOM), class_="mark"))
        parts.append(element("text", mark[1], x=x, y=str(_TOP - 4), text_anchor=side))
    for number, line in enumerate(drawn):
        path = " ".join(f"{scale.x(x):.1f},{scale.y(y):.1f}" for x, y in line.points)
        parts.append(element("polyline", points=path, class_=f"line l{number}"))
        if line.is_exact:
            parts += [
                element(
                    "circle",
                    element("title", f"{line.name} at {x:,.0f}: {y:.4f}"),
                    cx=f"{scale.x(x):.1f}",
                    cy=f"{scale.y(y):.1f}",
                    r="3",
                    class_=f"dot l{number}",
                )
                for x, y in line.points
            ]
    last = "; ".join(f"{line.name} ends at {line.points[-1][1]:.4g}" for line in drawn)
    legend = [element("span", line.name, class_=f"key l{number}") for number, line in enumerate(drawn)]
    return _figure(title, f"{title}: {last}.", parts, legend if len(drawn) > 1 else [])


def histogram(
    title: str, sides: Sequence[tuple[str, Sequence[int]]], *, across: str, width: int, last: int | None = None
) -> Html:
    """How often numbers occur, for up to three collections side by side.

    Args:
        title: What the chart shows.
        sides: Name and counts of each: how many there are in each class of numbers, from 0 on.
        across: What the numbers are.
        width: Of a class.
        last: Where the class begins that has all that is longer too.
    """
    n_classes = max((len(counts) for _, counts in sides), default=0)
    highest = max((max(counts, default=0) for _, counts in sides), default=0)
    if not highest:
        return Html("")
    scale = _Scale(0.0, float(n_classes * width), 0.0, float(highest))
    parts = [*scale.axes(across)]
    share = (scale.x(width) - scale.x(0)) / (len(sides) + 0.3)
    for number, (name, counts) in enumerate(sides):
        for place, count in enumerate(counts):
            if count:
                top = scale.y(count)
                first = place * width
                what = f"{first} or more" if first == last else f"{first} to {first + width - 1}"
                parts.append(
                    element(
                        "rect",
                        element("title", f"{name}, {what}: {count:,}"),
                        x=f"{scale.x(place * width) + number * share:.1f}",
                        y=f"{top:.1f}",
                        width=f"{share:.1f}",
                        height=f"{HEIGHT - _BOTTOM - top:.1f}",
                        class_=f"block l{number}",
                    )
                )
    told = "; ".join(f"{name}: {sum(counts):,} in all" for name, counts in sides)
    legend = [element("span", name, class_=f"key l{number}") for number, (name, _) in enumerate(sides)]
    return _figure(title, f"{title}: {told}.", parts, legend)


def svg_file(figure: Html) -> str:
    """The chart of a figure as a file of its own, on white."""
    chart = figure[figure.index("<svg") : figure.index("</svg>") + len("</svg>")]
    head, _, rest = chart.partition(">")
    return f"{head}><style>{_FILE_STYLE}</style>{rest}\n"


def _figure(title: str, told: str, parts: Sequence[str], legend: Sequence[Html]) -> Html:
    size = {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "role": "img"}
    chart = element("svg", *parts, xmlns="http://www.w3.org/2000/svg", aria_label=told, **size)
    return element("figure", element("figcaption", join([title, *legend], " ")), chart)


@dataclass(frozen=True)
class _Scale:
    """From figures to places."""

    left: float
    right: float
    low: float
    high: float

    def x(self, value: float) -> float:
        return _LEFT + (value - self.left) / ((self.right - self.left) or 1) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return (
            HEIGHT
            - _BOTTOM
            - (min(value, self.high) - self.low) / ((self.high - self.low) or 1) * (HEIGHT - _TOP - _BOTTOM)
        )

    def axes(self, across: str) -> list[Html]:
        parts = []
        for value in _ticks(self.low, self.high):
            y = f"{self.y(value):.1f}"
            parts.append(element("line", x1=str(_LEFT), x2=str(WIDTH - _RIGHT), y1=y, y2=y, class_="grid"))
            parts.append(element("text", _short(value), x=str(_LEFT - 6), y=y, dy="4", text_anchor="end"))
        for value in _ticks(self.left, self.right):
            x = f"{self.x(value):.1f}"
            parts.append(element("text", _short(value), x=x, y=str(HEIGHT - _BOTTOM + 16), text_anchor="middle"))
        middle = str((_LEFT + WIDTH - _RIGHT) // 2)
        parts.append(element("text", across, x=middle, y=str(HEIGHT - 6), text_anchor="middle"))
        return parts


def _thinned(line: Line) -> Sequence[tuple[float, float]]:
    if line.is_exact or len(line.points) <= MAX_POINTS:
        return line.points
    size = -(-len(line.points) // MAX_POINTS)
    groups = [line.points[first : first + size] for first in range(0, len(line.points), size)]
    return [(group[-1][0], sum(y for _, y in group) / len(group)) for group in groups]


def _limits(low: float, high: float) -> tuple[float, float]:
    room = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    return (max(0.0, low - room) if low >= 0 else low - room), high + room


def _ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers in a range."""
    if high <= low:
        return [low]
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _short(value: float) -> str:
    """A tick's label."""
    if value and abs(value) < 0.001:
        return f"{value:.0e}".replace("e-0", "e-")
    if abs(value) >= 1e6:
        return f"{value / 1e6:g} M"
    return f"{value:,.10g}" if abs(value) >= 1_000 else f"{value:.4g}"
