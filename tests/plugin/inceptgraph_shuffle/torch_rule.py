"""The operation in torch. A built ``model.py`` carries the layer's source."""

from torch import nn

from inceptgraph.types import Shape
from inceptgraph_shuffle.operation import GroupShuffle
from inceptgraph_torch.rules import Layer


class Shuffle(nn.Module):
    """Mixes the channels of groups."""

    def __init__(self, groups):
        super().__init__()
        self.groups = groups

    def forward(self, x):
        return x.unflatten(1, (self.groups, -1)).transpose(1, 2).flatten(1, 2)


def group_shuffle(op: GroupShuffle, *inputs: Shape) -> Layer:
    return Layer(Shuffle, (op.groups,))
