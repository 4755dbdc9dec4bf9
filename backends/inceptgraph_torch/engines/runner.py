"""The module of a graph as a setting wants it, which the engines of torch run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from inceptgraph.diagnostics import Diagnostic, SpecError
from inceptgraph.engine import Engine, Setting, check_inputs, in_order, refuse, refuse_step
from inceptgraph.graph import Graph
from inceptgraph.types import Shape
from inceptgraph.weights.recipe_values import Tensors
from inceptgraph_torch.allocator import keep_memory
from inceptgraph_torch.engines.precision import products, products_of_backward
from inceptgraph_torch.lower import lower
from inceptgraph_torch.options import read_device
from inceptgraph_torch.rules import has_rule
from inceptgraph_torch.spec_module import SpecModule

__all__ = ["Compiler", "Runner", "compute_dtype", "network", "refusal", "refuse_other_devices"]


def refusal(engine: Engine, graph: Graph, setting: Setting) -> Diagnostic | None:
    """The finding on why torch cannot run a graph in a setting; None where it can."""
    try:
        read_device(setting.device)
    except SpecError as error:
        return error.diagnostics[0]
    if not setting.on_gpu and setting.dtype == "tf32":
        reason = f"has no tf32 on `{setting.device}`: GPUs have it"
        return refuse(engine, reason, "use float32 or bfloat16")
    inputs = {node.name for node in graph.inputs}
    for node in graph.nodes.values():
        if node.name not in inputs and not has_rule(type(node.op)):
            hint = "use another operation, or install a package that adds the rule"
            return refuse_step(engine, node, "the torch backend has no rule for it", hint)
    return None


def refuse_other_devices(engine: Engine, setting: Setting) -> Diagnostic | None:
    """The finding on why an engine for NVIDIA's GPUs cannot run in a setting; None on one."""
    if setting.on_gpu and not torch.version.hip:  # AMD's are called `cuda`, too
        return None
    reason = f"runs on NVIDIA's GPUs, not on `{setting.device}`"
    return refuse(engine, reason, "use `auto`, or `eager`")


def network(
    graph: Graph,
    tensors: Tensors,
    setting: Setting,
    *,
    channels_last: bool | None = None,
    flat: bool = False,
) -> SpecModule:
    """The module of a graph with its weights, channels last where that is faster or asked for; flat
    for who rewrites or compiles it.

    In evaluation the weights are of the setting's type. In training they are float32, and
    autocast computes in the setting's: steps smaller than bfloat16 resolves would be lost.
    """
    if setting.keep_memory:
        keep_memory()
    if channels_last is None:
        # a GPU's units for matrix products want it, and those for plain float32 the other order
        channels_last = setting.train or not (setting.on_gpu and setting.dtype == "float32")
    module = lower(
        graph,
        device=setting.device,
        dtype=weights_dtype(setting),
        channels_last=channels_last,
        flat=flat,
        tensors=tensors,
    )
    return module.train(setting.train)


def compute_dtype(setting: Setting) -> torch.dtype:
    """The torch type that a setting computes in."""
    name = "float32" if setting.dtype == "tf32" else setting.dtype
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def weights_dtype(setting: Setting) -> torch.dtype:
    """The type of weights and inputs, which in training stay float32."""
    return torch.float32 if setting.train else compute_dtype(setting)


Compiler = Callable[[nn.Module], Callable[..., Any]]
"""From a module to what computes the same, maybe faster."""


SHARED = ("_modules", "_parameters", "_buffers", "_non_persistent_buffers_set")
"""Where torch keeps what a module has."""


def _uncompiled(network: nn.Module) -> Callable[..., Any]:
    return network.__call__


class Runner(nn.Module):
    """Runs a network in a setting: from inputs of any floating-point type to float32.

    It has the layers and tensors of the network as its own, under their names there: what is saved
    of it is read by the plain module, and the other way round.

    Attributes:
        network: what is run. It is no submodule, whose name would precede all others.
        setting: how.
    """

    network: nn.Module

    def __init__(
        self,
        network: nn.Module,
        setting: Setting,
        compiler: Compiler = _uncompiled,
        inputs: Mapping[str, Shape] | None = None,
    ) -> None:
        """Args:
        network: in the mode of the setting.
        setting: how it runs.
        compiler: makes what computes what ``network`` does; of a copy, of the copy's network.
        inputs: what a call is held to: shapes of one sample by name, in order; nothing unless
            given.
        """
        super().__init__()
        self.setting = setting
        self._dtype = weights_dtype(setting)
        self._inputs = inputs
        self._compiler = compiler
        self.network = network
        self.train(setting.train)

    def _run(self, network: nn.Module) -> None:
        """Run a network, and have its very tables: what is put into one is in the other."""
        shared = {table: vars(network)[table] for table in SHARED}
        vars(self).update(shared, network=network, _call=self._compiler(network))

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "network":
            self._run(value)
        elif isinstance(value, nn.Module | Tensor) or (value is None and self._has(name)):
            super().__setattr__(name, value)  # type: ignore[arg-type]  # which takes None, too
        else:
            vars(self)[name] = value  # torch refuses the name of a step, and it may be `choice`

    def _has(self, name: str) -> bool:
        """Whether it is a layer or a tensor of the network, which None takes out."""
        return any(name in vars(self).get(table, ()) for table in SHARED)

    def __getstate__(self) -> dict[str, Any]:
        own = vars(self).keys() - {"_call", *SHARED}
        return {name: value for name, value in vars(self).items() if name in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        # what was compiled belongs to the network that this is a copy of, and to its weights
        self._run(self.network)

    def train(self, mode: bool = True) -> Runner:
        self.training = self.setting.mode(mode)
        self.network.train(self.training)
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Runner:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        # the weights may have moved: what was compiled may hold where they were
        self._call = self._compiler(self.network)
        return self

    def forward(self, *inputs: Tensor, **named: Tensor) -> Any:
        """Run it.

        Args:
            inputs: of shape (batch, …), one an input of the network in their order.
            named: those that follow, by the names of the inputs.

        Returns:
            A float32 tensor; of several outputs, a dict of them by name.

        Raises:
            ValueError: an input has another shape than the spec says, or their batches differ, or
                the batch is fixed, and another one.
            TypeError: there are more inputs or fewer, or one is not of floating-point numbers.
        """
        ordered = in_order(self._inputs or {}, inputs, named)
        if self._inputs is not None:
            check_inputs(self._inputs, ordered, self.setting)
        given = [tensor.to(self.setting.device, self._dtype) for tensor in ordered]
        with self._mode(), products(self.setting):
            found = self._call(*given)
        outputs = tree_map(Tensor.float, found)
        products_of_backward(tree_leaves(outputs), self.setting)
        return outputs

    @contextmanager
    def _mode(self) -> Iterator[None]:
        """The setting's type, whatever autocast the caller runs under; see :func:`network`."""
        place, dtype = torch.device(self.setting.device).type, compute_dtype(self.setting)
        mixed = self.setting.train and dtype is not torch.float32
        autocast = torch.autocast(place, dtype if mixed else None, enabled=mixed)
        with torch.set_grad_enabled(self.setting.train and torch.is_grad_enabled()), autocast:
            yield

    def loss(self, *args: Any, **kwargs: Any) -> Tensor:
        """The total loss; see :meth:`inceptgraph_torch.SpecModule.loss`."""
        assert isinstance(self.network, SpecModule)
        return self.network.loss(*args, **kwargs)
