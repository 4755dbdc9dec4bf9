"""Built directories: the model with its weights, its spec, its picture and what says so."""

from inceptgraph.builder._build import build

__all__ = ["build"]
