"""Classes for the blocks that a network uses more than once.

All uses of a block are laid over each other: what is equal in all is written into the class, what
differs becomes a parameter of its constructor, and values that differ in the same way become one
parameter. So the classes are right by construction, whatever the spec's arithmetic was. Names come
from the block's own parameters where the values are those, else from torch's.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from inceptgraph_torch.names import class_name, unique
from inceptgraph_torch.nesting import Call, Container, Part, Style

__all__ = ["ClassDefinition", "Parameter", "Variable", "extract"]


@dataclass(frozen=True)
class Variable:
    """Stands in a class for what its uses give."""

    name: str


@dataclass(frozen=True)
class Parameter:
    """A parameter of a constructor; ``default`` is what more than half of the uses give."""

    name: str
    has_default: bool = False
    default: Any = None


@dataclass(eq=False)
class ClassDefinition:
    """A generated class: a body with variables in it, and where it came from."""

    name: str
    parameters: list[Parameter]
    body: Container


@dataclass(frozen=True)
class Slot:
    """A place in a part that holds a number: torch's name for it, and whether it is optional."""

    name: str
    optional: bool
    value: Any


def extract(root: Container, taken: set[str]) -> list[ClassDefinition]:
    """Replace the uses of blocks in ``root`` by calls of classes, inner blocks first.

    Args:
        root: the network.
        taken: names that no class may have; those of the classes join them.

    Returns:
        The classes, in an order in which each comes after those that it uses.
    """
    definitions: list[ClassDefinition] = []
    while True:
        ready = [c for c in root.walk() if c is not root and _is_ready(c)]
        if not ready:
            return definitions
        groups: dict[Any, list[Container]] = {}
        for container in ready:
            groups.setdefault((container.block, _signature(container)), []).append(container)
        calls: dict[int, Part] = {}
        for (block, _), uses in groups.items():
            if len(uses) == 1 and uses[0].style is not Style.OWN:
                uses[0].block = None  # used once: it reads best where it is used
                continue
            definition, made = _define(block or uses[0].path.rpartition(".")[2], uses, taken)
            definitions.append(definition)
            calls.update({id(use): call for use, call in zip(uses, made, strict=True)})
        _substitute(root, calls)


def _is_ready(container: Container) -> bool:
    """Whether a container wants a class and none of those inside it still does."""
    *inside, _ = container.walk()
    return _wants_class(container) and not any(map(_wants_class, inside))


def _wants_class(container: Container) -> bool:
    return container.block is not None or container.style is Style.OWN


def _substitute(container: Container, calls: dict[int, Part]) -> None:
    for name, child in container.children.items():
        if id(child) in calls:
            container.children[name] = calls[id(child)]
        elif isinstance(child, Container):
            _substitute(child, calls)


def _signature(part: Part) -> Any:
    """What two parts must share to be uses of one class: everything but their numbers."""
    if isinstance(part, Call):
        return (part.kind, len(part.args))
    children = tuple((name, _signature(child)) for name, child in part.children.items())
    return (part.style, children, _flow(part) if part.style is Style.OWN else None)


def _flow(container: Container) -> Any:
    """The statements with values counted instead of named."""
    number: dict[Any, int] = {}
    for value in container.inputs:
        number.setdefault(value, len(number))
    lines = []
    for s in container.statements:
        operands = tuple(number.setdefault(v, len(number)) for v in s.operands)
        results = tuple(number.setdefault(v, len(number)) for v in s.results)
        lines.append((s.child, s.function, operands, results))
    return tuple(lines), tuple(number[v] for v in container.outputs)


def _slots(part: Part) -> Iterator[Slot]:
    """Every number in a part, in a fixed order."""
    if isinstance(part, Container):
        for child in part.children.values():
            yield from _slots(child)
        return
    for name, value in zip(_argument_names(part), part.args, strict=False):
        yield Slot(name, False, value)
    for name, value in part.kwargs.items():
        yield Slot(name, True, value)


def _align(parts: list[Part]) -> None:
    """Give calls of one class the same optional arguments, filled in with their defaults."""
    first = parts[0]
    if isinstance(first, Container):
        for name in first.children:
            _align([part.children[name] for part in parts if isinstance(part, Container)])
        return
    calls = [part for part in parts if isinstance(part, Call)]
    names = dict.fromkeys(name for call in calls for name in call.kwargs)
    for call in calls:
        call.kwargs = {n: call.kwargs[n] if n in call.kwargs else _default(call, n) for n in names}


