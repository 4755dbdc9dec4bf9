"""Graphs as text: one line a node, stable, for reading and for golden files; and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from inceptgraph import ops
from inceptgraph.graph._graph import Graph
from inceptgraph.graph._nodes import Node, Output, Scope
from inceptgraph.ops import Input, Preprocessing, Weight
from inceptgraph.ops.initializers import scheme
from inceptgraph.types import format_shape

__all__ = ["from_json", "meaning", "to_json", "to_text"]

FORMAT = "inceptgraph/1"
RECIPES, SHARES = "recipes", "shares"
"""What follows the format where a graph has them: who does not know them cannot give it its
weights."""


def to_text(graph: Graph) -> str:
    """The graph, one line a node, in order.

    Args:
        graph: with or without shapes.
    """
    lines = [f"graph {graph.name}"]
    for node in graph.nodes.values():
        operands = [f"%{name}" for name in node.inputs]
        arguments = [f"{key}={_value(value)}" for key, value in node.op.arguments().items()]
        shape = f" : {format_shape(node.shape)}" if node.shape else ""
        whose = f" with the weights of {node.shares}" if node.shares else ""
        call = f"{node.op.op}({', '.join(operands + arguments)})"
        lines.append(f"  %{node.name} = {call}{shape}{whose}")
        lines += [f"    {name} = {recipe}" for name, recipe in (node.recipes or {}).items()]
    for output in graph.outputs:
        head = " in training" if output.training_only else ""
        loss = f", loss {output.trained}" if output.trained else ""
        lines.append(f"  return {output.name} = %{output.node}{head}{loss}")
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        if len(set(value)) == 1 and len(value) < 4:
            return str(value[0])
        return "[" + ",".join(map(str, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if hasattr(value, "scheme"):
        settings = value.model_dump(exclude={"scheme"}, exclude_none=True)
        return f"{value.scheme}({','.join(f'{k}={_value(v)}' for k, v in settings.items())})"
    return f"{value:g}" if isinstance(value, float) else str(value)


def to_json(graph: Graph) -> dict[str, Any]:
    """The graph in networkx's node-link form, with what networkx does not know beside it.

    ``networkx.node_link_graph(data, edges="edges")`` reads it as a ``DiGraph``;
    :func:`from_json` reads it back whole.
    """
    import networkx

    from inceptgraph.graph import recipes

    data: dict[str, Any] = networkx.node_link_data(graph.digraph, edges="edges")
    data["graph"] = {
        "format": "+".join((FORMAT, *_more(graph))),
        "name": graph.name,
        "outputs": [_output_json(output) for output in graph.outputs],
        "scopes": [
            {
                "path": scope.path,
                "kind": scope.kind,
                "block": scope.block,
                "arguments": dict(scope.arguments),
                "given": list(scope.given),
                "output": scope.output,
            }
            for scope in graph.scopes.values()
        ],
        "sections": {name: list(ends) for name, ends in graph.sections.items()},
    }
    if graph.rewritten_from is not None:
        data["graph"]["originals"] = {
            name: {**asdict(weight), "init": weight.init.model_dump(mode="json")}
            for name, weight in graph.rewritten_from.items()
        }
    data["graph"] |= meaning(graph)
    for item in data["nodes"]:
        node: Node = item.pop("node")
        item["op"] = node.op.op
        item["attributes"] = node.op.model_dump(mode="json")
        item["inputs"] = list(node.inputs)
        item["shape"] = list(node.shape) if node.shape else None
        if node.recipes is not None:
            item["recipes"] = {name: recipes.to_plain(r) for name, r in node.recipes.items()}
        if node.shares is not None:
            item["shares"] = node.shares
    return data


def meaning(graph: Graph) -> dict[str, Any]:
    """The meaning of a network's inputs and outputs as JSON has it: what images are made into, and
    the names of classes. Empty where nothing is said."""
    made = {name: each.model_dump(mode="json") for name, each in graph.preprocessing.items()}
    found: dict[str, Any] = {"preprocessing": made} if made else {}
    if graph.classes is not None:
        found |= {"classes": [*graph.classes], "background": graph.background}
    return found


def _output_json(output: Output) -> dict[str, Any]:
    plain = asdict(output)
    del plain["written"]
    return plain


def _more(graph: Graph) -> Iterator[str]:
    if graph.rewritten_from is not None:
        yield RECIPES
    if any(node.shares for node in graph.nodes.values()):
        yield SHARES


def from_json(data: dict[str, Any]) -> Graph:
    """Read back what :func:`to_json` wrote.

    Raises:
        ValueError: the data is not in this format, or names an operation that is not installed.
        InvalidGraph: the graph breaks its rules.
    """
    from inceptgraph.graph import recipes

    about = data.get("graph", {})
    start, *more = str(about.get("format")).split("+")
    if start != FORMAT or not {*more} <= {RECIPES, SHARES}:
        raise ValueError(f"not a graph in the format {FORMAT}")
    nodes: dict[str, Node] = {}
    for item in data["nodes"]:
        kind = Input if item["op"] == Input.op else ops.find(item["op"])
        if kind is None:
            raise ValueError(f"{item['id']}: there is no operation {item['op']}")
        operation = kind.model_validate(item["attributes"])
        shape = tuple(item["shape"]) if item["shape"] else None
        made = {name: recipes.from_plain(plain) for name, plain in item.get("recipes", {}).items()}
        own = made if "recipes" in item else None
        inputs = tuple(item["inputs"])
        name, shares = item["id"], item.get("shares")
        nodes[name] = Node(name, operation, inputs, shape, recipes=own, shares=shares)
    scopes = {
        s["path"]: Scope(
            s["path"], s["kind"], s["block"], s["arguments"], s["output"], tuple(s["given"])
        )
        for s in about["scopes"]
    }
    outputs = tuple(Output(**plain) for plain in about["outputs"])
    sections = {name: (ends[0], ends[1]) for name, ends in about["sections"].items()}
    before = about.get("originals")
    weights = None if before is None else {name: _weight(each) for name, each in before.items()}
    preprocessing = {
        name: Preprocessing.model_validate(plain)
        for name, plain in about.get("preprocessing", {}).items()
    }
    classes = tuple(about["classes"]) if "classes" in about else None
    background = about.get("background", False)
    meaning = (preprocessing, classes, background)
    return Graph(about["name"], nodes, outputs, scopes, sections, weights, *meaning).verify()


def _weight(plain: dict[str, Any]) -> Weight:
    return Weight(**{**plain, "shape": tuple(plain["shape"]), "init": scheme(plain["init"])})
