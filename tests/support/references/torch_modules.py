"""The layers of a torch module, and a run of it: for references that are one, and for ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from inspect import signature
from typing import Any

import torch
from torch import Tensor, fx, nn

from references.order import canonical
from references.records import TENSORS, Layer, Run, Summary
from references.values import image

__all__ = ["layers", "run", "traced", "without_dropout"]


class _Tracer(fx.Tracer):
    """Takes a module that has weights of its own for one layer, whatever it does with them."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        own = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
        return bool(own) or super().is_leaf_module(module, name)


def traced(module: nn.Module) -> fx.GraphModule:
    """The wiring of a module in the mode that it is in."""
    return fx.GraphModule(module, _Tracer().trace(module))


def _outputs(returned: Any) -> list[Any]:
    """What a module returned, one or several, as a list."""
    if isinstance(returned, Mapping):
        return list(returned.values())
    if isinstance(returned, fx.Node) and hasattr(returned.target, "_fields"):  # a named tuple
        return list(returned.args)
    return list(returned) if isinstance(returned, (tuple, list)) else [returned]


def layers(module: fx.GraphModule, order: Sequence[int]) -> list[tuple[Layer, ...]]:
    """The layers that each output adds, in canonical order.

    Args:
        module: in a mode in which it returns all outputs.
        order: which of the returned values come first, second and so on.
    """
    parts = dict(module.named_modules())
    returned = _outputs(module.graph.output_node().args[0])

    def joins(node: fx.Node) -> bool:
        return any(isinstance(argument, (tuple, list)) for argument in node.args)

    nodes = canonical(
        [returned[index] for index in order],
        lambda node: node.all_input_nodes,
        joins,
        lambda node: node.op == "placeholder",
    )
    called = [dict.fromkeys(n.target for n in found if n.op == "call_module") for found in nodes]
    before: set[Any] = set()  # a layer may be called again
    layers = []
    for names in called:
        layers.append(tuple(_layers(parts, (name for name in names if name not in before))))
        before.update(names)
    return layers


def _layers(parts: Mapping[str, nn.Module], names: Iterable[Any]) -> Iterable[Layer]:
    for name in names:
        own = {**dict(parts[name].named_parameters()), **dict(parts[name].named_buffers())}
        tensors = "".join(initial for initial, kind in TENSORS.items() if kind in own)
        if tensors:
            yield Layer(name, tensors, tuple(own[TENSORS[tensors[0]]].shape))


def without_dropout(module: nn.Module) -> None:
    """Switch dropout and stochastic depth off, for both modes."""
    for part in module.modules():
        stochastic = type(part).__name__ == "StochasticDepth"  # torchvision's and ours
        if stochastic or isinstance(part, nn.modules.dropout._DropoutNd):
            part.p = 0.0


@torch.no_grad()
def run(module: nn.Module, shape: Sequence[int], names: Sequence[str], order: Sequence[int]) -> Run:
    """One pass in the mode that the module is in; it leaves no trace in running statistics.

    Args:
        module: of float64.
        shape: of the input; of each, where there are several.
        names: of the outputs in canonical order; fewer may come.
        order: where in what is returned these stand.
    """
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    inputs = len(signature(module.forward).parameters)
    images = torch.from_numpy(image((inputs * shape[0], *shape[1:]))).chunk(inputs)
    returned: list[Tensor] = _outputs(module(*images))
    module.load_state_dict(buffers, strict=False)
    found = [returned[index] for index in order if index < len(returned)]
    assert all(output.dtype == torch.float64 for output in found)
    return Run(
        tuple(shape),
        {name: Summary.of(output) for name, output in zip(names, found, strict=False)},
    )
