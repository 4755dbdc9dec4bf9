"""The backend ``inceptgraph`` of ``torch.compile``: our passes and engines for any torch model.

``torch.compile(model, backend="inceptgraph")`` reads what Dynamo saw of the model, has an engine
compute the parts that are convolutional networks, and leaves the rest to torch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import fx
from torch._dynamo.backends.common import aot_autograd
from torch._dynamo.backends.registry import lookup_backend
from torch._guards import TracingContext

from inceptgraph_dynamo.compiling import take_parts
from inceptgraph_dynamo.frozen import say_once
from inceptgraph_dynamo.left_out import Left, Report, Taken
from inceptgraph_dynamo.options import Options, read_options
from inceptgraph_dynamo.reading import Reading
from inceptgraph_dynamo.values import Data

__all__ = ["Data", "Left", "Options", "Reading", "Report", "Taken", "compile_graph"]

Compiled = Callable[..., Any]


class _NothingTaken(Exception):
    """Torch is to compile the whole graph."""


def compile_graph(
    module: fx.GraphModule,
    examples: Sequence[Any],
    *,
    options: Mapping[str, Any] | None = None,
) -> Compiled:
    """The function that ``torch.compile`` calls with each graph of a model.

    Args:
        module: as Dynamo traced it.
        examples: the arguments of the call that is compiled.
        options: see :class:`Options`.

    Raises:
        SpecError: there is no such option, or no such engine here.
    """
    chosen = read_options(options)
    fallback: Compiled = lookup_backend(chosen.fallback)
    if torch.is_grad_enabled() and any(_wants_gradient(each) for each in examples):
        why = f"gradients are wanted: the backend {chosen.fallback} compiles it all"
        hint = "for inference call the model under torch.inference_mode() or torch.no_grad()"
        _tell(Report(whole=f"{why}; {hint}"), chosen)
        return _compiled_by(fallback, module, examples)

    def compile_inference(graph: fx.GraphModule, inputs: Sequence[Any]) -> Compiled:
        report = take_parts(graph, _weights(graph), chosen)
        if not report.taken:
            why = report.whole or "there is nothing for engines to run"
            report = replace(report, whole=f"{why}: the backend {chosen.fallback} compiles it all")
        _tell(report, chosen)
        if not report.taken:
            raise _NothingTaken
        return graph.forward

    try:
        compiled: Compiled = aot_autograd(fw_compiler=_never, inference_compiler=compile_inference)(
            module, examples
        )
    except _NothingTaken:
        return _compiled_by(fallback, module, examples)
    return compiled


def _compiled_by(backend: Compiled, module: fx.GraphModule, examples: Sequence[Any]) -> Compiled:
    compiled: Compiled = backend(module, examples)
    return compiled


def _never(graph: fx.GraphModule, inputs: Sequence[Any]) -> Compiled:
    raise _NothingTaken  # AOTAutograd sees gradients where we saw none


def _wants_gradient(example: Any) -> bool:
    return isinstance(example, torch.Tensor) and example.requires_grad


def _weights(graph: fx.GraphModule) -> list[fx.Node]:
    """The placeholders that hold parameters and buffers which the graph does not change."""
    context = TracingContext.try_get()
    if context is None or context.fw_metadata is None:
        return []
    metadata = context.fw_metadata
    changed = set(metadata.mutated_inp_runtime_indices)
    placeholders = graph.graph.find_nodes(op="placeholder")
    return [placeholders[i] for i in metadata.static_input_indices if i not in changed]


def _tell(report: Report, options: Options) -> None:
    for about, warning in report.warnings.items():
        say_once(warning, about)
    logging.getLogger("inceptgraph").info("torch.compile: %s", report)
    options.report(report)
