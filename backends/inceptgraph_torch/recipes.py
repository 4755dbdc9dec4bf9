"""The weights of a rewritten graph, from those of the original."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import singledispatch

import torch
from torch import Tensor
from torch.nn import functional as F

from inceptgraph import recipes
from inceptgraph.graph import Graph
from inceptgraph_torch.names import module_path

__all__ = ["evaluate", "evaluate_recipes", "rewritten_state", "state_name"]

Tensors = Mapping[str, Tensor]


@torch.no_grad()
def evaluate_recipes(tensors: Tensors, graph: Graph, originals: Tensors) -> None:
    """Fill the tensors of a rewritten graph.

    What passes fold is computed in float64 where the device has it, and rounded once.

    Args:
        tensors: to fill, by their names in the graph.
        graph: as passes left it.
        originals: the original network's, by their names in its graph.
    """
    for name, value in _values(graph, originals):
        tensors[name].copy_(value)


@torch.no_grad()
def rewritten_state(graph: Graph, state: Tensors) -> dict[str, Tensor]:
    """The ``state_dict`` of a rewritten graph's module.

    Args:
        graph: as passes left it.
        state: the original network's, by the names of its layers.

    Raises:
        KeyError: it lacks a tensor that the graph needs.
    """
    tensors = {name: state[state_name(name)] for name in graph.originals}
    dtype = next(iter(tensors.values())).dtype if tensors else torch.float32
    return {state_name(name): value.to(dtype) for name, value in _values(graph, tensors)}


def _values(graph: Graph, originals: Tensors) -> Iterator[tuple[str, Tensor]]:
    """Each weight of a graph with its name; what no pass touched as it is."""
    for node in graph.nodes.values():
        for name, recipe in graph.recipes(node).items():
            if isinstance(recipe, recipes.Original):
                value = originals[recipe.name]
            else:
                value = evaluate(recipe, originals)
            yield f"{node.name}.{name}", value


def state_name(name: str) -> str:
    """A weight's name in a ``state_dict``."""
    node, _, weight = name.rpartition(".")
    return f"{module_path(node)}.{weight}"


@singledispatch
def evaluate(recipe: recipes.Recipe, tensors: Tensors) -> Tensor:
    """The value of a recipe.

    Args:
        recipe: an expression.
        tensors: the original's, by name.
    """
    raise NotImplementedError(type(recipe).__name__)


@evaluate.register
def _(recipe: recipes.Original, tensors: Tensors) -> Tensor:
    tensor = tensors[recipe.name]
    return tensor if tensor.device.type == "mps" else tensor.double()


@evaluate.register
def _(recipe: recipes.Full, tensors: Tensors) -> Tensor:
    like = next(iter(tensors.values()))
    dtype = torch.float32 if like.device.type == "mps" else torch.float64
    return torch.full(recipe.extents, recipe.value, dtype=dtype, device=like.device)


@evaluate.register
def _(recipe: recipes.Join, tensors: Tensors) -> Tensor:
    return torch.cat([evaluate(part, tensors) for part in recipe.parts], recipe.axis)


@evaluate.register
def _(recipe: recipes.Cut, tensors: Tensors) -> Tensor:
    return evaluate(recipe.of, tensors).narrow(
        recipe.axis, recipe.start, recipe.stop - recipe.start
    )


@evaluate.register
def _(recipe: recipes.Padded, tensors: Tensors) -> Tensor:
    last_first = [pixels for border in reversed(recipe.borders) for pixels in border]
    return F.pad(evaluate(recipe.of, tensors), last_first)


@evaluate.register
def _(recipe: recipes.Reshaped, tensors: Tensors) -> Tensor:
    return evaluate(recipe.of, tensors).reshape(recipe.extents)


@evaluate.register
def _(recipe: recipes.Product, tensors: Tensors) -> Tensor:
    return evaluate(recipe.left, tensors) * evaluate(recipe.right, tensors)


@evaluate.register
def _(recipe: recipes.Sum, tensors: Tensors) -> Tensor:
    return evaluate(recipe.left, tensors) + evaluate(recipe.right, tensors)


@evaluate.register
def _(recipe: recipes.Difference, tensors: Tensors) -> Tensor:
    return evaluate(recipe.left, tensors) - evaluate(recipe.right, tensors)


@evaluate.register
def _(recipe: recipes.InverseRoot, tensors: Tensors) -> Tensor:
    return torch.rsqrt(evaluate(recipe.of, tensors) + recipe.eps)
