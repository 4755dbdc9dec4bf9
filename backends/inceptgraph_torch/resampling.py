"""Resampling and transposed convolution: the layers that ``torch.nn`` does not have, and the rules.

A built ``model.py`` carries the source of those that it uses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from inceptgraph.ops import Operation, conv_transpose, resample
from inceptgraph.types import Shape
from inceptgraph_torch.described import Layer
from inceptgraph_torch.windows import brief

__all__ = ["RULES", "ResizeLike"]


class ResizeLike(nn.Module):
    """Interpolates a map to the size of another."""

    def __init__(self, mode: str = "nearest", align_corners: bool | None = None) -> None:
        super().__init__()
        self.mode, self.align_corners = mode, align_corners

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        size = like.shape[2:]
        return F.interpolate(x, size, mode=self.mode, align_corners=self.align_corners)

    def extra_repr(self) -> str:
        return f"mode={self.mode!r}, align_corners={self.align_corners}"


def _resize(op: resample.Resize, *inputs: Shape) -> Layer:
    settings: dict[str, Any] = {"mode": op.mode} if op.mode != "nearest" else {}
    settings |= {"align_corners": True} if op.align_corners else {}
    if len(inputs) > 1:
        return Layer(ResizeLike, (), settings)
    if op.factor is not None:
        return Layer(nn.Upsample, (), {"scale_factor": brief(op.factor), **settings})
    return Layer(nn.Upsample, (op.size,), settings)


_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def _conv_transpose(op: conv_transpose.ConvTranspose, *inputs: Shape) -> Layer:
    rank = len(inputs[0]) - 1
    sizes = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1}
    kwargs: dict[str, Any] = {
        name: brief(getattr(op, name))
        for name, usual in sizes.items()
        if getattr(op, name) != (usual,) * rank
    }
    kwargs |= {"groups": op.groups} if op.groups != 1 else {}
    kwargs |= {} if op.bias else {"bias": False}
    return Layer(_TRANSPOSED[rank - 1], (inputs[0][0], op.out, brief(op.kernel)), kwargs)


RULES: dict[type[Operation], Callable[..., Layer]] = {
    resample.Resize: _resize,
    resample.PixelShuffle: lambda op, *inputs: Layer(nn.PixelShuffle, (op.factor,)),
    resample.PixelUnshuffle: lambda op, *inputs: Layer(nn.PixelUnshuffle, (op.factor,)),
    conv_transpose.ConvTranspose: _conv_transpose,
}
