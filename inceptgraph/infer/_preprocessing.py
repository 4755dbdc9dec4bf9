"""``preprocess``, held to the shape of its input."""

from __future__ import annotations

from dataclasses import replace

from inceptgraph.diagnostics import Code, Findings, Label, Severity
from inceptgraph.graph import Graph, Node
from inceptgraph.ops import Input, Preprocessing
from inceptgraph.source import Mapping
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
        entry = node.origin.arguments.get("preprocess") if node.origin else None
        value = entry.value if entry else None
        self.written = value.items if isinstance(value, Mapping) else {}

    def settled(self) -> Preprocessing:
        self.check_channels()
        said = self.said.over(self.input.shape[0])
        height, width = self.input.shape[-2:]
        crop = said.crop
        if crop is None or (self.written and "crop" not in self.written):
            crop = height, width
        size = "×".join(map(str, crop))
        free = {"height", "width"} <= {*self.input.free}
        if "crop" in self.written and crop != (height, width) and not free:
            message = f"a `crop` of {size} does not fit the input, which is {self.shape}"
            hint = "leave it out: what is cut out is as large as the input"
            self.tell("crop", message, hint)
        if said.resize is not None and said.resize < max(crop):
            message = f"a `resize` to {said.resize} is too few pixels for the crop of {size}"
            hint = f"make it {max(crop)} at least, or leave it out: images just cover the crop then"
            self.tell("resize", message, hint, Severity.WARNING)
        return said.model_copy(update={"crop": crop})

    def check_channels(self) -> None:
        channels = self.input.shape[0]
        for name in ("mean", "std"):
            given = len(getattr(self.said, name))
            if given not in (1, channels):
                message = f"`{name}` has {given} numbers, and the input is {self.shape}"
                self.tell(name, message, "give one for each channel, or one for all")
        if self.said.order == "bgr" and channels != _COLOURS:
            message = f"`order` is of red, green and blue, and the input is {self.shape}"
            self.tell("order", message, "leave it out, or give the input `channels: 3`")

    @property
    def shape(self) -> str:
        return format_shape(self.input.shape)

    def tell(self, name: str, message: str, help: str, severity: Severity = Severity.ERROR) -> None:
        origin, entry = self.node.origin, self.written.get(name)
        span = entry.value.span.first_line() if entry else None
        labels = (Label(origin.span, "the input"),) if origin else ()
        self.findings.add(
            Code.BAD_ARGUMENT, message, span, "", *labels, help=help, severity=severity
        )
