"""What an image is made into before a network takes it: no step, as a loss is none."""

from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

__all__ = ["Preprocessing"]

_WHITE = 255
"""The largest value of 8 bits."""


def _list(value: Any) -> tuple[Any, ...]:
    """One number stands for all channels, or both extents."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _range(value: Any) -> tuple[Any, ...]:
    ends = _list(value)
    if len(ends) != 2 or ends[0] == ends[1]:
        what = "must be two numbers, what black and what white becomes: write `[0, 1]`, say"
        raise PydanticCustomError("range", what)
    return ends


def _crop(value: Any) -> tuple[Any, ...] | None:
    if value is None:
        return None
    extents = _list(value)
    if len(extents) not in (1, 2):
        what = "must be one number, or the height and the width: write `[224, 224]`, say"
        raise PydanticCustomError("crop", what)
    return extents if len(extents) == 2 else extents * 2


_Whole = Annotated[int, Field(ge=1)]
_LEAST = 1e-30
"""No deviation is smaller, so that what is divided by one is a number."""
_NUMBER, _EXTENT = {"type": "number"}, {"type": "integer", "minimum": 1}


def _schema(items: dict[str, Any], least: int = 1, most: int | None = None) -> dict[str, Any]:
    end = {} if most is None else {"maxItems": most}
    return {"type": "array", "items": items, "minItems": least, **end}


def _one_or(items: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [items, _schema(items)]})


_NUMBERS = ("mean", "std")
"""What is said of each channel."""


def _once(numbers: tuple[float, ...]) -> tuple[float, ...]:
    """One number for all that are equal."""
    return numbers[:1] if len({*numbers}) == 1 else numbers


def _short(number: float) -> str:
    return f"{number:g}"


class Preprocessing(BaseModel):
    """The way from an image of 8 bits a channel to the numbers that an input takes.

    In evaluation the shorter side is made ``resize`` long and ``crop`` is cut out of the middle. Of
    the values, 0 becomes the first end of ``range`` and 255 the second; then of each channel its
    ``mean`` is subtracted, and what is left is divided by its ``std``.

    Args:
        range: what 0 and 255 become.
        order: of the colours, ``rgb`` or ``bgr``.
        mean: of each channel, in that order and in units of the range; or one number for all.
        std: of each channel, alike; or one number for all.
        resize: pixels of the shorter side; else, or where that is too few, the image is made to
            just cover the crop.
        crop: height and width, or one number for both; else the input's own.
        interpolation: how pixels are made when an image is resized.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    range: Annotated[
        tuple[float, float],
        BeforeValidator(_range),
        WithJsonSchema(_schema(_NUMBER, 2, 2)),
    ]
    order: Literal["rgb", "bgr"] = "rgb"
    mean: Annotated[tuple[float, ...], BeforeValidator(_list), _one_or(_NUMBER)] = (0.0,)
    std: Annotated[
        tuple[Annotated[float, Field(gt=_LEAST)], ...],
        BeforeValidator(_list),
        _one_or(_NUMBER | {"exclusiveMinimum": _LEAST}),
    ] = (1.0,)
    resize: _Whole | None = None
    crop: Annotated[
        tuple[_Whole, _Whole] | None,
        BeforeValidator(_crop),
        WithJsonSchema({"anyOf": [_EXTENT, _schema(_EXTENT, 2, 2), {"type": "null"}]}),
    ] = None
    interpolation: Literal["nearest", "bilinear", "bicubic"] = "bilinear"

    @property
    def factors(self) -> tuple[float, ...]:
        """What an 8-bit value of each channel is multiplied by; see :attr:`offsets`."""
        return tuple(float(self._width / _WHITE / Fraction(std)) for std in self.std)

    @property
    def offsets(self) -> tuple[float, ...]:
        """What is then added. Computed exactly, and rounded once."""
        low = Fraction(self.range[0])
        each = zip(self.mean, self.std, strict=True)
        return tuple(float((low - Fraction(mean)) / Fraction(std)) for mean, std in each)

    @property
    def _width(self) -> Fraction:
        low, high = map(Fraction, self.range)
        return high - low

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """The height and width of an image once it is resized; its longer side is rounded down, as
        in torchvision.

        Raises:
            ValueError: the crop is not known yet, as it is in a graph with shapes.
        """
        rows, columns = (max(self.resize or 0, extent) for extent in self._cropped)
        if height * columns <= width * rows:
            return rows, rows * width // height
        return columns * height // width, columns

    def window(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Top, left, height and width of what is cut out of an image once it is resized; halves
        are rounded to the even number, as in torchvision.

        Raises:
            ValueError: as :meth:`resized`.
        """
        crop = self._cropped
        return round((height - crop[0]) / 2), round((width - crop[1]) / 2), *crop

    @property
    def _cropped(self) -> tuple[int, int]:
        if self.crop is None:
            raise ValueError("the crop is that of an input whose shape is not known yet")
        return self.crop

    def words(self) -> str:
        """All of it in a line.

        >>> Preprocessing(range=(0, 1), mean=0.5, std=0.25, resize=256, crop=224).words()
        'resized to 256 (bilinear), cropped to 224×224, 0…255 made 0…1, less 0.5, divided by 0.25'
        """
        numbers = {name: ", ".join(map(_short, _once(getattr(self, name)))) for name in _NUMBERS}
        said = {
            f"resized to {self.resize} ({self.interpolation})": self.resize,
            f"cropped to {'×'.join(map(str, self.crop or ()))}": self.crop,
            "bgr": self.order == "bgr",
            f"0…255 made {'…'.join(map(_short, self.range))}": self.range != (0, _WHITE),
            f"less {numbers['mean']}": any(self.mean),
            f"divided by {numbers['std']}": {*self.std} != {1},
        }
        return ", ".join(words for words, is_said in said.items() if is_said)

    def over(self, channels: int) -> "Preprocessing":
        """The same with a mean and a deviation for each channel."""
        each = {name: getattr(self, name) for name in _NUMBERS}
        spread = {name: numbers * channels for name, numbers in each.items() if len(numbers) == 1}
        return self.model_copy(update=spread)
