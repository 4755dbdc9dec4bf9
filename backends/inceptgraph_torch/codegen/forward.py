"""The ``forward`` of a class: a line a child or a function, names for the values between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap

from inceptgraph.graph import Graph, Output
from inceptgraph_torch.codegen.pretty import WIDTH, Brackets, layout
from inceptgraph_torch.names import FORWARD, unique
from inceptgraph_torch.nesting import Container, Statement, Value, arguments

__all__ = ["write_forward"]

_PASSING = "x"
"""What a value is called that only the next line reads."""


def write_forward(container: Container, graph: Graph | None = None) -> list[str]:
    """The lines of a method; ``graph`` is given for the network, which has inputs and outputs."""
    names = arguments(container, graph)
    lines = layout("def forward(", _items("self", *names.values(), closing="):"), 4)
    taken = {*FORWARD, _PASSING, *names.values()}
    last_use = _last_uses(container, graph)
    returned = {Value(o.node): o.name for o in graph.outputs} if graph else {}
    passing = next((value for value, name in names.items() if name == _PASSING), None)
    needed = [i for i, s in enumerate(container.statements) if not s.training_only]
    heads_from = max(needed, default=-1) + 1
    for index, statement in enumerate(container.statements):
        if graph and index == heads_from:
            kept = [output for output in graph.outputs if not output.training_only]
            lines += ["        if not self.training:", *_return(kept, names, 12)]
        operands = [names[value] for value in statement.operands]
        for value in statement.results:
            is_brief = len(statement.results) == 1 and last_use.get(value, -1) <= index + 1
            if is_brief and (passing is None or last_use.get(passing, -1) <= index):
                names[value], passing = _PASSING, value
            else:
                own = _own_name(statement, value, container.path)
                names[value] = unique(returned.get(value) or own, taken)
        results = [names[value] for value in statement.results]
        lines += _assignment(results, _applied(statement, operands))
    if graph:
        return lines + _return(graph.outputs, names, 8)
    if not container.outputs:
        return lines
    return lines + _return_all([names[value] for value in container.outputs])


def _last_uses(container: Container, graph: Graph | None) -> dict[Value, int]:
    """The statement that last reads each value; results of the whole are read past the end."""
    last: dict[Value, int] = {}
    for index, statement in enumerate(container.statements):
        last.update(dict.fromkeys(statement.operands, index))
    outputs = [Value(o.node) for o in graph.outputs] if graph else container.outputs
    last.update(dict.fromkeys(outputs, len(container.statements) + 1))
    return last


def _own_name(statement: Statement, value: Value, path: str) -> str:
    if len(statement.results) > 1:
        return value.node.removeprefix(f"{path}.").replace(".", "_")
    return statement.own or statement.child or value.node.rpartition(".")[2]


def _applied(statement: Statement, operands: list[str]) -> str:
    if statement.function is not None:
        return statement.function.source(operands)
    target = "self"
    for name in statement.child.split("."):
        # inside a class, Python reads `self.__x` as another name
        is_plain = name.isidentifier() and not name.startswith("__")
        target = f"{target}.{name}" if is_plain else f'getattr({target}, "{name}")'
    return f"{target}({', '.join(operands)})"


def _assignment(results: list[str], text: str) -> list[str]:
    target = "        " + (f"{', '.join(results)} = " if results else "")
    line = f"{target}{text}"
    if len(line) <= WIDTH:
        return [line]
    start = [f"{target}("]
    if len(start[0]) > WIDTH:
        start = ["        (", *(f"            {name}," for name in results), "        ) = ("]
    inside = wrap(text, WIDTH - 12, break_long_words=False, break_on_hyphens=False)
    return [*start, *(f"            {part}" for part in inside), "        )"]


def _return(outputs: Sequence[Output], names: Mapping[Value, str], indent: int) -> list[str]:
    if len(outputs) == 1:
        return [" " * indent + f"return {names[Value(outputs[0].node)]}"]
    items = (f'"{output.name}": {names[Value(output.node)]}' for output in outputs)
    return layout("return ", _items(*items, opening="{", closing="}"), indent)


def _items(*items: str, opening: str = "", closing: str) -> Brackets:
    return Brackets(opening, tuple(("", item) for item in items), closing)


def _return_all(names: Sequence[str]) -> list[str]:
    line = f"        return {', '.join(names)}"
    if len(line) <= WIDTH:
        return [line]
    return layout("return ", _items(*names, opening="(", closing=")"), 8)
