"""Weights from elsewhere into a module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from inceptgraph.graph import Graph
from inceptgraph.weights.fitted import Fitted, fit_entries
from inceptgraph.weights.match import Fit
from inceptgraph_torch.checkpoints import Read, info, open_tensors
from inceptgraph_torch.names import module_path

__all__ = ["load_fitted", "load_tensors"]


def load_tensors(
    module: nn.Module,
    graph: Graph,
    tensors: Mapping[str, Tensor],
    *,
    remap: str | Path | None = None,
    allow: Iterable[str] = (),
) -> Fit:
    """Put tensors into a module, by their names or by what a remap table makes of them.

    Args:
        module: of ``graph``; left as it is where the tensors do not fit.
        graph: with shapes, both phases.
        tensors: by name, such as a ``state_dict``.
        remap: a shipped remap table's name or a table's path; found by itself unless given.
        allow: ``missing:``, ``unexpected:`` or ``shape:`` and a pattern each.

    Returns:
        What became of each tensor.

    Raises:
        SpecError: they do not fit, or the table cannot be read.
        ValueError: an item of ``allow`` has no such form.
    """
    entries = {name: info(tensor) for name, tensor in tensors.items()}
    fitted = fit_entries(graph, entries, remap=remap, allow=allow).require()
    _copy(module, fitted.fit, tensors.__getitem__)
    return fitted.fit


def load_fitted(module: nn.Module, fitted: Fitted) -> None:
    """Put the weights of a file into a module of the network that it was fitted to.

    Raises:
        SpecError: the file cannot be read.
    """
    contents = fitted.contents
    assert contents is not None
    _copy(module, fitted.fit, open_tensors(contents.path, contents.format))


@torch.no_grad()
def _copy(module: nn.Module, fit: Fit, read: Read) -> None:
    """What a fit loads; the rest of the module stays as it is."""
    targets = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    named = {pair.slot.name: pair.theirs for pair in fit.loaded}
    named |= {ours: theirs for theirs, ours in fit.counters.items() if ours is not None}
    for ours, theirs in named.items():
        node, _, key = ours.rpartition(".")
        target = targets[f"{module_path(node)}.{key}"]
        target.copy_(read(fit.prefix + theirs).reshape(target.shape))
