"""Body of an ONNX graph while rules write it: calls and constants, as Python and NumPy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inceptgraph.ops import Sides
from inceptgraph.types import Shape
from inceptgraph.weights.recipe_values import Array

__all__ = ["END", "LIMIT", "Body", "Call", "Step"]

LIMIT = 2**31 - 2**26
"""Bytes of weights that one message of protobuf takes: of its 2 GiB the rest is for the steps."""

END = 2**31 - 1
"""Past the end of any axis."""


@dataclass(frozen=True)
class Call:
    """One operator of ONNX with the names of the values that it reads and gives."""

    operator: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any]


@dataclass
class Body:
    """What has been written.

    Attributes:
        taken: names that no new value may have.
        calls: in order.
        makers: the call that made each value.
        constants: arrays by their names: weights, and what rules need beside them.
        avoid: operators that rules are to write in parts where they can.
        values: the node that each value is of, by the name of the value; of those inside a step and
            of outputs it has none.
    """

    taken: set[str]
    calls: list[Call] = field(default_factory=list)
    makers: dict[str, Call] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)
    avoid: frozenset[str] = frozenset()
    values: dict[str, str] = field(default_factory=dict)

    def made_by(self, value: str) -> str | None:
        """The operator that made a value; None for an input or a constant."""
        return self.makers[value].operator if value in self.makers else None

    def unique(self, name: str) -> str:
        """A name like ``name`` that nothing has yet."""
        candidate, count = name, 1
        while candidate in self.taken:
            count += 1
            candidate = f"{name}#{count}"
        self.taken.add(candidate)
        return candidate


@dataclass(frozen=True)
class Step:
    """Where the rule of one operation reads its operands and writes its calls.

    Attributes:
        name: of the node.
        inputs: names of the values of its operands.
        weights: names of its weights, by their names in the operation.
        body: what its calls are added to.
        dtype: of the operands.
    """

    name: str
    inputs: tuple[str, ...]
    weights: dict[str, str]
    body: Body
    dtype: np.dtype[Any]

    def call(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a call; the name of its value."""
        output = self.body.unique(f"{self.name}/{operator}")
        call = self.body.makers[output] = Call(operator, inputs, output, attributes)
        self.body.calls.append(call)
        return output

    def apart(self, value: str) -> str:
        """A value as it is, through a step of its own: runtimes that fuse what made it wrongly with
        what reads it do not look past this step."""
        return self.call("Max", value, value)

    def reduced(
        self, operator: str, value: str, shape: Shape, *axes: str, **attributes: Any
    ) -> str:
        """A value of this shape reduced; apart where it is a sequence: OpenVINO 2026.4.1 gives a
        number a channel behind it to other channels, unless the batch is 1."""
        found = self.call(operator, value, *axes, **attributes)
        return self.apart(found) if len(shape) == 2 else found

    def fence(self, value: str, *operators: str) -> str:
        """A value, apart where one of some operators made it."""
        return self.apart(value) if self.body.made_by(value) in operators else value

    def behind_pool(self, monotonic: bool = False) -> str:
        """The operand of an activation, away from a max pool unless it is monotonic: OpenVINO
        2026.4.1 computes any activation between a convolution and the max pool behind it, before
        the pool."""
        (x,) = self.inputs
        return x if monotonic else self.fence(x, "MaxPool")

    def border(self, value: str, sides: Sides, number: float = 0.0) -> str:
        """A map with so many pixels of a number added at its sides. Zero, which is the default, is
        not said, and the mode is: pnnx 20261020 leaves any other Pad out."""
        pads = self.integers(0, 0, *sides[::2], 0, 0, *sides[1::2])
        fill = [self.number(number)] if number else []
        return self.call("Pad", value, pads, *fill, mode="constant")

    def number(self, value: float | list[float] | Array) -> str:
        """A constant of the type of the operands."""
        return self._constant(np.asarray(value, dtype=self.dtype))

    def scales(self, values: Array) -> str:
        """A vector of factors, which are float32 whatever the operands are."""
        return self._constant(values.astype(np.float32))

    def integers(self, *values: int) -> str:
        """A vector of whole numbers, which shapes, axes and borders are."""
        return self._constant(np.array(values, dtype=np.int64))

    def indices(self, values: Array) -> str:
        """Positions along an axis, in an array of any rank."""
        return self._constant(values.astype(np.int64))

    def _constant(self, array: Array) -> str:
        name = self.body.unique(f"{self.name}/constant")
        self.body.constants[name] = array
        return name

    def weight(self, name: str, absent: Array) -> str:
        """A weight of the operation, or numbers in its place where it has none of this name."""
        return self.weights[name] if name in self.weights else self.number(absent)

    def scaled_and_shifted(self, value: str, rank: int) -> str:
        """A value times the weight of each channel, plus its bias, so far as there are any; it has
        this rank without its batch."""
        for operator, name in (("Mul", "weight"), ("Add", "bias")):
            if name in self.weights:
                value = self.call(operator, value, self.per_channel(name, rank))
        return value

    def shaped_as(self, value: str, other: str, shape: Shape) -> str:
        """A value in the shape of another, which is this without its batch: written where all of it
        is known, else asked for."""
        known = all(isinstance(extent, int) for extent in shape)
        wanted = self.integers(0, *shape) if known else self.call("Shape", other)
        return self.call("Reshape", value, wanted)

    def per_channel(self, weight: str, rank: int) -> str:
        """A weight with one number a channel, laid along the channels of operands without batch of
        this rank. The initialiser keeps the shape that the network gives it."""
        if rank == 1:
            return self.weights[weight]
        return self.call("Unsqueeze", self.weights[weight], self.integers(*range(1, rank)))
