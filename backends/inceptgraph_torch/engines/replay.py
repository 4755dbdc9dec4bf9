"""Networks as CUDA graphs, which are launched at once instead of kernel by kernel."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

__all__ = ["Replay", "warm_up"]

KEPT = 16
"""CUDA graphs at a time: another shape of inputs makes the one go that was not used for longest."""
WARM_UPS = 2
"""Calls before the capture, in which libraries set themselves up."""

Call = Callable[..., Any]


def warm_up(call: Callable[[], object]) -> None:
    """Call on a stream aside, as :class:`torch.cuda.CUDAGraph` asks for."""
    caller = torch.cuda.current_stream()
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(caller)
    with torch.cuda.stream(aside):
        for _ in range(WARM_UPS):
            call()
    caller.wait_stream(aside)


class Replay:
    """Computes what a network does, with one CUDA graph for each shape of its inputs.

    Weights may change in place, as ``load_state_dict`` does; a network whose weights move needs
    another replay. Threads take turns.
    """

    def __init__(self, network: Call, captured: Call | None = None) -> None:
        """Args:
        network: without gradients, from tensors on one device to tensors.
        captured: what is captured in its place, and computes the same.
        """
        self._network = network
        self._captured = captured or network
        self._captures: OrderedDict[tuple[torch.Size, ...], _Capture] = OrderedDict()
        self._pool: Any = None
        self._lock = threading.Lock()

    def __call__(self, *inputs: Tensor) -> Any:
        # tensors made in inference mode could not be written in a call outside of it
        apart = torch.inference_mode(False)
        with self._lock, apart, torch.no_grad(), torch.cuda.device(inputs[0].device):
            return self._of(inputs)(inputs)

    def _of(self, inputs: tuple[Tensor, ...]) -> _Capture:
        shapes = tuple(each.shape for each in inputs)
        if shapes not in self._captures:
            while len(self._captures) >= KEPT:
                self._captures.popitem(last=False)
            own = [each.clone() for each in inputs]
            warm_up(lambda: self._network(*own))
            # one memory for all: they never run at the same time, and results are copied
            self._pool = self._pool or torch.cuda.graph_pool_handle()
            self._captures[shapes] = _Capture(self._captured, own, self._pool)
        self._captures.move_to_end(shapes)
        return self._captures[shapes]


class _Capture:
    """A CUDA graph with the tensors that it reads and writes."""

    def __init__(self, network: Call, inputs: list[Tensor], pool: Any) -> None:
        self._inputs = inputs
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, pool=pool, capture_error_mode="thread_local"):
            self._found = network(*inputs)
        self._done = torch.cuda.Event()  # type: ignore[no-untyped-call]

    def __call__(self, inputs: tuple[Tensor, ...]) -> Any:
        torch.cuda.current_stream().wait_event(self._done)  # of a caller on another stream
        torch._foreach_copy_(self._inputs, inputs)
        self._graph.replay()
        found = tree_map(torch.clone, self._found)
        self._done.record()
        return found
