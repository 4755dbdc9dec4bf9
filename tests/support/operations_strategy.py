"""Arguments and operands of every operation, for property tests of backends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from hypothesis import strategies as st

from inceptgraph.graph import Graph, Node, Output
from inceptgraph.ops import BUILT_IN, Input, Operation
from inceptgraph.types import AXES, Shape, extent_names

__all__ = ["arguments", "maps", "one_step", "operands", "vectors"]

Arguments = dict[str, st.SearchStrategy[Any]]


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
channels = st.integers(1, 6)
sequences = st.tuples(channels, st.integers(1, 12))
maps = st.tuples(channels, st.integers(1, 9), st.integers(1, 9))
volumes = st.tuples(st.integers(1, 4), *[st.integers(1, 5)] * 3)
vectors = st.tuples(st.integers(1, 9))
number = st.floats(-2, 2).map(lambda x: round(x, 3))
numbers = number | st.lists(number, min_size=1, max_size=6)
affine = {"scale": st.booleans(), "shift": st.booleans()}
positive = st.floats(0.1, 2).map(lambda x: round(x, 3))


def sizes(rank: int, most: int = 4) -> st.SearchStrategy[Any]:
    """A number for each axis, or one for all."""
    each = st.integers(1, most)
    return each | st.tuples(*[each] * rank)


def borders(rank: int) -> st.SearchStrategy[Any]:
    return st.tuples(*[st.integers(0, 3)] * (2 * rank))


def windows(rank: int) -> Arguments:
    padding = st.sampled_from(["same", "valid"]) | borders(rank)
    padding |= st.integers(0, 2) | st.tuples(*[st.integers(0, 2)] * rank)
    return {"kernel": sizes(rank), "stride": sizes(rank), "padding": padding}


def convolutions(rank: int) -> Arguments:
    return {**windows(rank), "dilation": sizes(rank, 3), "bias": st.booleans()}


def dense(rank: int) -> Arguments:
    return {**convolutions(rank), "out": st.integers(1, 6), "groups": st.integers(1, 3)}


def depthwise(rank: int) -> Arguments:
    return {**convolutions(rank), "multiplier": st.integers(1, 3)}


def averages(rank: int) -> Arguments:
    return {**windows(rank), "ceil": st.booleans(), "count_include_pad": st.booleans()}


def axes(rank: int) -> st.SearchStrategy[list[str]]:
    names = st.sampled_from(["channels", "space", *AXES[rank]] if rank else ["channels"])
    return st.lists(names, min_size=1, max_size=3)


def axis(rank: int) -> st.SearchStrategy[str]:
    return st.sampled_from(["channels", *AXES[rank]])


def mostly(rank: int) -> st.SearchStrategy[list[str]]:
    """The channels, or all axes."""
    return st.sampled_from([["channels"], ["channels", "space"]] if rank else [["channels"]])


def transposed(rank: int) -> Arguments:
    cut, more = st.integers(0, 2), st.sampled_from([0, 0, 0, 1])
    return {
        **{name: sizes(rank) for name in ("kernel", "stride")},
        "dilation": sizes(rank, 3),
        "padding": cut | st.tuples(*[cut] * rank),
        "output_padding": more | st.tuples(*[more] * rank),
        "groups": st.integers(1, 3),
        "out": st.integers(1, 6),
        "bias": st.booleans(),
    }


def resized(rank: int) -> Arguments:
    modes = {1: ["linear"], 2: ["bilinear", "bicubic"], 3: ["trilinear"]}[rank]
    factor = st.sampled_from([1, 2, 3, 0.5, 1.5, 0.75])
    return {
        "mode": st.sampled_from(["nearest", *modes]),
        "align_corners": st.sampled_from([False, False, True]),
        "factor": st.none() | factor | st.tuples(*[factor] * rank),
        "size": st.none() | sizes(rank, 12),
    }


BY_RANK: dict[str, Callable[[int], Arguments]] = {
    "conv": dense,
    "conv2d": dense,
    "depthwise_conv": depthwise,
    "depthwise_conv2d": depthwise,
    "max_pool": lambda rank: {**windows(rank), "ceil": st.booleans()},
    "avg_pool": averages,
    "adaptive_avg_pool": lambda rank: {"size": sizes(rank)},
    "adaptive_max_pool": lambda rank: {"size": sizes(rank)},
    "conv_transpose": transposed,
    "resize": resized,
    # of numbers that are nearly alike, what is left is rounding unless the epsilon is large
    "layer_norm": lambda rank: {**affine, "over": mostly(rank), "eps": st.sampled_from([0.1, 1.0])},
    "rms_norm": lambda rank: {
        "scale": st.booleans(),
        "over": mostly(rank),
        "eps": st.sampled_from([1e-6, 0.5]),
    },
    "pad": lambda rank: {
        "border": borders(rank),
        "value": st.just(0.0) | number,
        "mode": st.sampled_from(["constant", "reflect", "replicate", "circular"]),
    },
    "crop": lambda rank: {"border": borders(rank)},
    **dict.fromkeys(("mean", "sum", "max", "l2_norm"), lambda rank: {"over": axes(rank)}),
    "dot": lambda rank: {"over": axes(rank)},
    "softmax": lambda rank: {"over": axis(rank)},
    "log_softmax": lambda rank: {"over": axis(rank)},
    "transpose": lambda rank: {"order": st.permutations(["channels", *AXES[rank]])},
    "slice": lambda rank: {
        "over": axis(rank),
        "start": st.integers(-3, 2),
        "stop": st.none() | st.integers(-2, 6),
        "step": st.integers(1, 3),
    },
    "l2_normalize": lambda rank: {"over": axes(rank), "eps": st.sampled_from([1e-12, 0.5, 3.0])},
}
ARGUMENTS: dict[str, Arguments] = {
    "linear": {"out": st.integers(1, 9), "bias": st.booleans()},
    "batch_norm": {**affine, "eps": st.sampled_from([1e-5, 1e-3]), "momentum": st.floats(0, 1)},
    "lrn": {"size": st.integers(1, 7), "alpha": positive, "beta": positive, "k": positive},
    "affine": affine,
    "pixel_shuffle": {"factor": st.integers(1, 3)},
    "pixel_unshuffle": {"factor": st.integers(1, 3)},
    "power": {"exponent": st.sampled_from([1.0, 2.0, 3.0])},
    "leaky_relu": {"slope": number},
    "elu": {"alpha": number},
    "gelu": {"approximate": st.sampled_from(["none", "tanh"])},
    "group_norm": {**affine, "eps": st.sampled_from([0.1, 1.0]), "groups": st.integers(1, 3)},
    "instance_norm": {**affine, "eps": st.sampled_from([0.1, 1.0])},
    "stochastic_depth": {"rate": st.floats(0, 0.9)},
    "dropout": {"rate": st.floats(0, 0.9)},
    "scale": {"factor": numbers, "offset": numbers},
    "channels": {
        "start": st.just(0) | st.integers(-3, 2),
        "stop": st.none() | st.integers(-2, 6),
        "part": st.none() | st.integers(0, 2),
        "of": st.none() | st.integers(1, 3),
    },
    "channel_shuffle": {"groups": st.integers(1, 3)},
}
MAPS_ONLY = {name for name in BUILT_IN if "conv" in name or "pool" in name} | {
    "lrn",
    "pad",
    "crop",
    "channel_shuffle",
    "matmul",
    "transpose",
    "instance_norm",
    "resize",
    "pixel_shuffle",
    "pixel_unshuffle",
}


@st.composite
def factors(draw: st.DrawFn, total: int, count: int) -> list[int]:
    """So many numbers whose product is a total."""
    found: list[int] = []
    while len(found) < count - 1:
        found.append(draw(st.sampled_from([n for n in range(1, total + 1) if total % n == 0])))
        total //= found[-1]
    return draw(st.permutations([*found, total]))


@st.composite
def reshaped(draw: st.DrawFn, shapes: list[Shape]) -> dict[str, Any]:
    """Extents of a result, of which one may be the rest; beside a second operand some."""
    rank = len(shapes[1]) - 1 if shapes[1:] else draw(st.integers(0, 3))
    names = extent_names(rank)
    sizes: list[Any] = draw(factors(prod(shapes[0]), len(names)))
    if shapes[1:]:
        return {names[0]: draw(st.sampled_from([None, "rest"]))}
    if draw(st.booleans()):
        sizes[draw(st.integers(0, rank))] = "rest"
    return dict(zip(names, sizes, strict=True))


def arguments(name: str, shapes: list[Shape]) -> st.SearchStrategy[dict[str, Any]]:
    """Arguments of an operation on such operands, most of which it takes."""
    if name == "reshape":
        return reshaped(shapes)
    known = BY_RANK[name](len(shapes[0]) - 1) if name in BY_RANK else ARGUMENTS.get(name, {})
    return st.fixed_dictionaries(known)


@st.composite
def operands(draw: st.DrawFn, name: str, ranks: Sequence[int] = (1, 2, 3)) -> list[Shape]:
    """Shapes of operands; of maps, those of some ranks."""
    if name == "linear":
        return [draw(vectors)]
    known = [(sequences, maps, volumes)[rank - 1] for rank in ranks]
    known = [maps] if name.endswith("2d") or name.startswith("pixel") else known
    shape = draw(st.one_of(known if name in MAPS_ONLY else [*known, vectors]))
    if name == "concat":
        counts = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
        return [(c, *shape[1:]) for c in counts]
    if name == "reshape":
        rank = draw(st.sampled_from([0, *ranks]))
        first, *extents = draw(factors(prod(shape), 1 + rank))
        other = (draw(st.sampled_from([first, 5])), *extents)
        return draw(st.sampled_from([[shape], [shape, other]]))
    if name == "matmul":
        *outer, rows, inner = shape
        spread = [draw(st.sampled_from([(n, n), (n, 1), (1, n)])) for n in outer]
        left, right = ([pair[side] for pair in spread] for side in (0, 1))
        return [(*left, rows, inner), (*right, inner, draw(small))]
    if name == "resize":
        other = draw(st.tuples(channels, *[st.integers(1, 9)] * (len(shape) - 1)))
        return draw(st.sampled_from([[shape], [shape, other]]))
    if name in ("pixel_shuffle", "pixel_unshuffle"):
        factor = draw(st.integers(1, 3))
        return [(shape[0] * factor**2, *(n * factor for n in shape[1:]))]
    if BUILT_IN[name].arity[1] != 1:
        # an extent of 1 is spread over that of the others
        count = BUILT_IN[name].arity[1] or draw(st.integers(1, 4))
        spread = st.tuples(*(st.sampled_from([extent, extent, 1]) for extent in shape))
        return [draw(spread) for _ in range(count)]
    return [shape]
