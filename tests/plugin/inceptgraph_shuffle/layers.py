"""A backend that reads: a chain of steps, a line each, such as ``conv2d out=8 kernel=3``."""

import json
from pathlib import Path
from typing import Any

from inceptgraph.backend import operation
from inceptgraph.diagnostics import Code, Diagnostic, Label, Source, Span, SpecError
from inceptgraph.graph import Graph, Node, Origin, Output


class LayersBackend:
    """The first line is what comes in: ``input shape=[3,8,8]``."""

    name = "layers"

    def read(self, source: str | Path, **options: Any) -> Graph:
        text = Source(str(source), Path(source).read_text(encoding="utf-8", errors="replace"))
        nodes: dict[str, Node] = {}
        last: tuple[str, ...] = ()
        for number, line in enumerate(text.lines or [""]):
            if nodes and not line.strip():
                continue
            word, *settings = line.split() or [""]
            place = Span(text, number, 0, number, len(line))
            if (word == "input") == bool(nodes):
                raise _wrong("one `input` stands before all else", place)
            op = operation(word, dict(_setting(each, place) for each in settings), place)
            name = f"{word}{number}"
            nodes[name] = Node(name, op, last, origin=Origin(place, {}, name))
            last = (name,)
        return Graph(Path(source).stem, nodes, tuple(Output("output", name) for name in last))


def _setting(text: str, place: Span) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        raise _wrong(f"the value in `{text}` is no JSON", place) from None


def _wrong(message: str, place: Span) -> SpecError:
    return SpecError([Diagnostic(Code.BAD_ARGUMENT, message, (Label(place),))])
