"""Rules for the native engine that another package brings."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import numpy as np
import pytest
import torch

from inceptgraph import plugins
from inceptgraph.engine import Setting
from inceptgraph.graph import Graph, Node, Output
from inceptgraph.ops import Input, Operation
from inceptgraph.ops.activation import Relu
from inceptgraph_native import NativeEngine
from inceptgraph_native.codegen.emit import Emitter
from inceptgraph_native.codegen.fusion import Fuses, Unit, fusing, units
from inceptgraph_native.codegen.rules import ENTRY_POINTS, can_fuse, has_rule

SHAPE = (3, 4, 5)


def graph_of(op: Operation) -> Graph:
    nodes = {
        "x": Node("x", Input(shape=SHAPE), (), SHAPE),
        "half": Node("half", op, ("x",), SHAPE),
        "relu": Node("relu", Relu(), ("half",), SHAPE),
    }
    return Graph("net", nodes, (Output("out", "relu"),)).verify()


@pytest.mark.parametrize("fused", [True, False])
def test_a_rule_says_what_its_kernel_fuses(monkeypatch: pytest.MonkeyPatch, fused: bool) -> None:
    class Halve(Operation):
        op = "halve"

    def halve(op: Halve, unit: Unit, emit: Emitter) -> None:
        source, target = emit.place("x"), emit.place(unit.end)
        factor = emit.affine(np.full(3, 0.5, np.float32), None)
        maps = emit.map(source), factor, emit.bounds(unit), emit.map(target)
        emit.call(unit.end, "affine", *maps, reads=[source], writes=[target])

    offers = ModuleType("offers")
    offers.halve = fusing(Fuses.BOUNDS)(halve) if fused else halve  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "offers", offers)
    point = EntryPoint("halve", "offers:halve", ENTRY_POINTS)
    monkeypatch.setattr(plugins, "points", lambda group: {"halve": point})
    graph = graph_of(Halve())
    assert has_rule(Halve)
    ends = [unit.end for unit in units(graph, can_fuse)]
    assert ends == (["relu"] if fused else ["half", "relu"])
    x = torch.randn(2, *SHAPE)
    model = NativeEngine().prepare(graph, {}, Setting(batch=2))
    torch.testing.assert_close(model(x), (x / 2).relu())


def test_without_a_rule_the_step_is_refused() -> None:
    class Unknown(Operation):
        op = "unknown_to_native"

    refusal = NativeEngine().refusal(graph_of(Unknown()), Setting())
    assert refusal is not None
    assert "cannot run `half` (unknown_to_native): it has no kernel" in refusal.message
