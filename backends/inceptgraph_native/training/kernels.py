"""The compiled kernels, called with tensors: ``kernels/training/``."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from inceptgraph_native import processor
from inceptgraph_native.compile_cache import KERNELS, compiled
from inceptgraph_native.structures import structure

__all__ = [
    "Filter",
    "Kernels",
    "Norm",
    "Response",
    "Window",
    "call",
    "channels_last",
    "lanes",
    "load",
    "maps",
    "pitched",
    "sums_of",
    "takes",
    "vectors",
]

_SUMS = {
    torch.float32: torch.float32,
    torch.float64: torch.float64,
    torch.bfloat16: torch.float32,
}
"""What numbers of a type are summed in."""


Window = structure("training/pool.hpp", "Window")
Filter = structure("training/tiles.hpp", "Filter")
Kernels = structure("training/tiles.hpp", "Kernels")
Norm = structure("training/norm.hpp", "Norm")
Response = structure("training/lrn.hpp", "Response")


@cache
def load() -> ctypes.CDLL:
    """The library, compiled unless it is in the cache.

    Raises:
        SpecError: the compiler fails; it may have no OpenMP.
        FileNotFoundError: there is no compiler.
    """
    # torch has OpenMP loaded, and a library of the same name is loaded once: threads are shared
    source = (KERNELS / "training" / "entry.cpp").read_text()
    return ctypes.CDLL(str(compiled([source], processor.here(), ["-fopenmp"])))


@cache
def lanes() -> int:
    """Numbers of float32 in a vector of the kernels."""
    return processor.here().lanes


def takes(x: Tensor, *parameters: Tensor | None) -> bool:
    """Whether the kernels can work on maps with these parameters: on real ones, of which nobody
    wants to see what torch does with them."""
    return (
        not _watched()
        and type(x) is Tensor
        and x.device.type == "cpu"
        and x.dim() == 4
        and x.dtype in _SUMS
        and x.numel() > 0
        and all(
            each is None or (each.dtype is sums_of(x) and each.device == x.device)
            for each in parameters
        )
    )


def _watched() -> bool:
    """Whether it is to be torch that computes: for a compiler, a tracer, a transformation such as
    ``torch.func.grad``, or a mode that sees each operation, such as ``make_fx`` and the counter of
    operations. They would take what a kernel writes for what was in memory before, or miss it."""
    return (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        or torch._C._are_functorch_transforms_active()
        or is_in_torch_dispatch_mode()
    )


def vectors(channels: int, *parameters: Tensor | None) -> bool:
    """Whether parameters hold a number for each channel, with nothing between."""
    return all(
        each is None or (each.shape == (channels,) and each.is_contiguous()) for each in parameters
    )


def sums_of(x: Tensor) -> torch.dtype:
    """The type that numbers of a tensor are summed in."""
    return _SUMS[x.dtype]


def channels_last(x: Tensor) -> Tensor:
    """The same, with channels innermost and nothing between, and signs as they lie in memory."""
    return x.resolve_neg().contiguous(memory_format=torch.channels_last)


def maps(like: Tensor, shape: Sequence[int], dtype: torch.dtype | None = None) -> Tensor:
    """Memory for maps with channels innermost, of the type of others unless given."""
    return torch.empty(
        shape, dtype=dtype or like.dtype, device=like.device, memory_format=torch.channels_last
    )


def pitched(x: Tensor) -> tuple[Tensor, int]:
    """The same with channels innermost, and the numbers from a pixel to the next: what a
    concatenation hands back to each branch is a range of channels, which need not be copied."""
    channels, height, width = x.shape[1:]
    across = x.stride(3)
    rows = (height * width * across, 1, width * across, across)
    if x.stride() == rows and across >= channels and not x.is_neg():
        return x, across
    return channels_last(x), channels


def call(kernel: str, dtype: torch.dtype, *arguments: Any) -> None:
    """Run a kernel in as many threads as torch has.

    Args:
        kernel: its name without the type.
        dtype: the type of the maps.
        arguments: in order: tensors, structures, integers (``long``), and None for no tensor.
    """
    _function(kernel, dtype)(*map(_argument, arguments), ctypes.c_int(torch.get_num_threads()))


@cache
def _function(kernel: str, dtype: torch.dtype) -> Callable[..., None]:
    function = getattr(load(), f"{kernel}_{str(dtype).removeprefix('torch.')}")
    function.restype = None
    found: Callable[..., None] = function
    return found


def _argument(value: Any) -> Any:
    if isinstance(value, Tensor):
        return ctypes.c_void_p(value.data_ptr())
    if isinstance(value, ctypes.Structure):
        return ctypes.byref(value)
    if isinstance(value, int):
        return ctypes.c_long(value)
    assert value is None, "real numbers go in structures, which know their types"
    return ctypes.c_void_p()
