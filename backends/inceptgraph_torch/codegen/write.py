"""A graph to the text of a standalone ``model.py``: readable, on torch alone."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

from torch import nn

from inceptgraph.cost import total
from inceptgraph.graph import Graph
from inceptgraph_torch.codegen.classes import (
    ClassDefinition,
    Parameter,
    Variable,
    extract,
    identifier,
)
from inceptgraph_torch.codegen.parts import Call, Container, Part, Statement, Style, Value, build
from inceptgraph_torch.codegen.pretty import Brackets, Expression, layout

__all__ = ["write_module"]

_CHAIN = '''
class Chain(nn.Sequential):
    """Named layers, one after the other."""

    def __init__(self, layers):
        super().__init__(OrderedDict(layers))
'''
_CONCAT = '''
class Concat(nn.ModuleDict):
    """Named branches over one input, joined along the channels."""

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.values()], 1)
'''
_SUM = '''
class Sum(nn.ModuleDict):
    """Named branches over one input, added."""

    def forward(self, x):
        return reduce(operator.add, [branch(x) for branch in self.values()])
'''
_CONTAINERS = {
    Style.CHAIN: ("Chain", _CHAIN),
    Style.CONCAT: ("Concat", _CONCAT),
    Style.SUM: ("Sum", _SUM),
}


def write_module(graph: Graph, description: str = "") -> str:
    """The source of a module that equals the graph, with the same names of weights.

    Args:
        graph: with shapes, both phases.
        description: a sentence for the module's docstring.

    Returns:
        Python source. It imports torch and the standard library only, unless a plug-in's layer
        needs more.
    """
    root = build(graph)
    root.path = graph.name
    class_name = _class_name(graph.name)
    definitions = extract(root)
    inputs = {node.name: node.shape for node in graph.inputs}
    body = [_network(root, class_name, graph)]
    blocks = [_block(definition) for definition in definitions]
    used = {c.style for d in definitions for c in d.body.walk()} | {c.style for c in root.walk()}
    containers = [text for style, (_, text) in _CONTAINERS.items() if style in used]
    layers = _layer_sources([root, *(definition.body for definition in definitions)])
    weights = {o.name: 1.0 if o.loss_weight is None else o.loss_weight for o in graph.outputs}
    constants = [f"INPUTS = {_mapping(inputs)}", f"LOSS_WEIGHTS = {_mapping(weights)}"]
    runtime = files(__package__).joinpath("runtime.py.txt").read_text(encoding="utf-8")
    classes = [text.strip("\n") for text in (*layers, *containers, *blocks, *body)]
    rest = "\n\n\n".join([*classes, runtime.format(class_name=class_name).strip("\n")])
    return "\n".join([_head(graph, description, rest), *constants, "", "", rest, ""])


def _head(graph: Graph, description: str, rest: str) -> str:
    counts = total(graph.phase("eval"))
    lines = [f'"""{_quoted(graph.name)}, compiled from its spec by InceptGraph.', ""]
    lines += [_quoted(description), ""] if description else []
    lines += [
        f"{counts.params:,} parameters, {counts.macs:,} multiply-adds a sample (without heads).",
        "Needs torch only. From the command line, runs one forward pass.",
        '"""',
        "",
        "import argparse",
        "import json",
    ]
    for module, mark in (("operator", "operator."), ("time", "time.")):
        lines += [f"import {module}"] if mark in rest else []
    lines += ["from collections import OrderedDict"] if "OrderedDict(" in rest else []
    lines += ["from functools import reduce"] if "reduce(" in rest else []
    lines += ["from pathlib import Path", "", "import torch", "from torch import Tensor, nn"]
    lines += ["from torch.nn import functional as F", ""]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """Text for a docstring: a spec's words stay words."""
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _mapping(values: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f'"{key}": {value!r}' for key, value in values.items()) + "}"


def _class_name(name: str) -> str:
    words = identifier(name).split("_")
    return "".join(word[:1].upper() + word[1:] for word in words) or "Network"


# -- layers that torch does not have -----------------------------------------------------------


def _layer_sources(containers: Iterable[Container]) -> list[str]:
    """Source of every layer class that is not torch's, and of the functions that it uses."""
    kinds: dict[Any, None] = {}
    for container in containers:
        for inner in container.walk():
            for child in inner.children.values():
                if isinstance(child, Call) and _foreign(child.kind):
                    kinds[child.kind] = None
    sources: dict[str, str] = {}
    for kind in kinds:
        _collect(kind, sources)
    return list(sources.values())


def _foreign(kind: Any) -> bool:
    return isinstance(kind, type) and not kind.__module__.startswith("torch.")


def _collect(item: Any, sources: dict[str, str]) -> None:
    """Add an item's source after that of the functions and classes of its module that it names."""
    if item.__name__ in sources:
        return
    text = inspect.getsource(item)
    for name, value in vars(sys.modules[item.__module__]).items():
        known = inspect.isfunction(value) or (
            isinstance(value, type) and issubclass(value, nn.Module)
        )
        used = known and value is not item and re.search(rf"\b{name}\(", text)
        if used and not value.__module__.startswith("torch."):
            _collect(value, sources)
    sources[item.__name__] = text


# -- classes -----------------------------------------------------------------------------------


def _block(definition: ClassDefinition) -> str:
    body = definition.body
    lines = []
    parameters = "".join(f", {_declared(p)}" for p in definition.parameters)
    if body.style is Style.OWN:
        lines += [f"class {definition.name}(nn.Module):"]
        lines += layout("def __init__(", _signature_of(parameters), 4)
        lines += ["        super().__init__()", *_attributes(body), "", *_forward(body)]
        return "\n".join(lines)
    base = _CONTAINERS[body.style][0]
    lines += [f"class {definition.name}({base}):"]
    lines += layout("def __init__(", _signature_of(parameters), 4)
    lines += layout("super().__init__(", Brackets("", (("", _children(body)),), ")"), 8)
    return "\n".join(lines)


