"""The whole flow: source → spec → graph → passes → backend."""

from inceptgraph.pipeline._analyze import Analysis, analyze, to_graph
from inceptgraph.pipeline._compile import Pass, compile
from inceptgraph.pipeline._load import load
from inceptgraph.pipeline._read import read
from inceptgraph.pipeline._summary import summary

__all__ = ["Analysis", "Pass", "analyze", "compile", "load", "read", "summary", "to_graph"]
