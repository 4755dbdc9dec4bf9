"""ONNX models as their runtimes compute them, with the options that a user has by default."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import onnx
from agreement import Array

__all__ = ["READERS", "by_onnxruntime", "by_openvino"]


def by_onnxruntime(model: onnx.ModelProto, inputs: dict[str, Array]) -> dict[str, Array]:
    """What ONNX Runtime makes of a model of float32, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(None, _single(inputs)), strict=True))


def by_openvino(model: onnx.ModelProto, inputs: dict[str, Array]) -> dict[str, Array]:
    """What OpenVINO makes of a model in float32, on one thread."""
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    read = _core().read_model(model.SerializeToString())
    request = _core().compile_model(read, "CPU", options).create_infer_request()
    single = _single(inputs)
    for port in request.model_inputs:  # one that nothing reads is not there
        request.set_tensor(port, _shared(next(single[n] for n in port.names if n in single)))
    request.infer()
    ports = zip(model.graph.output, request.model_outputs, strict=True)
    return {output.name: request.get_tensor(port).data.copy() for output, port in ports}


READERS = {"onnxruntime": by_onnxruntime, "openvino": by_openvino}


def _single(inputs: dict[str, Array]) -> dict[str, Array]:
    return {name: np.ascontiguousarray(array, np.float32) for name, array in inputs.items()}


def _shared(array: Array) -> Any:
    import openvino

    return openvino.Tensor(array, shared_memory=True)


@cache
def _core() -> Any:
    import openvino

    return openvino.Core()
