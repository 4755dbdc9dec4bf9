"""Weights under which nothing is degenerate, for measuring.

A network's initial weights often make its activations shrink from layer to layer, down to denormal
numbers, with which processors are many times slower. Here the weights of each layer are divided by
the size of what comes out of it for some random samples, layer by layer as Mishkin and Matas do
(All You Need Is a Good Init, 2016, algorithm 1). Channels are not centred: that would magnify the
differences between samples layer by layer, and with them what rounding makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["calibrate", "degenerate", "watching"]

_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
JITTER = 0.1
"""Standard deviation of what is added to biases, scales and statistics, which start alike."""
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

    def noise(like: Tensor) -> Tensor:
        return JITTER * torch.randn(like.shape, generator=generator, device=like.device)

    for parameter in module.parameters():
        if parameter.dim() == 1:
            parameter.add_(noise(parameter))
    done: set[nn.Module] = set()

    def adjust(layer: nn.Module, given: tuple[Any, ...], found: Any) -> Any:
        if layer in done:  # one that runs more than once is adjusted to its first input
            return None
        done.add(layer)
        if isinstance(layer, _LAYERS):
            _scale(layer, found)
        elif isinstance(layer, _BatchNorm) and layer.running_mean is not None:
            assert layer.running_var is not None
            size = _size(given[0])
            layer.running_mean.copy_(size * noise(layer.running_mean))
            layer.running_var.copy_(size**2 * noise(layer.running_var).exp())
        else:
            return None
        return layer.forward(*given)

    with watching(module, adjust), _deterministic(module):
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

    with watching(module, look), _deterministic(module):
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


def _scale(layer: nn.Module, found: Tensor) -> None:
    """Make what the weights give of size 1, to which the bias comes."""
    weight, bias = layer.weight, layer.bias
    assert isinstance(weight, Tensor)
    if isinstance(bias, Tensor):
        axes = 0 if isinstance(layer, nn.Linear) else found.dim() - 2
        found = found - bias.reshape(-1, *[1] * axes)
    weight.div_(_size(found))


def _size(value: Tensor) -> Tensor:
    """The root of the mean square; 1 of what is zero."""
    size = value.square().mean().sqrt()
    return torch.where(size > 0, size, 1.0)


@contextmanager
def watching(module: nn.Module, hook: Callable[..., Any]) -> Iterator[None]:
    """Every layer that holds no others calls a hook.

    Args:
        module: of the layers.
        hook: see :meth:`torch.nn.Module.register_forward_hook`.
    """
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
