"""The shapes of every node, and findings where operations and shapes do not fit."""

from inceptgraph.infer._any_size import at_any_size
from inceptgraph.infer._shapes import infer

__all__ = ["at_any_size", "infer"]
