"""Tables of images: a row for each, with its path and its label."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path

from inceptgraph_train.data import Listing, Sample
from inceptgraph_train.errors import refused

__all__ = ["SUFFIXES", "labelled", "list_table"]

SUFFIXES = (".csv", ".parquet")

_PATHS = ("path", "file", "filename", "image")
_LABELS = ("label", "class", "target")
"""What the columns may be called, in any case."""
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?")


def list_table(table: Path) -> Listing:
    """The images in a table, with paths beside it and with names or numbers of classes.

    Raises:
        SpecError: it cannot be read, or lacks a column, or has no rows.
    """
    columns = _parquet(table) if table.suffix.lower() == ".parquet" else _csv(table)
    paths, labels = _column(columns, _PATHS, table), _column(columns, _LABELS, table)
    if not paths:
        raise refused(f"the table `{table}` has no rows", "give it a row for each image")
    rows = [f"row {number} of the table `{table}`" for number in range(1, len(paths) + 1)]
    for row, path, label in zip(rows, paths, labels, strict=True):
        if not path or not label:
            raise refused(f"{row} lacks a path or a label", "write them, or take the row out")
    found, classes = labelled(labels, rows)
    pairs = zip(paths, found, strict=True)
    samples = [Sample(path, label, str(table.parent / path)) for path, label in pairs]
    return Listing(samples, classes)


def labelled(
    labels: Sequence[str], places: Sequence[str]
) -> tuple[list[int], tuple[str, ...] | None]:
    """Labels as numbers, and the names that they count: none where all were numbers already.

    A table that somewhere lacked a number has the others as ``3.0``.

    Args:
        labels: as they are written.
        places: where each is written.

    Raises:
        SpecError: all are numbers, and one counts no class.
    """
    if all(map(_NUMBER.fullmatch, labels)):
        for label, place in zip(labels, places, strict=True):
            if float(label) < 0 or float(label) % 1:
                hint = "labels count classes from 0; take it out, or give all classes names"
                raise refused(f"{place} has the label {label}, which is no class", hint)
        return [int(label.partition(".")[0]) for label in labels], None
    classes = tuple(sorted(set(labels)))
    indices = {name: index for index, name in enumerate(classes)}
    return [indices[label] for label in labels], classes


def _column(columns: dict[str, list[str]], names: Iterable[str], table: Path) -> list[str]:
    known = {name.strip().lower(): values for name, values in columns.items()}
    for name in names:
        if name in known:
            return known[name]
    message = f"the table `{table}` has no column `{next(iter(names))}`"
    there = ", ".join(columns) or "none"
    raise refused(message, f"call it {' or '.join(names)}; its first row has: {there}")


def _csv(table: Path) -> dict[str, list[str]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            head, *rows = list(csv.reader(file)) or [[]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise refused(f"the table `{table}` is no CSV: {error}", "write it in UTF-8") from error
    rows = [row for row in rows if row]
    for number, row in enumerate(rows, 1):
        if len(row) != len(head):
            told = f"row {number} of the table `{table}` has {len(row)} cells, not {len(head)}"
            raise refused(told, "put what holds a comma into quotes")
    return {name: [row[place].strip() for row in rows] for place, name in enumerate(head)}


def _parquet(table: Path) -> dict[str, list[str]]:
    try:
        parquet = import_module("pyarrow.parquet")
    except ImportError as error:
        hint = "pip install pyarrow, or write the table as CSV"
        raise refused(f"Parquet needs pyarrow: `{table}`", hint) from error
    try:
        found = parquet.read_table(table).to_pydict()
    except Exception as error:  # what strangers wrote may fail in any way
        message = f"the table `{table}` is no Parquet: {str(error).splitlines()[0]}"
        raise refused(message, "write it anew") from error
    return {
        name: ["" if value is None else str(value) for value in values]
        for name, values in found.items()
    }
