"""From the names of a spec, which may be any, to names that Python and torch accept."""

from __future__ import annotations

import keyword
import re
import unicodedata

from torch import fx, nn

from inceptgraph.graph import Graph
from inceptgraph_torch.spec_module import SpecModule

__all__ = ["FORWARD", "argument_names", "class_name", "identifier", "module_path", "unique"]

FORWARD = frozenset({"self", "torch", "operator", "getattr"})
"""What the code of a ``forward`` needs for itself, fx's and that of a ``model.py``."""


def identifier(name: str) -> str:
    """A Python name like ``name``.

    >>> identifier("1x1"), identifier("a-b"), identifier("class"), identifier("__x")
    ('n1x1', 'a_b', 'class_', '_x')
    """
    # NFKC is how Python itself reads names
    folded = unicodedata.normalize("NFKC", name)
    cleaned = "".join(letter if f"a{letter}".isidentifier() else "_" for letter in folded)
    if cleaned.startswith("__"):  # Python would mangle it inside a class
        cleaned = "_" + cleaned.lstrip("_")
    cleaned = cleaned if cleaned.isidentifier() else f"n{cleaned}"
    return f"{cleaned}_" if keyword.iskeyword(cleaned) else cleaned


def unique(name: str, taken: set[str]) -> str:
    """A Python name like ``name`` that is not among ``taken``, which it joins."""
    candidate = name = identifier(name)
    count = 1
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}" if name[-1].isdigit() else f"{name}{count}"
    taken.add(candidate)
    return candidate


def class_name(name: str, taken: set[str]) -> str:
    """A class's name like ``name`` that is not among ``taken``, which it joins.

    >>> class_name("conv_block", set()), class_name("sum", {"Sum"}), class_name("1x1", set())
    ('ConvBlock', 'Sum2', 'N1x1')
    """
    words = re.split("_+", identifier(name))
    return unique("".join(word[:1].upper() + word[1:] for word in words) or "Network", taken)


def argument_names(graph: Graph) -> dict[str, str]:
    """The names of the inputs in ``forward``, by the names of their nodes."""
    taken = set(FORWARD)
    return {node.name: unique(node.name, taken) for node in graph.inputs}


# What Python does not let one write after a dot, and what torch's modules use themselves
_TAKEN = (
    *keyword.kwlist,
    *dir(SpecModule),
    *dir(fx.GraphModule(nn.Module(), fx.Graph())),
    "self",  # fx names values after layers
    "_evaluation",  # of a SpecModule with heads
    # the containers of a built model.py
    *dir(nn.Sequential),
    *dir(nn.ModuleDict),
)
# How many ``_`` free a word: one more than the longest of ``half`` or ``requires_grad_`` has
_LONGER: dict[str, int] = {}
for _word in _TAKEN:
    _stem = _word.rstrip("_")
    _LONGER[_stem] = max(_LONGER.get(_stem, 0), len(_word) - len(_stem) + 1)


def module_path(name: str) -> str:
    """The path of a node's layer: the node's own, with ``_`` after a word that Python or torch's
    modules use themselves, such as ``class`` or ``half`` (and after ``half_``, to keep them apart).

    >>> module_path("inception_3a.3x3.reduce.conv"), module_path("head.half")
    ('inception_3a.3x3.reduce.conv', 'head.half_')
    """
    return ".".join(part + "_" * _LONGER.get(part.rstrip("_"), 0) for part in name.split("."))
