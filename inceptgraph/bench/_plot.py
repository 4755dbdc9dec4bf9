"""A picture of a report. Needs matplotlib, which the extra ``bench`` installs."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import Any

from inceptgraph.bench._plan import BASELINE
from inceptgraph.bench._results import Report, Row
from inceptgraph.bench._warnings import doubts
from inceptgraph.measure import Spread

__all__ = ["draw"]

# Okabe and Ito's colours (Color Universal Design, 2008), which all readers can tell apart; the
# baseline is grey. More names than colours begin again, with hatching.
_GREY = "#999999"
_COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
_HATCHES = ("", "///", "...", "xxx")
_BAR = 0.25
"""Inches that a bar is wide with its share of the gaps."""
_LABEL = 0.8
"""Inches that a group needs for its words."""
_BAND = 0.82
"""Of a group's width that bars fill."""
_LETTERS = 16
"""Of a doubt, in an inch."""
_DOUBT = _COLORS[5]


def draw(report: Report, format: str) -> bytes:
    """Speed-ups over the plain module in float32, with quartiles: a group for each batch and type.

    Args:
        report: with or without rows that were timed.
        format: ``svg``, ``png`` or ``pdf``.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    timed = [row for row in report.rows if row.speedup is not None]
    groups = list(dict.fromkeys(_group(row) for row in timed))
    names = list(dict.fromkeys(row.job.label for row in timed))
    width = max(5.0, max(_BAR * len(names), _LABEL) * len(groups) + 2.5)
    with mpl.rc_context({"svg.hashsalt": "inceptgraph", "svg.fonttype": "path", "font.size": 9}):
        figure = Figure(figsize=(width, 3.6), layout="constrained", dpi=160)
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        for index, name in enumerate(names):
            _bars(axes, name, index, names, groups, timed)
        _dress(axes, report, groups, timed)
        _doubt(axes, report, int(_LETTERS * width))
        file = io.BytesIO()
        dated = {"Date": None} if format == "svg" else {"CreationDate": None}
        figure.savefig(file, format=format, metadata=None if format == "png" else dated)
    return file.getvalue()


def _group(row: Row) -> tuple[int, str]:
    return row.job.setting.batch, row.job.setting.dtype


def _bars(
    axes: Any,
    name: str,
    index: int,
    names: Sequence[str],
    groups: Sequence[tuple[int, str]],
    timed: Sequence[Row],
) -> None:
    """The bars of one engine, in all groups that it was timed in."""
    own = {_group(row): row.speedup for row in timed if row.job.label == name}
    places, spreads = [], []
    for place, group in enumerate(groups):
        present = [n for n in names if any(_group(r) == group and r.job.label == n for r in timed)]
        if (spread := own.get(group)) is not None:
            step = _BAND / len(names)  # bars of a group with fewer stay as wide, and centred
            places.append(place + (present.index(name) - (len(present) - 1) / 2) * step)
            spreads.append(spread)
    bars = axes.bar(
        places,
        [spread.median for spread in spreads],
        width=0.9 * _BAND / len(names),
        yerr=_errors(spreads),
        label=name,
        color=_color(name, index),
        hatch=_HATCHES[index // len(_COLORS) % len(_HATCHES)],
        edgecolor="white",
        linewidth=0,
        error_kw={"elinewidth": 0.8, "capsize": 2, "ecolor": "#333333"},
    )
    axes.bar_label(bars, [f"{spread.median:.2f}" for spread in spreads], padding=2, fontsize=7)


def _errors(spreads: Sequence[Spread]) -> list[list[float]]:
    return [[s.median - s.low for s in spreads], [s.high - s.median for s in spreads]]


def _color(name: str, index: int) -> str:
    return _GREY if name == BASELINE else _COLORS[(index - 1) % len(_COLORS)]


def _dress(
    axes: Any, report: Report, groups: Sequence[tuple[int, str]], timed: Sequence[Row]
) -> None:
    """Everything but the bars."""
    axes.axhline(1.0, color="#333333", linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    axes.set_xticks(range(len(groups)), [f"batch {batch}\n{dtype}" for batch, dtype in groups])
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel("speed-up over torch eager, float32")
    axes.margins(y=0.12)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    doing = "a training step" if any(row.job.setting.train for row in timed) else "inference"
    axes.set_title(f"{report.network}, {doing}", loc="left", fontweight="bold")
    if timed:
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)


def _doubt(axes: Any, report: Report, letters: int) -> None:
    """What the bars do not show goes below them: a picture is passed on without the table."""
    lines = [line for told in doubts(report) for line in textwrap.wrap(told, letters)]
    axes.set_xlabel("\n".join(lines), color=_DOUBT, fontsize=7, loc="left")
