"""``preprocess``, held to the shape of its input."""

from __future__ import annotations

from dataclasses import replace

from inceptgraph.diagnostics import Code, Findings, Label
from inceptgraph.graph import Graph, Node
from inceptgraph.ops import Input, Preprocessing
from inceptgraph.source import Entry, Mapping
from inceptgraph.types import format_shape

__all__ = ["settle_preprocessing"]

_COLOURS = 3


def settle_preprocessing(graph: Graph, findings: Findings) -> Graph:
    """The graph with a crop, and a mean and a deviation for each channel, where preprocessing says
    less.

    Args:
        graph: whose inputs have extents.
        findings: receives what does not fit an input.
    """
    settled = {
        name: _Settling(graph.nodes[name], each, findings).settled()
        for name, each in graph.preprocessing.items()
    }
    return replace(graph, preprocessing=settled)


class _Settling:
    def __init__(self, node: Node, said: Preprocessing, findings: Findings) -> None:
        assert isinstance(node.op, Input)
        self.node, self.said, self.findings = node, said, findings
        self.input = node.op

    def settled(self) -> Preprocessing:
        self.check_channels()
        said = self.said.over(self.input.shape[0])
        own = self.input.shape[-2:]
        free = {"height", "width"} <= {*self.input.free}
        if said.crop is not None and said.crop != own and not free:
            size = "×".join(map(str, said.crop))
            message = f"a `crop` of {size} does not fit the input, which is {self.shape}"
            hint = "leave it out: what is cut out is as large as the input"
            self.refuse("crop", message, hint)
        crop = said.crop or (own[0], own[1])
        if said.resize is not None and said.resize < max(crop):
            size = "×".join(map(str, crop))
            message = f"a `resize` to {said.resize} leaves less than the crop of {size}"
            self.refuse("resize", message, f"make the shorter side {max(crop)} at least")
        return said.model_copy(update={"crop": crop})

    def check_channels(self) -> None:
        channels = self.input.shape[0]
        for name in ("mean", "std"):
            given = len(getattr(self.said, name))
            if given not in (1, channels):
                message = f"`{name}` has {given} numbers, and the input is {self.shape}"
                self.refuse(name, message, "give one for each channel, or one for all")
        if self.said.order == "bgr" and channels != _COLOURS:
            message = f"`order` is of red, green and blue, and the input is {self.shape}"
            self.refuse("order", message, "leave it out, or give the input `channels: 3`")

    @property
    def shape(self) -> str:
        return format_shape(self.input.shape)

    def refuse(self, name: str, message: str, help: str) -> None:
        origin = self.node.origin
        entry = origin.arguments.get("preprocess") if origin else None
        written: dict[str, Entry] = {}
        if entry is not None and isinstance(entry.value, Mapping):
            written = entry.value.items
        span = written[name].value.span.first_line() if name in written else None
        labels = (Label(origin.span, "the input"),) if origin else ()
        self.findings.add(Code.BAD_ARGUMENT, message, span, "", *labels, help=help)
