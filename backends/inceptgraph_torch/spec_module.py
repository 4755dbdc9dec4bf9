"""The module that a graph becomes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, fx

from inceptgraph.engine import listed
from inceptgraph_torch.block import Block
from inceptgraph_torch.losses import CRITERIA, Criterion, total_loss
from inceptgraph_torch.preprocessing import prepared

__all__ = ["SpecModule"]

TRAINING_ONLY = "inceptgraph_training_only"
LOSSES = "inceptgraph_losses"
LOSS_WEIGHTS = "inceptgraph_loss_weights"
PREPROCESSING = "inceptgraph_preprocessing"
CLASSES = "inceptgraph_classes"
STEP = "inceptgraph"
"""Where the ``meta`` of an fx node has the name of the step whose value it is."""
KEPT = (TRAINING_ONLY, LOSSES, LOSS_WEIGHTS, PREPROCESSING, CLASSES)
"""What the ``meta`` of the output's node has, which a pickle keeps."""


class SpecModule(Block):
    """A network compiled from a spec. What has a name in the spec is a module that runs: a stage, a
    block, a branch and a head are a :class:`Block` each, with a graph of its own.

    In training it returns a dict: each output of the network by its name, then each auxiliary
    head by its own. In evaluation the heads are not computed, and a network with one output
    returns that tensor. A network with one output and no heads returns the tensor in both.

    ``graph`` is what runs in the mode that the module is in, since ``torch.export`` and fx's
    interpreters read it. A transformation of the training graph holds for both modes, because the
    evaluation graph is derived from it on each ``recompile``. Where there are heads, one made in
    evaluation mode holds for evaluation, until the module is recompiled in training or copied.
    """

    @property
    def graph(self) -> fx.Graph:
        """The graph that runs in the mode that the module is in."""
        return self._graph if self.training else vars(self).get("_evaluation", self._graph)

    @graph.setter
    def graph(self, graph: fx.Graph) -> None:
        vars(self).pop("_evaluation", None)
        fx.GraphModule.graph.fset(self, graph)  # type: ignore[attr-defined]

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """Weight of each output's loss in the total: 1 for those of the network, for the heads
        what the spec says."""
        weights: Mapping[str, float] = self._graph.output_node().meta.get(LOSS_WEIGHTS, {})
        return dict(weights)

    @property
    def losses(self) -> Mapping[str, str]:
        """The name of each output's loss: ``cross_entropy`` where the spec names none."""
        return dict(self._graph.output_node().meta.get(LOSSES, {}))

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes that it tells apart, in the order of its outputs; None where
        the spec names none."""
        names: tuple[str, ...] | None = self._graph.output_node().meta.get(CLASSES)
        return names

    def preprocess(
        self, image: Any, input: str | None = None, *, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """An image, or several of one size, as an input takes them, as the spec says.

        Args:
            image: see :func:`inceptgraph_torch.preprocessing.prepared`, as the result is.
            input: of the network, by its name; None for the one that takes images.
            dtype: of the result.

        Raises:
            TypeError: the pixels are not ``uint8``.
            ValueError: the spec does not say, or the image has another shape.
        """
        known = self._graph.output_node().meta.get(PREPROCESSING, {})
        name = next(iter(known)) if input is None and len(known) == 1 else input
        if name not in known:
            what = "an input" if input is None else f"`{input}`"
            raise ValueError(f"say which input, of {listed(known)}: none is {what}")
        return prepared(image, **known[name], dtype=dtype)

    def loss(
        self,
        outputs: Tensor | Mapping[str, Tensor],
        target: Any,
        criterion: Criterion | Mapping[str, Criterion] | None = None,
    ) -> Tensor:
        """The total loss: the network's own plus the heads', each times its weight.

        For GoogLeNet this is the paper's ``loss + 0.3 · loss₁ + 0.3 · loss₂`` (section 5).

        Args:
            outputs: what the module returned, in training or in evaluation.
            target: what ``criterion`` compares with; for cross-entropy, class indices of shape
                (batch,) or, of maps, (batch, height, width). A network's output and its auxiliary
                heads of the same shape share one; others get a dict by their names, heads included.
            criterion: loss of one output, a scalar; or a dict of them by name. By default each
                output has the loss that the spec names.

        Raises:
            TypeError: ``outputs`` is not what the module returns.
            ValueError: there is one target for outputs that cannot share it, a dict lacks one of
                the outputs, or an output is none of the network's.
        """
        if criterion is None:
            criterion = {name: CRITERIA[loss] for name, loss in self.losses.items()}
        heads = self._graph.output_node().meta.get(TRAINING_ONLY, ())
        return total_loss(outputs, target, criterion, self.loss_weights, [*heads])

    def recompile(self) -> fx.graph.PythonCode:
        """Compile the graph's code for both modes."""
        code = super().recompile()
        if not self._graph.output_node().meta.get(TRAINING_ONLY):
            return code  # nothing to leave out in evaluation
        if self.training or "_evaluation" not in vars(self):
            self._evaluation = _evaluation_graph(self._graph)
        own = type(self)
        calls = [node for node in self._evaluation.nodes if node.op in ("call_module", "get_attr")]
        # of no layers, which would be compiled anew with it
        bare = fx.GraphModule(dict.fromkeys(str(node.target) for node in calls), self._evaluation)
        in_evaluation = type(bare).forward
        self._evaluation.owning_module = self
        own.forward = _by_mode(own.forward, in_evaluation)
        return code

    # torch's own versions of these make a module that has forgotten one of its modes

    def delete_all_unused_submodules(self) -> None:
        """Remove the layers that neither mode needs."""
        evaluation = vars(self).pop("_evaluation", None)
        super().delete_all_unused_submodules()
        for part in [*self.modules()][1:]:
            if isinstance(part, Block):
                part.delete_all_unused_submodules()
        if evaluation is not None:
            self._evaluation = evaluation

    def __reduce__(self) -> tuple[Any, ...]:
        restore, (kind, rebuild, (state, imports), *rest) = super().__reduce__()
        state.pop("_evaluation", None)
        output = self._graph.output_node()
        kept = output.meta.keys() & KEPT  # a graph put in later has none
        meta = {key: output.meta[key] for key in kept}
        return restore, (kind, _rebuild, (rebuild, (state, imports), meta), *rest)


