"""Nodes of a functional ATen graph as operations of ours.

AOTAutograd has by then resolved what models may write in many ways (modules, functions, methods,
in-place forms, views) to few operators whose results are new tensors. The table is filled by
:mod:`inceptgraph_dynamo.rules`; what shapes and types tell, :func:`read` checks for all.

A package offers a rule for another operator, or reads one into an operation of its own, through the
entry-point group ``inceptgraph_dynamo.rules``, under the operator's name with its overload:
``aten.channel_shuffle.default``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, fx

from inceptgraph.backend import find_rule
from inceptgraph.diagnostics import ShapeError
from inceptgraph.ops import Operation
from inceptgraph_dynamo.values import Constant, Data, Unreadable, is_same, value

__all__ = ["ENTRY_POINTS", "Held", "Reading", "Rule", "inner_of", "read", "reads", "reads_both"]


ENTRY_POINTS = "inceptgraph_dynamo.rules"


@dataclass(frozen=True)
class Held:
    """A weight: what a constant becomes in the operation that holds it.

    Attributes:
        constant: where it comes from.
        make: from its value to the weight's.
    """

    constant: Constant
    make: Callable[[Tensor], Tensor] = lambda tensor: tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the weight."""
        return tuple(self.make(torch.empty(self.constant.extents, device="meta")).shape)


@dataclass(frozen=True)
class Reading:
    """A node's computation as operations of ours.

    Attributes:
        ops: one after the other; the first takes the operands and holds the weights.
        operands: what the first reads, which need not be what the node reads.
        weights: of the first, by their names in it.
    """

    ops: tuple[Operation, ...]
    operands: tuple[Data, ...]
    weights: Mapping[str, Held] = field(default_factory=dict)


Rule = Callable[..., Reading]
"""Takes the operator's arguments in the order of its schema, defaults filled in: tensors as
:class:`Data` or :class:`Constant`, the rest as it is."""

_RULES: dict[Any, Rule] = {}
_PAIRS: dict[tuple[Any, Any], Rule] = {}


def reads(*targets: Any) -> Callable[[Rule], Rule]:
    """Registers a rule for operators."""

    def register(rule: Rule) -> Rule:
        _RULES.update(dict.fromkeys(targets, rule))
        return rule

    return register


def reads_both(outer: Any, inner: Any) -> Callable[[Rule], Rule]:
    """Registers a rule for an operator on the result of another, which alone is none of ours.

    It takes what the outer takes beside that result, then the arguments of the inner.
    """

    def register(rule: Rule) -> Rule:
        _PAIRS[outer, inner] = rule
        return rule

    return register


def read(node: fx.Node, fixed: Collection[fx.Node]) -> Reading:
    """The reading of a node.

    Args:
        node: of a functional ATen graph, with ``val`` in its ``meta``.
        fixed: the nodes that are constant; see :func:`inceptgraph_dynamo.values.constants`.

    Raises:
        Unreadable: no operation of ours does the same.
    """
    rule, call, lead = _rule(node)
    try:
        result = value(node, fixed)
        assert isinstance(result, Data)
        reading = rule(*lead, *_arguments(call, fixed))
        _check_types(reading, result)
        _check_shapes(reading, result)
    except ValidationError as error:
        told = (f"`{'.'.join(map(str, e['loc']))}` {e['msg']}" for e in error.errors())
        raise Unreadable(f"no operation of ours does the same: {'; '.join(told)}") from error
    except (ShapeError, ValueError) as error:
        raise Unreadable(f"no operation of ours does the same: {error}") from error
    return reading


def _rule(node: fx.Node) -> tuple[Rule, fx.Node, tuple[Any, ...]]:
    """The rule, the node whose arguments it takes, and what it takes before them."""
    if (inner := inner_of(node)) is not None:
        return _PAIRS[node.target, inner.target], inner, node.args[1:]
    if (rule := _RULES.get(node.target) or _from_package(str(node.target))) is not None:
        return rule, node, ()
    raise Unreadable("there is no rule for it")


@cache  # a graph has many nodes, and the entry points are those of every installed package
def _from_package(operator: str) -> Rule | None:
    return find_rule(operator, ENTRY_POINTS)


def inner_of(node: fx.Node) -> fx.Node | None:
    """The node that one is read together with, if it is; see :func:`reads_both`."""
    inner = node.args[0] if node.args else None
    if isinstance(inner, fx.Node) and (node.target, inner.target) in _PAIRS:
        return inner
    return None


def _arguments(node: fx.Node, fixed: Collection[fx.Node]) -> list[Any]:
    """The arguments in the order of the operator's schema, defaults filled in."""
    assert isinstance(node.target, torch._ops.OpOverload)
    declared = node.target._schema.arguments
    given: dict[str, Any] = dict(zip((each.name for each in declared), node.args, strict=False))
    given.update(node.kwargs)
    ordered = [given.get(each.name, each.default_value) for each in declared]
    return [fx.node.map_arg(each, lambda operand: _argument(operand, fixed)) for each in ordered]


def _argument(node: fx.Node, fixed: Collection[fx.Node]) -> Any:
    """A tensor as rules see it; a symbolic number as it is."""
    number = node.meta.get("val")
    return number if isinstance(number, torch.SymInt) else value(node, fixed)


def _check_types(reading: Reading, result: Data) -> None:
    for operand in reading.operands:
        if not isinstance(operand, Data):
            raise Unreadable("it takes a constant where data is expected")
        if operand.tensor.dtype != result.tensor.dtype:
            raise Unreadable("it changes the type of its data")
        if not is_same(operand.batch, result.batch):
            raise Unreadable("it changes the batch")


def _check_shapes(reading: Reading, result: Data) -> None:
    first, *more = reading.ops
    shapes = tuple(operand.shape for operand in reading.operands)
    held = {name: weight.shape for name, weight in reading.weights.items()}
    if held != {name: weight.shape for name, weight in first.weights(*shapes).items()}:
        raise Unreadable("its weights have other shapes than ours")
    inferred = first.infer(*shapes)
    for op in more:
        inferred = op.infer(inferred)
    if inferred != result.shape:
        raise Unreadable(f"it gives {result.shape} where ours gives {inferred}")
