"""The weights of a graph as NumPy arrays, from those of the network that it was rewritten from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import singledispatch
from typing import Any

import numpy as np

from inceptgraph.graph import Graph, recipes

__all__ = ["Array", "Tensors", "arrays", "checked", "evaluate"]

Array = np.ndarray[Any, np.dtype[Any]]
Tensors = Mapping[str, Array]


def checked(graph: Graph, tensors: Mapping[str, Any]) -> dict[str, Array]:
    """Those tensors that the original network has, as arrays.

    Args:
        graph: with shapes.
        tensors: arrays, or what becomes one, by their names in the graph; more may be there.

    Raises:
        ValueError: one is missing or has another shape.
    """
    if missing := [name for name in graph.originals if name not in tensors]:
        more = f" and {len(missing) - 1} more" if missing[1:] else ""
        raise ValueError(f"the tensors lack `{missing[0]}`{more}")
    found = {name: np.asarray(tensors[name]) for name in graph.originals}
    for name, weight in graph.originals.items():
        if found[name].shape != weight.shape:
            raise ValueError(f"`{name}` is {found[name].shape}, but the network's {weight.shape}")
    return found


def arrays(graph: Graph, tensors: Tensors, dtype: np.dtype[Any]) -> Iterator[tuple[str, Array]]:
    """Each weight of a graph with its name, which is that of its owner.

    What passes fold is computed in float64 and rounded once.

    Args:
        graph: as passes left it.
        tensors: the original network's, by their names in its graph.
        dtype: of the result.
    """
    for node in graph.nodes.values():
        recipes_of = graph.recipes(node)
        for name in graph.own_weights(node):
            recipe = recipes_of[name]
            if isinstance(recipe, recipes.Original):
                value = tensors[recipe.name]
            else:
                value = evaluate(recipe, tensors)
            yield f"{graph.owner(node.name)}.{name}", np.ascontiguousarray(value, dtype=dtype)


@singledispatch
def evaluate(recipe: recipes.Recipe, tensors: Tensors) -> Array:
    """The value of a recipe, in float64.

    Args:
        recipe: an expression.
        tensors: the original's, by name.
    """
    raise NotImplementedError(type(recipe).__name__)


@evaluate.register
def _(recipe: recipes.Original, tensors: Tensors) -> Array:
    return tensors[recipe.name].astype(np.float64)


@evaluate.register
def _(recipe: recipes.Full, tensors: Tensors) -> Array:
    return np.full(recipe.extents, recipe.value)


@evaluate.register
def _(recipe: recipes.Join, tensors: Tensors) -> Array:
    return np.concatenate([evaluate(part, tensors) for part in recipe.parts], recipe.axis)


@evaluate.register
def _(recipe: recipes.Cut, tensors: Tensors) -> Array:
    return evaluate(recipe.of, tensors).take(range(recipe.start, recipe.stop), recipe.axis)


@evaluate.register
def _(recipe: recipes.Padded, tensors: Tensors) -> Array:
    return np.pad(evaluate(recipe.of, tensors), recipe.borders)


@evaluate.register
def _(recipe: recipes.Reshaped, tensors: Tensors) -> Array:
    return evaluate(recipe.of, tensors).reshape(recipe.extents)


@evaluate.register
def _(recipe: recipes.Product, tensors: Tensors) -> Array:
    return np.multiply(evaluate(recipe.left, tensors), evaluate(recipe.right, tensors))


@evaluate.register
def _(recipe: recipes.Sum, tensors: Tensors) -> Array:
    return np.add(evaluate(recipe.left, tensors), evaluate(recipe.right, tensors))


@evaluate.register
def _(recipe: recipes.Difference, tensors: Tensors) -> Array:
    return np.subtract(evaluate(recipe.left, tensors), evaluate(recipe.right, tensors))


@evaluate.register
def _(recipe: recipes.InverseRoot, tensors: Tensors) -> Array:
    return np.asarray(1 / np.sqrt(evaluate(recipe.of, tensors) + recipe.eps))


@evaluate.register
def _(recipe: recipes.Total, tensors: Tensors) -> Array:
    value = evaluate(recipe.of, tensors)
    return np.asarray(value.reshape(len(value), -1).sum(1))