def _signature_of(parameters: str) -> Expression:
    items = tuple(("", part) for part in f"self{parameters}".split(", "))
    return Brackets("", items, "):")


def _declared(parameter: Parameter) -> str:
    return f"{parameter.name}={parameter.default!r}" if parameter.has_default else parameter.name


def _network(root: Container, class_name: str, graph: Graph) -> str:
    shapes = ", ".join(
        f"{node.name} (batch, {', '.join(map(str, node.shape or ()))})" for node in graph.inputs
    )
    lines = [f"class {class_name}(nn.Module):", f'    """Takes {shapes}.']
    if any(output.training_only for output in graph.outputs):
        heads = [output.name for output in graph.outputs if output.training_only]
        lines += [
            "",
            f"    In training returns a dict that holds {', '.join(heads)} as well.",
            '    """',
        ]
    else:
        lines[-1] += '"""'
    lines += ["", "    def __init__(self):", "        super().__init__()", *_attributes(root), ""]
    return "\n".join([*lines, *_forward(root, graph)])


def _attributes(container: Container) -> list[str]:
    lines = []
    for name, child in container.children.items():
        if name.isidentifier():
            lines += layout(f"self.{name} = ", _expression(child), 8)
        else:
            call = Brackets("self.add_module(", (("", repr(name)), ("", _expression(child))), ")")
            lines += layout("", call, 8)
    return lines


def _expression(part: Part) -> Expression:
    if isinstance(part, Container):
        name = _CONTAINERS[part.style][0]
        return Brackets(f"{name}(", (("", _children(part)),), ")")
    if isinstance(part.kind, ClassDefinition):
        name = part.kind.name
    else:
        ours = _foreign(part.kind)
        name = part.kind.__name__ if ours else f"nn.{part.kind.__name__}"
    items = [("", _literal(value)) for value in part.args]
    items += [(f"{key}=", _literal(value)) for key, value in part.kwargs.items()]
    return Brackets(f"{name}(", tuple(items), ")")


def _children(container: Container) -> Expression:
    items = ((f'"{name}": ', _expression(child)) for name, child in container.children.items())
    return Brackets("{", tuple(items), "}")


def _literal(value: Any) -> str:
    if isinstance(value, Variable):
        return value.name
    return f'"{value}"' if isinstance(value, str) else repr(value)


# -- forward -----------------------------------------------------------------------------------


def _forward(container: Container, graph: Graph | None = None) -> list[str]:
    """The ``forward`` of a container; that of the network knows inputs, outputs and heads."""
    names: dict[Value, str] = {}
    taken = {"self"}
    arguments = [Value(n.name) for n in graph.inputs] if graph else container.inputs
    for index, value in enumerate(arguments):
        single = "x" if len(arguments) == 1 else f"x{index + 1}"
        names[value] = _fresh(identifier(value.node) if graph else single, taken)
    last_use = _last_uses(container, graph)
    returned = {Value(o.node): o.name for o in graph.outputs} if graph else {}
    lines = [f"    def forward({', '.join(('self', *names.values()))}):"]
    in_heads = False
    for index, statement in enumerate(container.statements):
        if statement.training_only and not in_heads and graph is not None:
            in_heads = True
            lines += _return_in_evaluation(graph, names)
        operands = [names[value] for value in statement.operands]
        results = []
        for value in statement.results:
            briefly = len(statement.results) == 1 and last_use.get(value, -1) <= index + 1
            names[value] = (
                "x" if briefly else _fresh(returned.get(value) or _name_of(statement, value), taken)
            )
            results.append(names[value])
        lines.append(f"        {', '.join(results)} = {_applied(statement, operands)}")
    if graph is None:
        lines.append(f"        return {', '.join(names[value] for value in container.outputs)}")
        return lines
    returned_as = {o.name: names[Value(o.node)] for o in graph.outputs}
    whole = Brackets("{", tuple((f'"{n}": ', v) for n, v in returned_as.items()), "}")
    only = next(iter(returned_as.values())) if len(returned_as) == 1 else None
    lines += layout("return ", only or whole, 8)
    return lines


def _return_in_evaluation(graph: Graph, names: dict[Value, str]) -> list[str]:
    kept = {o.name: names[Value(o.node)] for o in graph.outputs if not o.training_only}
    whole = "{" + ", ".join(f'"{name}": {value}' for name, value in kept.items()) + "}"
    value = next(iter(kept.values())) if len(kept) == 1 else whole
    return ["        if not self.training:", f"            return {value}"]


def _last_uses(container: Container, graph: Graph | None) -> dict[Value, int]:
    """The statement that last reads each value; results of the whole are read past the end."""
    last: dict[Value, int] = {}
    for index, statement in enumerate(container.statements):
        last.update(dict.fromkeys(statement.operands, index))
    end = len(container.statements) + 1
    outputs = [Value(o.node) for o in graph.outputs] if graph else container.outputs
    last.update(dict.fromkeys(outputs, end))
    return last


def _name_of(statement: Statement, value: Value) -> str:
    if len(statement.results) > 1:
        return identifier(value.node.replace(".", "_"))
    return identifier(statement.child or value.node.rpartition(".")[2])


def _fresh(name: str, taken: set[str]) -> str:
    candidate, count = name, 1
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}"
    taken.add(candidate)
    return candidate


def _applied(statement: Statement, operands: list[str]) -> str:
    if statement.function is not None:
        return statement.function.source(operands)
    child = statement.child
    target = f"self.{child}" if child.isidentifier() else f'getattr(self, "{child}")'
    return f"{target}({', '.join(operands)})"
