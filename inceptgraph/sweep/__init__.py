"""Sweeps: one spec with every combination of some values, and the figures of each."""

from inceptgraph.sweep._figures import BYTES, FIGURES, Figure
from inceptgraph.sweep._points import Figures, Point, combinations, measure, sweep
from inceptgraph.sweep._table import Table, tabulate, to_csv, to_json, to_markdown, to_text

__all__ = [
    "BYTES",
    "FIGURES",
    "Figure",
    "Figures",
    "Point",
    "Table",
    "combinations",
    "measure",
    "sweep",
    "tabulate",
    "to_csv",
    "to_json",
    "to_markdown",
    "to_text",
]
