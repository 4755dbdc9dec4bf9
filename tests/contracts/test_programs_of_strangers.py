"""``torch.export.load`` can run what a file says, by pickle: nothing here gives it a file."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import torch
from places import ROOT
from tiny_network import TINY

import inceptgraph
from inceptgraph.diagnostics import Source, SpecError

SOURCES = sorted(p for room in ("inceptgraph", "backends") for p in (ROOT / room).rglob("*.py"))


def loads(text: str) -> list[str]:
    """Where a program is loaded: any ``load`` of something called ``export``, or its import."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and node.attr == "load":
            found += [ast.unparse(node)] if ast.unparse(node.value).endswith("export") else []
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torch.export"):
            found += [each.name for each in node.names if each.name == "load"]
    return found


def test_no_source_loads_a_program() -> None:
    assert len(SOURCES) > 100
    assert {str(path): found for path in SOURCES if (found := loads(path.read_text()))} == {}


@pytest.mark.parametrize(
    "text", ["torch.export.load(p)", "export.load", "from torch.export import load as l"]
)
def test_one_that_did_would_be_seen(text: str) -> None:
    assert loads(text)


def test_a_program_in_the_place_of_weights_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = torch.export.export(torch.nn.Linear(2, 2), (torch.zeros(1, 2),))
    torch.export.save(program, tmp_path / "model.pt2")

    def refuse(*given: Any, **options: Any) -> None:
        pytest.fail("it was loaded")

    monkeypatch.setattr(torch.export, "load", refuse)
    with pytest.raises(SpecError):
        inceptgraph.compile(Source("tiny.yaml", TINY), weights=tmp_path / "model.pt2")
