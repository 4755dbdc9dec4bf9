"""Networks in float64, and how close others come to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from inceptgraph.graph import Graph
from inceptgraph.weights.recipe_values import Array
from inceptgraph_torch import SpecModule
from inceptgraph_torch import lower as to_module
from inceptgraph_torch.loading import tensors_of

__all__ = ["Array", "arrays", "assert_close", "by_name", "expected", "randomized", "samples"]


def randomized(graph: Graph, seed: int = 0) -> SpecModule:
    """The module in float64, with weights that float32 holds.

    Kernels and matrices start as the spec says, so that values neither vanish nor explode. Vectors,
    which start as constants, are drawn.
    """
    module = to_module(graph, dtype="float64", seed=0).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.dim() == 1:
                tensor.add_(torch.rand(tensor.shape, generator=generator) * 0.3)
            if tensor.is_floating_point():
                tensor.copy_(tensor.float())
    return module


def arrays(module: SpecModule, graph: Graph) -> dict[str, Array]:
    return {
        name: tensor.detach().numpy()
        for name, tensor in tensors_of(module, graph).items()
        if tensor.is_floating_point()
    }


def samples(graph: Graph, batch: int, seed: int = 0) -> dict[str, Array]:
    """Inputs in float64 that float32 holds."""
    generator = torch.Generator().manual_seed(seed)
    return {
        node.name: 2
        * torch.randn(batch, *graph.shape(node.name), generator=generator).double().numpy()
        for node in graph.inputs
    }


def by_name(graph: Graph, found: Any) -> dict[str, Array]:
    """What a network gave, a tensor or several by name, in float64 by name."""
    pairs = found if isinstance(found, Mapping) else {graph.outputs[0].name: found}
    return {name: value.detach().double().numpy() for name, value in pairs.items()}


def expected(module: SpecModule, inputs: dict[str, Array]) -> list[Array]:
    with torch.no_grad():
        found = module(*map(torch.from_numpy, inputs.values()))
    return [value.numpy() for value in (found.values() if isinstance(found, dict) else [found])]


def assert_close(found: list[Array], wanted: list[Array], tolerance: float) -> None:
    assert [each.shape for each in found] == [each.shape for each in wanted]
    for ours, theirs in zip(found, wanted, strict=True):
        scale = max(abs(theirs).max(), 1.0)
        assert abs(ours - theirs).max() <= tolerance * scale
