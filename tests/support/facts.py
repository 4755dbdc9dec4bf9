"""Fact files as specs: a translator, so that every architecture of the family tries the language.

The grammar of the files is that of ``tests/data/facts/``: one operation a node, the key that names
the operation holding its main number.
"""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import count
from typing import Any

import yaml
from places import DATA

FOLDER = DATA / "facts"
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Step = dict[str, Any]


@cache
def architectures() -> list[str]:
    """The fact files that describe a graph."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if "graph" in load(path.stem))


@cache
def load(name: str) -> dict[str, Any]:
    """A fact file, to be read and not changed."""
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.load(text, LOADER)
    return found


def spec_text(facts: dict[str, Any]) -> str:
    """A fact file as a spec. JSON is YAML."""
    return json.dumps(Translator(facts).spec(), indent=1)


class Translator:
    """Turns nodes into steps, under the file's ``defaults``."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts
        self.conv = facts["defaults"]["conv"]
        self.bn = facts["defaults"].get("bn", {})
        self.numbers = count()
        self.names: dict[str, str] = {}  # of a fact's node -> of our stage

    def spec(self) -> dict[str, Any]:
        facts = self.facts
        size = facts["input"]["size"]
        stages = self.steps(facts["graph"])
        heads = {
            safe(head["id"]): {
                "from": self.names[head["tap"]],
                "loss_weight": head["loss_weight"],
                "steps": self.steps(head["graph"]),
            }
            for head in facts.get("aux", [])
        }
        return {
            "name": facts["arch"],
            "input": {"channels": facts["input"]["channels"], "height": size, "width": size},
            "stages": stages,
            "aux_heads": heads,
        }

    def steps(self, nodes: list[dict[str, Any]]) -> dict[str, Step]:
        found: dict[str, Step] = {}
        for node in nodes:
            for index in range(node.get("start", 0), node.get("start", 0) + node.get("repeat", 1)):
                single = filled(node["node"], index) if "repeat" in node else node
                name = safe(single["id"]) if "id" in single else f"step{next(self.numbers)}"
                if "id" in single:
                    self.names[single["id"]] = name
                found[name] = self.step(single)
        return found

    def step(self, node: dict[str, Any]) -> Step:
        """One node: a body of its own where it is more than one operation."""
        chain = list(self.operations(node))
        if len(chain) == 1:
            return chain[0]
        return {"steps": {f"s{index}": step for index, step in enumerate(chain)}}

    def operations(self, node: dict[str, Any]) -> list[Step]:
        if "branches" in node:
            return [self.fork({f"b{i}": self.body(b) for i, b in enumerate(node["branches"])})]
        if "residual" in node:
            return self.residual(node)
        kind = next(key for key in KINDS if key in node)
        steps = [KINDS[kind](node, node[kind])]
        if kind == "conv":
            steps[0]["bias"] = node.get("bias", self.conv["bias"])
        norm = node.get("norm", self.conv["norm"] if kind == "conv" else "none")
        if norm == "bn":
            steps.append(
                {
                    "op": "batch_norm",
                    "eps": self.bn["eps"],
                    "momentum": self.bn["momentum"],
                    "scale": self.bn["gamma"],
                }
            )
        act = node.get("act", self.conv["act"] if kind == "conv" else "none")
        return steps + ACTIVATIONS[act]

    def residual(self, node: dict[str, Any]) -> list[Step]:
        main = self.steps(node["residual"])
        if "scale" in node:
            main["scale"] = {"op": "scale", "factor": node["scale"]}
        shortcut = self.steps(node["shortcut"]) if "shortcut" in node else {}
        fork = self.fork({"main": {"steps": main}, "shortcut": shortcut}, "add")
        return [fork, *ACTIVATIONS[node.get("act", "none")]]

    def body(self, nodes: list[dict[str, Any]]) -> Step:
        return {"steps": self.steps(nodes)}

    def fork(self, branches: dict[str, Step], merge: str = "concat") -> Step:
        return {"branches": branches, "merge": merge}


def safe(name: str) -> str:
    """An id of a fact file as a name of the language."""
    return re.sub(r"[^\w-]", "_", name)


def filled(value: Any, index: int) -> Any:
    """A repeated node with ``{i}`` filled in."""
    if isinstance(value, str):
        return value.replace("{i}", str(index))
    if isinstance(value, list):
        return [filled(item, index) for item in value]
    if isinstance(value, dict):
        return {key: filled(item, index) for key, item in value.items()}
    return value


def window(node: dict[str, Any]) -> Step:
    ceil = {"ceil": True} if node.get("ceil") else {}
    return {"stride": node.get("s", 1), "padding": node.get("p", 0), **ceil}


def conv(node: dict[str, Any], out: int) -> Step:
    groups = {"groups": node["g"]} if "g" in node else {}
    return {"op": "conv2d", "out": out, "kernel": node.get("k", 1), **window(node), **groups}


def max_pool(node: dict[str, Any], kernel: int) -> Step:
    return {"op": "max_pool", "kernel": kernel, **window(node)}


def avg_pool(node: dict[str, Any], kernel: int) -> Step:
    counted = node.get("count_include_pad", node.get("p") != "same")
    return {"op": "avg_pool", "kernel": kernel, **window(node), "count_include_pad": counted}


def subsample(node: dict[str, Any], kernel: int) -> Step:
    pool = {"op": "avg_pool", "kernel": kernel, "stride": kernel}
    return {"steps": {"pool": pool, "affine": {"op": "affine"}}}


def linear(node: dict[str, Any], out: int) -> Step:
    dense = {"op": "linear", "out": out, "bias": node.get("bias", True)}
    return {"steps": {"flat": {"op": "flatten"}, "linear": dense}}


def pad(node: dict[str, Any], borders: list[int]) -> Step:
    left, right, top, bottom = borders
    return {"op": "pad", "border": [top, bottom, left, right]}


KINDS: dict[str, Any] = {
    "conv": conv,
    "maxpool": max_pool,
    "avgpool": avg_pool,
    "adaptive_avgpool": lambda node, size: {"op": "adaptive_avg_pool", "size": size},
    "gap": lambda node, _: {"op": "global_avg_pool"},
    "flatten": lambda node, _: {"op": "flatten"},
    "relu": lambda node, _: {"op": "relu"},
    "dropout": lambda node, rate: {"op": "dropout", "rate": rate},
    "lrn": lambda node, settings: {"op": "lrn", **settings},
    "linear": linear,
    "pad": pad,
    "crop_first": lambda node, n: {"op": "crop", "border": [n, 0, n, 0]},
    "subsample_avg_affine": subsample,
}
ACTIVATIONS: dict[str, list[Step]] = {
    "none": [],
    "relu": [{"op": "relu"}],
    # LeCun et al. 1998, appendix A: 1.7159 · tanh(2x/3)
    "scaled_tanh": [
        {"op": "scale", "factor": 2 / 3},
        {"op": "tanh"},
        {"op": "scale", "factor": 1.7159},
    ],
}
