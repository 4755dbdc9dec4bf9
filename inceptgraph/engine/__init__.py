"""Engines: what runs a network, how one is chosen, and how it is made to run."""

from inceptgraph.engine._choice import AUTO, ENTRY_POINTS, choose, find, installed, ready
from inceptgraph.engine._inputs import check_inputs, in_order, input_shapes, listed
from inceptgraph.engine._make import make, rewritten
from inceptgraph.engine._prepare import hold_to_plain, prepare
from inceptgraph.engine._processor import cpu_facts, instruction_set
from inceptgraph.engine._protocol import Choice, Engine, refuse, refuse_pickling, refuse_step
from inceptgraph.engine._speeds import AVX2, H200, ZEN_4, ZEN_4_BF16, Measured, Run, speed
from inceptgraph.setting import DTYPES, SHORT, Setting

__all__ = [
    "AUTO",
    "AVX2",
    "DTYPES",
    "ENTRY_POINTS",
    "H200",
    "SHORT",
    "ZEN_4",
    "ZEN_4_BF16",
    "Choice",
    "Engine",
    "Measured",
    "Run",
    "Setting",
    "check_inputs",
    "choose",
    "cpu_facts",
    "find",
    "hold_to_plain",
    "in_order",
    "input_shapes",
    "installed",
    "instruction_set",
    "listed",
    "make",
    "prepare",
    "ready",
    "refuse",
    "refuse_pickling",
    "refuse_step",
    "rewritten",
    "speed",
]
