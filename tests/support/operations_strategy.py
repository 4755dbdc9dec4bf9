"""Arguments and operands of every operation, for property tests of backends."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from inceptgraph.graph import Graph, Node, Output
from inceptgraph.ops import BUILT_IN, Input, Operation
from inceptgraph.types import Shape

__all__ = ["ARGUMENTS", "maps", "one_step", "operands", "vectors"]


def one_step(op: Operation, shapes: list[Shape]) -> Graph:
    """The graph that takes ``x0``, ``x1`` and so on, and returns ``out``, which is ``step``."""
    names = [f"x{i}" for i in range(len(shapes))]
    nodes = {
        name: Node(name, Input(shape=shape), shape=shape)
        for name, shape in zip(names, shapes, strict=True)
    }
    nodes["step"] = Node("step", op.settled(*shapes), tuple(names), op.infer(*shapes))
    return Graph("one_step", nodes, (Output("out", "step"),)).verify()


small = st.integers(1, 4)
pair = st.tuples(small, small)
border = st.tuples(*[st.integers(0, 3)] * 4)
maps = st.tuples(st.integers(1, 6), st.integers(1, 9), st.integers(1, 9))
vectors = st.tuples(st.integers(1, 9))
number = st.floats(-2, 2).map(lambda x: round(x, 3))
numbers = number | st.lists(number, min_size=1, max_size=6)
window = {
    "kernel": pair,
    "stride": pair,
    "padding": st.sampled_from(["same", "valid"]) | border,
}
convolutions = {**window, "dilation": st.tuples(*[st.integers(1, 3)] * 2), "bias": st.booleans()}
affine = {"scale": st.booleans(), "shift": st.booleans()}
axes = st.lists(st.sampled_from(["channels", "space", "height", "width"]), min_size=1, max_size=3)
positive = st.floats(0.1, 2).map(lambda x: round(x, 3))

ARGUMENTS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "conv2d": {**convolutions, "out": st.integers(1, 6), "groups": st.integers(1, 3)},
    "depthwise_conv2d": {**convolutions, "multiplier": st.integers(1, 3)},
    "linear": {"out": st.integers(1, 9), "bias": st.booleans()},
    "batch_norm": {**affine, "eps": st.sampled_from([1e-5, 1e-3]), "momentum": st.floats(0, 1)},
    "lrn": {"size": st.integers(1, 7), "alpha": positive, "beta": positive, "k": positive},
    "affine": affine,
    "max_pool": {**window, "ceil": st.booleans()},
    "avg_pool": {**window, "ceil": st.booleans(), "count_include_pad": st.booleans()},
    "adaptive_avg_pool": {"size": pair},
    "adaptive_max_pool": {"size": pair},
    **{name: {"over": axes} for name in ("mean", "sum", "max", "l2_norm")},
    "l2_normalize": {"over": axes, "eps": st.sampled_from([1e-12, 0.5, 3.0])},
    "power": {"exponent": st.sampled_from([1.0, 2.0, 3.0])},
    "leaky_relu": {"slope": number},
    "elu": {"alpha": number},
    "gelu": {"approximate": st.sampled_from(["none", "tanh"])},
    "dropout": {"rate": st.floats(0, 0.9)},
    "scale": {"factor": numbers, "offset": numbers},
    "pad": {"border": border, "value": number},
    "crop": {"border": border},
    "channels": {"start": st.integers(-3, 2), "stop": st.none() | st.integers(-2, 6)},
}
MAPS_ONLY = {name for name in BUILT_IN if "conv" in name or "pool" in name} | {
    "lrn",
    "pad",
    "crop",
}


@st.composite
def operands(draw: st.DrawFn, name: str) -> list[Shape]:
    if name == "linear":
        return [draw(vectors)]
    shape = draw(maps if name in MAPS_ONLY else maps | vectors)
    if name == "concat":
        channels = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
        return [(c, *shape[1:]) for c in channels]
    if BUILT_IN[name].arity[1] != 1:
        # an extent of 1 is spread over that of the others
        count = BUILT_IN[name].arity[1] or draw(st.integers(1, 4))
        spread = st.tuples(*(st.sampled_from([extent, extent, 1]) for extent in shape))
        return [draw(spread) for _ in range(count)]
    return [shape]
