"""What a machine reaches: the fastest of a few products that it is built for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import torch
from torch.nn import functional as F

from inceptgraph.engine import Setting
from inceptgraph_torch.engines.precision import products
from inceptgraph_torch.engines.runner import compute_dtype

__all__ = ["peak"]

SECONDS = 0.05
"""For each product. A call takes some milliseconds, so that some fall between what others run."""
_CONVOLUTIONS = ((1, 256, 28, 3), (1, 512, 14, 3), (2, 512, 28, 1))
"""Batch, channels in and out, size of the map, and of the kernel."""
_PRODUCTS = {"cpu": (768,), "cuda": (4096, 8192)}
"""Sizes of square matrices."""

Work = tuple[int, Callable[[], object]]


def peak(setting: Setting) -> float | None:
    """The most FLOP/s that a dtype reaches on a device: the best call of a few convolutions, which
    on a CPU oneDNN computes, and matrix products.

    Returns:
        None where torch cannot compute in it.
    """
    best = 0.0
    try:
        with products(setting):
            for flops, call in _work(setting):
                best = max(best, flops / _least_seconds(call, setting))
    except RuntimeError:  # no kernel for it
        return best or None
    return best


def _work(setting: Setting) -> Iterator[Work]:
    device, dtype = torch.device(setting.device), compute_dtype(setting)

    def draw(*shape: int) -> torch.Tensor:
        found = torch.randn(shape, device=device).to(dtype)
        return found.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else found

    for size in _PRODUCTS["cuda" if setting.on_gpu else "cpu"]:
        left, right = draw(size, size), draw(size, size)
        yield 2 * size**3, lambda left=left, right=right: left @ right  # type: ignore[misc]
    if setting.on_gpu:
        return
    for batch, channels, size, kernel in _CONVOLUTIONS:
        maps, weight = draw(batch, channels, size, size), draw(channels, channels, kernel, kernel)
        work = 2 * batch * channels**2 * size**2 * kernel**2
        yield work, lambda m=maps, w=weight: F.conv2d(m, w, padding="same")  # type: ignore[misc]


@torch.no_grad()
def _least_seconds(call: Callable[[], object], setting: Setting) -> float:
    def timed() -> float:
        started = time.perf_counter()
        call()
        if setting.on_gpu:
            torch.cuda.synchronize(setting.device)
        return time.perf_counter() - started

    timed()
    end, least = time.perf_counter() + SECONDS, timed()
    while time.perf_counter() < end:
        least = min(least, timed())
    return least
