"""A model on disk: its Python and its weights, written and read back."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from inceptgraph.errors import Code, Diagnostic, SpecError
from inceptgraph.graph import Graph
from inceptgraph_torch.codegen import write_module
from inceptgraph_torch.lower import lower
from inceptgraph_torch.module import SpecModule
from inceptgraph_torch.recipes import state_name

if TYPE_CHECKING:
    import numpy as np

__all__ = ["load", "tensors", "write"]

PYTHON = "model.py"
WEIGHTS = "model.safetensors"


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
    (folder / PYTHON).write_text(write_module(graph, description or ""), encoding="utf-8")
    progress("initialising the weights")
    module = lower(graph, **options)
    progress("writing the weights")
    state = {name: tensor.contiguous().cpu() for name, tensor in module.state_dict().items()}
    _save(state, folder / WEIGHTS)
    # safetensors makes files that only their owner reads; these are as model.py beside them
    (folder / WEIGHTS).chmod((folder / PYTHON).stat().st_mode)


def _save(state: dict[str, Tensor], path: Path) -> None:
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
        device: where the weights go; the CPU unless given.
        dtype: what they become; they keep their own unless given.
        channels_last: keep 4-dimensional weights in channels-last order.

    Raises:
        SpecError: the weights cannot be read, or are not those of the graph.
    """
    path = folder / WEIGHTS
    state = _read(path)
    floats = [tensor.dtype for tensor in state.values() if tensor.is_floating_point()]
    module = lower(
        graph,
        device=device or "cpu",
        dtype=dtype or (floats[0] if floats else None),
        channels_last=channels_last,
        initialized=False,
    )
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        message = f"the weights in `{path}` are not those of its spec.yaml: {error}"
        hint = "was spec.yaml edited after the build? build it again"
        raise SpecError([Diagnostic(Code.OUTPUT, message, help=hint)]) from error
    return module


def tensors(graph: Graph, folder: Path) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    """The weights in ``folder`` as arrays, by their names in the graph.

    NumPy has no bfloat16: such weights become float32, which holds them exactly.

    Args:
        graph: of the ``spec.yaml`` in the folder.
        folder: a built directory.

    Raises:
        SpecError: the weights cannot be read.
        KeyError: they are not those of the graph.
    """
    state = _read(folder / WEIGHTS)
    found = {name: state[state_name(name)] for name in graph.originals}
    return {
        name: (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
        for name, tensor in found.items()
    }


def _read(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        message = f"`{path}` cannot be read: {error}"
        hint = "build the directory again with `inceptgraph build`"
        raise SpecError([Diagnostic(Code.OUTPUT, message, help=hint)]) from error
