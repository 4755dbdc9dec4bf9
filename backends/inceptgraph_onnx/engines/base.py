"""Base of the engines that run ONNX models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from inceptgraph.diagnostics import Diagnostic, SpecError
from inceptgraph.engine import Measured, Setting, refuse, refuse_step, speed
from inceptgraph.graph import Graph
from inceptgraph.ops import Input
from inceptgraph.passes import Target
from inceptgraph.weights.recipe_values import Tensors
from inceptgraph_onnx.body import LIMIT
from inceptgraph_onnx.rules import has_rule

if TYPE_CHECKING:
    from inceptgraph_onnx.engines.session_module import Program

__all__ = ["OnnxEngine"]


class OnnxEngine(ABC):
    """Lowers a graph to ONNX and hands the model to a runtime.

    Attributes:
        name: of the engine, which is also the runtime's package and the extra that installs it.
        figures: what was measured of it.
        avoid: operators that the runtime computes slower than their parts; see
            :func:`inceptgraph_onnx.lower.lower`.
    """

    name: str
    export: str | None = "onnx"
    figures: ClassVar[tuple[Measured, ...]]
    avoid: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def target(self, setting: Setting) -> Target:
        """See :meth:`inceptgraph.engine.Engine.target`."""

    @abstractmethod
    def _lacks(self, setting: Setting) -> tuple[str, str] | None:
        """What of a setting it lacks, after "the engine has no …", and what to do about it; None
        where it has all. Of settings for inference alone."""

    @abstractmethod
    def _program(self, model: bytes, graph: Graph, setting: Setting) -> Program:
        """What runs a model.

        Args:
            model: serialised.
            graph: that it was made of.
            setting: one that it does not lack.
        """

    def speed(self, setting: Setting) -> float | None:
        return speed(self.figures, setting)

    def missing(self) -> str | None:
        if all(find_spec(package) for package in ("onnx", self.name)):
            return None
        return f'pip install "inceptgraph[{self.name}]"'

    def refusal(self, graph: Graph, setting: Setting) -> Diagnostic | None:
        if setting.train:
            lack: tuple[str, str] | None = ("training", "train with `auto`, or `eager`")
        else:
            lack = self._lacks(setting)
        if lack is not None:
            what, hint = lack
            return refuse(self, f"has no {what}", hint)
        network = graph.phase("eval")
        for node in network.nodes.values():
            if not isinstance(node.op, Input) and not has_rule(type(node.op)):
                return refuse_step(self, node, "there is no ONNX rule for this operation")
        weights = (w for node in network.nodes.values() for w in network.own_weights(node).values())
        if 4 * sum(weight.size for weight in weights) > LIMIT:
            reason = "reads models of up to 2 GiB, and this one is larger"
            return refuse(self, reason, "use another, such as `eager`")
        return None

    def prepare(self, graph: Graph, tensors: Tensors, setting: Setting) -> Any:
        if refusal := self.refusal(graph, setting):
            raise SpecError([refusal])
        from inceptgraph_onnx.engines.session_module import EngineModule
        from inceptgraph_onnx.lower import lower

        network = graph.phase("eval")
        # in ONNX no output may have the name of an input; no name of a spec begins with a slash
        outputs = tuple(replace(out, name=f"/{out.name}") for out in network.outputs)
        dtype = "float16" if setting.dtype == "float16" else "float32"
        model = lower(
            replace(network, outputs=outputs),
            tensors=tensors,
            dtype=dtype,
            avoid=self.avoid,
            any_size=False,  # runtimes make more of what they know
        )
        program = self._program(model.SerializeToString(), network, setting)
        return EngineModule(network, setting, program)
