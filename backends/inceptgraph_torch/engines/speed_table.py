"""Speeds of engines on a GPU, for ``auto`` to go by.

Over torch eager in the same float type on torchvision's GoogLeNet, one H200, torch 2.11 with CUDA
13.0, rounded from docs/performance.md. Not measured, and taken from the nearest that was: float16,
training at batch 1 and in float32, and `eager` in float32 with channels first.
"""

from __future__ import annotations

from collections.abc import Mapping

from inceptgraph.engine import Setting

__all__ = ["Measured", "on_gpu"]

BATCHES = (1, 16, 128)

Measured = Mapping[str, tuple[float, float, float]]
"""For each float type, the speed at each of :data:`BATCHES`."""


def on_gpu(measured: Measured, setting: Setting) -> float:
    """The speed at the largest batch that was measured and is not above the expected one."""
    speeds = zip(BATCHES, measured[setting.dtype], strict=True)
    return [speed for batch, speed in speeds if batch <= setting.batch][-1]
