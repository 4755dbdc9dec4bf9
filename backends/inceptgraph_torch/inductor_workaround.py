"""A workaround for what torch gets wrong when it freezes weights."""

from __future__ import annotations

import torch
from torch import Tensor, fx, nn

from inceptgraph_torch.layers import Scale

__all__ = ["freezable"]


def freezable(module: fx.GraphModule) -> None:
    """Make numbers that multiply and are added tensors, in place.

    Inductor (torch 2.13) folds numbers behind convolutions and linear layers into their frozen
    weights, all of them as the last one that it met. Tensors it tells apart.

    Args:
        module: in evaluation; its weights and their names stay.
    """
    like = next(module.parameters(), torch.empty(0))
    for name, layer in [*module.named_modules()]:
        if isinstance(layer, Scale):
            module.set_submodule(name, _ScaleByTensors(layer, like))


class _ScaleByTensors(nn.Module):
    """Multiplies by a constant and adds another."""

    factor: Tensor
    offset: Tensor

    def __init__(self, scale: Scale, like: Tensor) -> None:
        super().__init__()
        self.register_buffer("factor", like.new_tensor(scale.factor), persistent=False)
        self.register_buffer("offset", like.new_tensor(scale.offset), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor + self.offset
