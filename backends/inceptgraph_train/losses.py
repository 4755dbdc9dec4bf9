"""The loss of a batch, and of each output in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from inceptgraph.diagnostics import Code, Diagnostic, SpecError, did_you_mean
from inceptgraph.graph import Graph
from inceptgraph.training import LossRules
from inceptgraph_torch.losses import CRITERIA, total_loss

__all__ = ["Losses"]


class Losses:
    """The losses that a spec names, by the rules of a recipe.

    Args:
        graph: whose outputs they are of.
        rules: of the recipe.

    Attributes:
        names: the network's outputs, then its heads.
        main: the first output, whose labels accuracy counts.
        classified: whether that has classes.

    Raises:
        SpecError: the rules name an output that there is not.
    """

    def __init__(self, graph: Graph, rules: LossRules) -> None:
        self.names = [output.name for output in graph.outputs]
        self.main = self.names[0]
        self.classified = graph.outputs[0].loss == "cross_entropy"
        self._heads = [output.name for output in graph.outputs if output.training_only]
        self._weights = {output.name: output.loss_weight for output in graph.outputs}
        if rules.heads is not None:
            self._weights |= dict.fromkeys(self._heads, rules.heads)
        for name, weight in rules.weights.items():
            if name not in self._weights:
                message = f"`weights` of `loss`: the network has no output `{name}`"
                hint = did_you_mean(name, self.names) or f"it has {', '.join(self.names)}"
                raise SpecError([Diagnostic(Code.TRAINING, message, help=hint)])
            self._weights[name] = weight
        self._criteria: dict[str, Callable[..., Tensor]] = {}
        for output in graph.outputs:
            criterion = CRITERIA[output.loss]
            if criterion is F.cross_entropy and rules.label_smoothing:
                criterion = partial(criterion, label_smoothing=rules.label_smoothing)
            self._criteria[output.name] = criterion

    def __call__(self, outputs: Any, target: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """The total, and the loss of each output before its weight, which no gradient follows."""
        parts: dict[str, Tensor] = {}

        def kept(name: str, output: Tensor, wanted: Tensor) -> Tensor:
            loss = self._criteria[name](output, wanted)
            parts[name] = loss.detach()
            return loss

        criteria = {name: partial(kept, name) for name in self.names}
        total = total_loss(outputs, target, criteria, self._weights, self._heads)
        return total, parts

    def correct(self, outputs: Any, target: Any) -> Tensor:
        """How many samples of a batch the main output puts into their class; 0 where it has no
        classes."""
        output: Tensor = outputs[self.main] if isinstance(outputs, Mapping) else outputs
        wanted = target[self.main] if isinstance(target, Mapping) else target
        if not self.classified:
            return output.new_zeros(())
        if wanted.dim() == output.dim():  # shares of classes, of a mixed batch
            wanted = wanted.argmax(1)
        right: Tensor = (output.argmax(1) == wanted).sum()
        return right
