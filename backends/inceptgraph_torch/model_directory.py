"""A model on disk: its Python and its weights, written and read back."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph.graph import Graph
from inceptgraph.weights import warn_not_finite
from inceptgraph.weights.recipe_values import checked
from inceptgraph_torch.checkpoints import not_finite_of
from inceptgraph_torch.codegen import write_module
from inceptgraph_torch.lower import lower
from inceptgraph_torch.names import module_path
from inceptgraph_torch.recipe_tensors import as_array
from inceptgraph_torch.spec_module import SpecModule

if TYPE_CHECKING:
    import numpy as np

__all__ = ["dtype", "load", "save_weights", "tensors", "write", "write_optimized"]

PYTHON = "model.py"
WEIGHTS = "model.safetensors"
OPTIMIZED_PYTHON = "optimized.py"
OPTIMIZED_WEIGHTS = "optimized.safetensors"


def write(
    graph: Graph,
    folder: Path,
    *,
    description: str | None = None,
    progress: Callable[[str], None] = lambda step: None,
    **options: Any,
) -> None:
    """Write ``model.py`` and ``model.safetensors``.

    Args:
        graph: with shapes, both phases.
        folder: an existing directory.
        description: a sentence for the docstring of ``model.py``.
        progress: told what is being done.
        options: those of :func:`inceptgraph_torch.lower`.

    Raises:
        OSError: the system cannot write them.
    """
    progress("writing model.py")
    text = write_module(graph, description or "", weights=WEIGHTS)
    (folder / PYTHON).write_text(text, encoding="utf-8")
    progress("initialising the weights")
    module = lower(graph, **options)
    progress("writing the weights")
    save_weights(module, folder / WEIGHTS, like=folder / PYTHON)


def write_optimized(
    graph: Graph,
    folder: Path,
    *,
    description: str | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> None:
    """Write ``optimized.py`` and ``optimized.safetensors`` beside the model that they equal.

    What passes fold is computed in float64 and rounded once to the type of the model's weights.

    Args:
        graph: of evaluation, as passes left it.
        folder: with the files that :func:`write` made of the graph before.
        description: a sentence for the docstring of ``optimized.py``.
        progress: told what is being done.

    Raises:
        SpecError: the weights of the model cannot be read.
        OSError: the system cannot write the files.
    """
    progress(f"writing {OPTIMIZED_PYTHON}")
    text = write_module(graph, description or "", weights=OPTIMIZED_WEIGHTS, training=False)
    (folder / OPTIMIZED_PYTHON).write_text(text, encoding="utf-8")
    progress("folding the weights")
    module = lower(graph, device="cpu", dtype=dtype(folder), tensors=tensors(graph, folder))
    save_weights(module, folder / OPTIMIZED_WEIGHTS, like=folder / OPTIMIZED_PYTHON)


def save_weights(module: nn.Module, path: Path, like: Path) -> None:
    """Write the weights of a network, in a file with the permissions of another.

    Raises:
        OSError: the system cannot write it.
    """
    state = {name: tensor.contiguous().cpu() for name, tensor in module.state_dict().items()}
    _save_tensors(state, path)
    # safetensors makes files that only their owner reads; these are as the Python beside them
    path.chmod(like.stat().st_mode)


def _save_tensors(state: dict[str, Tensor], path: Path) -> None:
    """Write tensors to a file.

    Raises:
        OSError: the system cannot write it; safetensors hides its number in a message.
    """
    try:
        save_file(state, path, metadata={"format": "pt"})
    except SafetensorError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        code = int(number[1])
        raise OSError(code, os.strerror(code), str(path)) from error


def load(
    graph: Graph,
    folder: Path,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | str | None = None,
    channels_last: bool = False,
) -> SpecModule:
    """The module of a graph with the weights in ``folder``, in training mode.

    Args:
        graph: of the ``spec.yaml`` in the folder.
        folder: a built directory.
        device: where the weights go (default: the CPU).
        dtype: what they become (default: they keep their own).
        channels_last: keep 4-dimensional weights in channels-last order.

    Raises:
        SpecError: the weights cannot be read, or are not those of the graph.
    """
    path = folder / WEIGHTS
    state = _weights(path)
    module = lower(
        graph,
        device=device or "cpu",
        dtype=dtype or _floating(state),
        channels_last=channels_last,
        initialized=False,
    )
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise _others(path, error) from error
    return module


def _others(path: Path, error: Exception) -> SpecError:
    """The finding that a file's weights are those of another network."""
    message = f"the weights in `{path}` are not those of its spec.yaml: {error}"
    hint = "was spec.yaml edited after the build? build it again"
    return SpecError([Diagnostic(Code.OUTPUT, message, help=hint)])


def tensors(graph: Graph, folder: Path) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    """The weights in ``folder`` as arrays, by their names in the graph, and what torch counts
    beside them.

    NumPy has no bfloat16: such weights become float32, which holds them exactly.

    Args:
        graph: of the ``spec.yaml`` in the folder, or what passes made of it.
        folder: a built directory.

    Raises:
        SpecError: the weights cannot be read, or one of the graph's is missing or has another
            shape.
    """
    nodes = {name.rpartition(".")[0] for name in graph.originals}
    names = {module_path(name): name for name in nodes}
    found = {}
    for name, tensor in _weights(folder / WEIGHTS).items():
        path, _, weight = name.rpartition(".")
        if path in names:
            found[f"{names[path]}.{weight}"] = as_array(tensor)
    try:
        checked(graph, found)
    except ValueError as error:
        raise _others(folder / WEIGHTS, error) from error
    return found


def dtype(folder: Path) -> str:
    """The type of the weights in ``folder``, as torch names it.

    Raises:
        SpecError: they cannot be read.
    """
    return str(_floating(_read(folder / WEIGHTS)) or torch.float32).removeprefix("torch.")


def _floating(state: Mapping[str, Tensor]) -> torch.dtype | None:
    return next((t.dtype for t in state.values() if t.is_floating_point()), None)


def _weights(path: Path) -> dict[str, torch.Tensor]:
    """What a network is to compute with, with a warning of numbers with which none does."""
    state = _read(path)
    warn_not_finite(path, not_finite_of(state.items()))
    return state


def _read(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        message = f"`{path}` cannot be read: {error}"
        hint = "build the directory again with `inceptgraph build`"
        raise SpecError([Diagnostic(Code.OUTPUT, message, help=hint)]) from error
