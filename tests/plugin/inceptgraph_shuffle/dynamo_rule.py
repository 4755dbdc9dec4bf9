"""What torch calls the operation, for models that ``torch.compile`` reads."""

from inceptgraph_dynamo import Data, Reading
from inceptgraph_shuffle.operation import GroupShuffle


def group_shuffle(x: Data, groups: int) -> Reading:
    return Reading((GroupShuffle(groups=groups),), (x,))
