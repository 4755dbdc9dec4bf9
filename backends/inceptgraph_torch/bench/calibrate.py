"""Weights under which nothing is degenerate, for measuring.

A network's initial weights often make its activations shrink from layer to layer, down to denormal
numbers, with which processors are many times slower; or its outputs nearly the same for all inputs,
so that a comparison proves little. Here each layer's weights are scaled by what comes out of it, as
Krähenbühl et al. do (Data-dependent Initializations of Convolutional Neural Networks, 2016, section
3.1): every channel has mean 0 and variance 1 over some random samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["calibrate", "degenerate"]

_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
JITTER = 0.1
"""Standard deviation of what is added to biases and scales, which start as all zeros or ones."""
DENORMAL_SHARE = 1e-3
"""Of elements, above which denormal numbers are worth a word."""


@torch.no_grad()
def calibrate(module: nn.Module, inputs: Sequence[Tensor], seed: int) -> None:
    """Make activations of order 1 in every layer, in place.

    Convolutions, linear layers and batch normalisation are adjusted, in the order in which they
    run; what torch does not know stays as it is.

    Args:
        module: in float32; its modes stay as they are.
        inputs: random ones, of several samples.
        seed: of biases and scales.
    """
    generator = torch.Generator(inputs[0].device).manual_seed(seed)
    for parameter in module.parameters():
        if parameter.dim() == 1:
            noise = torch.randn(parameter.shape, generator=generator, device=parameter.device)
            parameter.add_(JITTER * noise)
    done: set[nn.Module] = set()

    def adjust(layer: nn.Module, given: tuple[Any, ...], found: Any) -> Any:
        if layer in done:  # one that runs more than once is adjusted to its first input
            return None
        done.add(layer)
        if isinstance(layer, _LAYERS):
            _standardise(layer, found)
        elif isinstance(layer, _BatchNorm) and layer.running_mean is not None:
            _take_statistics(layer, given[0])
        else:
            return None
        return type(layer).forward(layer, *given)

    with _watching(module, adjust), _deterministic(module):
        module(*inputs)


@torch.no_grad()
def degenerate(module: nn.Module, inputs: Sequence[Tensor]) -> list[str]:
    """Which layers give numbers that falsify timings or comparisons.

    Args:
        module: in float32.
        inputs: random ones.

    Returns:
        A sentence for each kind of such numbers.
    """
    found: dict[str, list[str]] = {}
    names = {layer: name for name, layer in module.named_modules()}

    def look(layer: nn.Module, given: tuple[Any, ...], value: Any) -> None:
        if isinstance(value, Tensor) and (kind := _kind(value)):
            found.setdefault(kind, []).append(names[layer])

    with _watching(module, look), _deterministic(module):
        module(*inputs)
    return [
        f"`{layers[0]}`{f' and {len(layers) - 1} more' if layers[1:] else ''} {kind}"
        for kind, layers in found.items()
    ]


def _kind(value: Tensor) -> str | None:
    if not value.isfinite().all():
        return "gives numbers that are not finite: outputs cannot be compared"
    size = value.abs()
    if not size.any():
        return "gives zeros alone: what comes before it is not compared"
    denormal = (size > 0) & (size < torch.finfo(value.dtype).tiny)
    if denormal.float().mean() > DENORMAL_SHARE:
        return "gives denormal numbers, with which processors are slower"
    return None


def _standardise(layer: nn.Module, found: Tensor) -> None:
    """Give each channel mean 0 and variance 1; without a bias, all of them variance 1 together."""
    weight, bias = layer.weight, layer.bias
    assert isinstance(weight, Tensor)
    channel = found.dim() - 1 if isinstance(layer, nn.Linear) else 1
    others = [axis for axis in range(found.dim()) if axis != channel]
    if bias is None:
        scale = _usable(found.std()).expand(weight.shape[0])
    else:
        assert isinstance(bias, Tensor)
        scale = _usable(found.std(others))
        jitter = bias.clone()  # drawn by now, and centred around what the spec says
        bias.copy_((bias - found.mean(others)) / scale + jitter)
    weight.div_(scale.reshape(-1, *[1] * (weight.dim() - 1)))


def _take_statistics(layer: _BatchNorm, given: Tensor) -> None:
    others = [axis for axis in range(given.dim()) if axis != 1]
    assert layer.running_mean is not None and layer.running_var is not None
    layer.running_mean.copy_(given.mean(others))
    layer.running_var.copy_(_usable(given.std(others)).square())


def _usable(scale: Tensor) -> Tensor:
    """Standard deviations to divide by: a channel that hardly varies is not blown up."""
    typical = scale.nanmean()
    typical = typical if typical > 0 else torch.ones_like(typical)
    return scale.nan_to_num(nan=0.0).clamp(min=0.1 * float(typical))


@contextmanager
def _watching(module: nn.Module, hook: Callable[..., Any]) -> Iterator[None]:
    """Every layer that holds no others calls a hook."""
    leaves = [part for part in module.modules() if not any(part.children())]
    handles = [part.register_forward_hook(hook) for part in leaves]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _deterministic(module: nn.Module) -> Iterator[None]:
    """Layers as in evaluation, but the module itself in training, so that its heads run, too."""
    modes = {part: part.training for part in module.modules()}
    for part in modes:
        part.training = any(part.children())
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode
