"""A confusion matrix as a picture. Needs matplotlib, which the extra ``train`` installs."""

from __future__ import annotations

import io

from inceptgraph.evaluation._report import Report

__all__ = ["draw"]

_NAMED = 60
"""Classes at most that are named, and whose numbers are shown where there are a third as many."""


def draw(report: Report, format: str) -> bytes:
    """The classes of images as rows, what they were taken for as columns: a square for each pair,
    the darker the larger its share of the row.

    Args:
        report: of an evaluation.
        format: ``svg``, ``png`` or ``pdf``.
    """
    import matplotlib as mpl
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    counts = report.details.confusion
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    number = len(counts)
    side = 3.0 + 0.25 * min(number, _NAMED)
    with mpl.rc_context({"svg.hashsalt": "inceptgraph", "svg.fonttype": "path", "font.size": 8}):
        figure = Figure(figsize=(side, side), layout="constrained", dpi=160)
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        if number <= _NAMED:
            axes.set_xticks(range(number), report.labels, rotation=90)
            axes.set_yticks(range(number), report.labels)
        if number <= _NAMED // 3:
            for row, column in zip(*np.nonzero(counts), strict=True):
                ink = "white" if shares[row, column] > 0.5 else "black"
                text = f"{counts[row, column]:,}"
                axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=6)
        axes.set_xlabel("taken for")
        axes.set_ylabel("class")
        title = " + ".join(model.name for model in report.models)
        right = 1 - report.rows[-1].top1
        axes.set_title(f"{title}, top-1 {right:.2%}", loc="left", fontweight="bold")
        file = io.BytesIO()
        dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(format)
        figure.savefig(file, format=format, metadata=dated)
    return file.getvalue()
