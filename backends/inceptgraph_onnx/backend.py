"""The backend: a graph and arrays in, a model or a file of one out."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inceptgraph.errors import Code, Diagnostic, SpecError
from inceptgraph.graph import Graph
from inceptgraph.ops import Operation
from inceptgraph_onnx.rules import has_rule

if TYPE_CHECKING:
    import onnx

__all__ = ["OnnxBackend"]


class OnnxBackend:
    """Compiles graphs to ONNX models.

    Raises:
        SpecError: the package onnx is not installed.
    """

    name = "onnx"
    suffix = ".onnx"

    def __init__(self) -> None:
        if find_spec("onnx") is None:
            message = "the backend `onnx` needs the package onnx, which is not installed"
            hint = 'install it: pip install "inceptgraph[onnx]"'
            raise SpecError([Diagnostic(Code.BROKEN_PLUGIN, message, help=hint)])

    def supports(self, operation: type[Operation]) -> bool:
        return has_rule(operation)

    def lower(self, graph: Graph, **options: Any) -> onnx.ModelProto:
        """The model; see :func:`inceptgraph_onnx.lower.lower`."""
        from inceptgraph_onnx.lower import lower

        return lower(graph, **options)

    def export(self, graph: Graph, tensors: Mapping[str, Any], path: Path) -> None:
        """Write the network as it runs in evaluation to a file.

        Args:
            graph: with shapes.
            tensors: as :func:`inceptgraph_onnx.lower.lower` takes them.
            path: of the file, in an existing directory.

        Raises:
            SpecError: ONNX cannot hold the network.
        """
        path.write_bytes(self.lower(graph, tensors=tensors).SerializeToString(deterministic=True))
