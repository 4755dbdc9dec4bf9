"""The average of the weights, which evaluation has instead of the last ones."""

from __future__ import annotations

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from inceptgraph.training import Average, Ema

__all__ = ["averaged"]


def averaged(model: nn.Module, average: Average | None) -> AveragedModel | None:
    """A copy of a network that takes the average of its weights, and of the statistics of its
    normalisations; None where a recipe has none.

    The first weights that it is given are its first value.
    """
    match average:
        case None:
            return None
        case Ema(decay=decay):
            mean = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
            return AveragedModel(model, multi_avg_fn=mean, use_buffers=True)
        case _:
            return AveragedModel(model, use_buffers=True)
