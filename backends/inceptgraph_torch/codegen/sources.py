"""The source of layers that torch does not have, for a ``model.py`` to carry."""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from textwrap import dedent
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inceptgraph.diagnostics import Code, Diagnostic, SpecError

__all__ = ["IMPORTED", "is_foreign", "layer_sources"]

IMPORTED = {
    "torch": torch,
    "Tensor": Tensor,
    "nn": nn,
    "F": F,
    "Any": Any,
    "Callable": Callable,
    "Iterable": Iterable,
    "Mapping": Mapping,
}
"""What a ``model.py`` imports where it is named."""


def is_foreign(kind: Any) -> bool:
    """True where a class of layers, or a function that makes them, is none of ``torch.nn``."""
    is_made = isinstance(kind, type) or inspect.isfunction(kind)
    return is_made and getattr(nn, kind.__name__, None) is not kind


def layer_sources(kinds: Iterable[Any]) -> dict[str, str]:
    """Source of the foreign ones of ``kinds`` and of what they name, by name, in order of need.

    Raises:
        SpecError: a ``model.py`` cannot carry a layer of a plug-in.
    """
    found: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for kind in filter(is_foreign, kinds):
        _collect(kind, found, sources)
    return sources


def _collect(item: Any, found: dict[str, Any], sources: dict[str, str]) -> None:
    """Add an item's source after that of the functions and classes that it names."""
    if found.setdefault(item.__name__, item) is not item:
        raise _refusal(item, "another layer of the network has the same name", "rename one of them")
    if item.__name__ in sources:
        return
    try:
        text = dedent(inspect.getsource(item))
    except (OSError, TypeError) as error:
        raise _refusal(item, "its source cannot be read", "define it in a file") from error
    known = vars(sys.modules[item.__module__])
    for name in _free_names(text):
        value = known.get(name)
        if name == item.__name__ or (name in IMPORTED and value is IMPORTED[name]):
            continue
        if not is_foreign(value):
            hint = f"import it inside the method, or write what `{name}` stands for"
            raise _refusal(item, f"it uses `{name}`, which model.py does not have", hint)
        _collect(value, found, sources)
    sources[item.__name__] = text


def _free_names(text: str) -> list[str]:
    """The names that a definition takes from its module, in order."""
    bound = set(dir(builtins))
    used: dict[str, None] = {}
    for part in ast.walk(ast.parse(text)):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
            used[part.id] = None
        elif isinstance(part, ast.Name):
            bound.add(part.id)
        elif isinstance(part, ast.arg):
            bound.add(part.arg)
        elif isinstance(part, ast.alias):
            bound.add((part.asname or part.name).partition(".")[0])
        elif isinstance(part, ast.FunctionDef | ast.ClassDef):
            bound.add(part.name)
    return [name for name in used if name not in bound and name != "__class__"]


def _refusal(item: Any, reason: str, help: str) -> SpecError:
    message = f"model.py cannot carry `{item.__module__}.{item.__name__}`: {reason}"
    return SpecError([Diagnostic(Code.BROKEN_PLUGIN, message, help=help)])
