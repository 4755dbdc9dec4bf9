"""Graphs to draw, any wiring, and what is read off their pictures."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from html import unescape

from hypothesis import strategies as st

from inceptgraph.graph import Graph, Node, Output, Scope, ScopeKind
from inceptgraph.ops import Input, Operation
from inceptgraph.ops.activation import Relu
from inceptgraph.ops.conv import Conv2d
from inceptgraph.ops.merge import Add, Multiply
from inceptgraph.ops.norm import BatchNorm, Lrn
from inceptgraph.ops.shape import Identity
from inceptgraph_graphviz.render import render

__all__ = ["CONV", "NASTY", "SHAPE", "UNARY", "Step", "build", "complaints", "graphs", "shown"]

Step = tuple[str, Operation, list[str]]

EDGE = re.compile(r'^ +"(?:[^"\\]|\\.)*"(?::\w+)* -> (?!.* \[style=invis\b[^"]*$)', re.MULTILINE)
"""A line of DOT that is an edge to be seen."""

SHAPE = (4, 8, 8)
CONV = Conv2d(out=4, kernel=(3, 3), padding="same")
UNARY = (CONV, Relu(), BatchNorm(), Lrn(), Identity())
LETTERS = st.characters(exclude_categories=["Cc", "Cs"], exclude_characters=".")
NASTY = st.text(LETTERS, min_size=1, max_size=12)


def build(
    stages: dict[str, list[Step]],
    *,
    name: str = "net",
    heads: dict[str, float] | None = None,
    sections: dict[str, tuple[str, str]] | None = None,
    outputs: list[str] | None = None,
) -> Graph:
    """A graph of stages of ``(name, operation, operands)``, with ``image`` as its input."""
    heads = heads or {}
    nodes = {"image": Node("image", Input(shape=SHAPE), (), SHAPE)}
    scopes: dict[str, Scope] = {}
    for stage, steps in stages.items():
        for step, op, reads in steps:
            nodes[step] = Node(step, op, tuple(reads), SHAPE)
        kind = ScopeKind.HEAD if stage in heads else ScopeKind.STAGE
        scopes[stage] = Scope(stage, kind, None, {}, steps[-1][0])
    last = [stage for stage in stages if stage not in heads][-1]
    results = [Output(f"out {i}", n) for i, n in enumerate(outputs or [scopes[last].output])]
    results += [
        Output(head, scopes[head].output, weight, training_only=True)
        for head, weight in heads.items()
    ]
    return Graph(name, nodes, tuple(results), scopes, sections or {}).verify()


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any wiring: stages with any inside, reading any earlier value; several results and heads."""
    values = ["image"]
    stages: dict[str, list[Step]] = {}
    names = draw(st.lists(NASTY, min_size=1, max_size=5, unique=True))
    names = [name for name in names if name != "image"] or ["s"]
    for stage in names:
        steps = []
        for index in range(draw(st.integers(1, 6))):
            reads = draw(st.lists(st.sampled_from(values[-6:]), min_size=1, max_size=3))
            op = draw(st.sampled_from(UNARY if len(reads) == 1 else (Add(), Multiply())))
            steps.append((f"{stage}.{index}", op, reads))
            values.append(f"{stage}.{index}")
        stages[stage] = steps
    heads = {name: 0.3 for name in names[1:] if draw(st.booleans())}
    for head in heads:  # nothing else may read a head
        inside = {step for step, _, _ in stages[head]}
        read = {r for s, steps in stages.items() if s != head for _, _, rs in steps for r in rs}
        if inside & read:
            heads = {}
            break
    return build(stages, name=draw(NASTY), heads=heads)


def shown(dot: str) -> Counter[str]:
    """How often each operation is drawn, by its tooltip."""
    return Counter(unescape(t).rpartition(": ")[0] for t in re.findall(r'tooltip="([^"]*)"', dot))


def complaints(dot: str) -> str:
    """What Graphviz warns of while it draws a text, every edge of it; an error raises.

    That an edge takes a plainer way than it should depends on the font's widths, and is let pass.
    """
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        picture = render(dot, "svg").decode()
    assert picture.rstrip().endswith("</svg>")
    assert picture.count('class="edge"') == len(EDGE.findall(dot))
    return "\n".join(str(m.message) for m in told if "lib/pathplan/" not in str(m.message))
