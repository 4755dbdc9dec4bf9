"""The operation: its arguments, what it takes, what comes out."""

from typing import Annotated, ClassVar

from pydantic import Field

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops import Operation, need_feature_map
from inceptgraph.types import Family, Shape


class GroupShuffle(Operation):
    """Mixes the channels of groups (Zhang et al. 2018, ShuffleNet, section 3.1).

    Args:
        groups: how many groups the channels form.
    """

    op: ClassVar[str] = "group_shuffle"
    family: ClassVar[Family] = Family.SHAPE

    groups: Annotated[int, Field(ge=1)]

    def infer(self, *inputs: Shape) -> Shape:
        channels, _ = need_feature_map(self, inputs[0])
        if channels % self.groups:
            raise ShapeError(
                Code.BAD_GROUPS,
                f"{channels} channels cannot be split into {self.groups} equal groups",
                argument="groups",
            )
        return inputs[0]
