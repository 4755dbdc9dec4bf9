"""The curves of a run as a picture: each output's and each head's loss, and accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

__all__ = ["draw"]

Line = Sequence[tuple[float, float]]

WIDTH, HEIGHT, LEFT, RIGHT, TOP, GAP = 720, 240, 56, 150, 28, 48
COLORS = ("#1f5fa8", "#c4541a", "#2c8a4b", "#8a3d99", "#8c6d1f", "#4d4d4d")
MOST = 400
"""Points of a line: of more, neighbours are averaged."""


def draw(records: Sequence[Mapping[str, Any]], title: str) -> str:
    """An SVG of what a run has recorded.

    Args:
        records: the lines of ``metrics.jsonl``.
        title: the network's name.
    """
    losses: dict[str, list[tuple[float, float]]] = {}
    shares: dict[str, list[tuple[float, float]]] = {}
    for record in records:
        found, ending = record, ""
        if "validation" in record:
            found, ending = record["validation"], ", validation"
        for name, loss in found["losses"].items():
            losses.setdefault(name + ending, []).append((record["epoch"], loss))
        if found.get("top1") is not None:
            shares.setdefault("top-1" + ending, []).append((record["epoch"], found["top1"]))
    panels = [("loss", losses), *([("top-1", shares)] if shares else [])]
    drawn = [
        _panel(name, lines, TOP + index * (HEIGHT + GAP))
        for index, (name, lines) in enumerate(panels)
    ]
    height = TOP + len(panels) * (HEIGHT + GAP)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' font-family="sans-serif" font-size="11">\n<title>{escape(title)}</title>\n'
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>\n{"".join(drawn)}</svg>\n'
    )


def _panel(title: str, lines: Mapping[str, Line], top: int) -> str:
    points = [point for line in lines.values() for point in line]
    last = max((x for x, _ in points), default=1.0) or 1.0
    high = max((y for _, y in points), default=1.0) or 1.0
    high = 1.0 if title == "top-1" else high
    right, bottom = WIDTH - RIGHT, top + HEIGHT

    def place(x: float, y: float) -> str:
        return f"{LEFT + x / last * (right - LEFT):.1f},{bottom - min(y / high, 1) * HEIGHT:.1f}"

    parts = [f'<text x="{LEFT}" y="{top - 8}" font-weight="bold">{title}</text>\n']
    for part in (0, 0.25, 0.5, 0.75, 1):
        y, x = bottom - part * HEIGHT, LEFT + part * (right - LEFT)
        parts.append(
            f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#ddd"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{part * high:.3g}</text>'
            f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{part * last:.3g}</text>\n'
        )
    parts.append(f'<text x="{right}" y="{bottom + 32}" text-anchor="end">epochs</text>\n')
    for index, (name, line) in enumerate(lines.items()):
        color = COLORS[index % len(COLORS)]
        dash = ' stroke-dasharray="4 3"' if name.endswith("validation") else ""
        path = " ".join(place(x, y) for x, y in thinned(line))
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{color}"{dash}/>'
            f'<text x="{right + 8}" y="{top + 12 + 16 * index}" fill="{color}">{escape(name)}'
            "</text>\n"
        )
    return "".join(parts)


def thinned(line: Line) -> Line:
    """A line of at most ``MOST`` points, each the mean of neighbours.

    >>> thinned([(1.0, 3.0)])
    [(1.0, 3.0)]
    """
    size = -(-len(line) // MOST)
    parts = [line[start : start + size] for start in range(0, len(line), max(size, 1))]
    return [(sum(x for x, _ in p) / len(p), sum(y for _, y in p) / len(p)) for p in parts]
