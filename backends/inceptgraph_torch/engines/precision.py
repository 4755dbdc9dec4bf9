"""How a GPU multiplies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from inceptgraph.engine import Setting

__all__ = ["products"]


@contextmanager
def products(setting: Setting) -> Iterator[None]:
    """Let a GPU round products to TF32 where a setting wants it, and try kernels where it may.

    Without this torch rounds in convolutions and not in matrix products, whatever was asked for.
    What held before holds again after. On a CPU nothing is read or changed: all of a process shares
    these switches, and torch refuses to read them once a program has used their newer names.
    """
    if not setting.on_gpu:
        yield
        return
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark
    matmul.allow_tf32 = cudnn.allow_tf32 = setting.dtype == "tf32"
    cudnn.benchmark = setting.autotune
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = before
