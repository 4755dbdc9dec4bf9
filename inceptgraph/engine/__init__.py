"""Engines: what runs a network, how one is chosen, and how it is made to run."""

from inceptgraph.engine._choice import AUTO, ENTRY_POINTS, choose, find, installed, ready
from inceptgraph.engine._inputs import check_inputs, in_order, input_shapes, listed
from inceptgraph.engine._make import make, rewritten
from inceptgraph.engine._prepare import prepare
from inceptgraph.engine._protocol import Choice, Engine, refuse, refuse_pickling, refuse_step
from inceptgraph.setting import DTYPES, SHORT, Setting

__all__ = [
    "AUTO",
    "DTYPES",
    "ENTRY_POINTS",
    "SHORT",
    "Choice",
    "Engine",
    "Setting",
    "check_inputs",
    "choose",
    "find",
    "in_order",
    "input_shapes",
    "installed",
    "listed",
    "make",
    "prepare",
    "ready",
    "refuse",
    "refuse_pickling",
    "refuse_step",
    "rewritten",
]
