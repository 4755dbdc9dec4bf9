"""Writes ``zoo.md`` and the pictures in ``zoo/``, from the shipped specs; see ``generate.py``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from inceptgraph import backend
from inceptgraph.analysis import largest_field, total
from inceptgraph.diagnostics import Findings
from inceptgraph.ops import format_size
from inceptgraph.pipeline import Analysis, analyze
from inceptgraph.source import Mapping, parse, to_plain
from inceptgraph.spec import shipped
from inceptgraph.types import format_shape

__all__ = ["pictures", "zoo"]

HEADING = """# The zoo

Generated from the shipped specs by `docs/generate.py`. Any name here stands wherever a verb takes
a SPEC: `inceptgraph build inception_v3 -o model`. Parameters and multiply-adds are exact, and
those of inference for one sample; *with heads* adds the auxiliary classifiers, which exist in
training alone. How they are held against the public implementations is told in
[testing.md](testing.md). The receptive field is that of the last map of more than one pixel.

"""


class Entry(NamedTuple):
    """A shipped spec, and what it says of itself.

    Attributes:
        name: as it is shipped.
        analysis: of the spec.
        base: what it extends.
        about: its comment's first paragraph.
        deviations: what its comment lists.
    """

    name: str
    analysis: Analysis
    base: str | None
    about: str
    deviations: tuple[str, ...]


def entries() -> Iterator[Entry]:
    """Every shipped spec."""
    for name in shipped():
        analysis = analyze(name)
        assert analysis.source is not None
        text = analysis.source.text
        about, deviations = _comment(text)
        own = parse(analysis.source, Findings())
        assert isinstance(own, Mapping)
        yield Entry(name, analysis, to_plain(own).get("extends"), about, deviations)


def zoo() -> str:
    """The page."""
    found = list(entries())
    return HEADING + _table(found) + "\n" + "\n".join(map(_section, found))


def pictures() -> Iterator[tuple[str, str]]:
    """Every network's diagram as SVG, by its name."""
    draw = backend.find("graphviz")
    for entry in entries():
        yield entry.name, draw.lower(entry.analysis.require_graph(), format="svg")


def _comment(text: str) -> tuple[str, tuple[str, ...]]:
    """The comment that a spec begins with: its first paragraph, and the deviations that it lists.

    >>> _comment("# A net.\\n# Deviations:\\n# - One,\\n#   really.\\n# - Two.\\nname: x")
    ('A net.', ('One, really.', 'Two.'))
    """
    lines = [line[1:] for line in takewhile(lambda line: line.startswith("#"), text.splitlines())]
    about, _, listed = "\n".join(lines).partition("\n Deviations:")
    items = re.split(r"\n - ", listed) if listed else []
    return " ".join(about.split()), tuple(" ".join(item.split()) for item in items[1:])


def _table(found: list[Entry]) -> str:
    rows = [
        "| name | input | parameters | with heads | multiply-adds | depth | receptive field |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for entry in found:
        graph = entry.analysis.require_graph()
        inference, training = total(graph.phase("eval")), total(graph)
        heads = f"{training.params:,}" if graph.heads else ""
        inputs = ", ".join(format_shape(graph.shape(node.name)) for node in graph.inputs)
        field = largest_field(graph.phase("eval"))
        rows.append(
            f"| [`{entry.name}`](#{entry.name}) | {inputs} | {inference.params:,} | {heads}"
            f" | {inference.macs:,} | {inference.depth} | {format_size(field) if field else ''} |"
        )
    return "\n".join(rows) + "\n"


def _section(entry: Entry) -> str:
    graph = entry.analysis.require_graph()
    assert isinstance(entry.analysis.tree, Mapping)
    said = to_plain(entry.analysis.tree)
    lines = [f"## {entry.name}", "", said.get("description") or entry.about, ""]
    if said.get("source"):
        lines += [f"Source: <{said['source']}>", ""]
    if entry.base:
        command = f"inceptgraph diff {entry.base} {entry.name}"
        lines += [f"Extends [`{entry.base}`](#{entry.base}): `{command}` tells how.", ""]
    if said.get("description") and entry.about:
        lines += [entry.about, ""]
    if entry.deviations:
        lines += ["Deviations:", "", *(f"- {item}" for item in entry.deviations), ""]
    lines += [f"![{graph.name}](zoo/{entry.name}.svg)", ""]
    return "\n".join(lines)
