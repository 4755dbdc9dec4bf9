"""What verbs print, from Python: the same text, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import inceptgraph
from inceptgraph import analysis, compare, sweep
from inceptgraph.cli import run

GRID = {"width": ["0.5", "1"], "classes": ["10", "0"]}


def table(**options: Any) -> sweep.Table:
    return sweep.tabulate("googlenet_wide", GRID, sweep.sweep("googlenet_wide", GRID), **options)


def changes() -> compare.Comparison:
    return inceptgraph.diff("googlenet", inceptgraph.analyze("googlenet_bn", set={"classes": 10}))


def summary(depth: int | None = None) -> analysis.Outline:
    return inceptgraph.summary("googlenet", depth=depth)


SWEEP = "sweep googlenet_wide --set width=0.5,1 --set classes=10,0"
DIFF = "diff googlenet googlenet_bn --set classes=10"
SAME: list[tuple[str, Callable[[], object]]] = [
    ("summary googlenet", lambda: analysis.to_text(summary(1))),
    ("summary googlenet --by step --human", lambda: analysis.to_text(summary(), rounded=True)),
    ("summary googlenet --json", lambda: analysis.to_json(summary())),
    (DIFF, lambda: compare.to_text(changes())),
    (f"{DIFF} --all", lambda: compare.to_text(changes(), everything=True)),
    (f"{DIFF} --format md", lambda: compare.to_markdown(changes())),
    (f"{DIFF} --json", lambda: compare.to_json(changes())),
    (SWEEP, lambda: sweep.to_text(table())),
    (f"{SWEEP} --human", lambda: sweep.to_text(table(rounded=True))),
    (f"{SWEEP} --format md", lambda: sweep.to_markdown(table())),
    (f"{SWEEP} --dtype float16 --format csv", lambda: sweep.to_csv(table(dtype="float16"))),
    (f"{SWEEP} --json", lambda: sweep.to_json(table())),
]


@pytest.mark.parametrize(("command", "made"), SAME, ids=[command for command, _ in SAME])
def test_verbs_print_what_python_gives(
    command: str,
    made: Callable[[], object],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)  # else a table is cut to it
    run(command.split())
    printed = capsys.readouterr().out
    expected = made()
    if isinstance(expected, dict):
        assert json.loads(printed) == json.loads(json.dumps(expected)) == expected
    else:
        assert printed.removesuffix("\n") == str(expected).removesuffix("\n")


def test_a_graph_has_a_summary() -> None:
    graph = inceptgraph.to_graph("googlenet", set={"classes": 10})
    assert inceptgraph.summary(graph) == inceptgraph.summary("googlenet", set={"classes": 10})
    with pytest.raises(TypeError, match="`set` replaces values of a spec: give the spec"):
        inceptgraph.summary(graph, set={"classes": 10})


def test_specs_with_mistakes_are_not_compared() -> None:
    broken = inceptgraph.Source("broken.yaml", "name: Broken")
    with pytest.raises(inceptgraph.SpecError):
        inceptgraph.diff("googlenet", broken)
    with pytest.raises(TypeError, match="`spec` must be a path"):
        inceptgraph.diff("googlenet", 3)  # type: ignore[arg-type]
