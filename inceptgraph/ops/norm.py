"""Normalisation and learned per-channel scales."""

from typing import Annotated, ClassVar

from pydantic import Field

from inceptgraph.ops._base import Operation, Weight, need_feature_map
from inceptgraph.ops.initializers import ONES, ZEROS, Initializer
from inceptgraph.types import Family, Shape

__all__ = ["Affine", "BatchNorm", "Lrn", "learned"]


class BatchNorm(Operation):
    """Batch normalisation over a feature map or a vector (Ioffe & Szegedy 2015).

    Args:
        eps: added to the variance.
        momentum: weight of the new batch in the running statistics, as torch means it
            (TensorFlow's decay 0.9997 is momentum 0.0003).
        scale: learn a factor for each channel (gamma); TF-slim's Inception networks do not.
        shift: learn an offset for each channel (beta).
        scale_init: how gamma starts.
        shift_init: how beta starts.
    """

    op: ClassVar[str] = "batch_norm"
    other_names: ClassVar[tuple[str, ...]] = ("bn",)
    family: ClassVar[Family] = Family.NORM

    eps: Annotated[float, Field(gt=0)] = 1e-5
    momentum: Annotated[float, Field(ge=0, le=1)] = 0.1
    scale: bool = True
    shift: bool = True
    scale_init: Initializer = ONES
    shift_init: Initializer = ZEROS

    def weights(self, *inputs: Shape) -> dict[str, Weight]:
        channels = inputs[0][:1]
        found = learned(
            channels, weight=self.scale and self.scale_init, bias=self.shift and self.shift_init
        )
        found["running_mean"] = Weight(channels, ZEROS, trainable=False)
        found["running_var"] = Weight(channels, ONES, trainable=False)
        return found

    def label(self) -> str:
        return "batch norm"


class Lrn(Operation):
    """Local response normalisation across channels (Krizhevsky et al. 2012, section 3.3).

    Args:
        size: channels in the window. TensorFlow names a radius instead: radius 5 is size 11.
        alpha: factor of the mean square; as in Caffe and torch it is divided by ``size``
            (TensorFlow's alpha is not).
        beta: exponent.
        k: offset.
    """

    op: ClassVar[str] = "lrn"
    other_names: ClassVar[tuple[str, ...]] = ("local_response_norm",)
    family: ClassVar[Family] = Family.NORM

    size: Annotated[int, Field(ge=1)] = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    def infer(self, *inputs: Shape) -> Shape:
        need_feature_map(self, inputs[0])
        return inputs[0]

    def label(self) -> str:
        return "LRN"


class Affine(Operation):
    """A learned factor and offset for each channel (LeNet-5's subsampling layers have them).

    Args:
        scale: learn a factor.
        shift: learn an offset.
        scale_init: how the factor starts.
        shift_init: how the offset starts.
    """

    op: ClassVar[str] = "affine"
    family: ClassVar[Family] = Family.NORM

    scale: bool = True
    shift: bool = True
    scale_init: Initializer = ONES
    shift_init: Initializer = ZEROS

    def weights(self, *inputs: Shape) -> dict[str, Weight]:
        return learned(
            inputs[0][:1],
            weight=self.scale and self.scale_init,
            bias=self.shift and self.shift_init,
        )


def learned(
    shape: Shape, weight: Initializer | bool, bias: Initializer | bool = False
) -> dict[str, Weight]:
    """Weights of one shape, of those that an operation has.

    Args:
        shape: of each.
        weight: how the factors start; False where there are none.
        bias: how the offsets start; False where there are none.
    """
    found = {}
    if not isinstance(weight, bool):
        found["weight"] = Weight(shape, weight)
    if not isinstance(bias, bool):
        found["bias"] = Weight(shape, bias)
    return found
