"""The total loss of a network with several outputs.

A built ``model.py`` carries the source of these functions, so that its ``loss`` is this one: they
stand on builtins, torch, and what :mod:`inceptgraph_torch.codegen.sources` says that file imports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from inceptgraph.engine import listed

__all__ = ["CRITERIA", "Criterion", "total_loss"]

Criterion = Callable[[Tensor, Any], Tensor]

CRITERIA: dict[str, Criterion] = {
    "cross_entropy": F.cross_entropy,
    "cross_entropy_2d": F.cross_entropy,
    "binary_cross_entropy": F.binary_cross_entropy_with_logits,
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "smooth_l1": F.smooth_l1_loss,
}
"""The function of ``torch.nn.functional`` that each loss of :data:`inceptgraph.ops.LOSSES` is."""


def total_loss(
    outputs: Tensor | Mapping[str, Tensor],
    target: Any,
    criterion: Callable[..., Tensor] | Mapping[str, Callable[..., Tensor]],
    weights: Mapping[str, float],
    heads: list[str],
) -> Tensor:
    """The losses of the outputs, each times its weight.

    Args:
        outputs: the network's one output, or a dict by names.
        target: of all outputs, or a dict by names.
        criterion: of all outputs, or a dict by names.
        weights: of the losses, by the names of all outputs that the network has.
        heads: which of those are auxiliary.

    Raises:
        TypeError: ``outputs`` is not what the network returns.
        ValueError: one target for outputs that cannot share it; a dict lacks an output, or names
            what is none of the network's; a target of numbers has another shape than its output.
    """
    given = outputs_by_name(outputs, [name for name in weights if name not in heads])
    named = [
        *given,
        *(name for each in (target, criterion) if isinstance(each, Mapping) for name in each),
    ]
    for name in named:
        if name not in weights:
            raise ValueError(f"`{name}` is none of the network's outputs: {listed(weights)}")
    if not isinstance(target, Mapping):
        check_shared_target(given, heads)
    targets = {name: given_for("target", target, name) for name in given}
    criteria = {name: given_for("criterion", criterion, name) for name in given}
    for name, output in given.items():
        check_numbers(name, output, targets[name], criteria[name])
    losses = [weights[n] * criteria[n](output, targets[n]) for n, output in given.items()]
    return torch.stack(losses).sum()


def outputs_by_name(outputs: Tensor | Mapping[str, Tensor], own: list[str]) -> Mapping[str, Tensor]:
    """What a network returned as a mapping; ``own`` are its outputs that are no heads."""
    if isinstance(outputs, Mapping):
        return outputs
    if not isinstance(outputs, Tensor):
        told = f"the outputs are a {type(outputs).__name__}"
    elif len(own) == 1:
        return {own[0]: outputs}
    else:
        told = f"one tensor for the outputs {listed(own)}"
    raise TypeError(f"{told}: give what the network returned")


def check_shared_target(outputs: Mapping[str, Tensor], heads: list[str]) -> None:
    """Refuse one target for several outputs, unless they are one and its auxiliary heads."""
    wanted = f"give a dict of targets by their names: {listed(outputs)}"
    if len([name for name in outputs if name not in heads]) > 1:
        raise ValueError(f"one target for {len(outputs)} outputs: {wanted}")
    shapes = {name: tuple(output.shape) for name, output in outputs.items()}
    if len({*shapes.values()}) > 1:
        told = ", ".join(f"`{name}` {shape}" for name, shape in shapes.items())
        raise ValueError(f"one target for outputs of several shapes ({told}): {wanted}")


def check_numbers(name: str, output: Tensor, target: Any, criterion: Callable[..., Tensor]) -> None:
    """Refuse numbers of another shape than the output's, which torch would spread over it."""
    one_by_one = criterion in (F.mse_loss, F.l1_loss, F.smooth_l1_loss)
    if one_by_one and output.shape != target.shape:
        given, wanted = tuple(target.shape), tuple(output.shape)
        raise ValueError(f"the target of `{name}` is of shape {given}, but the output of {wanted}")


def given_for(what: str, given: Any, name: str) -> Any:
    """One output's own of a dict, or what is given for all."""
    if not isinstance(given, Mapping):
        return given
    if name not in given:
        raise ValueError(f"no {what} for the output `{name}`: the dict has {listed(given)}")
    return given[name]
