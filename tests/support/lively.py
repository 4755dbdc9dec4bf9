"""Weights under which every layer tells its inputs apart, and what such layers give in 8 bits."""

from __future__ import annotations

from typing import Any

import torch
from agreement import randomized
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from inceptgraph.graph import Graph
from inceptgraph_torch import SpecModule
from inceptgraph_torch.bench.calibrate import watching

__all__ = ["images", "in_eight_bits", "lively"]


def images(graph: Graph, count: int, seed: int) -> list[Tensor]:
    """Samples for each input, in float64 that float32 holds, that differ in colour, in what is
    where, and in every pixel: white noise looks the same to whatever takes averages of it."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(count, *shape, generator=generator)

    made = []
    for channels, *extents in (graph.shape(node.name) for node in graph.inputs):
        coarse, one = ([side] * len(extents) for side in (4, 1))
        mode = ("linear", "bilinear", "trilinear")[len(extents) - 1]
        places = nn.functional.interpolate(drawn(channels, *coarse), size=extents, mode=mode)
        made.append(drawn(channels, *one) + 1.5 * places + 0.5 * drawn(channels, *extents))
    return [each.double() for each in made]


def lively(graph: Graph, calibration: list[Tensor], seed: int = 0) -> SpecModule:
    """The module in float64, with weights that float32 holds.

    The maps of every layer have the mean square 1 over some images, and normalisations have their
    statistics. As networks start, many give the same whatever they see, but for the last digits:
    who computes an inner layer wrongly would be right.
    """
    module = randomized(graph, seed)
    with torch.no_grad():
        with watching(module, _fit):
            module(*calibration)
        for tensor in module.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(tensor.float())
    return module


def _fit(layer: nn.Module, operands: tuple[Tensor, ...], result: Tensor) -> Tensor:
    if isinstance(layer, _BatchNorm):
        (x,), mean, variance = operands, layer.running_mean, layer.running_var
        assert mean is not None and variance is not None
        others = [axis for axis in range(x.dim()) if axis != 1]
        mean.copy_(x.mean(others))
        variance.copy_(x.var(others) + 1e-3)
        return nn.functional.batch_norm(x, mean, variance, layer.weight, layer.bias, eps=layer.eps)
    if not isinstance(layer, _ConvNd | nn.Linear):
        return result
    size = result.square().mean().sqrt()
    for tensor in layer.parameters():
        tensor.div_(size)
    return result / size


def in_eight_bits(module: SpecModule, given: list[Tensor], calibration: list[Tensor]) -> Any:
    """What a module gives for images where each matrix of weights, and what each layer reads and
    gives, has 256 values, evenly spaced over what it spans in the calibration."""
    spans: dict[tuple[nn.Module, int], tuple[Tensor, Tensor]] = {}

    def measure(layer: nn.Module, operands: Any, result: Tensor) -> Tensor:
        spans[layer, 0] = torch.aminmax(result)
        return result

    def coarse(layer: nn.Module, operands: Any, result: Tensor) -> Tensor:
        return _rounded(result, *spans[layer, 0])

    with torch.no_grad():
        with watching(module, measure):
            module(*calibration)
        for tensor in module.parameters():
            if tensor.dim() > 1:
                largest = tensor.abs().max()
                tensor.copy_(_rounded(tensor, -largest, largest))
        pairs = zip(given, calibration, strict=True)
        inputs = [_rounded(image, *torch.aminmax(each)) for image, each in pairs]
        with watching(module, coarse):
            return module(*inputs)


def _rounded(value: Tensor, least: Tensor, most: Tensor) -> Tensor:
    """The nearest of 256 numbers, of which zero is one."""
    least, most = least.clamp(max=0), most.clamp(min=0)
    step = ((most - least) / 255).clamp(min=1e-30)
    zero = (-least / step).round()
    return ((value / step).round().clamp(-zero, 255 - zero)) * step
