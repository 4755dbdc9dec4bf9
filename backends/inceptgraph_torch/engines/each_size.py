"""A network for inputs of any size, over engines that compile it for one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from torch import Tensor, nn

from inceptgraph.engine import Setting, in_order, refuse_pickling
from inceptgraph.types import Shape

__all__ = ["KEPT", "EachSize"]

KEPT = 8
"""Sizes for which what was compiled is kept; each has the weights in a form of its own."""


class EachSize(nn.Module):
    """Runs what an engine compiled for the size of the inputs: that of the size that was not asked
    for longest makes room where there are more than :data:`KEPT`.

    It has no parameters, gives no gradients, and stays in evaluation. A copy shares what was
    compiled.

    Attributes:
        setting: how the network runs.
    """

    def __init__(
        self,
        first: nn.Module,
        shapes: Mapping[str, Shape],
        make: Callable[[tuple[Shape, ...]], nn.Module],
        setting: Setting,
    ) -> None:
        """Args:
        first: what was compiled for ``shapes``.
        shapes: of one sample, by the names of the inputs, in order.
        make: compiles for others.
        setting: how the network runs.
        """
        super().__init__()
        self.setting = setting
        self._first = (first,)  # in a tuple, as torch would take a module for a layer
        self._names = [*shapes]
        self._make = make
        self._made = OrderedDict({tuple(shapes.values()): first})
        self._lock = Lock()
        self.eval()

    def train(self, mode: bool = True) -> EachSize:
        return super().train(self.setting.mode(mode))

    def __deepcopy__(self, memo: dict[int, Any]) -> EachSize:
        copied = EachSize.__new__(EachSize)
        vars(copied).update(vars(self))
        return copied

    def __reduce__(self) -> Any:
        refuse_pickling()

    def forward(self, *inputs: Tensor, **named: Tensor) -> Any:
        """Run it, and compile it first for a size that is new.

        Args:
            inputs: of shape (batch, …), one an input of the network in their order.
            named: those that follow, by the names of the inputs.

        Returns:
            A float32 tensor; of several outputs, a dict of them by name.

        Raises:
            ValueError: an input has a shape that the network cannot have.
            TypeError: there are more inputs or fewer, or one is not of floating-point numbers.
            SpecError: the engine cannot run the network at this size.
        """
        given = in_order(dict.fromkeys(self._names), inputs, named)
        if len(given) != len(self._names) or not all(isinstance(x, Tensor) for x in given):
            return self._first[0](*given)  # which says what is wrong
        return self._at(tuple(tuple(tensor.shape[1:]) for tensor in given))(*given)

    def _at(self, shapes: tuple[Shape, ...]) -> nn.Module:
        with self._lock:
            if shapes not in self._made:
                self._made[shapes] = self._make(shapes)
                if len(self._made) > KEPT:
                    self._made.popitem(last=False)
            self._made.move_to_end(shapes)
            return self._made[shapes]
