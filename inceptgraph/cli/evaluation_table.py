"""The results of ``evaluate`` as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inceptgraph.cli import console
from inceptgraph.evaluation import Class, Report, Row
from inceptgraph.report import Column, counted, draw, one_line
from inceptgraph.report import Row as TableRow

__all__ = ["as_text"]

_SHOWN = 30
"""Classes that are all shown; of more, the worst."""


def as_text(report: Report) -> str:
    """Figures of all images, then of fewer networks and views, then of classes."""
    parts = ["\n".join(_figures(report))]
    if len(report.rows) > 1:
        parts.append(_ways(report))
    parts.append(_classes(report))
    return "\n\n".join(parts)


def _figures(report: Report) -> Iterator[str]:
    last = report.rows[-1]
    yield console.strong(one_line(" + ".join(model.name for model in report.models)))
    views = f", {last.crops} views of each" if last.crops > 1 else ""
    of = counted(len(report.details.confusion), "class")
    yield f"{counted(report.images, 'image')} of {of}, {one_line(report.data)}{views}"
    if report.broken:
        yield f"left out, since they cannot be read: {report.broken:,}"
    figures = [f"top-1 {1 - last.top1:.2%}"]
    if report.has_top5:
        figures.append(f"top-5 {1 - last.top5:.2%}")
    yield ", ".join([*figures, f"loss {report.loss:.4f}"])


def _ways(report: Report) -> str:
    """The table of the paper, its table 3, for these networks and images."""
    columns = [Column("models", right=True), Column("crops", right=True)]
    columns += [Column("cost", right=True), Column("top-1 error", right=True)]
    if report.has_top5:
        columns.append(Column("top-5 error", right=True))
    columns.append(Column("compared to base", right=True))
    lines = [TableRow(tuple(_way(row, report))) for row in report.rows]
    table = draw(columns, lines, room=console.room(), color=console.colored())
    if len(report.models) == 1:
        return table
    return f"{table}\nthe one model: {one_line(report.single)}, the best of them at one view"


def _way(row: Row, report: Report) -> Iterator[str]:
    base = report.rows[0]
    yield from (f"{row.models:,}", f"{row.crops:,}", f"{row.cost:,}", f"{row.top1:.2%}")
    if report.has_top5:
        yield f"{row.top5:.2%}"
    change = row.top5 - base.top5 if report.has_top5 else row.top1 - base.top1
    yield "base" if row is base else f"{100 * change:+.2f} %".replace("-", "−")


def _classes(report: Report) -> str:
    """The classes; of many, those of the lowest recall."""
    found = [each for each in report.classes() if each.images or each.taken]
    left = max(0, len(found) - _SHOWN)
    if left:
        found = sorted(found, key=lambda each: 2.0 if each.recall is None else each.recall)
    columns = [Column("class")]
    columns += [Column(title, right=True) for title in ("images", "recall", "precision")]
    columns.append(Column("taken for"))
    room, color = console.room(), console.colored()
    table = draw(columns, _lines(found[:_SHOWN]), room=room, color=color)
    if left:
        table += f"\nthe {_SHOWN} of the lowest recall; --json has all"
    return table


def _lines(classes: Sequence[Class]) -> list[TableRow]:
    return [
        TableRow(
            (
                one_line(each.label),
                f"{each.images:,}",
                _share(each.recall),
                _share(each.precision),
                f"{one_line(each.mistaken[0])} ({each.mistaken[1]:,})" if each.mistaken else "",
            )
        )
        for each in classes
    ]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
