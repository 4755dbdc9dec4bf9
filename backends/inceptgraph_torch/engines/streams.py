"""Streams: the steps of a network that run one behind another, and those that run side by side."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.utils._pytree import tree_leaves

__all__ = ["SideBySide", "lanes"]


def lanes(graph: fx.Graph) -> dict[fx.Node, int]:
    """A lane for each step: branches get lanes of their own, a join goes on in one of them.

    A step goes on in the lane of the first operand behind which nothing else does. Where there is
    none, it begins another, one that has ended if possible; so there are as many lanes as the
    network has branches side by side.

    Inputs have none: they are there before.

    Args:
        graph: in topological order.
    """
    found: dict[fx.Node, int] = {}
    ends: set[fx.Node] = set()  # steps behind which their lane goes on nowhere yet
    free: list[int] = []
    count = 0
    for node in graph.nodes:
        if node.op in ("placeholder", "get_attr", "output"):
            continue
        last = [operand for operand in node.all_input_nodes if operand in ends]
        if last:
            lane, *ended = [found[operand] for operand in last]
            ends.difference_update(last)
            free.extend(ended)
        elif free:
            lane = free.pop()
        else:
            lane, count = count, count + 1
        found[node] = lane
        if node.users:
            ends.add(node)
    return found


class SideBySide(fx.Interpreter):
    """Runs each lane of a network on a CUDA stream of its own.

    Made to be captured: the CUDA graph holds the dependencies between the streams, and branches
    that do not fill the GPU fill it together.
    """

    def __init__(self, module: fx.GraphModule) -> None:
        """Args:
        module: on CUDA devices.
        """
        super().__init__(module)
        self._lanes = lanes(module.graph)
        # the first lane stays on the stream of the caller
        self._streams: dict[int, torch.cuda.Stream] = {}
        self._done: dict[fx.Node, torch.cuda.Event] = {}

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Fork every lane from the caller's stream, and join it, whatever happens in between."""
        if not self._streams:  # of the device that is the current one by now
            others = sorted(set(self._lanes.values()) - {0})
            self._streams = {lane: torch.cuda.Stream() for lane in others}  # type: ignore[no-untyped-call]
        caller = torch.cuda.current_stream()
        for stream in self._streams.values():
            stream.wait_stream(caller)
        try:
            return super().run(*args, **kwargs)
        finally:
            for stream in self._streams.values():
                caller.wait_stream(stream)

    def run_node(self, n: fx.Node) -> Any:
        """Run a step behind those that it reads."""
        lane = self._lanes.get(n, 0)
        stream = self._streams.get(lane) or torch.cuda.current_stream()
        for operand in n.all_input_nodes:
            if operand in self._done and self._lanes[operand] != lane:
                stream.wait_event(self._done[operand])
                # whose memory is not to be used again before
                for each in tree_leaves(self.env[operand]):
                    each.record_stream(stream)
        with torch.cuda.stream(stream):
            found = super().run_node(n)
            if n in self._lanes and any(self._lanes.get(user, 0) != lane for user in n.users):
                self._done[n] = stream.record_event()
        return found
