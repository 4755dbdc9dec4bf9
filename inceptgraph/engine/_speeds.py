"""What was measured of an engine, and which of it counts in a setting on this machine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from inceptgraph.engine._processor import instruction_set
from inceptgraph.setting import Setting

__all__ = [
    "AVX2",
    "H200",
    "ZEN_4",
    "ZEN_4_BF16",
    "Measured",
    "Run",
    "measured",
    "speed",
    "usual_batch",
]

CUDA = "cuda"
"""What stands for an instruction set where a GPU computes."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run in which engines were measured side by side: where, and when.

    Attributes:
        device: what they ran on, for people.
        instructions: what computed, as :func:`instruction_set` names it, or ``cuda``.
        date: as ISO 8601 writes it.
    """

    device: str
    instructions: str
    date: str


# docs/performance.md says how, and holds the figures
ZEN_4 = Run("AMD EPYC (Zen 4), 2 cores", "avx512f", "2026-11-20")
ZEN_4_BF16 = replace(ZEN_4, instructions="avx512_bf16")
AVX2 = Run("Intel Xeon (Cascade Lake), 1 thread, AVX-512 hidden", "avx2", "2026-11-28")
H200 = Run("NVIDIA H200", CUDA, "2026-11-20")


@dataclass(frozen=True, slots=True)
class Measured:
    """Speeds of an engine on ``googlenet_torchvision``.

    The base is the plain module in torch eager, in its default layout: on a CPU in float32 with
    the allocator tuned, on a GPU in the same float type.

    Attributes:
        times: as fast as the base, by batch; see :func:`usual_batch`.
        dtype: what was computed in.
        run: where and when.
        version: the library that did the work, and its version.
        train: it was training steps.
        fixed: it counts only where no other batch ever comes.
    """

    times: Mapping[int, float]
    dtype: str
    run: Run
    version: str
    train: bool = False
    fixed: bool = False

    def counts(self, setting: Setting) -> bool:
        """Whether it says anything of a setting here: the same work, in the same float type, on
        the same kind of device by the same instruction set, at the nearest usual batch."""
        here = CUDA if setting.on_gpu else instruction_set(setting.dtype)
        return (
            self.run.instructions == here
            and self.dtype == setting.dtype
            and self.train == setting.train
            and self.fixed <= setting.fixed
            and usual_batch(setting) in self.times
        )

    def __str__(self) -> str:
        return f"{self.run.device}, {self.run.instructions}, {self.version}, {self.run.date}"


def usual_batch(setting: Setting) -> int:
    """The nearest of the batches that engines are measured at, by its ratio to the setting's.

    They are the same for all engines, so that figures of different batches never meet.
    """
    batches: tuple[int, ...] = (16,) if setting.train else (1, 16)
    if setting.on_gpu:
        batches += (128,)
    return min(batches, key=lambda each: abs(math.log(setting.batch / each)))


def measured(table: Iterable[Measured], setting: Setting) -> Measured | None:
    """The first of a table that counts in a setting here; None where it was not measured."""
    return next((each for each in table if each.counts(setting)), None)


def speed(table: Iterable[Measured], setting: Setting) -> float | None:
    """The speed of an engine in a setting here, in times of torch eager, as its table has it."""
    found = measured(table, setting)
    return None if found is None else found.times[usual_batch(setting)]
