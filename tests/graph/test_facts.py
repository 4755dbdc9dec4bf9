"""Every architecture of the family through the language and the operations, against exact facts."""

from __future__ import annotations

import facts
import pytest

from inceptgraph.analysis import cost, total
from inceptgraph.diagnostics import Source
from inceptgraph.pipeline import analyze


def test_there_are_all() -> None:
    assert len(facts.architectures()) == 19


@pytest.mark.parametrize("name", facts.architectures())
def test_counts_and_shapes(name: str) -> None:
    known = facts.load(name)
    translator = facts.Translator(known)
    analysis = analyze(Source(f"{name}.yaml", facts.json.dumps(translator.spec())))
    graph = analysis.require_graph()
    assert analysis.findings == ()
    totals = known["totals"]
    inference, training = total(graph.phase("eval")), total(graph)
    assert inference.params == totals["params_main"]
    assert inference.macs == totals["macs_main"]
    assert inference.buffers == totals["bn_buffers_main"]
    assert training.params == totals["params_main"] + totals["params_aux"]
    assert training.macs == totals["macs_main"] + totals["macs_aux"]
    checked = 0
    for stated, path in each_stage(known, translator):
        counts = cost(graph, graph.within(path))
        output = graph.scopes[path].output
        if "out" in stated:
            assert list(graph.shape(output)) == stated["out"], path
        assert counts.params == stated.get("params", counts.params), path
        assert counts.macs == stated.get("macs", counts.macs), path
        checked += 1
    assert checked


def each_stage(
    known: dict[str, facts.Any], translator: facts.Translator
) -> list[tuple[dict[str, facts.Any], str]]:
    """What is stated of each stage, with the stage's name in the spec."""
    found = []
    for node in known["graph"]:
        if "repeat" in node:
            start = node.get("start", 0)
            for index in range(start, start + node["repeat"]):
                name = facts.filled(node["node"]["id"], index)
                found.append((node["each"], translator.names[name]))
        elif "id" in node:
            found.append((node, translator.names[node["id"]]))
    found += [(head, facts.safe(head["id"])) for head in known.get("aux", [])]
    return found
