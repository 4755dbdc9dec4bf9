"""Every architecture of the family through the language and the operations, against exact facts."""

from __future__ import annotations

import facts
import pytest

from inceptgraph.analysis import cost, total
from inceptgraph.diagnostics import Source
from inceptgraph.pipeline import analyze


def test_there_are_all() -> None:
    names = facts.architectures()
    assert len(names) == 19
    stages = 0
    for name in names:
        known = facts.load(name)
        translator = facts.Translator(known)
        translator.spec()
        stages += len(each_stage(known, translator))
    assert stages == 410


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
    stages = each_stage(known, translator)
    heads = {head.path for head in graph.heads}
    assert stages
    for stated, path in stages:
        counts = cost(graph, graph.within(path))
        assert counts.params == stated.get("params", 0), path
        assert counts.macs == stated.get("macs", 0), path
        if path not in heads:
            assert list(graph.shape(graph.scopes[path].output)) == stated["out"], path


def each_stage(
    known: dict[str, facts.Any], translator: facts.Translator
) -> list[tuple[dict[str, facts.Any], str]]:
    """What is stated of each stage and head, with its name in the spec; no count stated is none."""
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
