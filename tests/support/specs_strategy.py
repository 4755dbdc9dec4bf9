"""Random specs that are good, as text, with every part of the language in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml
from hypothesis import assume
from hypothesis import strategies as st

from inceptgraph.analysis import total
from inceptgraph.diagnostics import Code, Source
from inceptgraph.graph import Graph
from inceptgraph.pipeline import analyze

__all__ = ["graph_of", "is_small", "specs"]


def graph_of(text: str) -> Graph:
    """The graph of one of these specs; one that doubles too often to be had is no example."""
    analysis = analyze(Source("random.yaml", text))
    assume(all(finding.code is not Code.TOO_LARGE for finding in analysis.findings))
    return analysis.require_graph()


def is_small(graph: Graph) -> bool:
    """Whether a network can be run: channels multiply from block to block, so that some of the
    specs here describe one that fills any memory."""
    cost = total(graph)
    return cost.params < 10**6 and cost.macs < 10**8 and cost.activations < 10**7


WEIGHTED = {"conv2d", "depthwise_conv2d", "batch_norm"}
ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu", "silu", "leaky_relu", "identity", "batch_norm")
SIZES = st.sampled_from([1, 2, 3, 5, [1, 3], [3, 1]])
CHANNELS = st.integers(1, 24)
SAME = {"padding": "same"}

Tree = dict[str, Any]


@dataclass
class _Writer:
    """Draws parts of one spec; every map keeps its height and width unless a stage halves it."""

    draw: st.DrawFn
    blocks: Tree = field(default_factory=dict)
    params: Tree = field(default_factory=dict)
    takes: dict[str, list[str]] = field(default_factory=dict)
    count: int = 0

    def name(self, prefix: str) -> str:
        self.count += 1
        return self.draw(st.sampled_from(["{}{}", "{}-{}", "{}_{}"])).format(prefix, self.count)

    def number(self, names: list[str], value: int) -> Any:
        """A whole number of at least 1, as a figure or as arithmetic over parameters."""
        if not names or self.draw(st.booleans()):
            return value
        name = self.draw(st.sampled_from(names))
        forms = ["${}", "${} + 1", "2 * ${}", "(${} + 3) // 2", "${} * 3 - ${}", "-(0 - ${})"]
        forms += ["${} * 0.5 + ${} / 2", "${} % 3 + 1"]
        return self.draw(st.sampled_from(forms)).replace("{}", name)

    def step(self, names: list[str], depth: int) -> Tree:
        """A step that reads a map and keeps its height and width."""
        kinds = ["conv2d", "max_pool", "activation", "depthwise_conv2d", "grouped"]
        kinds += ["block"] * (2 if self.takes else 0) + ["fork", "chain"] * (depth < 3)
        kind = self.draw(st.sampled_from(kinds))
        if kind == "conv2d":
            out = self.number(names, self.draw(CHANNELS))
            step: Tree = {"op": kind, "out": out, "kernel": self.draw(SIZES), **SAME}
            if self.draw(st.booleans()):
                step["bias_init"] = self.draw(
                    st.sampled_from(["zeros", 0.25, {"scheme": "normal"}])
                )
        elif kind == "grouped":
            step = {"op": "conv2d", "out": 4, "groups": 1, "dilation": 2, **SAME}
        elif kind == "depthwise_conv2d":
            step = {"op": kind, "kernel": 3, **SAME}
        elif kind == "max_pool":
            step = {"op": kind, "kernel": self.draw(SIZES), **SAME}
        elif kind == "activation":
            step = {"op": self.draw(st.sampled_from(ACTIVATIONS))}
        elif kind == "block":
            block = self.draw(st.sampled_from(sorted(self.takes)))
            step = {"op": block}
            step.update({p: self.number(names, self.draw(CHANNELS)) for p in self.takes[block]})
        else:
            step = self.body(names, depth + 1, fork=kind == "fork")
        if self.draw(st.integers(0, 5)) == 0:
            step["repeat"] = self.number(names, self.draw(st.integers(1, 3)))
        return step

    def body(self, names: list[str], depth: int, fork: bool) -> Tree:
        if not fork:
            return {"steps": self.chain(names, depth)}
        branches: Tree = {}
        for _ in range(self.draw(st.integers(1, 3))):
            forms = st.sampled_from(["step", "chain", "empty"])
            form = self.draw(forms)
            branch = self.step(names, depth) if form == "step" else {}
            if form == "chain":
                branch = self.chain(names, depth)
            branches[self.name("branch")] = branch
        return {
            "branches": branches,
            "merge": self.draw(st.sampled_from(["concat", {"op": "concat"}])),
        }

    def chain(self, names: list[str], depth: int) -> Tree:
        steps: Tree = {}
        for _ in range(self.draw(st.integers(1, 3))):
            name = self.name("s")
            steps[name] = self.step(names, depth)
            earlier = [n for n in steps if n != name]
            if earlier and self.draw(st.integers(0, 4)) == 0:
                join = self.name("join")
                steps[join] = {"op": "concat", "from": [name, self.draw(st.sampled_from(earlier))]}
        self.share(steps, "input")
        return steps

    def weighted(self, step: Tree) -> bool:
        """Whether a step has weights."""
        inside = [*step.get("steps", {}).values(), *step.get("branches", {}).values()]
        inside += [] if "op" in step or "steps" in step or "branches" in step else step.values()
        block = self.blocks.get(step.get("op", ""))
        return (
            step.get("op") in WEIGHTED
            or (block is not None and self.weighted(block))
            or any(self.weighted(each) for each in inside if isinstance(each, dict))
        )

    def share(self, steps: Tree, first: str | None) -> None:
        """Now and then one more step, which is one of these again: on what that one reads, or on
        something of as many channels."""
        if self.draw(st.integers(0, 3)):
            return
        names = list(steps)
        before = dict(zip(names, [first, *names], strict=False))
        reads = {n: steps[n].get("from", before[n]) for n in names}
        fit = [n for n in names if self.weighted(steps[n]) and isinstance(reads[n], str)]
        if not fit:
            return
        other = self.draw(st.sampled_from(fit))
        read = reads[other]
        if self.draw(st.booleans()):
            read = self.name("as-wide")
            steps[read] = {"op": "tanh", "from": reads[other]}
        steps[self.name("again")] = {"share": other, "from": read}

    def block(self) -> None:
        params = [self.name("p").replace("-", "_") for _ in range(self.draw(st.integers(0, 2)))]
        kinds = ("int", "int = 3", 2, "any", "float = 4", "int = $shared")
        shown = {p: self.draw(st.sampled_from(kinds)) for p in params}
        body = self.body([*params, "shared"], 1, fork=self.draw(st.booleans()))
        name = self.name("block")
        needed = [p for p, kind in shown.items() if kind in ("int", "any")]
        block = {"params": shown, **body} if shown else body
        if self.draw(st.booleans()):
            block["description"] = "costs $5: a text"
        self.blocks[name] = block
        self.takes[name] = needed

    def join_block(self) -> str:
        name = self.name("join")
        steps = {"both": {"op": "concat", "from": ["left", "right"]}, "act": {"op": "relu"}}
        self.blocks[name] = {"inputs": ["left", "right"], "steps": steps}
        return name


@st.composite
def specs(draw: st.DrawFn, videos: bool = False) -> str:
    """The text of a spec that compiles; now and then one that is inflated, if asked for."""
    writer = _Writer(draw)
    for _ in range(draw(st.integers(0, 3))):
        writer.block()
    several = draw(st.booleans())
    inputs = ["image", "mask"] if several else ["input"]
    size = draw(st.sampled_from([16, 31, "$side"]))
    shape = {"channels": "$shared", "height": size, "width": draw(st.sampled_from([16, 20]))}
    spec: Tree = {"name": "Random", "params": {"shared": 3, "side": "int = 2 * $shared + 10"}}
    spec |= {"inputs": dict.fromkeys(inputs, shape)} if several else {"input": shape}
    if videos and draw(st.booleans()):
        spec["inflate"] = {"frames": draw(st.sampled_from([1, 4, 7, "$shared + 2"]))}
        spec["inflate"] |= draw(st.sampled_from([{}, {"kernel": 1}, {"kernel": "$shared"}]))
    if draw(st.booleans()):
        spec["defaults"] = {"conv2d": {"bias": False, "weight_init": "kaiming_normal"}}
    stages: Tree = {}
    if several:
        join = writer.join_block()
        stages["joined"] = {"op": join, "from": inputs}
    for _ in range(draw(st.integers(1, 5))):
        stages[writer.name("stage")] = writer.step(["shared"], 0)
        if draw(st.integers(0, 3)) == 0:
            stages[writer.name("pool")] = {"op": "max_pool", "kernel": 3, "stride": 2, **SAME}
    writer.share(stages, None if several else "input")
    taps = list(stages)
    stages["gap"] = {"op": "global_avg_pool"}
    if draw(st.booleans()):
        stages |= {"flatten": {"op": "flatten"}, "fc": {"op": "linear", "out": 10}}
    last = list(stages)[-1]
    if draw(st.booleans()):
        spec["outputs"] = {"logits": last, "features": draw(st.sampled_from(taps))}
    if draw(st.booleans()):
        tap = draw(st.sampled_from(taps))
        heads = {"steps": {"pool": {"op": "global_max_pool"}, "act": {"op": "relu"}}}
        spec["aux_heads"] = {"aux1": {"from": tap, "loss_weight": 0.3, **heads}}
    if draw(st.booleans()):
        spec["sections"] = {"all": f"{next(iter(stages))} .. {last}"}
    spec |= {"blocks": writer.blocks} if writer.blocks else {}
    spec["stages"] = stages
    return yaml.safe_dump(
        spec, sort_keys=False, default_flow_style=draw(st.sampled_from([None, False, True]))
    )
