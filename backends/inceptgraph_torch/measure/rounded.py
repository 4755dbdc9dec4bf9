"""Arithmetic in float64 that rounds as a smaller type does, at random."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch._decomp import get_decompositions
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

__all__ = ["Rounded"]


@cache
def _parts() -> Mapping[Any, Callable[..., Any]]:
    """Normalisations in parts: a mean that is rounded moves all that it is taken from."""
    ops = torch.ops.aten
    norms = [ops.native_layer_norm, ops.native_group_norm, ops.native_batch_norm]
    return get_decompositions([each.default for each in norms])


class Rounded(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Monte Carlo arithmetic: while it is on, each result is a rounding off, up or down at random.

    What such a computation gives differs from the exact one as that of a machine does in a type
    with these roundings, whatever the order of its sums (Parker, Monte Carlo Arithmetic, 1997).
    """

    def __init__(self, roundoff: float, seed: int) -> None:
        """Args:
        roundoff: of a number, relative to itself.
        seed: what the roundings follow from.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._roundoff = roundoff
        self._generator = torch.Generator().manual_seed(seed)

    def round(self, tensors: Iterable[Tensor]) -> None:
        """Round the numbers in some tensors, such as weights and inputs."""
        for tensor in tensors:
            if tensor.is_floating_point():
                tensor.data = self._rounded(tensor.data)

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if (parts := _parts().get(func)) is not None:
            with self:
                return parts(*args, **(kwargs or {}))
        found = func(*args, **(kwargs or {}))
        is_new = all(each.alias_info is None for each in func._schema.returns)  # type: ignore[attr-defined]
        return tree_map_only(Tensor, self._rounded, found) if is_new else found

    def _rounded(self, tensor: Tensor) -> Tensor:
        if not tensor.is_floating_point():
            return tensor
        up = torch.randint(2, tensor.shape, generator=self._generator).to(tensor)
        return tensor * (1 + self._roundoff * (2 * up - 1))
