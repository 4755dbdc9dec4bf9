"""OpenVINO, on a CPU."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from inceptgraph.engine import Setting
from inceptgraph.graph import Graph
from inceptgraph.passes.base import Target
from inceptgraph_onnx.engines.base import OnnxEngine

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["OpenVinoEngine"]

_HINTS = {"float32": "f32", "bfloat16": "bf16"}


class OpenVinoEngine(OnnxEngine):
    """OpenVINO's compiled model for CPUs.

    By itself it rounds to bfloat16 where the processor has that; here it computes in the type of
    the setting.
    """

    name = "openvino"

    def target(self, setting: Setting) -> Target:
        """A call costs it next to nothing, and it concatenates in place."""
        return Target(batch=setting.batch, call_cost=0.0, fuses_activations=True)

    def speed(self, setting: Setting) -> float:
        return 7.6 if setting.dtype == "bfloat16" else 4.1

    def _lacks(self, setting: Setting) -> tuple[str, str] | None:
        if setting.device != "cpu":
            return f"device `{setting.device}`", "use `cpu`, or `onnxruntime`"
        if setting.dtype not in _HINTS:
            return f"{setting.dtype} on `cpu`", "use float32 or bfloat16"
        capabilities = _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if setting.dtype == "bfloat16" and "BF16" not in capabilities:
            return "bfloat16 on this processor", "use float32"
        return None

    def _program(self, model: bytes, graph: Graph, setting: Setting) -> _Compiled:
        import torch

        core = _core()
        read = core.read_model(model)
        if setting.fixed:
            shapes = [[setting.batch, *graph.shape(node.name)] for node in graph.inputs]
            read.reshape(dict(zip(read.inputs, shapes, strict=True)))
        options = {
            "INFERENCE_PRECISION_HINT": _HINTS[setting.dtype],
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
        }
        return _Compiled(core.compile_model(read, "CPU", options))


class _Compiled:
    """Runs on the memory of torch's tensors, a call at a time: each takes all cores."""

    def __init__(self, compiled: Any) -> None:
        self._request = compiled.create_infer_request()
        self._lock = Lock()

    def __call__(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        from openvino import Tensor as Shared

        given = [Shared(tensor.numpy(), shared_memory=True) for tensor in inputs]
        found = [Shared(tensor.numpy(), shared_memory=True) for tensor in outputs]
        with self._lock:
            self._request.set_input_tensors(dict(enumerate(given)))
            self._request.set_output_tensors(dict(enumerate(found)))
            self._request.infer()

    def __str__(self) -> str:
        return "OpenVINO"


@cache
def _core() -> Any:
    """What compiles models; one for all."""
    with _unreported():
        import openvino
    return openvino.Core()


@contextmanager
def _unreported() -> Iterator[None]:
    """OpenVINO is imported without its telemetry.

    Its first import would report itself to Google Analytics unless the user has opted out
    (openvino/tools/ovc/__init__.py); where openvino_telemetry is not there, it does without.
    """
    name = "openvino_telemetry"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
