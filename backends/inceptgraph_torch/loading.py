"""Weights from elsewhere into a module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from inceptgraph.graph import Graph
from inceptgraph.weights import Fit, Fitted, Pair, fit_entries
from inceptgraph_torch.checkpoints import Read, info, open_contents
from inceptgraph_torch.names import module_path

__all__ = ["load_fitted", "load_tensors", "tensors_of"]


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
        remap: a shipped remap table's name or a table's path (default: the shipped
            one that fits, if any).
        allow: ``missing:``, ``unexpected:`` or ``shape:`` and a pattern each.

    Returns:
        What became of each tensor.

    Raises:
        SpecError: they do not fit, or the table cannot be read.
        ValueError: an item of ``allow`` has no such form.
    """
    entries = {name: info(tensor) for name, tensor in tensors.items()}
    fitted = fit_entries(graph, entries, remap=remap, allow=allow).require()
    _copy(tensors_of(module, graph), fitted.fit, tensors.__getitem__)
    return fitted.fit


def load_fitted(targets: Mapping[str, Tensor], fitted: Fitted) -> None:
    """Put the weights of a file into tensors of the network that it was fitted to.

    Args:
        targets: by their names in the graph; what the network has beside them is left out.
        fitted: a file.

    Raises:
        SpecError: the file cannot be read.
    """
    contents = fitted.contents
    assert contents is not None
    _copy(targets, fitted.fit, open_contents(contents))


def tensors_of(module: nn.Module, graph: Graph) -> dict[str, Tensor]:
    """The tensors of a module by their names in its graph, which are those of their owners."""
    own = module.state_dict(keep_vars=True)  # constants are none of them
    paths = {module_path(name): name for name in graph.nodes}
    found = {}
    for name, tensor in own.items():
        path, _, key = name.rpartition(".")
        found[f"{graph.owner(paths[path])}.{key}"] = tensor
    return found


@torch.no_grad()
def _copy(targets: Mapping[str, Tensor], fit: Fit, read: Read) -> None:
    """What a fit loads; the rest stays as it is."""
    for pair in fit.loaded:
        if (target := targets.get(pair.slot.name)) is not None:
            target.copy_(_fitting(pair, read(fit.prefix + pair.theirs)).reshape(target.shape))
    for theirs, ours in fit.counters.items():
        if ours is not None and (target := targets.get(ours)) is not None:
            target.copy_(read(fit.prefix + theirs).reshape(target.shape))


def _fitting(pair: Pair, tensor: Tensor) -> Tensor:
    """A tensor in torch's order, without the rows that are left out, for the channels and frames
    here.

    Summed channels give for a grey image what the file's network gives for the same grey in each
    channel. Repeated ones keep the size of what they give (``adapt_input_conv`` of timm). A kernel
    that is repeated over frames, and divided by how many, gives for a video of one image what it
    gives for that (Carreira & Zisserman 2017, section 2.4).
    """
    if pair.axes:
        tensor = tensor.permute(pair.axes).reshape(pair.info.shape)
    if pair.skipped:
        return tensor.reshape(pair.seen)[pair.skipped :]
    if pair.channels or pair.frames:
        tensor = tensor.reshape(pair.seen).double()
    if theirs := pair.channels:
        ours = pair.slot.shape[1]
        repeated = tensor[:, torch.arange(ours) % theirs] * theirs / ours
        tensor = tensor.sum(1, keepdim=True) if ours == 1 else repeated
    if frames := pair.frames:
        tensor = tensor.unsqueeze(2).expand(-1, -1, frames, -1, -1) / frames
    return tensor
