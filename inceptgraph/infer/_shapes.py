"""Shapes for every node, and findings where operations and shapes do not fit."""

from __future__ import annotations

from math import prod

from inceptgraph.diagnostics import Code, Findings, Severity, ShapeError, Span
from inceptgraph.graph import Graph, Node
from inceptgraph.infer._losses import check_losses
from inceptgraph.infer._preprocessing import settle_preprocessing
from inceptgraph.infer._shared import check_shared
from inceptgraph.ops import BUILT_IN, Input, Operation
from inceptgraph.types import Shape, format_shape

__all__ = ["infer"]

MAX_ELEMENTS = 2**63 - 1


def infer(graph: Graph, findings: Findings) -> Graph:
    """Fill in the shape of every node.

    A node that cannot take its operands is reported; what depends on it keeps no shape, in
    silence.

    Args:
        graph: as expanded.
        findings: receives what does not fit, and steps whose result nothing reads.
    """
    is_free = graph.has_free_axes
    if is_free:
        from inceptgraph.infer._free_sizes import assume_sizes, check_free_sizes  # few networks pay

        graph = assume_sizes(graph)
    if graph.preprocessing:
        graph = settle_preprocessing(graph, findings)
    nodes: dict[str, Node] = {}
    reported: set[tuple[Code, Span | None]] = set()
    for name, node in graph.nodes.items():
        shapes = tuple(nodes[operand].shape for operand in node.inputs)
        known = tuple(shape for shape in shapes if shape is not None)
        op = node.op
        shape: Shape | None = None
        if len(known) == len(shapes):
            try:
                op, shape = _settled(node, known)
                _check_size(node, known, shape)
            except ShapeError as error:
                shape = None
                place = node.origin.argument(error.argument) if node.origin else None
                if (error.code, place) not in reported:  # one mistake in a block of many uses
                    from inceptgraph.infer._told import report  # networks that fit do without

                    reported.add((error.code, place))
                    report(error, node, known, nodes, findings)
        nodes[name] = node.shaped(op, shape)
    result = graph.with_nodes(nodes)
    check_shared(result, findings)
    check_losses(result, findings)
    if not findings.errors:
        if is_free:
            result = check_free_sizes(result, graph.nodes, findings)
        _check_unused(result, findings)
    return result


def _settled(node: Node, shapes: tuple[Shape, ...]) -> tuple[Operation, Shape]:
    """The operation settled, and the shape that it infers; where a plug-in's fails in its own way,
    that is a finding too."""
    try:
        op = node.op.settled(*shapes)
        return op, op.infer(*shapes)
    except ShapeError:
        raise
    except Exception as error:
        if node.op.op in BUILT_IN:
            raise
        raise ShapeError(
            Code.BROKEN_PLUGIN,
            f"the plug-in's `{node.op.op}` cannot infer its shape: {type(error).__name__}: {error}",
            help="mend or uninstall the package that adds it",
        ) from error


def _check_size(node: Node, shapes: tuple[Shape, ...], shape: Shape) -> None:
    """No tensor has more elements than 64 bits can count."""
    if prod(shape) > MAX_ELEMENTS:
        raise _too_large(node.op, "its result", format_shape(shape))
    for name, weight in node.op.weights(*shapes).items():
        if prod(weight.shape) > MAX_ELEMENTS:
            raise _too_large(node.op, f"`{name}`", "×".join(map(str, weight.shape)))


def _too_large(op: Operation, what: str, size: str) -> ShapeError:
    return ShapeError(
        Code.TOO_LARGE,
        f"`{op.op}` is too large: {what} would be {size}, more numbers than a tensor can hold",
        argument="out" if "out" in type(op).model_fields else None,
    )


def _check_unused(graph: Graph, findings: Findings) -> None:
    """Warn of steps that compute something nobody reads."""
    results = {output.node for output in graph.outputs}
    for name, readers in graph.users.items():
        node = graph.nodes[name]
        if readers or name in results or node.origin is None or node.origin.copies:
            continue  # copies of which there are none may well be read nowhere
        what = "input" if isinstance(node.op, Input) else "step"
        findings.add(
            Code.UNUSED_STEP,
            f"nothing reads the {what} `{name}`",
            node.origin.span,
            "",
            *node.origin.uses(),
            help="read it with `from:`, list it under `outputs:`, or remove it",
            severity=Severity.WARNING,
        )
