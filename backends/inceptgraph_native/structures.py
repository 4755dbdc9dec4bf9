"""Structures that Python and C++ share: written in a header, and read from it here."""

from __future__ import annotations

import ctypes
import re

from inceptgraph_native.compile_cache import KERNELS

__all__ = ["structure"]

_TYPES = {"int": ctypes.c_int, "long": ctypes.c_long, "double": ctypes.c_double}

_FIELDS = re.compile(r"^ *([\w *]+[ *])(\w+(?:, \w+)*);", re.MULTILINE)
"""A type and names in C++: ``long start, row;``."""


def structure(header: str, name: str) -> type[ctypes.Structure]:
    """A structure of numbers and pointers as ctypes has it, its fields in their order in C++.

    Args:
        header: the file that defines it, in ``kernels/``.
        name: as it is called there.

    Raises:
        KeyError: a field is neither a pointer nor of a type that both languages have.
        ValueError: there is no such structure, or a line of it is no field as they are read here.
    """
    _, _, rest = (KERNELS / header).read_text().partition(f"struct {name} {{\n")
    body, end, _ = rest.partition("\n};")
    unread = [line for line in re.sub("//.*", "", body).split("\n") if not _is_read(line)]
    if not end or unread:
        raise ValueError(f"{header}: {name} cannot be read: {unread[0] if unread else 'no end'}")
    fields = [
        (field, ctypes.c_void_p if "*" in kind else _TYPES[kind.strip()])
        for kind, names in _FIELDS.findall(body)
        for field in names.split(", ")
    ]
    return type(name, (ctypes.Structure,), {"_fields_": fields})


def _is_read(line: str) -> bool:
    """Whether a line is empty, a field, or part of a function, which takes no room."""
    return not line.strip() or "(" in line or _FIELDS.fullmatch(line.rstrip()) is not None
