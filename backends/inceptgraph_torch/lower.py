"""A spec's graph to a :class:`SpecModule` with initial weights."""

from __future__ import annotations

import re

import torch
from torch import fx, nn

from inceptgraph.graph import Graph, Node
from inceptgraph_torch.initialize import initialize, tensor_seed
from inceptgraph_torch.module import LOSS_WEIGHTS, TRAINING_ONLY, SpecModule
from inceptgraph_torch.rules import Layer, rule

__all__ = ["initialize_weights", "lower", "module_path"]


def lower(
    graph: Graph,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | str | None = None,
    seed: int | None = None,
    channels_last: bool = False,
    initialized: bool = True,
) -> SpecModule:
    """Make the module of a graph.

    Args:
        graph: with shapes, both phases.
        device: where the weights live; the default device unless given.
        dtype: their type, such as ``torch.bfloat16`` or ``"bfloat16"``; float32 unless given.
        seed: makes the initial weights reproducible; without it they come from torch's own
            random state, hence from ``torch.manual_seed``.
        channels_last: keep 4-dimensional weights in channels-last order.
        initialized: False leaves the weights as they are in memory, for a caller who loads them.

    Returns:
        In training mode, as every new ``nn.Module``.
    """
    dtype = _dtype(dtype)
    # On the meta device layers cost nothing: memory is taken once, numbers are drawn once.
    with torch.device("meta"):
        root = nn.Module()
        wiring = _emit(graph, root)
        module = SpecModule(root, wiring, class_name=_identifier(graph.name))
    module.to(dtype=dtype)
    module.to_empty(device=device or torch.get_default_device())
    if channels_last:
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if initialized:
        initialize_weights(module, graph, seed)
    return module


@torch.no_grad()
def initialize_weights(module: nn.Module, graph: Graph, seed: int | None = None) -> None:
    """Give every tensor of ``module`` the initial value that the spec says."""
    if seed is None:
        seed = int(torch.randint(2**62, (), device="cpu"))
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    for node in graph.nodes.values():
        path = module_path(node.name)
        for name, weight in graph.weights(node).items():
            tensor = tensors.pop(f"{path}.{name}")
            initialize(tensor, weight, tensor_seed(seed, f"{node.name}.{name}"))
    for tensor in tensors.values():
        tensor.zero_()  # counters that torch keeps, such as num_batches_tracked


def _emit(graph: Graph, root: nn.Module) -> fx.Graph:
    """The fx graph, with its layers put into ``root``."""
    wiring = fx.Graph()
    values: dict[str, fx.Node] = {}
    for node in graph.inputs:
        values[node.name] = wiring.placeholder(_identifier(node.name))
    for node in graph.nodes.values():
        if node.name not in values:
            operands = [values[name] for name in node.inputs]
            values[node.name] = _emit_node(graph, node, root, wiring, operands)
    results = {output.name: values[output.node] for output in graph.outputs}
    single = len(results) == 1
    returned = wiring.output(next(iter(results.values())) if single else results)
    returned.meta[TRAINING_ONLY] = tuple(o.name for o in graph.outputs if o.training_only)
    returned.meta[LOSS_WEIGHTS] = {
        o.name: 1.0 if o.loss_weight is None else o.loss_weight for o in graph.outputs
    }
    return wiring


def _emit_node(
    graph: Graph, node: Node, root: nn.Module, wiring: fx.Graph, operands: list[fx.Node]
) -> fx.Node:
    lowered = rule(node.op, *graph.operands(node))
    if isinstance(lowered, Layer):
        path = module_path(node.name)
        _put(root, path, lowered.create())
        value = wiring.call_module(path, tuple(operands))
    else:
        value = lowered.emit(wiring, operands)
    value.meta["inceptgraph"] = node.name
    return value


def _put(root: nn.Module, path: str, module: nn.Module) -> None:
    *outer, last = path.split(".")
    for part in outer:
        inner = root._modules.get(part)
        if inner is None:
            inner = nn.Module()
            root.add_module(part, inner)
        root = inner
    root.add_module(last, module)


_TAKEN = frozenset(dir(SpecModule)) | frozenset(vars(nn.Module()))


def module_path(name: str) -> str:
    """The path of a node's layer: the node's own, with ``_`` after a word that torch's modules
    use themselves, such as ``train`` or ``half``.

    >>> module_path("inception_3a.3x3.reduce.conv"), module_path("head.half")
    ('inception_3a.3x3.reduce.conv', 'head.half_')
    """
    return ".".join(f"{part}_" if part in _TAKEN else part for part in name.split("."))


def _identifier(name: str) -> str:
    cleaned = re.sub(r"\W", "_", name)
    return f"_{cleaned}" if cleaned[:1].isdigit() else cleaned or "network"


def _dtype(dtype: torch.dtype | str | None) -> torch.dtype:
    if isinstance(dtype, torch.dtype):
        return dtype
    found = getattr(torch, dtype, None) if isinstance(dtype, str) else torch.get_default_dtype()
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise ValueError(
            f"there is no floating-point dtype {dtype!r}: use float32, float16, bfloat16 or float64"
        )
    return found
