"""Precision of a GPU's products."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor
from torch.autograd import Variable

from inceptgraph.engine import Setting

__all__ = ["products", "products_of_backward"]


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


def products_of_backward(outputs: Iterable[Tensor], setting: Setting) -> None:
    """Let the backward pass multiply as the forward pass did, which is over by then.

    Args:
        outputs: of the forward pass.
        setting: how it ran.
    """
    if not setting.on_gpu:
        return

    def begin(_: Tensor) -> None:
        task = torch._C._current_graph_task_id()
        if task in _passes:  # another output's gradient came first, or another call's
            return
        stack = ExitStack()
        stack.enter_context(_during(task, setting))
        # the pass owns it: one that fails drops the callback, and with it what it is to close
        Variable._execution_engine.queue_callback(stack.close)

    for each in outputs:
        if each.requires_grad:
            each.register_hook(begin)  # type: ignore[no-untyped-call]


_passes: set[int] = set()
"""Backward passes that run with the products of a setting, as autograd counts them."""


@contextmanager
def _during(task: int, setting: Setting) -> Iterator[None]:
    _passes.add(task)
    try:
        with products(setting):
            yield
    finally:
        _passes.discard(task)
