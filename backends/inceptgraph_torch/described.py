"""Descriptions of layers and functions: what rules give, from which both a module and the text of a
``model.py`` are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import torch
from torch import fx, nn

__all__ = ["Concatenate", "Fold", "Function", "Layer", "Nest"]


@dataclass(frozen=True)
class Layer:
    """A module, called with the operands: its class, or a function that makes it."""

    kind: Callable[..., nn.Module]
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    def create(self) -> nn.Module:
        return self.kind(*self.args, **self.kwargs)


@dataclass(frozen=True)
class Concatenate:
    """``torch.cat`` along the channels."""

    def emit(self, graph: fx.Graph, operands: Sequence[fx.Node]) -> fx.Node:
        return graph.call_function(torch.cat, (list(operands), 1))

    def source(self, operands: Sequence[str]) -> str:
        return f"torch.cat([{', '.join(operands)}], 1)"


@dataclass(frozen=True)
class Fold:
    """A binary operator between all operands, from left to right."""

    apply: Callable[[Any, Any], Any]
    symbol: str

    def emit(self, graph: fx.Graph, operands: Sequence[fx.Node]) -> fx.Node:
        return reduce(lambda a, b: graph.call_function(self.apply, (a, b)), operands)

    def source(self, operands: Sequence[str]) -> str:
        return f" {self.symbol} ".join(operands)


@dataclass(frozen=True)
class Nest:
    """A function of ``torch`` of two operands, between all of them from left to right."""

    apply: Callable[[Any, Any], Any]

    def emit(self, graph: fx.Graph, operands: Sequence[fx.Node]) -> fx.Node:
        return reduce(lambda a, b: graph.call_function(self.apply, (a, b)), operands)

    def source(self, operands: Sequence[str]) -> str:
        return reduce(lambda a, b: f"torch.{self.apply.__name__}({a}, {b})", operands)


Function = Concatenate | Fold | Nest
