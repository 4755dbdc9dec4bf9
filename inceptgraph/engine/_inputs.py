"""Inputs of a call, held to what the network was made for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from inceptgraph.graph import Graph
from inceptgraph.setting import Setting
from inceptgraph.types import Shape

__all__ = ["Given", "check_inputs", "in_order", "input_shapes", "listed"]


class Given(Protocol):
    """A tensor of whichever framework, as far as it is looked at."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> object: ...

    def is_floating_point(self) -> bool: ...


T = TypeVar("T")


def input_shapes(graph: Graph) -> dict[str, Shape]:
    """The shapes of one sample, by the names of the inputs, in their order."""
    return {node.name: graph.shape(node.name) for node in graph.inputs}


def in_order(names: Mapping[str, object], inputs: tuple[T, ...], named: Mapping[str, T]) -> list[T]:
    """The inputs of a call in the order of the network, as Python orders arguments.

    Args:
        names: of all inputs.
        inputs: given by their places.
        named: given by their names.

    Raises:
        TypeError: one is given twice, or not at all where others are named, or is unknown.
    """
    if not named:
        return [*inputs]
    rest = list(names)[len(inputs) :]
    if unknown := [name for name in named if name not in rest]:
        twice = unknown[0] in names
        known = f"is not an input of this network; its inputs are {listed(names)}"
        told = "is given twice" if twice else known
        raise TypeError(f"`{unknown[0]}` {told}")
    if absent := [name for name in rest if name not in named]:
        raise TypeError(f"the input `{absent[0]}` is not given")
    return [*inputs, *(named[name] for name in rest)]


def check_inputs(wanted: Mapping[str, Shape], given: Sequence[Given], setting: Setting) -> int:
    """Refuse what a network was not made for.

    It costs a few microseconds, and reads batches from shapes alone, so that compilers which trace
    it keep them symbolic.

    Args:
        wanted: the shapes of one sample; see :func:`input_shapes`.
        given: the tensors in their order.
        setting: what the network was made for.

    Returns:
        How many samples there are; 1 of a network that reads nothing.

    Raises:
        TypeError: there are more or fewer than inputs, or one is no tensor of floating-point
            numbers.
        ValueError: one has another shape than the network's, or their batches differ, or the batch
            is fixed, and another one.
    """
    if len(given) != len(wanted):
        raise TypeError(_miscounted(wanted, given))
    batch = None
    for tensor, (name, shape) in zip(given, wanted.items(), strict=True):
        if not hasattr(tensor, "is_floating_point"):
            packed = f", or {call}" if (call := _unpacked(given)) else ""
            told = f"`{name}` is a {type(tensor).__name__}: give it as a tensor{packed}"
            raise TypeError(told)
        if not tensor.is_floating_point():
            raise TypeError(f"`{name}` is of {tensor.dtype}: give it floating-point numbers")
        if tensor.shape[1:] != shape or len(tensor.shape) != len(shape) + 1:
            expected = ", ".join(("batch", *map(str, shape)))
            raise ValueError(
                f"`{name}` is of shape {tuple(tensor.shape)}, but the network was compiled for "
                f"({expected}): another size wants a network of its own"
            )
        if batch is None:
            batch = tensor.shape[0]
        elif tensor.shape[0] != batch:
            batches = sorted({batch, tensor.shape[0]})
            raise ValueError(f"the inputs differ in their batches: {batches}")
    if batch is None:
        return 1
    setting.check_batch(batch)
    return batch


def _miscounted(wanted: Mapping[str, Shape], given: Sequence[object]) -> str:
    number = f"{len(wanted)} input{'' if len(wanted) == 1 else 's'}"
    told = f"the network reads {number}{f' ({listed(wanted)})' if wanted else ''}, not "
    if call := _unpacked(given):
        return f"{told}a {type(given[0]).__name__}: {call}"
    absent = [*wanted][len(given) :]
    are = "is" if len(absent) == 1 else "are"
    return f"{told}{len(given)}" + (f": {listed(absent)} {are} missing" if absent else "")


def _unpacked(given: Sequence[object]) -> str | None:
    """How to call a network with what is given as one list or dict."""
    if len(given) != 1 or not isinstance(given[0], (list, tuple, Mapping)):
        return None
    return f"call it as `net({'**' if isinstance(given[0], Mapping) else '*'}inputs)`"


def listed(names: Iterable[str]) -> str:
    """Names in backticks with commas between; "nothing" for none."""
    return ", ".join(f"`{name}`" for name in names) or "nothing"
