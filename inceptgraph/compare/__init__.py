"""Comparisons of two networks: as data, as text, as Markdown, as marks in a picture."""

from inceptgraph.compare._changes import (
    BlockChange,
    Change,
    Kind,
    Named,
    StageChange,
    StepChange,
)
from inceptgraph.compare._comparison import Comparison, diff
from inceptgraph.compare._json import to_json
from inceptgraph.compare._markdown import to_markdown
from inceptgraph.compare._marks import mark
from inceptgraph.compare._text import to_text

__all__ = [
    "BlockChange",
    "Change",
    "Comparison",
    "Kind",
    "Named",
    "StageChange",
    "StepChange",
    "diff",
    "mark",
    "to_json",
    "to_markdown",
    "to_text",
]
