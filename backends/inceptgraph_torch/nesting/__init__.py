"""A graph as nested containers, which the module and ``model.py`` are both made from."""

from inceptgraph_torch.nesting.containers import (
    Call,
    Container,
    Part,
    Statement,
    Style,
    Value,
    arguments,
)
from inceptgraph_torch.nesting.order import build

__all__ = ["Call", "Container", "Part", "Statement", "Style", "Value", "arguments", "build"]