def _default(call: Call, name: str) -> Any:
    if isinstance(call.kind, ClassDefinition):
        return next(p.default for p in call.kind.parameters if p.name == name)
    for kind in _constructors(call):
        parameter = inspect.signature(kind).parameters.get(name)
        if parameter is not None:
            return parameter.default
    raise TypeError(f"{call.kind.__name__} has no argument {name}")


def _constructors(call: Call) -> Sequence[Any]:
    """What a layer is made by: the function, or the class and those that it extends."""
    return call.kind.__mro__ if isinstance(call.kind, type) else [call.kind]


def _argument_names(call: Call) -> list[str]:
    if isinstance(call.kind, ClassDefinition):
        return [p.name for p in call.kind.parameters if not p.has_default]
    for kind in _constructors(call):
        names = [
            p.name
            for p in inspect.signature(kind).parameters.values()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
        if len(names) >= len(call.args):  # else it passes *args on to the layer that it extends
            return names
    return [f"argument_{i}" for i in range(len(call.args))]


def _filled(part: Part, take: Callable[[], Any]) -> Part:
    """A copy of a part with every number replaced, in the order of :func:`_slots`."""
    if isinstance(part, Call):
        args = [take() for _ in part.args]
        return Call(part.kind, args, {name: take() for name in part.kwargs})
    children = {name: _filled(child, take) for name, child in part.children.items()}
    return replace(part, children=children)


def _define(
    block: str, uses: list[Container], taken: set[str]
) -> tuple[ClassDefinition, list[Call]]:
    """A class for all of ``uses``, and the call that each of them becomes."""
    # what the class's own constructor calls must not be hidden by a parameter
    names = {"self", "super", "nn", *taken}
    name = class_name(block, taken)
    _align(list(uses))
    slots = [list(_slots(use)) for use in uses]
    given = {
        tuple(repr(_plain(use.arguments.get(key))) for use in uses): key
        for key in reversed(uses[0].arguments)
    }
    parameters: dict[tuple[str, ...], Parameter] = {}
    columns: dict[str, tuple[Any, ...]] = {}
    values: list[Any] = []
    for places in zip(*slots, strict=True):
        column = tuple(slot.value for slot in places)
        shown = tuple(map(repr, column))  # 1 and True are not the same
        if len(set(shown)) == 1:
            values.append(column[0])
            continue
        if shown not in parameters:
            key = given.get(tuple(repr(_plain(value)) for value in column))
            variable = unique(key or places[0].name, names)
            optional = any(key not in use.given for use in uses) if key else places[0].optional
            parameters[shown] = _parameter(variable, column, optional)
            columns[variable] = column
        values.append(Variable(parameters[shown].name))
    remaining = iter(values)
    body = _filled(uses[0], lambda: next(remaining))
    assert isinstance(body, Container)
    ordered = sorted(parameters.values(), key=lambda p: p.has_default)
    definition = ClassDefinition(name, ordered, body)
    return definition, [_call(definition, columns, index) for index in range(len(uses))]


def _parameter(name: str, column: tuple[Any, ...], optional: bool) -> Parameter:
    shown, count = Counter(map(repr, column)).most_common(1)[0]
    if not optional or 2 * count <= len(column):
        return Parameter(name)
    return Parameter(name, True, next(value for value in column if repr(value) == shown))


def _call(definition: ClassDefinition, columns: dict[str, tuple[Any, ...]], index: int) -> Call:
    args, kwargs = [], {}
    for parameter in definition.parameters:
        value = columns[parameter.name][index]
        if not parameter.has_default:
            args.append(value)
        elif repr(value) != repr(parameter.default):
            kwargs[parameter.name] = value
    return Call(definition, args, kwargs)


def _plain(value: Any) -> Any:
    """For comparison with what a spec says: [3, 3], (3, 3) and 3 are the same size."""
    if isinstance(value, list | tuple):
        pair = len(value) == 2 and value[0] == value[1]
        return value[0] if pair else tuple(value)
    return value
