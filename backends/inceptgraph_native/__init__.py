"""The native engine: a program made for a graph and its shapes, compiled for this processor."""

from inceptgraph_native.engine import NativeEngine

__all__ = ["NativeEngine"]
