"""Layers that compute what torch's do, in training by compiled kernels.

Where a kernel does not take a map, or in evaluation, they are torch's own.
"""

from __future__ import annotations

from contextlib import suppress
from ctypes import Structure
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from inceptgraph.diagnostics import ShapeError
from inceptgraph.ops import sides
from inceptgraph.ops.pool import MaxPool
from inceptgraph_native.training.kernels import (
    Norm,
    Response,
    Window,
    call,
    channels_last,
    maps,
    pitched,
    sums_of,
    takes,
    vectors,
)

__all__ = ["LEAST", "BatchNorm", "FastMaxPool2d", "FastResponseNorm"]

LEAST = 2**15
"""Numbers of a map below which torch's own layer is done before a kernel is called from Python."""


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation, with the ReLU behind it where there is one: that one's input is not
    kept, and its gradient is not written."""

    def __init__(self, norm: nn.BatchNorm2d, relu: bool = False) -> None:
        """Args:
        norm: whose weights and statistics it takes over.
        relu: whether a ReLU is behind it.
        """
        super().__init__(norm.num_features, norm.eps, norm.momentum, device="meta")
        self._parameters, self._buffers = norm._parameters, norm._buffers
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        parts = (self.weight, self.bias, self.running_mean, self.running_var)
        if not (self.training and self.track_running_stats and self._takes(x, *parts)):
            y = super().forward(x)
            return F.relu(y) if self.relu else y
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        momentum = self.momentum
        if momentum is None:  # the mean of all batches
            momentum = 1 / self.num_batches_tracked.item()
        norm = Norm(momentum, self.eps, self.relu)
        found: Tensor = _BatchNorm.apply(x, *parts, norm)  # type: ignore[no-untyped-call]
        return found

    def _takes(self, x: Tensor, *parts: Tensor | None) -> bool:
        return (
            _large(x)
            and takes(x, *parts)
            and vectors(x.shape[1], *parts)
            and x.numel() > x.shape[1]
        )

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, relu={self.relu}"


class _BatchNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        running_mean: Tensor,
        running_var: Tensor,
        norm: Structure,
    ) -> Tensor:
        x = channels_last(x)
        y = torch.empty_like(x)
        mean, spread = (x.new_empty(x.shape[1], dtype=sums_of(x)) for _ in range(2))
        statistics = (mean, spread, running_mean, running_var)
        call("batch_norm", x.dtype, x, y, *_rows(x), weight, bias, *statistics, norm)
        ctx.save_for_backward(x, weight, bias, mean, spread)
        ctx.norm = norm
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias, mean, spread = ctx.saved_tensors
        g, pitch = pitched(gradients[0])
        dx, dweight, dbias = torch.empty_like(x), torch.empty_like(mean), torch.empty_like(mean)
        saved = (weight, bias, mean, spread)
        call(
            "batch_norm_gradient",
            x.dtype,
            *(x, g, pitch, dx, *_rows(x), *saved, dweight, dbias, ctx.norm),
        )
        return (
            dx,
            None if weight is None else dweight,
            None if bias is None else dbias,
            *(None,) * 3,
        )


class FastMaxPool2d(nn.Module):
    """Max pooling with any padding, which remembers a byte where torch remembers eight."""

    def __init__(self, op: MaxPool, plain: nn.Module) -> None:
        """Args:
        op: what is computed.
        plain: torch's layer for it.
        """
        super().__init__()
        self.op, self.plain = op, plain

    def forward(self, x: Tensor) -> Tensor:
        if self.training and _large(x) and takes(x):
            with suppress(ShapeError):  # a map too small for a window, of which torch tells
                shape = self.op.infer(tuple(x.shape[1:]))
                found: Tensor = _MaxPool.apply(x, self.op, shape)  # type: ignore[no-untyped-call]
                return found
        plain: Tensor = self.plain(x)
        return plain


class _MaxPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, op: MaxPool, pooled: tuple[int, ...]) -> Tensor:
        x = channels_last(x)
        images, *shape = x.shape
        channels, *extent = pooled
        top, _, left, _ = sides(op.padding, (shape[1], shape[2]), op.kernel, op.stride)
        window = Window(images, *shape, *extent, *op.kernel, *op.stride, top, left)
        y = maps(x, (images, channels, *extent))
        taps = maps(x, y.shape, torch.uint8)
        call("max_pool", x.dtype, x, y, taps, window)
        ctx.save_for_backward(taps)
        ctx.window, ctx.shape = window, x.shape
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (taps,) = ctx.saved_tensors
        g, pitch = pitched(gradients[0])
        dx = maps(g, ctx.shape)
        call("max_pool_gradient", g.dtype, g, pitch, taps, dx, ctx.window)
        return dx, None, None


class FastResponseNorm(nn.Module):
    """Local response normalisation, which keeps its input alone."""

    def __init__(self, plain: nn.LocalResponseNorm) -> None:
        """Args:
        plain: torch's layer for it.
        """
        super().__init__()
        self.plain = plain

    def forward(self, x: Tensor) -> Tensor:
        if self.training and takes(x):
            found: Tensor = _ResponseNorm.apply(x, self.plain)  # type: ignore[no-untyped-call]
            return found
        plain: Tensor = self.plain(x)
        return plain


class _ResponseNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, norm: nn.LocalResponseNorm) -> Tensor:
        x = channels_last(x)
        y = torch.empty_like(x)
        response = Response(norm.size, norm.alpha / norm.size, norm.beta, norm.k)
        call("response_norm", x.dtype, x, y, *_rows(x), response)
        ctx.save_for_backward(x)
        ctx.response = response
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        g, pitch = pitched(gradients[0])
        dx = torch.empty_like(x)
        call("response_norm_gradient", x.dtype, x, g, pitch, dx, *_rows(x), ctx.response)
        return dx, None


def _large(x: Tensor) -> bool:
    return x.numel() >= LEAST


def _rows(x: Tensor) -> tuple[int, int]:
    """Pixels of all images, and channels."""
    return x.numel() // x.shape[1], x.shape[1]
