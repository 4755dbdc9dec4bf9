"""The weights of a rewritten graph, from those of the original."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch

import torch
from torch import Tensor
from torch.nn import functional as F

from inceptgraph import recipes
from inceptgraph.graph import Graph
from inceptgraph_torch.names import module_path

__all__ = ["evaluate", "rewritten_state"]

Tensors = Mapping[str, Tensor]


@torch.no_grad()
def rewritten_state(graph: Graph, state: Tensors) -> dict[str, Tensor]:
    """The ``state_dict`` of a rewritten graph's module.

    Args:
        graph: as passes left it.
        state: the original network's, by the names of its layers.

    Raises:
        KeyError: it lacks a tensor that the graph needs.
    """
    tensors = {
        name: state[state_name(name)] for name in graph.originals if state_name(name) in state
    }
    return {
        state_name(f"{node.name}.{name}"): evaluate(recipe, tensors)
        for node in graph.nodes.values()
        for name, recipe in graph.recipes(node).items()
    }


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
    return tensors[recipe.name]


@evaluate.register
def _(recipe: recipes.Full, tensors: Tensors) -> Tensor:
    like = next(iter(tensors.values()))
    return torch.full(recipe.extents, recipe.value, dtype=like.dtype, device=like.device)


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
