"""CUDA streams and graphs, simulated on a CPU.

A captured graph is the list of operations that ran, and a replay runs them again on the same
memory. Streams are vector clocks. A race is

- an operation that reads what another stream wrote, and has not waited for it;
- one that reads another stream's memory within a capture, and has not told the allocator;
- one on a stream that was not forked from the capture;
- a replay in memory that is still being read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_iter, tree_map_only


class Race(Exception):
    """What a GPU would answer with wrong numbers."""


class Event:
    def __init__(self) -> None:
        self.clock: dict[Stream, int] = {}

    def record(self) -> None:
        self.clock = dict(Stream.current().clock)


class Stream:
    stack: list[Stream] = []  # noqa: RUF012
    every: list[Stream] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.clock: dict[Stream, int] = defaultdict(int)
        self.every.append(self)

    @classmethod
    def current(cls) -> Stream:
        return cls.stack[-1]

    def synchronize(self) -> None:
        """The host waits, and with it all that it launches later."""
        for stream in Stream.stack:
            stream.wait_event(self.record_event())

    def wait_event(self, event: Event) -> None:
        for stream, time in event.clock.items():
            self.clock[stream] = max(self.clock[stream], time)

    def wait_stream(self, other: Stream) -> None:
        self.wait_event(other.record_event())

    def record_event(self) -> Event:
        event = Event()
        event.clock = dict(self.clock)
        return event


@contextmanager
def on(stream: Stream) -> Iterator[None]:
    Stream.stack.append(stream)
    try:
        yield
    finally:
        Stream.stack.pop()


class Watch(TorchDispatchMode):
    """Looks at every operation: for races, and for the graph that is being captured."""

    def __init__(self) -> None:
        super().__init__()
        self.written: dict[int, tuple[Stream, int, Graph | None]] = {}
        self.told: set[tuple[int, Stream]] = set()
        self.capturing: Graph | None = None
        self.before: dict[int, tuple[Tensor, Tensor]] = {}
        self.alive: list[Any] = []  # so that no address comes twice

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        stream = Stream.current()
        if self.capturing is not None and self.capturing.stream not in stream.clock:
            raise Race("works on a stream that was not forked from the capture")
        for each in tensors((args, kwargs)):
            self._look(each, stream)
            self._keep(each)
        found = func(*args, **kwargs)
        stream.clock[stream] += 1
        inputs = {address(each) for each in tensors((args, kwargs))}
        changed = func._schema.is_mutable
        for each in tensors(found):
            if changed or address(each) not in inputs:  # a view writes nothing
                self.write(each, stream, self.capturing)
        self.alive.append(found)
        if self.capturing is not None:
            # of the memory, which stays, and not of parameters, which can get another one
            with _disable_current_modes():
                given = tree_map_only(Tensor, Tensor.detach, (args, kwargs))
            self.capturing.operations.append((stream, func, *given, found))
        return found

    def _keep(self, each: Tensor) -> None:
        """Remember what a capture, which on a GPU computes nothing, may change."""
        known = self.written.get(address(each))
        inside = known is not None and known[2] is self.capturing
        if self.capturing is not None and not inside and address(each) not in self.before:
            with _disable_current_modes():
                self.before[address(each)] = each, each.detach().clone()

    def restore(self) -> None:
        with _disable_current_modes():
            for each, value in self.before.values():
                each.data.copy_(value)  # which autograd does not count as a change
        self.before.clear()

    def write(self, each: Tensor, stream: Stream, graph: Graph | None) -> None:
        self.written[address(each)] = stream, stream.clock[stream], graph

    def _look(self, each: Tensor, stream: Stream) -> None:
        if address(each) not in self.written:
            return
        writer, time, graph = self.written[address(each)]
        if graph is not None and graph is not self.capturing:
            graph.pool.readers[stream] = stream.clock[stream] + 1
        if writer is stream:
            return
        if stream.clock[writer] < time:
            raise Race("reads what another stream writes, and has not waited for it")
        # within a capture memory is used again; what was there before stays, and so do results
        if (
            graph is not None
            and graph is self.capturing
            and (address(each), stream) not in self.told
        ):
            raise Race("reads another stream's memory, and has not told the allocator")


class Pool:
    """Memory that graphs share."""

    def __init__(self) -> None:
        self.readers: dict[Stream, int] = {}
        """What was done last in it, by streams."""


class Graph:
    """What ``torch.cuda.CUDAGraph`` is to be."""

    watch: Watch
    stream: Stream
    pool: Pool

    def __init__(self) -> None:
        self.operations: list[tuple[Stream, Any, Any, Any, Any]] = []

    def replay(self) -> None:
        stream = Stream.current()
        if any(stream.clock[other] < time for other, time in self.pool.readers.items()):
            raise Race("writes memory that is still being read, and has not waited for that")
        stream.clock[stream] += 1
        self.pool.readers = {stream: stream.clock[stream]}
        with _disable_current_modes(), torch.no_grad():
            for _, func, args, kwargs, found in self.operations:
                again = func(*args, **kwargs)
                for old, new in zip(tensors(found), tensors(again), strict=True):
                    if old is not new and not old.is_set_to(new):
                        old.copy_(new)
                    self.watch.write(old, stream, self)


def tensors(tree: Any) -> list[Tensor]:
    return [each for each in tree_iter(tree) if isinstance(each, Tensor)]


def address(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


@contextmanager
def simulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Run what is written for CUDA on the CPU, in one thread."""
    watch = Watch()
    monkeypatch.setattr(Graph, "watch", watch, raising=False)
    monkeypatch.setattr(Stream, "every", [])
    monkeypatch.setattr(Stream, "stack", [Stream()])

    @contextmanager
    def capture(graph: Graph, pool: Pool, stream: Stream, **_: Any) -> Iterator[None]:
        stream.wait_stream(Stream.current())
        graph.pool, graph.stream = pool, Stream()
        stream.clock[graph.stream] = 1  # which marks what was forked from here
        watch.capturing = graph
        try:
            with on(stream):
                yield
                for used in {each[0] for each in graph.operations}:
                    if stream.clock[used] < used.clock[used]:
                        raise Race("a stream was not joined")
        finally:
            watch.restore()
            watch.capturing = None
            for each in Stream.every:
                each.clock.pop(graph.stream, None)
        Stream.current().wait_stream(stream)

    @contextmanager
    def device(_: object) -> Iterator[None]:
        yield

    def tell(tensor: Tensor, stream: Stream) -> None:
        watch.told.add((address(tensor), stream))

    for name, value in {
        "Stream": Stream,
        "Event": Event,
        "CUDAGraph": Graph,
        "graph": capture,
        "stream": on,
        "current_stream": Stream.current,
        "graph_pool_handle": Pool,
        "device": device,
        "get_rng_state": torch.get_rng_state,
        "set_rng_state": torch.set_rng_state,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(Tensor, "record_stream", tell)
    library = torch.library.Library("aten", "IMPL")
    library.impl("cudnn_convolution_relu", convolution_relu, "CPU")
    library.impl("cudnn_convolution_add_relu", convolution_add_relu, "CPU")
    try:
        with watch:
            yield watch
    finally:
        library._destroy()


def convolution_relu(x: Tensor, weight: Tensor, bias: Tensor, *places: Any) -> Tensor:
    return F.conv2d(x, weight, bias, *places).relu()


def convolution_add_relu(
    x: Tensor, weight: Tensor, z: Tensor, alpha: float, bias: Tensor, *places: Any
) -> Tensor:
    return (F.conv2d(x, weight, bias, *places) + alpha * z).relu()
