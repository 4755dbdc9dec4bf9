"""Random small networks of every operation there is, as text, from a stream of random numbers.

What is drawn depends on nothing but the numbers, so that a seed names a network. hypothesis can
bring the stream, and then shrinks what it finds; ``fuzz.py`` brings Python's.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from math import prod
from random import Random
from typing import Any

import yaml

from inceptgraph.diagnostics import ShapeError
from inceptgraph.ops import BUILT_IN, Operation
from inceptgraph.types import AXES, Shape, extent_names

__all__ = ["ARGUMENTS", "FREQUENT", "LEFT_OUT", "arguments", "network"]

Draw = Callable[[Random], Any]
DrawOfRank = Callable[[Random, int], Any]


def one_of(*values: Any) -> Draw:
    return lambda random: random.choice(values)


def sizes(*values: int) -> DrawOfRank:
    """A number, or one for each axis."""
    return lambda random, rank: random.choice(
        [random.choice(values), [random.choice(values) for _ in range(rank)]]
    )


def border(random: Random, rank: int) -> list[int]:
    return [random.randint(0, 2) for _ in range(2 * rank)]


def padding(random: Random, rank: int) -> Any:
    some = border(random, rank)
    return random.choice(["same", "valid", some[0], some[:rank], some])


NUMBER = one_of(0.0, 0.5, 1.0, 2.0, -0.25, -1.0, 1.5, 0.3)
FLAG = one_of(True, False)

ARGUMENTS: dict[str, Draw] = {
    "align_corners": one_of(False, False, True),
    "alpha": one_of(1e-4, 0.5, 1.0, -0.3),
    "approximate": one_of("none", "tanh"),
    "beta": one_of(0.75, 0.5, 1.2),
    "bias": FLAG,
    "ceil": FLAG,
    "count_include_pad": FLAG,
    "eps": one_of(1e-5, 1e-3),
    "exponent": one_of(0.5, 1.0, 2.0, 3.0),
    "factor": NUMBER,
    "groups": one_of(1, 1, 2, 3),
    "k": one_of(1.0, 2.0, 0.5, 1.5),
    "mode": one_of("nearest", "linear", "bilinear", "trilinear", "bicubic"),
    "momentum": one_of(0.1),
    "multiplier": one_of(1, 2),
    "of": one_of(None, None, None, 2, 3),
    "offset": NUMBER,
    "out": one_of(1, 2, 3, 4, 6, 8),
    "output_padding": one_of(0, 0, 1),
    "over": one_of("channels", "space", ["channels", "width"], ["height"], "length", "frames"),
    "part": one_of(None, None, 0, 1),
    "rate": one_of(0.5),
    "scale": FLAG,
    "shift": FLAG,
    "slope": one_of(0.01, 0.2, -0.5),
    "start": one_of(0, 1),
    "step": one_of(1, 1, 2, 3),
    "stop": one_of(1, 2, 3),
    "value": one_of(0.0, 0.0, 1.0, -0.5),
}
"""How an argument is drawn, by its name in any operation. One that is missing fails a test."""

OF_RANK: dict[str, DrawOfRank] = {
    "border": border,
    "dilation": sizes(1, 1, 2),
    "kernel": sizes(1, 2, 3, 3),
    "order": lambda random, rank: random.sample(axes := ["channels", *AXES[rank]], len(axes)),
    "padding": padding,
    "size": sizes(1, 2, 3),
    "stride": sizes(1, 1, 2, 3),
}
"""Likewise, for maps of so many axes."""

OWN: dict[tuple[str, str], Draw] = {
    ("conv_transpose", "padding"): one_of(0, 0, 1, [0, 1]),
    ("layer_norm", "over"): one_of("channels", ["channels", "space"]),
    ("rms_norm", "over"): one_of("channels", ["channels", "space"]),
    ("softmax", "over"): one_of("channels", "channels", "height", "width", "length", "frames"),
    ("log_softmax", "over"): one_of("channels", "channels", "height", "width", "length", "frames"),
    ("slice", "over"): one_of("channels", "height", "width", "length", "frames"),
    ("slice", "start"): one_of(0, 0, 1, -2),
    ("slice", "stop"): one_of(None, None, 3, -1),
    ("pad", "mode"): one_of("constant", "constant", "reflect", "replicate", "circular"),
    ("resize", "factor"): one_of(None, None, 2, 1.5, [1, 2], 0.5, 3),
    ("resize", "size"): one_of(None, None, None, 5, [4, 7]),
    ("pixel_shuffle", "factor"): one_of(1, 2, 2),
    ("pixel_unshuffle", "factor"): one_of(1, 2, 3),
    ("lrn", "size"): one_of(1, 3, 4, 5),
    # of a mean square at 0.5 and more, so that no sum comes to nothing
    ("lrn", "alpha"): one_of(1e-4, 0.5, 1.0),
}


def reshaped(random: Random, rank: int) -> dict[str, Any]:
    """The extents of a map or of a vector, one of them what is left; or, beside a second operand,
    one or none."""
    names = extent_names(random.randint(0, 3))
    found: dict[str, Any] = dict.fromkeys(
        name for each in map(extent_names, range(4)) for name in each
    )
    if random.random() < 0.3:
        return found | {"channels": random.choice([None, "rest"])}
    found |= {name: random.choice([1, 2, 3]) for name in names}
    return found | {random.choice(names): "rest"}


TOGETHER: dict[str, DrawOfRank] = {"reshape": reshaped}
"""How all arguments of an operation are drawn, where they must fit one another."""

LEFT_OUT = {"input"}
"""What is no step."""

FREQUENT = ("conv2d", "conv2d", "conv2d", "max_pool", "max_pool", "avg_pool", "avg_pool", "pad")
FREQUENT += ("flatten", "linear")
"""Drawn as often as all others together: what runtimes fuse, and what else would be rare."""

TRIES = 5
"""Operands that are tried for a step."""

LARGEST = 2_000
"""Elements of a value at most, so that thousands of networks take minutes."""


def arguments(kind: type[Operation], random: Random, rank: int = 2) -> dict[str, Any]:
    """Arguments of an operation, all those that do not say how weights start."""
    if kind.op in TOGETHER:
        return dict(TOGETHER[kind.op](random, rank))
    found = {}
    for name in kind.model_fields:
        if own := OWN.get((kind.op, name)):
            found[name] = own(random)
        elif name in OF_RANK:
            found[name] = OF_RANK[name](random, rank)
        elif not name.endswith("_init"):
            found[name] = ARGUMENTS[name](random)
    return found


@dataclass
class _Writer:
    """Adds steps to a network whose values have known shapes."""

    random: Random
    rank: int
    values: dict[str, Shape] = field(default_factory=dict)
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)

    def operands(self, op: Operation) -> list[str]:
        """Values that the operation may take: mostly late ones, so that steps make chains."""
        names = list(self.values)
        late = names[-3:] if self.random.random() < 0.8 else names
        first = self.random.choice(late)
        least, most = op.arity
        if most == 1 or (least == 1 and most == 2 and self.random.random() < 0.5):
            return [first]
        fitting = [first]
        for name, other in self.values.items():
            with suppress(ShapeError):
                op.infer(self.values[first], other)
                fitting.append(name)
        count = self.random.randint(1, 3) if most is None else most - 1
        return [first, *(self.random.choice(fitting) for _ in range(count))]

    def once_more(self) -> None:
        """A step that shares the weights of another, where something of the same form is there."""
        weighted = [n for n, s in self.stages.items() if len(s["from"]) == 1 and self.owned(n)]
        if not weighted:
            return
        other = self.random.choice(weighted)
        op = self.op(other)
        needed = op.weights(self.values[self.stages[other]["from"][0]])
        fitting = []
        for name, shape in self.values.items():
            with suppress(ShapeError, ValueError):
                fits = len(shape) == len(self.values[self.stages[other]["from"][0]])
                if fits and prod(op.infer(shape)) <= LARGEST and op.weights(shape) == needed:
                    fitting.append(name)
        operand, name = self.random.choice(fitting), f"s{len(self.stages)}"
        self.values[name] = op.infer(self.values[operand])
        self.stages[name] = {"share": other, "from": [operand]}
        self.read.add(operand)

    def op(self, name: str) -> Operation:
        """The operation of a step, through those that it shares."""
        step = self.stages[name]
        if "share" in step:
            return self.op(step["share"])
        return BUILT_IN[step["op"]](**{k: v for k, v in step.items() if k not in ("op", "from")})

    def owned(self, name: str) -> bool:
        return bool(self.op(name).weights(self.values[self.stages[name]["from"][0]]))

    def step(self) -> None:
        """One step more, unless what is drawn does not fit."""
        if self.random.random() < 0.1:
            self.once_more()
            return
        frequent = self.random.random() < 0.5
        others = [name for name in BUILT_IN if name not in LEFT_OUT]
        name = self.random.choice(FREQUENT if frequent else others)
        kind = BUILT_IN[name if self.rank == 2 else name.removesuffix("2d")]
        given = arguments(kind, self.random, self.rank)
        try:
            op = kind(**given)
        except ValueError:
            return
        for _ in range(TRIES):
            operands = self.operands(op)
            with suppress(ShapeError):
                shape = op.infer(*(self.values[name] for name in operands))
                if prod(shape) > LARGEST:
                    continue
                if kind.op == "divide":  # by what is not near 0, or rounding decides
                    own = self.values[operands[1]]
                    size = self.add("abs", operands[1:], {}, own)
                    operands[1] = self.add("scale", [size], {"offset": 1.0}, own)
                self.add(kind.op, operands, given, shape)
                return

    def add(self, op: str, operands: list[str], given: dict[str, Any], shape: Shape) -> str:
        """A stage; its name."""
        name = f"s{len(self.stages)}"
        self.stages[name] = {"op": op, "from": operands, **given}
        self.values[name] = shape
        self.read.update(operands)
        return name


def network(random: Random) -> str:
    """The text of a network that compiles: a few inputs, of which some may be read by nothing, up
    to eight steps, and as outputs the last, all that nothing reads, and some others."""
    writer = _Writer(random, rank=random.choice([1, 2, 2, 2, 2, 3]))
    inputs = {}
    most = 9 if writer.rank < 3 else 5
    for index in range(random.choice([1, 1, 1, 2, 3])):
        channels = random.choice([1, 2, 3, 4, 6])
        extents = [random.randint(3, most) for _ in range(writer.rank)]
        axes = dict(zip(AXES[writer.rank], extents, strict=True))
        inputs[f"x{index}"] = {"channels": channels, **axes}
        writer.values[f"x{index}"] = (channels, *extents)
    wanted = random.randint(1, 8)
    while len(writer.stages) < wanted:
        writer.step()
    ends = [name for name in writer.stages if name not in writer.read]
    extra = [name for name in writer.stages if name in writer.read and random.random() < 0.1]
    spec = {"name": "Random", "inputs": inputs, "stages": writer.stages}
    spec["outputs"] = {f"out_{name}": name for name in [*extra, *ends]}
    return yaml.safe_dump(spec, sort_keys=False, default_flow_style=None, width=1000)
