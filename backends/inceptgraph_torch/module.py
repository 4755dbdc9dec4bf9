"""The module that a graph becomes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

__all__ = ["SpecModule"]

TRAINING_ONLY = "inceptgraph_training_only"
LOSS_WEIGHTS = "inceptgraph_loss_weights"


class SpecModule(fx.GraphModule):
    """A network compiled from a spec.

    In training it returns a dict: each output of the network by its name, then each auxiliary
    head by its own. In evaluation the heads are not computed, and a network with one output
    returns that tensor. A network with one output and no heads returns the tensor in both.

    ``graph`` is what runs in training. Evaluation is derived from it whenever it is recompiled, so
    a transformation of the graph holds for both.
    """

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """Weight of each output's loss in the total: 1 for those of the network, for the heads
        what the spec says."""
        weights: Mapping[str, float] = self.graph.output_node().meta.get(LOSS_WEIGHTS, {})
        return dict(weights)

    def loss(
        self,
        outputs: Tensor | Mapping[str, Tensor],
        target: Any,
        criterion: Callable[[Tensor, Any], Tensor] = F.cross_entropy,
    ) -> Tensor:
        """The total loss: the network's own plus the heads', each times its weight.

        For GoogLeNet this is the paper's ``loss + 0.3 · loss₁ + 0.3 · loss₂`` (section 5).

        Args:
            outputs: what the module returned, in training or in evaluation.
            target: what ``criterion`` compares with; for the default, class indices of shape
                (batch,).
            criterion: loss of one output, a scalar.
        """
        if isinstance(outputs, Tensor):
            return criterion(outputs, target)
        weights = self.loss_weights
        losses = [weights.get(name, 1.0) * criterion(out, target) for name, out in outputs.items()]
        return torch.stack(losses).sum()

    def recompile(self) -> fx.graph.PythonCode:
        """Compile the graph's code for both modes."""
        code = super().recompile()
        own = type(self)
        in_training = own.forward
        in_evaluation = type(fx.GraphModule(self, _evaluation_graph(self.graph))).forward

        @functools.wraps(in_training)
        def forward(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
            if self.training:
                return in_training(self, *args, **kwargs)
            return in_evaluation(self, *args, **kwargs)

        own.forward = forward  # type: ignore[method-assign]
        return code


def _evaluation_graph(graph: fx.Graph) -> fx.Graph:
    """The graph without training-only outputs and what only they need."""
    output = graph.output_node()
    returned = output.args[0]
    training_only = output.meta.get(TRAINING_ONLY, ())
    if training_only and isinstance(returned, Mapping):
        kept = {name: value for name, value in returned.items() if name not in training_only}
        returned = kept if len(kept) > 1 else next(iter(kept.values()))
    needed: set[fx.Node] = set()
    fx.node.map_arg(returned, needed.add)
    for node in reversed(graph.nodes):
        if node in needed:
            needed.update(node.all_input_nodes)
    evaluation = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for node in graph.nodes:
        if node in needed or node.op == "placeholder":
            copies[node] = evaluation.node_copy(node, copies.__getitem__)
    evaluation.output(fx.node.map_arg(returned, copies.__getitem__))
    return evaluation
