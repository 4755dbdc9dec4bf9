"""Parameters on whose values the number of steps in a block depends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from inceptgraph.source import Node
from inceptgraph.spec._models import Block
from inceptgraph.spec._step_forms import walk
from inceptgraph.spec._values import references

__all__ = ["parameters_that_count"]


def parameters_that_count(blocks: Mapping[str, Block]) -> Mapping[str, Collection[str]]:
    """By block, the parameters that reach a ``repeat`` or an ``op``, here or in a block it uses.

    Args:
        blocks: of a spec, by name.
    """
    found: dict[str, set[str]] = {name: set() for name in blocks}
    users: defaultdict[str, set[str]] = defaultdict(set)
    for name, block in blocks.items():
        for step in walk(block.body):
            if step.operation is not None:
                users[step.operation.text].add(name)
    pending = dict.fromkeys(blocks)
    while pending:
        name, _ = pending.popitem()
        names = {word for node in _nodes(blocks[name], found) for word, _ in references(node)}
        more = (names & blocks[name].params.keys()) - found[name]
        if more:
            found[name] |= more
            pending |= dict.fromkeys([name, *(user for user in users[name] if user in blocks)])
    return found


def _nodes(block: Block, found: Mapping[str, Collection[str]]) -> Iterator[Node]:
    """What decides, as written: all that is given to a block that a parameter names, too."""
    for name in found[block.name.text]:
        default = block.params[name].default
        if default is not None:
            yield default
    for step in walk(block.body):
        if step.repeat is not None:
            yield step.repeat
        if step.operation is None:
            continue
        yield step.operation
        chosen = "$" in step.operation.text
        deciding = found.get(step.operation.text, ())
        for name, entry in step.arguments.items():
            if chosen or name in deciding:
                yield entry.value
