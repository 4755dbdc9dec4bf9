"""A part as a module: made by an engine of the weights as they are, and anew when they change.

Weights are arguments, as Dynamo has them: one compiled function may be called with those of several
models of a class. What was made of some is used as long as they are the same memory with the same
version, which torch counts up with every change in place.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from inceptgraph.weights.recipe_values import Array

__all__ = ["TOLD", "Frozen", "Prepare", "say_once"]

Prepare = Callable[[Mapping[str, Array]], Callable[..., Any]]
Addresses = tuple[int, ...]
Versions = tuple[int, ...]

KEPT = 8
"""Models whose weights a part keeps made, as many as Dynamo compiles a function for."""


TOLD: set[str] = set()
"""What was warned of in this process."""


def say_once(message: str, about: str | None = None) -> None:
    """Warn, once in a process.

    Args:
        message: the warning.
        about: what is not told again in other words (default: the message itself).
    """
    if (about or message) not in TOLD:
        TOLD.add(about or message)
        logging.getLogger("inceptgraph").warning("%s", message)


@dataclass
class _Seen:
    """Weights that a part was called with.

    Attributes:
        versions: of each.
        storages: held so that no others come to lie at their addresses.
        run: what was made of them, if they came a second time.
    """

    versions: Versions
    storages: tuple[torch.UntypedStorage, ...]
    run: Callable[..., Any] | None = None


class Frozen(nn.Module):
    """Computes a part: called with its inputs, then its weights, then what ``original`` may want.

    Args:
        inputs: how many of the arguments are data.
        weights: how many are weights.
        outputs: a fake tensor each, by name.
        original: the same function of all arguments in torch.
        evaluate: from the weights to the tensors of the part's network, by their names in it.
        prepare: from these to what computes the outputs, as an engine does.
    """

    def __init__(
        self,
        *,
        inputs: int,
        weights: int,
        outputs: Mapping[str, Tensor],
        original: Callable[..., Sequence[Tensor]],
        evaluate: Callable[..., Mapping[str, Tensor]],
        prepare: Prepare,
    ) -> None:
        super().__init__()
        self._inputs, self._weights = inputs, weights
        self._outputs = {name: (like.dtype, _strides(like)) for name, like in outputs.items()}
        self._original, self._evaluate, self._prepare = original, evaluate, prepare
        self._seen: dict[Addresses, _Seen] = {}

    @torch.no_grad()
    def forward(self, *arguments: Tensor) -> tuple[Tensor, ...]:
        """The outputs, in their order, as torch would lay them out in memory."""
        run = self._current(arguments[self._inputs :][: self._weights])
        if run is None:
            return tuple(self._original(*arguments))
        inputs = arguments[: self._inputs]
        found = run(*inputs)
        named = found if isinstance(found, Mapping) else dict.fromkeys(self._outputs, found)
        taken = {_memory(tensor) for tensor in inputs}
        results = []
        for name, (dtype, strides) in self._outputs.items():
            result = _laid_out(named[name].to(dtype), strides)
            # a step that hands on what it reads is none in an engine: its result was new memory
            result = result.clone() if _memory(result) in taken else result
            taken.add(_memory(result))
            results.append(result)
        return tuple(results)

    def _current(self, weights: Sequence[Tensor]) -> Callable[..., Any] | None:
        """What was made of these weights; None where torch is to compute the part.

        The first that come are made use of at once, others when they come a second time: weights
        that change with every call would cost more to prepare than they bring.
        """
        try:
            versions = tuple([weight._version for weight in weights])
        except RuntimeError:  # tensors made in inference mode have none
            say_once("weights made in inference mode do not tell when they change: torch runs them")
            return None
        addresses = tuple([weight.data_ptr() for weight in weights])
        seen = self._seen.get(addresses)
        if seen is not None and seen.versions == versions and seen.run is not None:
            return seen.run
        again = seen is not None and seen.versions == versions
        run = self._made(weights) if again or not self._seen else None
        if seen is None and len(self._seen) >= KEPT:
            say_once(f"more than {KEPT} models share one compiled function: compile each by itself")
            self._seen.clear()
        storages = tuple(weight.untyped_storage() for weight in weights)
        self._seen[addresses] = _Seen(versions, storages, run)
        return run

    def _made(self, weights: Sequence[Tensor]) -> Callable[..., Any]:
        # what is made in inference mode could not be used outside of it
        with torch.inference_mode(False), torch.no_grad():
            tensors = self._evaluate(*weights)
            return self._prepare({name: _array(tensor) for name, tensor in tensors.items()})


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _strides(like: Tensor) -> tuple[int, ...]:
    return tuple(int(stride) for stride in like.stride())


def _laid_out(tensor: Tensor, strides: tuple[int, ...]) -> Tensor:
    """The same in the memory layout that torch expects."""
    if tensor.stride() == strides:
        return tensor
    empty = torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype, device=tensor.device)
    return empty.copy_(tensor)


def _array(tensor: Tensor) -> Array:
    exact = torch.float64 if tensor.dtype is torch.float64 else torch.float32
    array: Array = tensor.detach().to("cpu", exact).contiguous().numpy()
    return array
