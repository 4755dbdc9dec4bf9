"""A backend that reads: a chain of steps, a line each, such as ``conv2d out=8 kernel=3``."""

import json
from pathlib import Path
from typing import Any

from inceptgraph import ops
from inceptgraph.diagnostics import Code, Diagnostic, Label, Source, Span, SpecError
from inceptgraph.graph import Graph, Node, Output


class LayersBackend:
    """The first line is the shape of what comes in: ``input 3 8 8``."""

    name = "layers"

    def read(self, source: str | Path, **options: Any) -> Graph:
        text = Source(str(source), Path(source).read_text(encoding="utf-8"))
        nodes: dict[str, Node] = {}
        last = "input"
        for number, line in enumerate(text.lines):
            word, *settings = line.split()
            if not nodes:
                nodes[last] = Node(last, ops.Input(shape=tuple(map(int, settings))))
                continue
            if (kind := ops.find(word)) is None:
                place = Span(text, number, 0, number, len(word))
                message = f"there is no operation `{word}`"
                raise SpecError([Diagnostic(Code.UNKNOWN_OPERATION, message, (Label(place),))])
            pairs = (setting.split("=") for setting in settings)
            op = kind.model_validate({name: json.loads(value) for name, value in pairs})
            name = f"{word}{number}"
            nodes[name] = Node(name, op, (last,))
            last = name
        return Graph(Path(source).stem, nodes, (Output("output", last),))
