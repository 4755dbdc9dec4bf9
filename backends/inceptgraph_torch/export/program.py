"""A graph and its weights to a ``torch.export.ExportedProgram``."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from inceptgraph.diagnostics import Code, Diagnostic, Label, SpecError
from inceptgraph.graph import Graph
from inceptgraph.types import Phase
from inceptgraph.weights.recipe_values import Tensors
from inceptgraph_torch.export.sizes import dynamic_shapes, traceable_at_any_size
from inceptgraph_torch.inductor_workaround import freezable
from inceptgraph_torch.lower import lower
from inceptgraph_torch.names import module_path
from inceptgraph_torch.options import read_device, read_dtype
from inceptgraph_torch.spec_module import SpecModule

__all__ = ["make_program", "refusal"]


def make_program(
    graph: Graph,
    *,
    tensors: Tensors,
    dtype: torch.dtype | str | None = None,
    device: torch.device | str | None = "cpu",
    phase: Phase | str = Phase.EVAL,
    batch: int = 1,
    frozen: bool = False,
) -> ExportedProgram:
    """Trace the module of a graph.

    The program takes the inputs in the order of the spec, by the names that ``model.py`` gives
    them, and returns what the module does: a tensor, or a dict of them by the names of outputs.
    The first axis may be of any size from 1 on, the same for all inputs. So may height and width of
    images where nothing depends on them, from where every map has two pixels on: torch takes one
    pixel for another case. The others are static.

    Args:
        graph: with shapes; for training both phases, else also one that passes rewrote.
        tensors: the weights as arrays, by their names in the graph before passes rewrote it.
        dtype: what the weights become (default: torch's default).
        device: where they live.
        phase: ``train`` gives the auxiliary heads, dropout, and batch normalisation that learns.
        batch: samples in the example that it is traced with.
        frozen: the weights are to be frozen into machine code, in evaluation, for one size.

    Raises:
        SpecError: torch cannot trace it, at the step that fails where that is known; or there is no
            such device or dtype.
        ValueError: a tensor is missing or has another shape.
    """
    network = graph.phase(phase)
    training = Phase(phase) is Phase.TRAIN
    device, dtype = read_device(device), read_dtype(dtype)
    module = lower(network, device=device, dtype=dtype, tensors=tensors).train(training)
    if frozen:
        freezable(module)
    # torch would take an axis of one for an axis that is always one
    example = [
        torch.zeros(max(2, batch), *network.shape(node.name), dtype=dtype, device=device)
        for node in network.inputs
    ]
    if not frozen and (free := traceable_at_any_size(network)):
        with suppress(SpecError):  # the Python of a layer may look at the size
            return _traced(module, free, example)
    return _traced(module, network, example)


def _traced(module: SpecModule, graph: Graph, example: list[Tensor]) -> ExportedProgram:
    """The program for batches, and images, of the sizes that the shapes of the graph leave open."""
    with _refusing(module, graph), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about itself
        return torch.export.export(
            _plain(module), tuple(example), dynamic_shapes=dynamic_shapes(graph)
        )


def _plain(module: SpecModule) -> nn.Module:
    """The module without its fx graph. Of one that has it, torch would interpret the nodes, and the
    program would return fx's own dict, which cannot be changed nor loaded safely once saved."""
    kind = type(type(module).__name__, (nn.Module,), {"forward": type(module).forward})
    plain: nn.Module = kind()
    for name, child in module.named_children():
        plain.add_module(name, child)
    return plain.train(module.training)


@contextmanager
def _refusing(module: SpecModule, graph: Graph) -> Iterator[None]:
    """Turn what fails into a finding at the step whose layer was running."""
    running: list[str] = []

    def enters(name: str) -> Callable[..., None]:
        return lambda *arguments: running.append(name)

    def leaves(*arguments: Any) -> None:
        running.pop()

    layers = dict(module.named_modules())
    hooks = []
    for name in graph.nodes:
        layer: nn.Module | None = layers.get(module_path(name))
        if layer is not None:
            hooks.append(layer.register_forward_pre_hook(enters(name)))
            hooks.append(layer.register_forward_hook(leaves))
    try:
        yield
    except Exception as error:  # a layer of a plug-in may fail in any way, and so does torch
        step = running[-1] if running else None
        raise refusal("torch.export cannot trace", graph, error, step) from error
    finally:
        for hook in hooks:
            hook.remove()


def refusal(what: str, graph: Graph, error: Exception, step: str | None = None) -> SpecError:
    """A failed export as a finding.

    Args:
        what: failed, such as ``torch.export cannot trace``.
        graph: that was exported.
        error: what torch raised; the first line of its message is the reason.
        step: the node at which it did, where that is known.
    """
    reason = next((line for line in str(error).splitlines() if line.strip()), "")
    reason = f"{type(error).__name__}: {reason.strip()}" if reason else type(error).__name__
    if step is None:
        return SpecError([Diagnostic(Code.OUTPUT, f"{what} {graph.name}: {reason}")])
    node = graph.nodes[step]
    labels = (Label(node.origin.span, "this step"),) if node.origin else ()
    message = f"{what} `{step}` ({node.op.op}): {reason}"
    hint = "use another operation, or mend the package that this one comes from"
    return SpecError([Diagnostic(Code.OUTPUT, message, labels, help=hint)])
