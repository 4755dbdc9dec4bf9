"""The program of a graph for inference: planned, laid out and written as C++."""

from inceptgraph_native.codegen.emit import Emitter
from inceptgraph_native.codegen.fusion import Unit

__all__ = ["Emitter", "Unit"]
