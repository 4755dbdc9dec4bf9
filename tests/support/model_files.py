"""What a generated ``model.py`` defines."""

from __future__ import annotations

import builtins
from typing import Any

from torch import nn

from inceptgraph.graph import Graph
from inceptgraph_torch.codegen import write_module

__all__ = ["compile_source", "generated", "network"]


def generated(graph: Graph, training: bool = True) -> Any:
    """The names that a generated module defines."""
    namespace: dict[str, Any] = {"__name__": "model", "__file__": "/nowhere/model.py"}
    exec(compile_source(write_module(graph, training=training)), namespace)
    return namespace


def compile_source(text: str) -> Any:
    assert max(text.splitlines(), key=len)[100:] == "", max(text.splitlines(), key=len)
    return builtins.compile(text, "model.py", "exec")


def network(graph: Graph, training: bool = True) -> nn.Module:
    namespace = generated(graph, training)
    classes = [v for v in namespace.values() if isinstance(v, type) and v.__module__ == "model"]
    module = classes[-1]()
    assert isinstance(module, nn.Module)
    return module
