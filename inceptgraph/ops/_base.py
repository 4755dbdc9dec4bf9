"""Operations: one frozen class each, whose fields are the YAML arguments and the IR attributes.

An operation knows its shapes, its weights and its cost, and nothing of any framework. A backend
holds its own rule for each class. A concrete operation is final: a rule written for it can then
never be applied to something that only resembles it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._reach import HERE, Plane
from inceptgraph.ops.initializers import Initializer
from inceptgraph.types import Family, Shape, format_shape

__all__ = ["Operation", "Weight", "need_feature_map"]


@dataclass(frozen=True, slots=True)
class Weight:
    """A tensor that a step owns.

    Attributes:
        shape: its shape, in the order of ``torch`` (output channels first).
        init: how it starts.
        fan_in: how many inputs each output element sums over (for variance scaling).
        fan_out: how many outputs each input element reaches.
        trainable: False for statistics that training only observes.
    """

    shape: tuple[int, ...]
    init: Initializer
    fan_in: int = 1
    fan_out: int = 1
    trainable: bool = True

    @property
    def size(self) -> int:
        """Number of elements."""
        size = 1
        for extent in self.shape:
            size *= extent
        return size


class Operation(BaseModel):
    """Base of every operation.

    A concrete operation sets ``op``, the word that specs use, and says what it takes with
    ``arity`` (least and most operands; None for no limit). ``other_names`` are what papers and
    other frameworks call it: specs do not take them, but hints and the documentation name them.
    """

    # defer_build: a run uses few of the operations, and building a validator takes a millisecond
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    op: ClassVar[str]
    family: ClassVar[Family] = Family.OTHER
    arity: ClassVar[tuple[int, int | None]] = (1, 1)
    other_names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        final = next((base for base in cls.__mro__[1:] if "op" in vars(base)), None)
        if final is not None and final is not Operation:
            raise TypeError(
                f"{final.__name__} is a concrete operation, hence final: {cls.__name__}"
            )

    def infer(self, *inputs: Shape) -> Shape:
        """Shape of the output for the shapes of the operands, without the batch.

        Raises:
            ShapeError: the operation cannot take these shapes.
        """
        return inputs[0]

    def settled(self, *inputs: Shape) -> Operation:
        """The operation with what its arguments leave to its operands: what a graph with shapes
        holds, so that no backend counts from the end.

        Raises:
            ShapeError: the operation cannot take these shapes.
        """
        return self

    def weights(self, *inputs: Shape) -> dict[str, Weight]:
        """The tensors it owns, by the names they have in a ``state_dict``."""
        return {}

    def macs(self, *inputs: Shape) -> int:
        """Multiply-adds for one sample. As in the papers, only convolutions and linear layers
        count; bias, normalisation, pooling and activations do not."""
        return 0

    def reach(self, *inputs: Shape) -> tuple[Plane | None, ...]:
        """The reach of one pixel of the output in each operand, in evaluation; None for all of it.

        Unless an operation says otherwise, it reads the pixel in the same place of an operand that
        is as high and as wide as the output, and all of any other. A window says what it covers; so
        must an operation that keeps the size and mixes pixels.
        """
        output = self.infer(*inputs)
        return tuple(
            HERE if len(shape) == len(output) == 3 and shape[1:] == output[1:] else None
            for shape in inputs
        )

    def is_identity(self) -> bool:
        """True where it hands on what it reads, as it is, in both phases."""
        return False

    def label(self) -> str:
        """The words of an author in a diagram: ``3×3 conv /2, 64``."""
        return self.op.replace("_", " ")

    def arguments(self) -> dict[str, Any]:
        """The arguments that differ from their defaults, in the order of declaration."""
        defaults = _defaults(type(self))
        return {
            name: value
            for name, value in vars(self).items()  # pydantic's own iterator takes twice as long
            if name not in defaults or value != defaults[name]
        }


@cache
def _defaults(kind: type[Operation]) -> dict[str, Any]:
    """The defaults of an operation's optional arguments; they are immutable, hence no copies."""
    fields = kind.model_fields.items()
    return {name: field.default for name, field in fields if not field.is_required()}


def need_feature_map(op: Operation, shape: Shape) -> tuple[int, int, int]:
    """The operand as (channels, height, width).

    Raises:
        ShapeError: it is a flat vector.
    """
    if len(shape) != 3:
        raise ShapeError(
            Code.WRONG_RANK,
            f"`{op.op}` needs a feature map (height×width×channels), but its input is a vector of"
            f" {format_shape(shape)}",
            help="move it before the `flatten`, or use an operation on vectors such as `linear`",
        )
    return shape[0], shape[1], shape[2]
