"""YAML text to a tree of values that know where they are written."""

from __future__ import annotations

from inceptgraph.diagnostics import Source
from inceptgraph.source._compose import parse
from inceptgraph.source._read import Kind as Kind
from inceptgraph.source._read import names_in as names_in
from inceptgraph.source._read import read
from inceptgraph.source._scalars import resolve
from inceptgraph.source._tree import Entry, Mapping, Node, Origin, Scalar, Sequence, to_plain

__all__ = [
    "Entry",
    "Mapping",
    "Node",
    "Origin",
    "Scalar",
    "Sequence",
    "Source",
    "parse",
    "read",
    "resolve",
    "to_plain",
]
