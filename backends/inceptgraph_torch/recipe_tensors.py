"""The weights of a rewritten graph, from those of the original."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from inceptgraph.graph import Graph
from inceptgraph.weights.recipe_values import Array, Tensors, arrays

__all__ = ["as_array", "evaluate_recipes"]


@torch.no_grad()
def evaluate_recipes(tensors: Mapping[str, Tensor], graph: Graph, originals: Tensors) -> None:
    """Fill the tensors of a graph's module.

    What passes fold is computed in float64, and rounded once.

    Args:
        tensors: to fill, by their names in the graph.
        graph: as passes left it.
        originals: the original network's, by their names in its graph.
    """
    kinds = {tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()}
    kind = np.dtype(np.float32 if kinds == {torch.float32} else np.float64)
    for name, value in arrays(graph, originals, kind):
        tensors[name].copy_(torch.from_numpy(value))


def as_array(tensor: Tensor) -> Array:
    """A tensor as NumPy has it: bfloat16, which it has not, as float32, which holds it exactly."""
    detached = tensor.detach().cpu()
    found: Array = (detached.float() if detached.dtype == torch.bfloat16 else detached).numpy()
    return found
