"""Optimisers, with a group of parameters for each rate and decay that the rules give."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import prod
from typing import Any

from torch import nn, optim

from inceptgraph.diagnostics import Code, Diagnostic, SpecError, did_you_mean
from inceptgraph.graph import Graph
from inceptgraph.training import AdamW, Optimizer, Recipe, RmsProp, Rule, Sgd
from inceptgraph.types import Family
from inceptgraph.weights import covers

__all__ = ["Rated", "freeze", "make_optimizer"]


@dataclass(frozen=True)
class Rated:
    """An optimiser, and the rate of each of its groups before the schedule."""

    optimizer: optim.Optimizer
    rates: tuple[float, ...]

    def set_rate(self, factor: float) -> None:
        """Give each group its rate, times what the schedule says."""
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor


def make_optimizer(
    model: nn.Module, recipe: Recipe, graph: Graph, given: Collection[str] | None = None
) -> Rated:
    """The optimiser of what a recipe does not freeze.

    Args:
        model: whose parameters have their names in the spec.
        recipe: its rules are followed.
        graph: of the network, which says what its parameters are.
        given: the names of parameters that a file of weights gave; None without a file.

    Raises:
        SpecError: a rule means no parameter.
    """
    named = {name: each for name, each in model.named_parameters() if each.requires_grad}
    for rule in recipe.rules:
        _check_patterns(rule.parameters, [name for name, _ in model.named_parameters()], "rules")
    vectors = _vectors(graph)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in named.items():
        rules = [rule for rule in recipe.rules if _means(rule, name, vectors, given)]
        key = (prod(rule.lr for rule in rules), prod(rule.decay for rule in rules))
        groups.setdefault(key, []).append(parameter)
    settings = recipe.optimizer
    made = [
        {"params": params, "lr": settings.lr * lr, "weight_decay": settings.weight_decay * decay}
        for (lr, decay), params in groups.items()
    ]
    return Rated(_optimizer(settings, made), tuple(settings.lr * lr for lr, _ in groups))


def freeze(model: nn.Module, frozen: Iterable[str]) -> list[nn.Module]:
    """Let parts of a network learn nothing, by their paths.

    Returns:
        The parts whose normalisations are to keep their statistics: they stay in evaluation.

    Raises:
        SpecError: the network has no such part.
    """
    frozen = tuple(frozen)
    names = [name for name, _ in model.named_parameters()]
    _check_patterns(frozen, names, "frozen")
    for name, parameter in model.named_parameters():
        if any(covers(pattern, name) for pattern in frozen):
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        message = "everything is frozen: no parameter is left to train"
        raise SpecError([Diagnostic(Code.TRAINING, message, help="name fewer parts in `frozen`")])
    return [
        part
        for name, part in model.named_modules()
        if name and any(covers(pattern, name) for pattern in frozen)
    ]


def _check_patterns(patterns: Iterable[str], names: Collection[str], key: str) -> None:
    for pattern in patterns:
        if not any(covers(pattern, name) for name in names):
            known = dict.fromkeys([*(name.partition(".")[0] for name in names), *names])
            message = f"`{pattern}` in `{key}` means no parameter of the network"
            hint = (
                did_you_mean(pattern, known) or "a pattern is a name, its first parts, or has a *"
            )
            raise SpecError([Diagnostic(Code.TRAINING, message, help=hint)])


def _vectors(graph: Graph) -> set[str]:
    """The parameters of one axis, and the biases and what normalisations learn of any."""
    return {
        f"{graph.owner(node.name)}.{key}"
        for node in graph.nodes.values()
        for key, weight in graph.own_weights(node).items()
        if len(weight.shape) <= 1 or key == "bias" or node.op.family is Family.NORM
    }


def _means(rule: Rule, name: str, vectors: Collection[str], given: Collection[str] | None) -> bool:
    if rule.parameters and not any(covers(pattern, name) for pattern in rule.parameters):
        return False
    match rule.kind:
        case None:
            return True
        case "biases":
            return name.rpartition(".")[2] == "bias"
        case "vectors":
            return name in vectors
        case "new":
            return given is not None and name not in given


def _optimizer(settings: Optimizer, groups: list[dict[str, Any]]) -> optim.Optimizer:
    match settings:
        case Sgd():
            return optim.SGD(
                groups, settings.lr, momentum=settings.momentum, nesterov=settings.nesterov
            )
        case RmsProp():
            return optim.RMSprop(
                groups, settings.lr, settings.decay, settings.eps, momentum=settings.momentum
            )
        case AdamW():
            return optim.AdamW(groups, settings.lr, settings.betas, settings.eps)
