"""ONNX backend: lowers a graph and its weights to an ``onnx.ModelProto``."""

from inceptgraph_onnx.backend import OnnxBackend

__all__ = ["OnnxBackend"]
