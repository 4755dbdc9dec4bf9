"""Activations: element by element, and softmax along an axis."""

from typing import ClassVar, Literal

from inceptgraph.ops._base import Operation, Weight
from inceptgraph.ops._reach import Reaches
from inceptgraph.ops.axes import AxisName, OverAxis
from inceptgraph.ops.initializers import Initializer, constant
from inceptgraph.types import Family, Shape

__all__ = [
    "Elu",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "LeakyRelu",
    "LogSoftmax",
    "Mish",
    "Prelu",
    "Relu",
    "Relu6",
    "Sigmoid",
    "Silu",
    "Softmax",
    "Softplus",
    "Tanh",
]


class _Activation(Operation):
    family: ClassVar[Family] = Family.ACTIVATION


class Relu(_Activation):
    """max(x, 0)."""

    op: ClassVar[str] = "relu"

    def label(self) -> str:
        return "ReLU"


class Relu6(_Activation):
    """min(max(x, 0), 6)."""

    op: ClassVar[str] = "relu6"

    def label(self) -> str:
        return "ReLU6"


class LeakyRelu(_Activation):
    """x where positive, ``slope``·x elsewhere.

    Args:
        slope: factor of the negative part.
    """

    op: ClassVar[str] = "leaky_relu"

    slope: float = 0.01

    def label(self) -> str:
        return "leaky ReLU"


class Prelu(_Activation):
    """Leaky ReLU whose slope is learned for each channel (He et al. 2015).

    Args:
        slope_init: how the slopes start.
    """

    op: ClassVar[str] = "prelu"

    slope_init: Initializer = constant(0.25)

    def weights(self, *inputs: Shape) -> dict[str, Weight]:
        return {"weight": Weight((inputs[0][0],), self.slope_init)}

    def label(self) -> str:
        return "PReLU"


class Elu(_Activation):
    """x where positive, ``alpha``·(exp(x) − 1) elsewhere.

    Args:
        alpha: factor of the negative part.
    """

    op: ClassVar[str] = "elu"

    alpha: float = 1.0

    def label(self) -> str:
        return "ELU"


class Gelu(_Activation):
    """x·Φ(x), with Φ the normal distribution function (Hendrycks & Gimpel 2016).

    Args:
        approximate: ``none`` for the exact function, ``tanh`` for the usual approximation.
    """

    op: ClassVar[str] = "gelu"

    approximate: Literal["none", "tanh"] = "none"

    def label(self) -> str:
        return "GELU"


class Silu(_Activation):
    """x·sigmoid(x)."""

    op: ClassVar[str] = "silu"
    other_names: ClassVar[tuple[str, ...]] = ("swish",)

    def label(self) -> str:
        return "SiLU"


class Mish(_Activation):
    """x·tanh(softplus(x))."""

    op: ClassVar[str] = "mish"


class Sigmoid(_Activation):
    """1 / (1 + exp(−x))."""

    op: ClassVar[str] = "sigmoid"


class HardSigmoid(_Activation):
    """min(max(x/6 + 1/2, 0), 1)."""

    op: ClassVar[str] = "hard_sigmoid"


class HardSwish(_Activation):
    """x·hard_sigmoid(x)."""

    op: ClassVar[str] = "hard_swish"


class Softplus(_Activation):
    """log(1 + exp(x))."""

    op: ClassVar[str] = "softplus"


class Tanh(_Activation):
    """Hyperbolic tangent."""

    op: ClassVar[str] = "tanh"


class _Softmax(OverAxis):
    family: ClassVar[Family] = Family.OUTPUT

    over: AxisName = "channels"

    def infer(self, *inputs: Shape) -> Shape:
        self.axis(inputs[0])
        return inputs[0]

    def reach(self, *inputs: Shape) -> tuple[Reaches | None, ...]:
        return super().reach(*inputs) if self.axis(inputs[0]) == 0 else (None,)

    def label(self) -> str:
        word = super().label()
        return word if self.over == "channels" else f"{word} over {self.over}"


class Softmax(_Softmax):
    """Softmax over the channels or features, or along another axis.

    Args:
        over: the axis, by its name.
    """

    op: ClassVar[str] = "softmax"


class LogSoftmax(_Softmax):
    """Logarithm of the softmax over the channels or features, or along another axis.

    Args:
        over: the axis, by its name.
    """

    op: ClassVar[str] = "log_softmax"
