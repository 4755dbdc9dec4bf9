"""Operations: one frozen class each, whose fields are the YAML arguments and the IR attributes.

An operation knows its shapes, its weights and its cost, and nothing of any framework. A backend
holds its own rule for each class. A concrete operation is final: a rule written for it can then
never be applied to something that only resembles it.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._reach import HERE, Reaches
from inceptgraph.ops.initializers import Initializer
from inceptgraph.types import KINDS, Family, FreeShape, Shape, format_shape, shape_words

__all__ = ["Operation", "Weight", "need_feature_map", "need_groups"]


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
    ``hideable`` says that specs may call a block by its word, and then mean the block.
    """

    # defer_build: a run uses few of the operations, and building a validator takes a millisecond
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    op: ClassVar[str]
    family: ClassVar[Family] = Family.OTHER
    arity: ClassVar[tuple[int, int | None]] = (1, 1)
    other_names: ClassVar[tuple[str, ...]] = ()
    hideable: ClassVar[bool] = False
    any_rank: ClassVar[type[Any] | None] = None
    """The operation that is this one on images, where this one takes images alone."""
    random: ClassVar[bool] = False
    """Whether it acts in training alone, and at random: in evaluation it hands on what it reads."""

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

    def settled(self, *inputs: Shape) -> "Operation":
        """The operation with what its arguments leave to its operands: what a graph with shapes
        holds, so that no backend counts from the end.

        Raises:
            ShapeError: the operation cannot take these shapes.
        """
        return self

    def having(self, **arguments: Any) -> Self:
        """The operation with other arguments, which are right; itself where they are its own."""
        own = vars(self)
        unlike = any(own[name] != value for name, value in arguments.items())
        return self.model_copy(update=arguments) if unlike else self

    def weights(self, *inputs: Shape) -> dict[str, Weight]:
        """The tensors it owns, by the names they have in a ``state_dict``."""
        return {}

    def macs(self, *inputs: Shape) -> int:
        """Multiply-adds for one sample. As in the papers, only convolutions, linear layers and
        products of two operands count; bias, normalisation, pooling and activations do not."""
        return 0

    def reach(self, *inputs: Shape) -> tuple[Reaches | None, ...]:
        """The reach of one pixel of the output in each operand, in evaluation; None for all of it.

        Unless an operation says otherwise, it reads the pixel in the same place of an operand whose
        extents are those of the output, and all of any other. A window says what it covers; so
        must an operation that keeps the size and mixes pixels.
        """
        _, *extents = self.infer(*inputs)
        return tuple(
            (HERE,) * len(extents) if extents and list(shape[1:]) == extents else None
            for shape in inputs
        )

    def on_images(self) -> "Operation":
        """The operation that does to images of height 1 what this one, settled, does to sequences,
        for a backend that computes images alone."""
        return self

    def inflated(self, frames: int | None, video: FreeShape | None) -> "Operation":
        """The operation that does to a video what this one does to an image. Numbers for all three
        axes stay as they are.

        Args:
            frames: that a window of more than one pixel spans; None for as many as its longer side.
            video: the shape of what it reads, where that is a video; None for what is free in it.

        Raises:
            ShapeError: there is none.
        """
        return self

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
            if name not in defaults or not _same(value, defaults[name])
        }


# Pydantic has read them, and would evaluate them anew for each of the subclasses: half of the time
# that those take to make.
Operation.__annotations__.clear()


def _same(value: Any, default: Any) -> bool:
    """Whether a value is a default, which may be one number for all axes of what comes in."""
    if value == default:
        return True
    spread = isinstance(value, tuple) and isinstance(default, tuple) and len(default) == 1
    return spread and value == default * len(value)


@cache
def _defaults(kind: type[Operation]) -> dict[str, Any]:
    """The defaults of an operation's optional arguments; they are immutable, hence no copies."""
    fields = kind.model_fields.items()
    return {name: field.default for name, field in fields if not field.is_required()}


def need_feature_map(
    op: Operation, shape: Shape, rank: int | None = None, instead: str = ""
) -> tuple[int, tuple[int, ...]]:
    """The operand as its channels and the extents of its axes.

    Args:
        op: what reads it.
        shape: of the operand.
        rank: how many axes it must have; None for any, but not a vector.
        instead: what to do about a map of another rank.

    Raises:
        ShapeError: it is a vector, or a map of another rank.
    """
    channels, *extents = shape
    if extents and rank in (None, len(extents)):
        return channels, tuple(extents)
    wanted = "a feature map" if rank is None else f"{KINDS[rank]} ({shape_words(rank)})"
    rest = "" if extents else "move it before the `flatten`, or use an operation on vectors such as"
    raise ShapeError(
        Code.WRONG_RANK,
        f"`{op.op}` needs {wanted}, but its input is {described(shape)}",
        help=f"{rest} `linear`" if rest else instead or None,
    )


def need_groups(groups: int, channels: int, outputs: int | None = None) -> None:
    """Check that channels fall into so many equal groups, those of the output as well if told.

    Args:
        groups: how many.
        channels: of the input.
        outputs: channels of the output, where they are others.

    Raises:
        ShapeError: they do not.
    """
    if channels % groups == (outputs or 0) % groups == 0:
        return
    what, count, divided = "", channels, f"{channels}"
    if outputs is not None:
        what, count = ("input ", channels) if channels % groups else ("output ", outputs)
        divided = f"the {channels} input and {outputs} output channels"
    raise ShapeError(
        Code.BAD_GROUPS,
        f"{count} {what}channels cannot be split into {groups} equal groups",
        argument="groups",
        help=f"`groups` must divide {divided}",
    )


def described(shape: Shape) -> str:
    """A shape with what it is a shape of.

    >>> described((9, 128))
    'a sequence of 128×9 (length×channels)'
    """
    rank = len(shape) - 1
    what = f"{KINDS[rank]} of {format_shape(shape)}"
    return f"{what} ({shape_words(rank)})" if rank else what
