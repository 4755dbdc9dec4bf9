"""A fact file as a network of Caffe, for importers of Caffe's format."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

__all__ = ["Writer"]

Node = Mapping[str, Any]
Shapes = Mapping[str, list[int]]  # by id of a node
Value = tuple[str, list[int]]  # what a layer computes: its name and its shape

NO_SHAPES: Shapes = MappingProxyType({})


class Writer:
    """Writes the layers of a fact file.

    Attributes:
        layers: in the text format of Caffe's ``NetParameter``.
        shapes: of the weights, by layer: (out, in / groups, height, width) or (out, in).
        groups: by layer.
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.layers: list[str] = []
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.groups: dict[str, int] = {}
        self.taps: dict[str, Value] = {}
        size = facts["input"]["size"]
        image = ("data", [facts["input"]["channels"], size, size])
        self.outputs = [self._chain(facts["graph"], image)[0]]
        for head in facts["aux"]:
            tap = self.taps[head["tap"]]
            self.outputs.append(self._chain(head["graph"], tap, head["shapes"])[0])

    def _chain(self, nodes: Iterable[Node], value: Value, shapes: Shapes = NO_SHAPES) -> Value:
        """What a chain of nodes makes of a value. Height and width stand in the facts; inside a
        module they do not, nor does a layer there need them."""
        for node in nodes:
            name, shape = self._node(node, *value)
            known = node.get("out", shapes.get(node.get("id", "")))
            value = name, known or shape
            if "id" in node:
                self.taps[node["id"]] = value
        return value

    def _node(self, node: Node, bottom: str, shape: list[int]) -> Value:
        if "branches" in node:
            ends = [self._chain(branch, (bottom, shape))[0] for branch in node["branches"]]
            return self._layer("Concat", ends), shape
        if "conv" in node or "linear" in node:
            return self._weighted(node, bottom, shape)
        if "lrn" in node:
            lrn = node["lrn"]
            fields = {"local_size": lrn["size"], "alpha": lrn["alpha"], "beta": lrn["beta"]}
            return self._layer("LRN", [bottom], lrn_param=fields | {"k": lrn["k"]}), shape
        for kind, pool in (("maxpool", "MAX"), ("avgpool", "AVE")):
            if kind in node:
                window = {"kernel_size": node[kind], "stride": node["s"], "pad": node.get("p", 0)}
                fields = {"pool": pool, **window}
                return self._layer("Pooling", [bottom], pooling_param=fields), shape
        if "dropout" in node or "flatten" in node:  # nothing in evaluation; nothing at all in Caffe
            return bottom, shape
        raise NotImplementedError(f"no layer of Caffe for {node}")

    def _weighted(self, node: Node, bottom: str, shape: list[int]) -> Value:
        name = node["key"]
        if "conv" in node:
            out, kernel, groups = node["conv"], node.get("k", 1), node.get("g", 1)
            self.shapes[name] = (out, shape[0] // groups, kernel, kernel)
            self.groups[name] = groups
            window = {"kernel_size": kernel, "stride": node.get("s", 1), "pad": node.get("p", 0)}
            fields = {"num_output": out, "group": groups, **window}
            top = self._layer("Convolution", [bottom], name, convolution_param=fields)
        else:
            out = node["linear"]
            self.shapes[name] = (out, math.prod(shape))
            top = self._layer(
                "InnerProduct", [bottom], name, inner_product_param={"num_output": out}
            )
        act = node.get("act", "relu" if "conv" in node else "none")
        return (self._layer("ReLU", [top]) if act == "relu" else top), [out, *shape[1:]]

    def _layer(
        self, kind: str, bottoms: list[str], name: str = "", **fields: Mapping[str, Any]
    ) -> str:
        name = name or f"{kind.lower()}{len(self.layers)}"
        inputs = " ".join(f'bottom: "{bottom}"' for bottom in bottoms)
        settings = " ".join(
            f"{field} {{ {' '.join(f'{key}: {value}' for key, value in values.items())} }}"
            for field, values in fields.items()
        )
        self.layers.append(
            f'layer {{ name: "{name}" type: "{kind}" {inputs} top: "{name}" {settings} }}'
        )
        return name
