"""The compiled program of a network as a module."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from inceptgraph.engine import Setting, check_inputs, in_order, refuse_pickling
from inceptgraph_native.codegen.lower import Program
from inceptgraph_native.structures import structure

__all__ = ["NativeModule", "StepTime"]

Request = structure("inference/program.hpp", "Request")

LARGE_PAGE = 2**21
"""Bytes."""

WORTH_A_THREAD = 10_000_000
"""Multiply-adds: about a fifth of a millisecond."""

ANY = Setting()
"""Any batch."""

PAGE = 4096
"""Bytes that threads keep apart."""


@dataclass(frozen=True, slots=True)
class StepTime:
    """What one step of a run took.

    Attributes:
        name: of the node whose value it computes.
        kernel: the kernel that ran.
        seconds: from the end of the step before.
        macs: multiply-adds of all images.
    """

    name: str
    kernel: str
    seconds: float
    macs: int

    @property
    def rate(self) -> float:
        """Multiply-adds a second."""
        return self.macs / self.seconds if self.seconds else 0.0


class NativeModule(nn.Module):
    """Runs a compiled program on the CPU.

    Calls from several threads wait for one another. A call uses as many threads as
    ``torch.get_num_threads()`` says, or fewer where there is little to do.

    Args:
        program: what was compiled.
        path: the shared library.
        weights: those of a copy, which are not changed by a run; from the program unless given.
        setting: how it runs, which tells whether other batches are taken.
    """

    def __init__(
        self,
        program: Program,
        path: Path,
        weights: _Memory | None = None,
        setting: Setting = ANY,
    ) -> None:
        super().__init__()
        self.network = program.name
        self.inputs, self.outputs = program.inputs, program.outputs
        self.steps = program.steps
        self._macs = sum(step.macs for step in program.steps)
        self._path = path
        self._setting = setting
        self._library = ctypes.CDLL(str(path))
        self._weights = weights or _Memory(program.weights.size)
        if weights is None:
            self._weights.array[:] = program.weights
        self._program = replace(program, weights=program.weights[:0])  # they are held once
        self._arena_size = -(-program.arena // PAGE) * PAGE
        self._arena = _Memory(self._arena_size)
        self._scratch_size = -(-program.scratch // PAGE) * PAGE
        self._scratch = _Memory(0)
        self._lock = threading.Lock()
        self.eval()

    def train(self, mode: bool = True) -> NativeModule:
        return super().train(self._setting.mode(mode))

    def __deepcopy__(self, memo: dict[int, object]) -> NativeModule:
        copied = NativeModule(self._program, self._path, self._weights, self._setting)
        vars(copied).update({k: v for k, v in vars(self).items() if k not in vars(copied)})
        return copied

    def __reduce__(self) -> Any:
        refuse_pickling()

    def forward(self, *inputs: Tensor, **named: Tensor) -> Tensor | dict[str, Tensor]:
        """The outputs for some inputs.

        Args:
            inputs: one for each of the network, of shape (batch, channels, height, width) or
                (batch, features), of any floating-point type, on the CPU.
            named: those that follow, by the names of the inputs.

        Returns:
            float32; where the network has several outputs, a dict by their names.

        Raises:
            ValueError: an input has another shape than what was compiled, or is elsewhere.
            TypeError: there are more inputs or fewer, or one is not of floating-point numbers.
        """
        return self._run(in_order(self.inputs, inputs, named), None)

    def profile(self, *inputs: Tensor, repeat: int = 10) -> list[StepTime]:
        """What each step takes, the median of some runs.

        Args:
            inputs: as :meth:`forward` takes them; of as many samples as pass through the network
                together, the rest is left out.
            repeat: so many runs.
        """
        inputs = tuple(tensor[: self._program.group] for tensor in inputs)
        timed = [step for step in self.steps if step.kernel != "surround"]
        runs = []
        for _ in range(repeat):
            times = torch.zeros(1 + len(timed), dtype=torch.float64, device="cpu")
            self._run(inputs, times)
            runs.append(times.diff())
        median = torch.stack(runs).median(0).values.tolist()
        batch = len(inputs[0])
        return [
            StepTime(step.name, step.kernel, seconds, step.macs * batch)
            for step, seconds in zip(timed, median, strict=True)
        ]

    def _run(self, inputs: Sequence[Tensor], times: Tensor | None) -> Tensor | dict[str, Tensor]:
        batch = check_inputs(self.inputs, inputs, self._setting)
        given = [self._read(tensor, name) for tensor, name in zip(inputs, self.inputs, strict=True)]
        # whatever a program has made torch's default type or device
        made = {
            name: torch.empty(batch, *shape, dtype=torch.float32, device="cpu")
            for name, shape in self.outputs.items()
        }
        # to wake a thread takes longer than little work
        work = batch * self._macs
        threads = max(1, min(torch.get_num_threads(), work // WORTH_A_THREAD))
        arenas = threads if batch >= threads and times is None else 1
        with self._lock:
            if self._scratch.array.size < threads * self._scratch_size:
                self._scratch = _Memory(threads * self._scratch_size)
            if self._arena.array.size < arenas * self._arena_size:
                self._arena = _Memory(arenas * self._arena_size)
            request = Request(
                inputs=_pointers(given),
                outputs=_pointers(made.values()),
                input_sizes=_sizes(self.inputs.values()),
                output_sizes=_sizes(self.outputs.values()),
                input_count=len(given),
                output_count=len(made),
                batch=batch,
                weights=self._weights.start,
                arena=self._arena.start,
                scratch=self._scratch.start,
                arena_size=self._arena_size,
                scratch_size=self._scratch_size,
                threads=threads,
                arenas=arenas,
                times=None if times is None else times.data_ptr(),
            )
            self._library.inceptgraph_run(ctypes.byref(request))
        return made if len(made) > 1 else next(iter(made.values()))

    def _read(self, tensor: Tensor, name: str) -> Tensor:
        """An input as the program takes it: the same memory where it can be."""
        if tensor.device.type != "cpu":
            raise ValueError(f"`{name}` is on {tensor.device}; this program runs on the CPU")
        return tensor.detach().to(torch.float32).contiguous()


class _Memory:
    """Zeros that begin at a multiple of a large page, in large pages where the system has them:
    weights and activations are read from end to end, and each small page would cost a look-up."""

    def __init__(self, size: int) -> None:
        # private: after a fork, parent and child each have their own
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self._map = mmap.mmap(-1, size + LARGE_PAGE, flags=flags)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            with contextlib.suppress(OSError):
                self._map.madvise(mmap.MADV_HUGEPAGE)
        whole = np.frombuffer(self._map, np.uint8)
        first = -whole.ctypes.data % LARGE_PAGE
        self.array = whole[first : first + size]

    @property
    def start(self) -> int:
        """Its address."""
        return int(self.array.ctypes.data)


def _pointers(tensors: Iterable[Tensor]) -> ctypes.c_void_p:
    return _array(ctypes.c_void_p, [tensor.data_ptr() for tensor in tensors])


def _sizes(shapes: Iterable[tuple[int, ...]]) -> ctypes.c_void_p:
    return _array(ctypes.c_long, [prod(shape) for shape in shapes])


def _array(kind: type[ctypes.c_void_p | ctypes.c_long], numbers: list[int]) -> ctypes.c_void_p:
    """A pointer to numbers, which live as long as it does."""
    return ctypes.cast((kind * len(numbers))(*numbers), ctypes.c_void_p)
