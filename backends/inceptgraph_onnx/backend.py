"""Backend that takes a graph and arrays, and gives a model or files of one."""

from __future__ import annotations

from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inceptgraph.backend import Exported, Progress, Trained
from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph.graph import Graph
from inceptgraph.ops import Operation
from inceptgraph_onnx.body import LIMIT
from inceptgraph_onnx.rules import has_rule

if TYPE_CHECKING:
    import onnx

__all__ = ["OnnxBackend"]

_USAGE = """\
import onnxruntime
session = onnxruntime.InferenceSession("$path")
outputs = session.run(None, {INPUTS})  # a list, in the order of the spec
"""


class OnnxBackend:
    """Compiles graphs to ONNX models.

    Raises:
        SpecError: the package onnx is not installed.
    """

    name = "onnx"

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

    def export(
        self, network: Trained, folder: Path, progress: Progress = lambda step: None
    ) -> tuple[Exported, ...]:
        """Write the network as it runs in evaluation to ``model.onnx``.

        ONNX's operators take no bfloat16 in many runtimes: such weights become float32. Weights of
        more than 2 GiB, which protobuf cannot hold, are written beside it to ``model.onnx.data``,
        where runtimes look for them.

        Args:
            network: of the types that :func:`inceptgraph_onnx.lower.lower` takes.
            folder: an existing directory.
            progress: told nothing: it takes no second.

        Raises:
            SpecError: ONNX cannot hold the network.
        """
        import onnx

        model = self.lower(network.evaluation, tensors=network.tensors)
        names = ", ".join(f'"{node.name}": …' for node in network.evaluation.inputs)
        sizes = next(filter(None, (each.doc_string for each in model.graph.input)), "")
        if not sizes and network.evaluation.has_free_axes:
            sizes = "the size of its figures alone"
        what = "the network in evaluation, for ONNX's runtimes" + (sizes and f": {sizes}")
        exported = Exported("model.onnx", what, _USAGE.replace("INPUTS", names))
        path = folder / exported.name
        if sum(map(_bytes, model.graph.initializer)) <= LIMIT:
            onnx.save(model, path)
            return (exported,)
        data = Exported(f"{exported.name}.data", f"the weights of `{exported.name}`", "")
        onnx.save(model, path, save_as_external_data=True, location=data.name)
        return exported, data


def _bytes(tensor: onnx.TensorProto) -> int:
    """Bytes of its numbers, which are not copied to be counted."""
    from onnx.helper import tensor_dtype_to_np_dtype

    return int(prod(tensor.dims) * tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
