"""Explanations of shapes that do not fit: which operand differs, and at which step it came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from inceptgraph.diagnostics import Label
from inceptgraph.graph import Node
from inceptgraph.source import Origin
from inceptgraph.types import Shape, axis_words, format_shape

__all__ = ["Nodes", "Story", "explain_mismatch", "explain_rank", "inputs_note"]

Nodes = Mapping[str, Node]
"""Nodes by name, with the shapes that are known so far."""

Measure = Callable[[Shape], tuple[int, ...]]
"""The part of a shape in which operands must agree."""

_MANY = 12  # operands that a finding lists
_TRACE = 500  # steps to look back for the one that made operands differ


@dataclass(frozen=True)
class Story:
    """Places to cite, facts to list, and what to do."""

    labels: tuple[Label, ...]
    notes: tuple[str, ...]
    help: str | None


def inputs_note(node: Node, shapes: tuple[Shape, ...]) -> tuple[str, ...]:
    """The operands that a node reads, as a note."""
    if len(shapes) == 1:
        return (f"its input is `{node.inputs[0]}`, {format_shape(shapes[0])}",)
    pairs = zip(node.inputs, shapes, strict=True)
    return tuple(f"`{name}` is {format_shape(shape)}" for name, shape in pairs)


def explain_rank(node: Node, nodes: Nodes) -> tuple[Label, ...]:
    """The step that made a vector of a map, or the reverse, before a node that needs the other; of
    a volume, what says that the input is one."""
    if not node.inputs:
        return ()
    line = _lineage(node.inputs[0], nodes)
    culprit = _where_changed(line, None, _rank, nodes)
    if culprit is not None and culprit.origin is not None:
        return (Label(culprit.origin.span, f"{_change(culprit, nodes)} here"),)
    *_, first = line
    origin = nodes[first].origin
    frames = origin.arguments.get("frames") if origin and not nodes[first].inputs else None
    return (Label(frames.key.span, "the frames come from here"),) if frames else ()


def explain_mismatch(
    axes: tuple[int, ...], node: Node, shapes: tuple[Shape, ...], nodes: Nodes
) -> Story:
    """The operands that diverged, at which steps, and where those are written.

    Args:
        axes: the axes on which they differ; none where they differ in rank.
        node: what joins them.
        shapes: of its operands.
        nodes: those before it.
    """
    measure: Measure = (lambda shape: tuple(shape[axis] for axis in axes)) if axes else _rank
    if len(node.inputs) > _MANY:
        node, shapes = _examples(node, shapes, measure)
    names = [_branch_name(operand, node) for operand in node.inputs]
    pairs = zip(names, shapes, strict=True)
    notes = tuple(f"`{name}` is {format_shape(shape)}" for name, shape in dict(pairs).items())
    lines = [_lineage(operand, nodes) for operand in node.inputs]
    fork = next((name for name in lines[0] if all(name in line for line in lines[1:])), None)
    expected = _expected([measure(shape) for shape in shapes], measure, fork, nodes)
    labels: list[Label] = []
    help = None
    for operand, line, name, shape in zip(node.inputs, lines, names, shapes, strict=True):
        if measure(shape) == expected:
            continue
        culprit = _where_changed(line, fork, measure, nodes)
        if culprit is None:
            origin = nodes[operand].origin
            if origin is not None and not nodes[operand].inputs:
                labels.append(Label(origin.span, f"`{name}` is {format_shape(shape)}"))
        elif culprit.origin is not None:
            change = f"{_change(culprit, nodes)} here ({culprit.op.label()})"
            labels.append(Label(culprit.origin.span, f"on `{name}`, {change}"))
            labels.extend(_written_elsewhere(culprit, node))
            labels.extend(_set_elsewhere(culprit.origin))
            help = help or _help(axes, culprit, expected, others=len(shapes) - 1)
    return Story(tuple(dict.fromkeys(labels)), notes, help)


def _examples(
    node: Node, shapes: tuple[Shape, ...], measure: Measure
) -> tuple[Node, tuple[Shape, ...]]:
    """The first two operands of each kind, for a join of more than anyone reads of."""
    kinds: dict[tuple[int, ...], list[tuple[str, Shape]]] = {}
    for operand, shape in zip(node.inputs, shapes, strict=True):
        of_kind = kinds.setdefault(measure(shape), [])
        if len(of_kind) < 2:
            of_kind.append((operand, shape))
    chosen = [pair for pairs in kinds.values() for pair in pairs][:_MANY]
    inputs = tuple(operand for operand, _ in chosen)
    return replace(node, inputs=inputs), tuple(shape for _, shape in chosen)


def _rank(shape: Shape) -> tuple[int, ...]:
    return (len(shape),)


def _change(node: Node, nodes: Nodes) -> str:
    before, after = nodes[node.inputs[0]].shape, node.shape
    assert before is not None
    assert after is not None
    return f"{format_shape(before)} becomes {format_shape(after)}"


def _written_elsewhere(culprit: Node, node: Node) -> tuple[Label, ...]:
    """The step of this body that used the block in which the culprit is written."""
    origin, here = culprit.origin, node.origin.parent if node.origin else None
    assert origin is not None
    use = origin.parent
    while use is not None and use.parent is not here:
        use = use.parent
    return (Label(use.span, f"through this step, `{use.path}`"),) if use and use is not here else ()


def _set_elsewhere(origin: Origin) -> tuple[Label, ...]:
    """Arguments that an edit or ``--set`` gave the step, away from where it is written."""
    here = origin.span.source
    entries = (e for e in origin.written.values() if e.value.span.source is not here)
    return tuple(Label(e.value.span.first_line(), f"`{e.key.text}` is set here") for e in entries)


def _expected(
    values: list[tuple[int, ...]], measure: Measure, fork: str | None, nodes: Nodes
) -> tuple[int, ...] | None:
    """What the operands should agree on: what most have, and in a tie what they started from.

    None where neither tells: all of them are to be cited.
    """
    ranking = Counter(values).most_common()
    best = [value for value, count in ranking if count == ranking[0][1]]
    if len(best) == 1:
        return best[0]
    start = nodes[fork].shape if fork is not None else None
    if start is not None and measure is not _rank and len(start) > 1:
        return measure(start) if measure(start) in best else None
    return (max(best)) if measure is _rank else None


def _lineage(operand: str, nodes: Nodes) -> dict[str, None]:
    """A node and what it was made from, following first operands, nearest first."""
    line: dict[str, None] = {}
    current: str | None = operand
    while current is not None and len(line) < _TRACE:
        line[current] = None
        inputs = nodes[current].inputs
        current = inputs[0] if inputs else None
    return line


def _where_changed(
    line: dict[str, None], fork: str | None, measure: Measure, nodes: Nodes
) -> Node | None:
    """The last step before the join, and after the fork, that changed what is measured."""
    for name in line:
        node = nodes[name]
        if name == fork or not node.inputs:
            return None
        before, after = nodes[node.inputs[0]].shape, node.shape
        assert before is not None
        assert after is not None
        if len(before) != len(after) or measure(before) != measure(after):
            return node
    return None


def _branch_name(operand: str, join: Node) -> str:
    """What the author calls an operand: the branch, or the step that ``from:`` names."""
    prefix = join.name.rpartition(".")[0]
    inside = operand.startswith(prefix + ".") if prefix else True
    return operand[len(prefix) + 1 if prefix else 0 :].partition(".")[0] if inside else operand


def _help(
    axes: tuple[int, ...], culprit: Node, expected: tuple[int, ...] | None, others: int
) -> str | None:
    name = f"`{culprit.name}`"
    if not axes:
        return None
    if axes == (0,):
        if expected is None:
            return "all of them must have as many channels: end each in as many"
        wanted = f"{expected[0]} channels"
        if "out" in type(culprit.op).model_fields:
            return f"let {name} give {wanted}, or end the other in a 1×1 convolution"
        return f"all of them must have {wanted}: add a 1×1 convolution after {name}"
    rest = "branch" if others == 1 else "branches"
    named = axis_words(len(culprit.shape or (0,)) - 1)
    if max(getattr(culprit.op, "stride", (1,))) > 1:
        return f"give the other {rest} the same stride, or take it out of {name}"
    if getattr(culprit.op, "padding", None) == "valid":
        return f"`padding: same` in {name} keeps {named}"
    return f"let them agree on {named} where they end"
