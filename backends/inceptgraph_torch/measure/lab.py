"""See :class:`inceptgraph.measure.Lab`."""

from __future__ import annotations

from contextlib import nullcontext

from torch import nn

from inceptgraph.engine import Setting
from inceptgraph.graph import Graph
from inceptgraph.weights.recipe_values import Array, Tensors
from inceptgraph_torch.engines.runner import Runner, network
from inceptgraph_torch.measure.rounded import Rounded
from inceptgraph_torch.measure.subject import TorchSubject, inputs_of
from inceptgraph_torch.spec_module import SpecModule

__all__ = ["TorchLab", "exact"]


class TorchLab:
    """Compares and times with torch."""

    def plain(self, graph: Graph, tensors: Tensors, setting: Setting) -> nn.Module:
        return Runner(_plain(graph, tensors, setting), setting)

    def reordered(self, graph: Graph, tensors: Tensors, setting: Setting) -> nn.Module:
        return Runner(_plain(graph, tensors, setting, channels_last=True), setting)

    def subject(
        self, module: nn.Module, graph: Graph, setting: Setting, magnitude: float = 1.0
    ) -> TorchSubject:
        inputs = inputs_of(graph, setting.batch, setting.device, magnitude)
        return TorchSubject(module, inputs, graph, setting)

    def reference(
        self, graph: Graph, tensors: Tensors, setting: Setting, magnitude: float = 1.0
    ) -> dict[str, Array]:
        return exact(_plain(graph, tensors, setting).double(), graph, setting, magnitude)

    def rounded(
        self,
        graph: Graph,
        tensors: Tensors,
        setting: Setting,
        magnitude: float,
        roundoff: float,
        seed: int,
    ) -> dict[str, Array]:
        module = _plain(graph, tensors, setting).double()
        return exact(module, graph, setting, magnitude, Rounded(roundoff, seed))


def exact(
    module: nn.Module,
    graph: Graph,
    setting: Setting,
    magnitude: float = 1.0,
    rounded: Rounded | None = None,
) -> dict[str, Array]:
    """What a module in float64 gives for the inputs of a setting, which roundings change."""
    drawn = inputs_of(graph, setting.batch, setting.device, magnitude)
    inputs = [each.double() for each in drawn]
    if rounded is not None:
        rounded.round([*inputs, *module.parameters(), *module.buffers()])
    with rounded or nullcontext():
        return TorchSubject(module, inputs, graph, setting).outputs()


def _plain(
    graph: Graph, tensors: Tensors, setting: Setting, *, channels_last: bool = False
) -> SpecModule:
    run = graph if setting.train else graph.phase("eval")
    return network(run, tensors, setting, channels_last=channels_last)
