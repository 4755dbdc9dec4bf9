"""OpenVINO, on a CPU."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

from inceptgraph.engine import AVX2, ZEN_4, ZEN_4_BF16, Measured, Setting
from inceptgraph.graph import Graph
from inceptgraph.passes import Target
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
    figures = (
        Measured({1: 2.75, 16: 1.97}, "float32", ZEN_4, "OpenVINO 2026.4.1"),
        Measured({1: 5.25, 16: 4.23}, "bfloat16", ZEN_4_BF16, "OpenVINO 2026.4.1"),
        Measured({1: 2.4, 16: 2.1}, "float32", AVX2, "OpenVINO 2026.4.1"),
    )

    def target(self, setting: Setting) -> Target:
        """A call costs it next to nothing beside its convolutions."""
        return Target(batch=setting.batch, call_cost=0.0, fuses_activations=True)

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

        options = {
            "INFERENCE_PRECISION_HINT": _HINTS[setting.dtype],
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
        }
        names = [node.name for node in graph.inputs]
        return _Compiled(_core().read_model(model), names, setting.batch, options)


class _Compiled:
    """Runs on the memory of torch's tensors, a call at a time: each takes all cores.

    A program for one batch alone takes 4 % less time for a single image than one for any, and
    0.2 s to make. So there is one for the batch that is expected, and one for all others once
    they come.
    """

    def __init__(
        self, model: Any, names: Sequence[str], batch: int, options: dict[str, Any]
    ) -> None:
        self._model, self._batch, self._options = model, batch, options
        # it has no place for an input that nothing reads
        self._read = [names.index(n) for each in model.inputs for n in each.names if n in names]
        self._lock = Lock()
        of_this_batch = model.clone()
        of_this_batch.reshape(
            {i: [batch, *list(i.partial_shape)[1:]] for i in of_this_batch.inputs}
        )
        self._expected = self._request(of_this_batch)

    @cached_property
    def _any(self) -> Any:
        return self._request(self._model)

    def _request(self, model: Any) -> Any:
        return _core().compile_model(model, "CPU", self._options).create_infer_request()

    def __call__(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        from openvino import Tensor as Shared

        read = [inputs[place] for place in self._read]
        given = [Shared(tensor.numpy(), shared_memory=True) for tensor in read]
        found = [Shared(tensor.numpy(), shared_memory=True) for tensor in outputs]
        with self._lock:
            request = self._expected if len(inputs[0]) == self._batch else self._any
            request.set_input_tensors(dict(enumerate(given)))
            request.set_output_tensors(dict(enumerate(found)))
            request.infer()

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
