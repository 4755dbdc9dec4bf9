"""The curves of a run as a picture: each output's and each head's loss, and accuracy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from inceptgraph.report import short

__all__ = ["draw"]

Line = Sequence[tuple[float, float]]

PLOT, HEIGHT, LEFT, TOP, GAP, ROW = 514, 240, 64, 28, 60, 16
COLORS = (
    *("#1f5fa8", "#c4541a", "#2c8a4b", "#8a3d99", "#8c6d1f", "#4d4d4d"),
    *("#2aa1b3", "#d1447c", "#7fa51f", "#6f6fd1"),
)
LONGEST = 48
"""Letters of a name, of which more are left out."""
MOST = 400
"""Points of a line: of more, neighbours are averaged."""
USUAL, FAR = 0.95, 4
"""The share of a line's losses that are usual; what is so many times as high as these is cut off,
so that they can be told apart."""
VALIDATION = ", validation"


def draw(records: Sequence[Mapping[str, Any]], title: str) -> str:
    """An SVG of what a run has recorded. What is no number is left out.

    Args:
        records: the lines of ``metrics.jsonl``.
        title: the network's name.
    """
    losses: dict[str, list[tuple[float, float]]] = {}
    shares: dict[str, list[tuple[float, float]]] = {}
    for record in records:
        found, ending = record, ""
        if "validation" in record:
            found, ending = record["validation"], VALIDATION
        for name, loss in found["losses"].items():
            if math.isfinite(loss):
                losses.setdefault(name + ending, []).append((record["epoch"], loss))
        if found.get("top1") is not None:
            shares.setdefault("top-1" + ending, []).append((record["epoch"], found["top1"]))
    top, drawn = TOP, []
    for name, lines in (("loss", losses), *([("top-1", shares)] if shares else [])):
        height = max(HEIGHT, ROW * len(lines))  # of the names beside it
        drawn.append("".join(_panel(name, lines, top, top + height)))
        top += height + GAP
    letters = max((len(short(name, LONGEST)) for name in [*losses, *shares]), default=0)
    width = LEFT + PLOT + 48 + 7 * letters
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}"'
        f' font-family="sans-serif" font-size="11">\n<title>{escape(title)}</title>\n'
        f'<rect width="{width}" height="{top}" fill="white"/>\n{"".join(drawn)}</svg>\n'
    )


def _panel(title: str, lines: Mapping[str, Line], top: int, bottom: int) -> Iterator[str]:
    last = max((x for line in lines.values() for x, _ in line), default=1.0) or 1.0
    values = [sorted(y for _, y in line) for line in lines.values()] or [[0.0, 1.0]]
    low, high = min(0.0, *(each[0] for each in values)), max(each[-1] for each in values)
    usual, cut = max(each[int(USUAL * len(each))] for each in values), ""
    if title == "top-1":
        low, high = 0.0, 1.0
    elif high > FAR * usual > 0:
        high, cut = 2 * usual, f", cut off: it goes up to {high:,.6g}"
    heights = _ticks(low, high)
    low, high = heights[0], max(heights[-1], high)
    right = LEFT + PLOT

    def place(x: float, y: float) -> tuple[float, float]:
        up = (min(y, high) - low) / (high - low or 1.0)
        return round(LEFT + x / last * PLOT, 1), round(bottom - up * (bottom - top), 1)

    yield f'<text x="{LEFT}" y="{top - 8}"><tspan font-weight="bold">{title}</tspan>{cut}</text>\n'
    for value in heights:
        y = place(0, value)[1]
        told = f"{value:.0%}" if title == "top-1" else f"{value:,.6g}"
        yield f'<path d="M{LEFT} {y}H{right}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{told}</text>\n'
    for value in _ticks(0, last):
        if value <= last:
            x = place(value, low)[0]
            yield f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">{value:,.6g}</text>\n'
    yield f'<text x="{right}" y="{bottom + 32}" text-anchor="end">epochs</text>\n'
    kinds = list(dict.fromkeys(name.removesuffix(VALIDATION) for name in lines))
    for row, (name, line) in enumerate(lines.items()):
        color = COLORS[kinds.index(name.removesuffix(VALIDATION)) % len(COLORS)]
        style = f'stroke="{color}"{_dash(name)}'
        points = [place(x, y) for x, y in thinned(line)]
        path = " ".join(f"{x},{y}" for x, y in points)
        yield f'<polyline points="{path}" fill="none" {style}/>'
        if len(points) == 1:
            yield f'<circle cx="{points[0][0]}" cy="{points[0][1]}" r="2.5" fill="{color}"/>'
        y = top + 8 + ROW * row
        yield f'<path d="M{right + 12} {y}h20" {style}/>'
        yield f'<text x="{right + 38}" y="{y + 4}">{escape(short(name, LONGEST))}</text>\n'


def _dash(name: str) -> str:
    return ' stroke-dasharray="4 3"' if name.endswith(VALIDATION) else ""


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers, five or so, from one that is not above ``low`` to one not below ``high``.

    >>> _ticks(0, 7.73)
    [0.0, 2.0, 4.0, 6.0, 8.0]
    >>> _ticks(-1.4, 1)
    [-1.5, -1.0, -0.5, 0.0, 0.5, 1.0]
    """
    rough = (high - low or 1.0) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= rough)
    return [each * step for each in range(math.floor(low / step), math.ceil(high / step) + 1)]


def thinned(line: Line) -> Line:
    """A line of at most ``MOST`` points, each the mean of neighbours.

    >>> thinned([(1.0, 3.0)])
    [(1.0, 3.0)]
    """
    size = -(-len(line) // MOST)
    parts = [line[start : start + size] for start in range(0, len(line), max(size, 1))]
    return [(sum(x for x, _ in p) / len(p), sum(y for _, y in p) / len(p)) for p in parts]
