"""A network that tells images of classes apart, and what it takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph.graph import Graph, Output
from inceptgraph.ops import LOSSES, Operation, Preprocessing, Target
from inceptgraph.types import format_shape

__all__ = ["Model"]


@dataclass(frozen=True)
class Model:
    """A network that is asked for the class of an image.

    Attributes:
        name: as messages call it.
        graph: with shapes.
        make: gives what runs it, in evaluation: from a float32 tensor to one, or to a dict by the
            names of the outputs. It reads weights and may compile for minutes, so that data is
            looked at before; None where nothing is to run.
    """

    name: str
    graph: Graph
    make: Callable[[], Any] | None = None

    def check(self) -> Model:
        """Itself.

        Raises:
            SpecError: it takes something else than one image, or tells no classes apart.
        """
        if self.refusal:
            raise SpecError([self.refusal])
        return self

    @property
    def refusal(self) -> Diagnostic | None:
        """The reason why no image of a class can be shown to it, or None."""
        inputs = {node.name: self.graph.shape(node.name) for node in self.graph.inputs}
        shapes = [*inputs.values()]
        if len(shapes) != 1 or len(shapes[0]) != 3 or shapes[0][0] not in (1, 3):
            told = ", ".join(f"`{name}` {format_shape(shape)}" for name, shape in inputs.items())
            hint = "take a network of one image, grey or in colours"
            return self._refused(f"takes {told or 'nothing'}", hint)
        if len(outputs := self._outputs) != 1:
            names = ", ".join(f"`{each.name}`" for each in outputs)
            wrong = (
                f"has several outputs of classes: {names}" if names else "tells no classes apart"
            )
            hint = "take a network with one output whose loss is of classes"
            return self._refused(wrong, hint)
        return None

    @property
    def channels(self) -> int:
        """Of an image: 3 for colours, 1 for grey."""
        return self.graph.shape(self._input)[0]

    @property
    def crop(self) -> tuple[int, int]:
        """Height and width of the window that it is shown."""
        crop = self.preprocessing.crop
        assert crop is not None  # of a graph with shapes
        return crop

    @property
    def preprocessing(self) -> Preprocessing:
        """What an image is made into: what the spec says, else numbers from 0 to 1 of an image that
        just covers the window."""
        shape = self.graph.shape(self._input)
        said = self.graph.preprocessing.get(self._input)
        return said or Preprocessing(range=(0.0, 1.0), crop=(shape[1], shape[2])).over(shape[0])

    @property
    def output(self) -> Output:
        """The output that tells classes apart."""
        return self._outputs[0]

    @property
    def classes(self) -> int:
        """How many it tells apart, the background with them."""
        return self.graph.shape(self.output.node)[0]

    @property
    def gives(self) -> type[Operation]:
        """The operation that makes the output: a softmax makes probabilities already."""
        return type(self.graph.nodes[self.output.node].op)

    def label(self, index: int) -> str:
        """What a class is called: by its name, else by its number."""
        return str(index) if self.graph.classes is None else self.graph.classes[index]

    @property
    def _input(self) -> str:
        return self.graph.inputs[0].name

    @property
    def _outputs(self) -> list[Output]:
        return [
            each
            for each in self.graph.outputs
            if not each.training_only
            and LOSSES[each.loss].target is Target.CLASSES
            and len(self.graph.shape(each.node)) == 1
        ]

    def _refused(self, wrong: str, help: str) -> Diagnostic:
        return Diagnostic(Code.BAD_OPTION, f"`{self.name}` {wrong}", help=help)
