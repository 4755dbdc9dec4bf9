"""YAML text to a tree of values that know where they are written."""

from __future__ import annotations

from inceptgraph.errors import Source
from inceptgraph.source.compose import parse
from inceptgraph.source.read import read
from inceptgraph.source.tree import Entry, Mapping, Node, Origin, Scalar, Sequence, to_plain

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
    "to_plain",
]
