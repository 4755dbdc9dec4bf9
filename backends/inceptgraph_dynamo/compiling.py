"""A graph of ATen operations, with what engines do better handed to them."""

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping

import torch
from torch import Tensor, fx

import inceptgraph_dynamo.rules  # noqa: F401 - fills the table
from inceptgraph.diagnostics import Code, ShapeError, SpecError
from inceptgraph.engine import Choice, Setting, choose, prepare
from inceptgraph.graph import Graph, InvalidGraph
from inceptgraph_dynamo.cutting import Call, cut, leading_to, replace
from inceptgraph_dynamo.frozen import Frozen
from inceptgraph_dynamo.left_out import ALONE, Left, Report, Taken, left
from inceptgraph_dynamo.options import Options
from inceptgraph_dynamo.partition import Part, find_parts, wire
from inceptgraph_dynamo.reading import Reading, inner_of, read
from inceptgraph_dynamo.values import Data, Unreadable, constants

__all__ = ["take_parts"]

aten = torch.ops.aten


def take_parts(module: fx.GraphModule, weights: Collection[fx.Node], options: Options) -> Report:
    """Have engines compute what they can of a module, which is changed in place.

    Args:
        module: of ATen operations, functional, with ``val`` in the ``meta`` of its nodes.
        weights: the placeholders that hold weights, which the graph does not change.
        options: how to run what is taken.

    Raises:
        SpecError: the engine that the options name is not there.
    """
    graph = module.graph
    fixed = constants(graph, weights)
    readings, reasons = _read_all(graph, fixed)
    parts: list[Part] = []
    refused: dict[fx.Node, int] = {}
    for number, part in enumerate(wire(graph, find_parts(graph, readings, fixed))):
        if refusal := _refusal(part, options):
            reasons.update(dict.fromkeys(part.readings, refusal))
            refused.update(dict.fromkeys(part.readings, number))
        else:
            parts.append(part)
    ours = sum(len(part.readings) for part in parts)
    whole = ours + len(reasons)
    if ours < options.share * whole:
        why = f"engines can run {ours} of {whole} operations, too few to take them apart"
        return Report((), _left(reasons, refused), why)
    made = [_frozen(module, part, weights, options) for part in wire(graph, parts)]
    replace(module, [call for call, _ in made])
    names = {node.name for node in module.graph.nodes}
    rest = {node: reason for node, reason in reasons.items() if node.name in names}
    return Report(tuple(taken for _, taken in made), _left(rest, refused))


def _left(reasons: Mapping[fx.Node, str], refused: Mapping[fx.Node, int]) -> tuple[Left, ...]:
    return tuple(left(node, reason, refused.get(node)) for node, reason in reasons.items())


def _read_all(
    graph: fx.Graph, fixed: Collection[fx.Node]
) -> tuple[dict[fx.Node, Reading], dict[fx.Node, str]]:
    """What was read, and why the rest was not."""
    readings: dict[fx.Node, Reading] = {}
    reasons: dict[fx.Node, str] = {}
    for node in graph.nodes:
        if node.op != "call_function" or node in fixed:
            continue
        try:
            readings[node] = read(node, fixed)
        except Unreadable as error:
            reasons[node] = str(error)
    for node in graph.nodes:
        if (inner := inner_of(node)) is not None:
            reasons.pop(inner, None)  # which alone is none of ours: what reads it tells why
        elif node.target is operator.getitem or not _is_tensor(node):
            reasons.pop(node, None)  # what makes the tuple has a reason; sizes are no work
    return readings, reasons


def _is_tensor(node: fx.Node) -> bool:
    return isinstance(node.meta.get("val"), torch.Tensor | tuple | list)


def _refusal(part: Part, options: Options) -> str | None:
    """Why torch is to compute a part; None where an engine is."""
    if not part.is_worth_it:
        return ALONE
    if not part.is_uniform:
        return "what is computed with it is of several types or devices"
    users = (user.target for node in part.outputs for user in node.users)
    if aten.as_strided.default in users:
        return "its place in memory is read"
    try:
        _chosen(part, options)
    except (InvalidGraph, ShapeError, ValueError) as error:
        return f"it makes no graph: {error}"
    except SpecError as error:
        if {each.code for each in error.diagnostics} != {Code.ENGINE_REFUSES}:
            raise
        return "; ".join(each.message for each in error.diagnostics)
    return None


def _chosen(part: Part, options: Options) -> tuple[Graph, Setting, Choice]:
    graph = part.graph("part")
    batch = Data(next(iter(part.readings))).batch
    setting = Setting.of(
        device=part.like.device,
        dtype=options.dtype or part.dtype,
        batch=_expected(batch),
        fixed=options.fixed and isinstance(batch, int) and batch > 0,
        autotune=options.autotune,
    )
    return graph, setting, choose(options.engine, graph, setting)


def _expected(batch: int | torch.SymInt) -> int:
    """Samples to make a part for: of a symbolic batch those of the call that is being compiled,
    and one where there is none, or it depends on numbers in a tensor."""
    known = batch if isinstance(batch, int) else batch.node.hint
    return max(int(known or 0), 1)


def _frozen(
    module: fx.GraphModule, part: Part, weights: Collection[fx.Node], options: Options
) -> tuple[Call, Taken]:
    """An engine in the place of a part."""
    graph, setting, choice = _chosen(part, options)
    held = part.weights
    constant = [weight.constant.node for weight in held.values()]
    needed = leading_to(constant)
    own = [node for node in weights if node in needed]
    # what torch needs beside, where it computes the part itself: symbolic sizes, as a rule
    needed = leading_to(part.outputs, {*part.inputs, *own})
    more = [node for node in module.graph.find_nodes(op="placeholder") if node in needed]
    values = cut(module, own, constant)

    def evaluate(*tensors: Tensor) -> Mapping[str, Tensor]:
        found = zip(held.items(), values(*tensors), strict=True)
        return {name: weight.make(tensor) for (name, weight), tensor in found}

    arguments = (*part.inputs, *own, *more)
    frozen = Frozen(
        inputs=len(part.inputs),
        weights=len(own),
        outputs={node.name: node.meta["val"] for node in part.outputs},
        original=cut(module, arguments, part.outputs),
        evaluate=evaluate,
        prepare=lambda tensors: prepare(options.engine, graph, lambda: tensors, setting),
    )
    return Call(frozen, arguments, part.outputs), Taken(graph, choice)
