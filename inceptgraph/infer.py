"""Shapes for every node, and findings where operations and shapes do not fit."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from inceptgraph.errors import Code, Findings, Label, Severity, ShapeError
from inceptgraph.graph import Graph, Node
from inceptgraph.ops import Input
from inceptgraph.types import Shape, format_shape

__all__ = ["infer"]

_TRACE = 500  # steps to look back for the one that made operands differ


def infer(graph: Graph, findings: Findings) -> Graph:
    """Fill in the shape of every node.

    A node that cannot take its operands is reported; what depends on it keeps no shape, in
    silence.

    Args:
        graph: as expanded.
        findings: receives what does not fit, and steps whose result nothing reads.
    """
    nodes: dict[str, Node] = {}
    for name, node in graph.nodes.items():
        shapes = tuple(nodes[operand].shape for operand in node.inputs)
        known = tuple(shape for shape in shapes if shape is not None)
        shape: Shape | None = None
        if len(known) == len(shapes):
            try:
                shape = node.op.infer(*known)
            except ShapeError as error:
                _report(error, node, known, nodes, findings)
        nodes[name] = replace(node, shape=shape)
    result = graph.with_nodes(nodes)
    if not findings.errors:
        _check_unused(result, findings)
    return result


def _report(
    error: ShapeError,
    node: Node,
    shapes: tuple[Shape, ...],
    nodes: dict[str, Node],
    findings: Findings,
) -> None:
    origin = node.origin
    span = origin.argument(error.argument) if origin else None
    uses = origin.uses()[:1] if origin else ()
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help = error.help
    if error.axes:
        labels, notes, traced = _explain_mismatch(error.axes, node, shapes, nodes)
        help = help or traced
    elif node.inputs:
        notes = (_describe_input(node, shapes[0]),)
    findings.add(error.code, error.message, span, f"`{node.name}`", *labels, *uses, notes=notes, help=help)


def _describe_input(node: Node, shape: Shape) -> str:
    return f"its input is `{node.inputs[0]}`, {format_shape(shape)}"


def _explain_mismatch(
    axes: tuple[int, ...], node: Node, shapes: tuple[Shape, ...], nodes: dict[str, Node]
) -> tuple[tuple[Label, ...], tuple[str, ...], str | None]:
    """Which operand diverged, at which step, and where that is written."""
    lines = [_lineage(operand, nodes) for operand in node.inputs]
    branches = [_branch_name(operand, node) for operand in node.inputs]
    notes = tuple(
        f"`{branch}` is {format_shape(shape)}" for branch, shape in zip(branches, shapes, strict=True)
    )
    values = [tuple(shape[axis] for axis in axes) for shape in shapes]
    fork = next((name for name in lines[0] if all(name in line for line in lines[1:])), None)
    expected = _expected(values, axes, nodes[fork] if fork else None)
    labels: list[Label] = []
    help = None
    for line, branch, shape, value in zip(lines, branches, shapes, values, strict=True):
        if value == expected:
            continue
        culprit = _where_changed(line, fork, axes, nodes)
        if culprit is None or culprit.origin is None:
            continue
        before = nodes[culprit.inputs[0]].shape
        assert before is not None and culprit.shape is not None
        change = f"{format_shape(before)} becomes {format_shape(culprit.shape)}"
        span = culprit.origin.span
        labels.append(Label(span, f"on `{branch}`, {change} here ({culprit.op.label()})"))
        labels.extend(_written_elsewhere(culprit, node))
        help = help or _help(axes, branch, culprit, expected)
    return tuple(labels), notes, help


def _written_elsewhere(culprit: Node, node: Node) -> tuple[Label, ...]:
    """The step of this body that used the block in which the culprit is written."""
    origin, here = culprit.origin, node.origin.parent if node.origin else None
    assert origin is not None
    use = origin.parent
    while use is not None and use.parent is not here:
        use = use.parent
    return (Label(use.span, f"through this step, `{use.path}`"),) if use and use is not here else ()


def _expected(
    values: list[tuple[int, ...]], axes: tuple[int, ...], fork: Node | None
) -> tuple[int, ...]:
    """What the operands should agree on: what most have, and in a tie what they started from."""
    ranking = Counter(values).most_common()
    best = [value for value, count in ranking if count == ranking[0][1]]
    if len(best) > 1 and fork is not None and fork.shape is not None and len(fork.shape) > max(axes):
        start = tuple(fork.shape[axis] for axis in axes)
        if start in best:
            return start
    return best[0]


def _lineage(operand: str, nodes: dict[str, Node]) -> dict[str, None]:
    """A node and what it was made from, following first operands, nearest first."""
    line: dict[str, None] = {}
    current: str | None = operand
    while current is not None and len(line) < _TRACE:
        line[current] = None
        inputs = nodes[current].inputs
        current = inputs[0] if inputs else None
    return line


def _where_changed(
    line: dict[str, None], fork: str | None, axes: tuple[int, ...], nodes: dict[str, Node]
) -> Node | None:
    """The last step before the join, and after the fork, that changed one of the axes."""
    for name in line:
        node = nodes[name]
        if name == fork or not node.inputs:
            return None
        before, after = nodes[node.inputs[0]].shape, node.shape
        assert before is not None and after is not None
        if len(before) != len(after) or any(before[axis] != after[axis] for axis in axes):
            return node
    return None


def _branch_name(operand: str, join: Node) -> str:
    """What the author calls an operand: the branch, or the step that ``from:`` names."""
    prefix = join.name.rpartition(".")[0]
    inside = operand.startswith(prefix + ".") if prefix else True
    return operand[len(prefix) + 1 if prefix else 0 :].partition(".")[0] if inside else operand


def _help(axes: tuple[int, ...], branch: str, culprit: Node, expected: tuple[int, ...]) -> str:
    if axes == (0,):
        return f"all must have {expected[0]} channels: end `{branch}` in a 1×1 convolution to {expected[0]}"
    padding = getattr(culprit.op, "padding", None)
    stride = getattr(culprit.op, "stride", (1, 1))
    if stride != (1, 1):
        return f"give the other branches the same stride, or take it out of `{culprit.name}`"
    if padding == "valid":
        return f"`padding: same` keeps the size in `{culprit.name}`"
    return f"make the branches agree on height and width; `{culprit.name}` is where they part"


def _check_unused(graph: Graph, findings: Findings) -> None:
    """Warn of steps that compute something nobody reads."""
    results = {output.node for output in graph.outputs}
    for name, readers in graph.users.items():
        node = graph.nodes[name]
        if readers or name in results or node.origin is None:
            continue
        what = "input" if isinstance(node.op, Input) else "step"
        findings.add(
            Code.UNUSED_STEP,
            f"nothing reads the {what} `{name}`",
            node.origin.span,
            help="remove it, read it with `from:`, or list it under `outputs:`",
            severity=Severity.WARNING,
        )
