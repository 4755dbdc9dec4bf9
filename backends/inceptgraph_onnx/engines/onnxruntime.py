"""ONNX Runtime, on a CPU or on NVIDIA's GPUs."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from inceptgraph.engine import AVX2, ZEN_4, Measured, Setting
from inceptgraph.graph import Graph
from inceptgraph.passes import Target
from inceptgraph_onnx.engines.base import OnnxEngine

if TYPE_CHECKING:
    import onnxruntime
    from torch import Tensor

__all__ = ["OnnxRuntimeEngine"]

_CUDA = "CUDAExecutionProvider"

_SLEEP = "session.force_spinning_stop"
"""The session's option that lets threads wait actively within a call alone: after it they would do
so for many milliseconds more, and halve the speed of whatever runs then."""

_BFLOAT16 = "mlas.enable_gemm_fastmath_arm64_bfloat16"
"""The session's option that rounds products to bfloat16, on 64-bit ARM alone."""


class OnnxRuntimeEngine(OnnxEngine):
    """ONNX Runtime's session, which fuses and lays out the steps for the processor."""

    name = "onnxruntime"
    figures = (
        Measured({1: 2.80, 16: 2.24}, "float32", ZEN_4, "ONNX Runtime 1.31.1"),
        Measured({1: 2.7, 16: 2.0}, "float32", AVX2, "ONNX Runtime 1.31.1"),
    )
    # on a CPU its own takes a third of GoogLeNet's time: a running sum of squares, which also
    # rounds worse, and a power for each number
    avoid = frozenset({"LRN"})

    def target(self, setting: Setting) -> Target:
        """A call and a pool cost it next to nothing, and a cut leaves its blocked layout."""
        return Target(batch=setting.batch, call_cost=0.0, pool_cost=0.25, fuses_activations=True)

    def _lacks(self, setting: Setting) -> tuple[str, str] | None:
        if setting.on_gpu:
            return self._lacks_on_gpu(setting)
        if setting.device != "cpu":
            return f"device `{setting.device}`", "use `cpu` or `cuda`"
        arm = platform.machine().lower() in ("aarch64", "arm64")
        if setting.dtype == "bfloat16" and not arm:
            return "bfloat16 on this processor", "use float32, or `openvino`"
        if setting.dtype in ("float16", "tf32"):
            return f"{setting.dtype} on `cpu`", "use float32"
        return None

    def _lacks_on_gpu(self, setting: Setting) -> tuple[str, str] | None:
        import onnxruntime

        if _CUDA not in onnxruntime.get_available_providers():
            hint = "install the package onnxruntime-gpu in place of onnxruntime, or use `inductor`"
            return "CUDA in the installed package", hint
        if setting.dtype == "bfloat16":
            return f"bfloat16 on `{setting.device}`", "use float16 or tf32"
        return None

    def _program(self, model: bytes, graph: Graph, setting: Setting) -> _Session:
        import onnxruntime

        onnxruntime.disable_telemetry_events()
        session = onnxruntime.InferenceSession(
            model, _options(setting), providers=_providers(setting)
        )
        if setting.on_gpu and _CUDA not in session.get_providers():
            raise RuntimeError("ONNX Runtime could not start CUDA: its log says why")
        return _Session(session)


def _options(setting: Setting) -> onnxruntime.SessionOptions:
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry(_SLEEP, "1")
    options.log_severity_level = 3  # errors: it warns of what its own rewrites leave over
    if setting.dtype == "bfloat16":
        options.add_session_config_entry(_BFLOAT16, "1")
    return options


def _providers(setting: Setting) -> list[Any]:
    """What computes, first choice first."""
    if not setting.on_gpu:
        return ["CPUExecutionProvider"]
    import torch

    more = {
        "device_id": torch.device(setting.device).index or 0,
        "use_tf32": int(setting.dtype == "tf32"),
        "cudnn_conv_algo_search": "EXHAUSTIVE" if setting.autotune else "HEURISTIC",
    }
    return [(_CUDA, more), "CPUExecutionProvider"]


class _Session:
    """Runs on the memory of torch's tensors."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._inputs = [each.name for each in session.get_inputs()]
        self._outputs = [each.name for each in session.get_outputs()]

    def __call__(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        binding = self._session.io_binding()
        for name, tensor in zip(self._inputs, inputs, strict=True):
            binding.bind_input(name, *_place(tensor))
        for name, tensor in zip(self._outputs, outputs, strict=True):
            binding.bind_output(name, *_place(tensor))
        device = outputs[0].device
        if device.type == "cuda":  # it works on a stream of its own
            import torch

            torch.cuda.current_stream(device).synchronize()
        self._session.run_with_iobinding(binding)

    def __str__(self) -> str:
        return "ONNX Runtime"


def _place(tensor: Tensor) -> tuple[str, int, Any, list[int], int]:
    """Where a tensor lies, as a binding takes it: device, its index, type, shape, address."""
    import numpy as np
    import torch

    kind = np.float16 if tensor.dtype is torch.float16 else np.float32
    device = tensor.device
    return device.type, device.index or 0, kind, list(tensor.shape), tensor.data_ptr()
