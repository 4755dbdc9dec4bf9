"""Writes a graph as readable Python."""

from inceptgraph_torch.codegen.model_py import write_module

__all__ = ["write_module"]
