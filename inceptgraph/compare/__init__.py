"""What changed between two networks: as data, as the lines a person would write, as marks."""

from inceptgraph.compare._changes import (
    BlockChange,
    Change,
    Kind,
    Named,
    StageChange,
    StepChange,
)
from inceptgraph.compare._comparison import Comparison, compare
from inceptgraph.compare._marks import mark
from inceptgraph.compare._narrate import MARKS, TOTALS, Teller, Told, run, size, totals

__all__ = [
    "MARKS",
    "TOTALS",
    "BlockChange",
    "Change",
    "Comparison",
    "Kind",
    "Named",
    "StageChange",
    "StepChange",
    "Teller",
    "Told",
    "compare",
    "mark",
    "run",
    "size",
    "totals",
]
