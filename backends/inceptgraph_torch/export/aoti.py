"""Packages of AOTInductor: the network as machine code, for one kind of device."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Any

import torch

from inceptgraph.backend import Exported, Progress, Trained
from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph.graph import Graph, meaning
from inceptgraph.ops import Operation
from inceptgraph_torch.compiler import compiler
from inceptgraph_torch.export.program import make_program, refusal
from inceptgraph_torch.names import argument_names
from inceptgraph_torch.options import read_dtype
from inceptgraph_torch.rules import has_rule

__all__ = ["AotiBackend"]

PACKAGE = "model.aoti.pt2"
LOADER = "model_aoti.py"
ABOUT = "inceptgraph"
"""The key of a package's metadata under which what the spec says of images and classes stands."""

_USAGE = """\
import sys; sys.path.insert(0, "$folder")
import {loader}
outputs = {loader}.load()({inputs})
"""


class AotiBackend:
    """Compiles graphs ahead of time, with Inductor and a C++ compiler.

    Raises:
        SpecError: there is no C++ compiler.
    """

    name = "aoti"

    def __init__(self) -> None:
        if compiler() is None:
            message = "the backend `aoti` needs a C++ compiler, and there is none"
            hint = "install one, such as with `apt install g++`, or name yours in CXX"
            raise SpecError([Diagnostic(Code.BROKEN_PLUGIN, message, help=hint)])

    def supports(self, operation: type[Operation]) -> bool:
        return has_rule(operation)

    def lower(self, graph: Graph, **options: Any) -> Callable[..., Any]:
        """Compile the network as it runs in evaluation, which takes 20 seconds and more.

        Args:
            graph: with shapes.
            options: ``tensors``, ``dtype``, ``device`` and ``batch`` of
                :func:`inceptgraph_torch.export.program.make_program`.

        Returns:
            A function from its inputs, tensors of shape (batch, …), to a tensor, or of several
            outputs to a dict of them by name.

        Raises:
            SpecError: torch cannot trace or compile it.
            ValueError: a tensor is missing or has another shape. The function raises it for an
                input of another shape, type or device.
        """
        with TemporaryDirectory() as folder:
            package, loader = _write(graph, Path(folder), **options)
            namespace: dict[str, Any] = {"__file__": str(loader)}
            exec(loader.read_text(encoding="utf-8"), namespace)
            run: Callable[..., Any] = namespace["load"](package)
        return run

    def export(
        self, network: Trained, folder: Path, progress: Progress = lambda step: None
    ) -> tuple[Exported, ...]:
        """Write ``model.aoti.pt2`` and ``model_aoti.py``, which loads it and checks its inputs.

        Raises:
            SpecError: torch cannot trace or compile the network.
        """
        progress(f"compiling with {compiler()}, which takes 20 seconds and more")
        _write(
            network.evaluation,
            folder,
            tensors=network.tensors,
            dtype=network.dtype,
            device=network.device,
            batch=network.batch,
        )
        inputs = ", ".join(argument_names(network.evaluation).values())
        usage = _USAGE.format(loader=Path(LOADER).stem, inputs=inputs)
        kind = torch.device(network.device).type
        what = f"the network in evaluation as machine code for a {kind.upper()} like this one's"
        return (
            Exported(PACKAGE, what),
            Exported(LOADER, "loads the machine code, and checks what it is given", usage),
        )


def _write(graph: Graph, folder: Path, **options: Any) -> tuple[Path, Path]:
    """The package, and the Python that loads it."""
    program = make_program(graph, frozen=True, **options)
    network = graph.phase("eval")
    package = folder / PACKAGE
    settings: dict[str, Any] = {"freezing": True}
    if about := meaning(network):
        settings["aot_inductor.metadata"] = {ABOUT: json.dumps(about, ensure_ascii=False)}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about itself
        try:
            # frozen weights are laid out once for the kernels that read them
            torch._inductor.aoti_compile_and_package(
                program, package_path=str(package), inductor_configs=settings
            )
        except Exception as error:  # Inductor and the compiler fail in many ways
            raise refusal("AOTInductor cannot compile", network, error) from error
    words = {
        "name": network.name.replace("\\", "\\\\").replace('"', '\\"'),
        "version": torch.__version__,
        "inputs": repr({node.name: network.shape(node.name) for node in network.inputs}),
        "dtype": str(read_dtype(options.get("dtype"))),
        "device": repr(torch.device(options.get("device") or "cpu").type),
    }
    loader = folder / LOADER
    text = files(__package__).joinpath("aoti_loader.py.txt").read_text(encoding="utf-8")
    loader.write_text(Template(text).substitute(words), encoding="utf-8")
    return package, loader