def _rebuild(
    rebuild: Callable[..., fx.GraphModule], arguments: tuple[Any, ...], meta: dict[str, Any]
) -> fx.GraphModule:
    """What torch makes of a pickle, which has forgotten what the output stands for."""
    rebuilt = rebuild(*arguments)
    rebuilt.graph.output_node().meta.update(meta)
    return rebuilt


def _by_mode(in_training: Any, in_evaluation: Any) -> FunctionType:
    """A ``forward`` that runs the one or the other.

    It has the arguments of both by their names, which tracers read from its code. A wrapper of any
    arguments would need ``__wrapped__``, which unwrappers take for the whole ``forward``.
    """
    stars: dict[Any, str] = {
        inspect.Parameter.VAR_POSITIONAL: "*",
        inspect.Parameter.VAR_KEYWORD: "**",
    }
    parameters = inspect.signature(in_training).parameters.values()
    given = ", ".join(stars.get(each.kind, "") + each.name for each in parameters)
    # no name of an input begins with two underscores
    names: dict[str, Any] = {"__training": in_training, "__evaluation": in_evaluation}
    source = f"""\
def forward({given}):
    if self.training:
        return __training({given})
    return __evaluation({given})
"""
    exec(source, names)
    forward: FunctionType = names["forward"]
    forward.__defaults__ = in_training.__defaults__
    forward.__annotations__ = in_training.__annotations__
    return forward


def _evaluation_graph(graph: fx.Graph) -> fx.Graph:
    """A copy without training-only outputs and what only they need."""
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
