"""Engines that run the ONNX model of a graph, behind torch tensors."""

from inceptgraph_onnx.engines.onnxruntime import OnnxRuntimeEngine
from inceptgraph_onnx.engines.openvino import OpenVinoEngine

__all__ = ["OnnxRuntimeEngine", "OpenVinoEngine"]
