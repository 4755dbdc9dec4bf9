"""A spec's graph to a :class:`SpecModule` with initial weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from inceptgraph.arguments import check
from inceptgraph.graph import Graph
from inceptgraph.ops import Weight
from inceptgraph.weights import Fitted
from inceptgraph.weights.recipe_values import Tensors, checked
from inceptgraph_torch.emission import emit
from inceptgraph_torch.initialize import initialize, tensor_seed
from inceptgraph_torch.loading import load_fitted, tensors_of
from inceptgraph_torch.options import KINDS, read_device, read_dtype
from inceptgraph_torch.recipe_tensors import as_array, evaluate_recipes
from inceptgraph_torch.spec_module import SpecModule

__all__ = ["initial", "initialize_weights", "lower"]


def lower(
    graph: Graph,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | str | None = None,
    seed: int | None = None,
    channels_last: bool = False,
    initialized: bool = True,
    flat: bool = False,
    weights: Fitted | None = None,
    tensors: Tensors | None = None,
) -> SpecModule:
    """Make the module of a graph.

    Args:
        graph: with shapes, both phases.
        device: where the weights live (default: torch's default device).
        dtype: their type, such as ``torch.bfloat16`` or ``"bfloat16"`` (default: float32).
        seed: makes the initial weights reproducible; without it they come from torch's own
            random state, hence from ``torch.manual_seed``.
        channels_last: keep 4-dimensional weights in channels-last order.
        initialized: False leaves the weights as they are in memory, for a caller who loads them.
        flat: run every step in the network's own fx graph, for tools that rewrite it: stages and
            blocks then hold their layers, and are not called.
        weights: a file that was fitted to the graph, before passes rewrote it; what it has not
            starts as the spec says.
        tensors: all weights as arrays, by their names in the graph before passes rewrote it; what
            torch counts beside them starts at zero where it is not there.

    Returns:
        In training mode, as every new ``nn.Module``.

    Raises:
        SpecError: there is no such device or dtype, or the file cannot be read.
        TypeError: another option has the wrong type.
        ValueError: one of the arrays is missing or has another shape.
    """
    given = {"seed": seed, "channels_last": channels_last}
    check(KINDS, {**given, "initialized": initialized, "flat": flat})
    device, dtype = read_device(device), read_dtype(dtype)
    # On the meta device layers cost nothing: memory is taken once, numbers are drawn once.
    with torch.device("meta"):
        module = emit(graph, flat=flat)
    _allocate(module, device, dtype, channels_last)
    own = tensors_of(module, graph)
    if tensors is not None:
        _take(own, graph, tensors)
    elif graph.rewritten_from is None:
        if initialized:
            initialize_weights(own, graph.originals, seed)
        if weights is not None:
            load_fitted(own, weights)
    elif initialized or weights is not None:
        started = initial(graph, seed=seed, weights=weights, device=device, dtype=dtype)
        evaluate_recipes(own, graph, {name: as_array(each) for name, each in started.items()})
    return module


@torch.no_grad()
def _take(own: Mapping[str, Tensor], graph: Graph, arrays: Tensors) -> None:
    """Fill the tensors of a module from arrays."""
    evaluate_recipes(own, graph, checked(graph, arrays))
    for name, tensor in own.items():
        if not tensor.is_floating_point():  # a counter of batches, which is no weight of the graph
            tensor.copy_(torch.from_numpy(arrays[name])) if name in arrays else tensor.zero_()


def initial(
    graph: Graph,
    *,
    seed: int | None = None,
    weights: Fitted | None = None,
    device: torch.device | None = None,
    dtype: torch.dtype = torch.float32,
) -> dict[str, Tensor]:
    """The weights that a network starts with, by their names in its graph.

    Args:
        graph: of which the weights are; of a rewritten one, those of the original.
        seed: see :func:`lower`.
        weights: a file; what it has not starts as the spec says.
        device: where they are.
        dtype: their type.

    Raises:
        SpecError: the file cannot be read.
        TypeError: the seed is no whole number.
    """
    check(KINDS, {"seed": seed})
    tensors = {
        name: torch.empty(weight.shape, dtype=dtype, device=device)
        for name, weight in graph.originals.items()
    }
    initialize_weights(tensors, graph.originals, seed)
    if weights is not None:
        load_fitted(tensors, weights)
    return tensors


def _allocate(
    module: nn.Module, device: torch.device, dtype: torch.dtype, channels_last: bool
) -> None:
    """Give the tensors memory. ``Module.to_empty`` would import sympy for it (0.3 s)."""

    def empty(tensor: Tensor) -> Tensor:
        return torch.empty(
            tensor.shape,
            dtype=dtype if tensor.is_floating_point() else tensor.dtype,
            device=device,
            memory_format=(
                torch.channels_last
                if channels_last and tensor.dim() == 4
                else torch.contiguous_format
            ),
        )

    for part in module.modules():
        for name, parameter in [*part.named_parameters(recurse=False)]:
            setattr(part, name, nn.Parameter(empty(parameter), parameter.requires_grad))
        for name, buffer in [*part.named_buffers(recurse=False)]:
            # a constant has its numbers; what is a weight gets them later
            setattr(part, name, empty(buffer) if buffer.is_meta else buffer.to(device, dtype))


@torch.no_grad()
def initialize_weights(
    tensors: Mapping[str, Tensor], weights: Mapping[str, Weight], seed: int | None = None
) -> None:
    """Give every tensor the initial value that the spec says.

    Args:
        tensors: by their names in the graph; counters that torch keeps beside the weights, such as
            ``num_batches_tracked``, start at zero.
        weights: what the graph says of them.
        seed: see :func:`lower`.
    """
    if seed is None:
        seed = int(torch.randint(2**62, (), device="cpu"))
    for name, tensor in tensors.items():
        if name in weights:
            initialize(tensor, weights[name], tensor_seed(seed, name))
        else:
            tensor.zero_()
