"""Initial weights. A spec names a scheme, gives a number, or spells the scheme out.

Schemes follow the papers that introduced them; ``lecun_uniform`` is what Caffe calls ``xavier``.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

__all__ = [
    "ONES",
    "ZEROS",
    "Constant",
    "Initializer",
    "Normal",
    "Uniform",
    "VarianceScaling",
    "constant",
    "scheme",
]


Mode = Literal["fan_in", "fan_out", "fan_avg"]
Distribution = Literal["normal", "truncated_normal", "uniform"]


class _Scheme(BaseModel):
    # not deferred, unlike the operations: before 2.14 pydantic cannot write a value out whose
    # class was never built
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Constant(_Scheme):
    """Every element is ``value``."""

    scheme: Literal["constant"] = "constant"
    value: float = 0.0


class Normal(_Scheme):
    """Normal with ``mean`` and ``std``; elements outside ``bound`` standard deviations are drawn
    again where ``bound`` is given (truncated normal)."""

    scheme: Literal["normal"] = "normal"
    mean: float = 0.0
    std: Annotated[float, Field(gt=0)] = 0.01
    bound: Annotated[float, Field(gt=0)] | None = None


class Uniform(_Scheme):
    """Uniform between ``low`` and ``high``."""

    scheme: Literal["uniform"] = "uniform"
    low: float = -0.05
    high: float = 0.05

    @model_validator(mode="after")
    def _ordered(self) -> "Uniform":
        if self.low > self.high:
            raise PydanticCustomError("bounds", "must have a `low` that is not above its `high`")
        return self


class VarianceScaling(_Scheme):
    """Zero mean and variance ``scale / fan``, where ``fan`` is what ``mode`` names."""

    scheme: Literal["variance_scaling"] = "variance_scaling"
    scale: Annotated[float, Field(gt=0)] = 1.0
    mode: Mode = "fan_in"
    distribution: Distribution = "truncated_normal"


Scheme = Constant | Normal | Uniform | VarianceScaling


def constant(value: float) -> Constant:
    """Every element is ``value``."""
    return Constant.model_construct(value=float(value))


ZEROS, ONES = constant(0.0), constant(1.0)


def _scaled(scale: float, mode: Mode, distribution: Distribution) -> VarianceScaling:
    return VarianceScaling.model_construct(scale=scale, mode=mode, distribution=distribution)


_NAMED: dict[str, Scheme] = {
    "zeros": ZEROS,
    "ones": ONES,
    # Glorot & Bengio 2010
    "xavier_uniform": _scaled(1.0, "fan_avg", "uniform"),
    "xavier_normal": _scaled(1.0, "fan_avg", "normal"),
    # He et al. 2015, for ReLU
    "kaiming_uniform": _scaled(2.0, "fan_in", "uniform"),
    "kaiming_normal": _scaled(2.0, "fan_in", "normal"),
    "kaiming_normal_fan_out": _scaled(2.0, "fan_out", "normal"),
    # LeCun et al. 1998
    "lecun_uniform": _scaled(1.0, "fan_in", "uniform"),
    "lecun_normal": _scaled(1.0, "fan_in", "normal"),
    # What torch layers do when nobody says otherwise: uniform in ±1/sqrt(fan_in)
    "torch": _scaled(1 / 3, "fan_in", "uniform"),
}
_SCHEMES = {
    c.model_fields["scheme"].default: c for c in (Constant, Normal, Uniform, VarianceScaling)
}


def scheme(value: Any) -> Scheme:
    """Read an initialiser as a spec writes it.

    Args:
        value: a scheme's name, a number (a constant), or a mapping with ``scheme`` and settings.

    >>> scheme("zeros")
    Constant(scheme='constant', value=0.0)
    """
    if isinstance(value, Scheme):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return constant(value)
    known = [*_NAMED, *(name for name in _SCHEMES if name not in _NAMED)]
    name = value.get("scheme") if isinstance(value, dict) else value
    if isinstance(name, str) and name in _NAMED:
        if value in (name, {"scheme": name}):
            return _NAMED[name]
        message = "must be `{word}` alone, which has no settings"
        raise PydanticCustomError("initializer", message, {"word": name})
    if isinstance(name, str) and name in _SCHEMES:
        return _SCHEMES[name].model_validate(value if isinstance(value, dict) else {})
    if isinstance(name, str):
        raise PydanticCustomError(
            "unknown_word", "there is no initialiser `{word}`", {"word": name, "known": known}
        )
    raise PydanticCustomError(
        "initializer",
        "an initialiser is a scheme's name, a number, or a mapping such as"
        " `{{scheme: normal, std: 0.01}}`",
    )


Initializer = Annotated[
    Scheme,
    BeforeValidator(scheme),
    WithJsonSchema(
        {
            "description": "a scheme's name, a number, or a mapping with `scheme` and its settings",
            "anyOf": [
                {"enum": [*_NAMED, *_SCHEMES]},
                {"type": "number"},
                {"type": "object", "required": ["scheme"]},
            ],
        }
    ),
]
