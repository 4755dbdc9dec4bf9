"""The protocol of an engine, which runs a graph.

A backend turns a graph into something; an engine runs it. A package offers one through the
entry-point group ``inceptgraph.engines``; the entry point's name is the engine's. An engine whose
library is not installed says so, and what installs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, runtime_checkable

from inceptgraph.diagnostics import Code, Diagnostic, Label
from inceptgraph.graph import Graph, Node
from inceptgraph.passes import Target
from inceptgraph.setting import Setting

if TYPE_CHECKING:
    from inceptgraph.weights.recipe_values import Tensors

__all__ = ["Choice", "Engine", "refuse", "refuse_pickling", "refuse_step"]


@runtime_checkable
class Engine(Protocol):
    """Runs graphs.

    Attributes:
        name: as ``engine=`` takes it.
        export: the backend whose file it reads, such as ``onnx``; None where there is none.

    It may have ``figures``, a sequence of :class:`inceptgraph.engine.Measured`: ``auto`` then says
    what its speed was measured on.
    """

    name: str
    export: str | None

    def missing(self) -> str | None:
        """The command that installs what it needs; None where all of it is here."""

    def refusal(self, graph: Graph, setting: Setting) -> Diagnostic | None:
        """The reason against running a graph in a setting, at the step that it cannot run, or None.

        Args:
            graph: with shapes, rewritten or not.
            setting: how it is to run.
        """

    def target(self, setting: Setting) -> Target:
        """The target for passes that pay only on some engines."""

    def speed(self, setting: Setting) -> float | None:
        """About how many times as fast as torch eager it is on networks of the Inception family.

        It is for :func:`choose` to compare; ``inceptgraph bench`` measures a network on a machine.

        Returns:
            A positive number, on a GPU over torch eager in the same float type, else in float32;
            None where it was not measured on such a machine: every engine that was is preferred.
        """

    def prepare(self, graph: Graph, tensors: Tensors, setting: Setting) -> Any:
        """Make what runs.

        Args:
            graph: as passes left it, with shapes; in training it has both phases.
            tensors: the weights of the network that it was rewritten from, as float32 or float64
                arrays by their names in its graph.
            setting: how it is to run.

        Returns:
            A ``torch.nn.Module`` from tensors of any floating-point type and layout, one an input
            in their order or by their names (:func:`in_order`), to one in float32; where the
            network has several outputs, to a dict by their names. The batch is free unless the
            setting fixes it, and what does not fit is refused (:func:`check_inputs`). A copy
            computes the same; a pickle does, or is refused (:func:`refuse_pickling`). In training
            it is one to be trained, in training mode; else results have no gradients, and its
            ``train`` goes by :meth:`Setting.mode`, which stays in evaluation.

        Raises:
            SpecError: it cannot run the graph; see :meth:`refusal`.
        """


@dataclass(frozen=True)
class Choice:
    """An engine, and why it was picked.

    Attributes:
        engine: what is to run the network.
        why: a sentence without its full stop.
    """

    engine: Engine
    why: str

    def __str__(self) -> str:
        return f"{self.engine.name}: {self.why}"


def refuse(
    engine: Engine, reason: str, help: str = "use another engine, such as `eager`"
) -> Diagnostic:
    """The finding that an engine cannot run a network in a setting.

    Args:
        engine: that refuses.
        reason: what it does or has not, after its name.
        help: what to do.
    """
    return Diagnostic(Code.ENGINE_REFUSES, f"the engine `{engine.name}` {reason}", help=help)


def refuse_pickling() -> NoReturn:
    """Say what to do in place of pickling a network that is compiled for this process.

    Raises:
        TypeError: always.
    """
    told = "a compiled network cannot be pickled: compile the spec there, with `weights=FILE`"
    raise TypeError(told)


def refuse_step(
    engine: Engine,
    node: Node,
    reason: str,
    help: str = "use another engine, such as `eager`, which runs every network",
) -> Diagnostic:
    """The finding that an engine cannot run a step.

    Args:
        engine: that refuses.
        node: the step.
        reason: what about it, after "because".
        help: what to do.
    """
    message = f"the engine `{engine.name}` cannot run `{node.name}` ({node.op.op}): {reason}"
    labels = (Label(node.origin.span, "this step"),) if node.origin else ()
    return Diagnostic(Code.ENGINE_REFUSES, message, labels, help=help)
