"""Reshapes: the same numbers under other axes, by their names."""

from collections.abc import Iterable, Mapping
from math import prod
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._base import Operation
from inceptgraph.ops._reach import Reaches
from inceptgraph.types import AXES, KINDS, Family, Shape, extent_names, format_shape, named_extents

__all__ = ["Reshape"]


def _count(value: Any) -> Any:
    if value in (None, "rest") or (type(value) is int and value > 0):
        return value
    raise PydanticCustomError("size", "is a whole number of at least 1, or `rest`")


Count = Annotated[
    int | Literal["rest"] | None,
    BeforeValidator(_count),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"const": "rest"}]}),
]
"""An extent, or what the others leave of it."""


class Reshape(Operation):
    """The same numbers in another shape, in the order of ``flatten``: the last axis runs fastest,
    the channels slowest. The result has the axes that are named, all of a map or ``features``; one
    of them may be the ``rest``. With a second operand, of which nothing else is read, those that
    are not named are as there: ``{op: reshape, channels: rest, from: [rows, map]}``.

    Args:
        features: of a vector, a whole number or ``rest``, as are the others.
        channels: of a map.
        length: of a sequence.
        frames: of a volume.
        height: of an image or a volume.
        width: of an image or a volume.
    """

    op: ClassVar[str] = "reshape"
    other_names: ClassVar[tuple[str, ...]] = ("view", "unflatten")
    family: ClassVar[Family] = Family.SHAPE
    arity: ClassVar[tuple[int, int | None]] = (1, 2)

    features: Count = None
    channels: Count = None
    length: Count = None
    frames: Count = None
    height: Count = None
    width: Count = None

    def given(self) -> dict[str, int | str]:
        """The extents that are written, by the names of their axes."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def asked(self, *inputs: Shape) -> dict[str, int | str]:
        """The extents of the result by their names, in order; one may be ``rest``.

        Raises:
            ShapeError: there is no map of such axes, or several are ``rest``.
        """
        given = self.given()
        if inputs[1:]:
            like = named_extents(inputs[1])
            strange = next((name for name in given if name not in like), None)
            if strange is not None:
                known = ", ".join(f"`{name}`" for name in like)
                raise ShapeError(
                    Code.BAD_ARGUMENT,
                    f"`reshape` has the axes of its second input, which has no `{strange}`",
                    argument=strange,
                    help=f"they are {known}: give one of them, or leave the second input out",
                )
            given = {**like, **given}
        names = next((names for names in _NAMES if given.keys() <= {*names}), ())
        if len(given) != len(names):
            raise _wrong_axes(given, names)
        rest = [name for name, extent in given.items() if extent == "rest"]
        if len(rest) > 1:
            raise ShapeError(
                Code.BAD_ARGUMENT,
                f"one extent of `reshape` can be the `rest`, but {_listed(rest)} are",
                argument=rest[-1],
                help="give the extents of the others",
            )
        return {name: given[name] for name in names}

    def infer(self, *inputs: Shape) -> Shape:
        asked, total = self.asked(*inputs), prod(inputs[0])
        whole = {name: extent for name, extent in asked.items() if isinstance(extent, int)}
        known = prod(whole.values())
        if total % known or (total != known and len(whole) == len(asked)):
            raise self._misfit(asked, whole, inputs[0])
        return tuple(whole.get(name, total // known) for name in asked)

    def _misfit(
        self, asked: dict[str, int | str], whole: dict[str, int], before: Shape
    ) -> ShapeError:
        total, known = prod(before), prod(whole.values())
        rest = next((name for name in asked if name not in whole), None)
        if rest is not None:
            return ShapeError(
                Code.SPATIAL_MISMATCH,
                f"`{rest}` of `reshape` cannot be the rest: the {total:,} numbers of"
                f" {format_shape(before)} are no multiple of {'×'.join(map(str, whole.values()))}",
                argument=rest,
                help=f"let the other extents divide {total:,}",
            )
        size, argument = format_shape(tuple(whole.values())), next(reversed(self.given()), None)
        hint = f"the extents must multiply to {total:,}"
        for name in self.given():
            others = known // whole[name]
            if total % others == 0:
                argument, hint = name, f"`{name}: rest` takes what is left, {total // others}"
        return ShapeError(
            Code.SPATIAL_MISMATCH,
            f"`reshape` to {size} needs {known:,} numbers, but its input has {total:,},"
            f" {format_shape(before)}",
            argument=argument,
            help=hint,
        )

    def reach(self, *inputs: Shape) -> tuple[Reaches | None, ...]:
        """All of the map: neighbours in one shape are none in another. Of the second nothing."""
        return tuple(None for _ in inputs)

    def on_images(self) -> "Reshape":
        if self.length is None:
            return self
        return self.having(height=1, width=self.length, length=None)

    def label(self) -> str:
        given = self.given()
        if tuple(given) not in _NAMES:
            return "reshape like another"
        first, *others = map(str, given.values())
        return f"reshape to {'×'.join((*others, first))}"


_NAMES = tuple(extent_names(rank) for rank in range(len(AXES)))


def _listed(names: Iterable[str]) -> str:
    return " and ".join(f"`{name}`" for name in names)


def _wrong_axes(given: Mapping[str, int | str], names: tuple[str, ...]) -> ShapeError:
    """The finding of axes that no map has, or of some of those that one has."""
    told = f"no map has {_listed(given)}" if given else "`reshape` is given no extents"
    hint = "name `features`, or `channels` with `length`, with `height` and `width`, or with those"
    hint += " and `frames`"
    if given and names:
        absent = [name for name in names if name not in given]
        kind, lacking = KINDS[_NAMES.index(names)], _listed(absent)
        told = f"`reshape` is given {_listed(given)}, but {kind} has {lacking}, too"
        free = "" if "rest" in given.values() else f", or `{absent[0]}: rest` for what is left"
        hint = f"give {lacking}{free}"
    argument = next(reversed(list(given)), None)
    return ShapeError(Code.BAD_ARGUMENT, told, argument=argument, help=hint)
