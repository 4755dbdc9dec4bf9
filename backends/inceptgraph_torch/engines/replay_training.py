"""Training steps as CUDA graphs: one of the forward pass, one of the backward pass.

``torch.cuda.make_graphed_callables`` does the same in one call, and is not used. In torch 2.13
(``torch/cuda/graphs.py``)

- its results and gradients stay the graphs' own memory: a gradient that autograd keeps as ``.grad``
  is overwritten by the next replay, where it should be added to;
- a backward pass whose activations another forward pass overwrote gives wrong gradients in silence;
- its warm-up calls change the statistics of batch normalisation and the random numbers;
- the autograd nodes of its warm-up are those of the caller's parameters, hooks included;
- it replaces the module's ``forward`` for good, and asks only whether the whole module trains:
  other sizes, modes of single layers and weights that moved need the code below anyway.

Each of these is a test in ``tests/engines/test_cudagraph.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import compress
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.func import functional_call
from torch.utils._pytree import tree_flatten, tree_unflatten

from inceptgraph_torch.engines.replay import warm_up

__all__ = ["TrainingReplay"]


class TrainingReplay:
    """Computes what a module does in training, and its gradients, with two CUDA graphs.

    They are captured when a batch of the expected size comes in training mode, and again when the
    size of images, the modes of layers, or what is trained and where it lies have changed since.
    What graphs are not for is run without: another batch, evaluation, no gradients, gradients of
    inputs.
    """

    def __init__(self, module: nn.Module, batch: int) -> None:
        """Args:
        module: whose parameters may change in place, as optimisers do.
        batch: samples at a time.
        """
        self._module = module
        self._batch = batch
        self._step: tuple[object, _Step] | None = None

    def __call__(self, *inputs: Tensor) -> Any:
        parameters = [each for each in self._module.parameters() if each.requires_grad]
        if not self._fits(inputs) or not parameters:
            return self._module(*inputs)
        with torch.cuda.device(inputs[0].device):
            # what a step was captured for: anything else is another step
            key = (
                [each.shape for each in inputs],
                [each.data_ptr() for each in parameters],
                [each.training for each in self._module.modules()],
            )
            if self._step is None or self._step[0] != key:
                self._step = None  # whose memory the next one can have
                self._step = key, _Step(self._module, inputs, parameters)
            return self._step[1](inputs)

    def _fits(self, inputs: Sequence[Tensor]) -> bool:
        return (
            self._module.training
            and torch.is_grad_enabled()
            and all(len(each) == self._batch and not each.requires_grad for each in inputs)
        )


class _Step:
    """The CUDA graphs of a step, with the tensors that they read and write."""

    def __init__(
        self, module: nn.Module, inputs: Sequence[Tensor], parameters: list[nn.Parameter]
    ) -> None:
        self.parameters = parameters
        self._module = module
        # in the same memory, but with nodes of autograd of their own: the caller's nodes belong to
        # the caller's stream, and its hooks are called behind the replay
        self._own = {
            name: each.detach().requires_grad_(each.requires_grad)
            for name, each in module.named_parameters()
        }
        self.inputs = [each.clone() for each in inputs]
        self.forward, self.backward = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
        pool = torch.cuda.graph_pool_handle()
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        with _uncached_casts():
            with _unchanged(module):
                warm_up(lambda: self._gradients(self._outputs()[0]))
            with torch.cuda.graph(self.forward, pool, stream, capture_error_mode="thread_local"):
                outputs, self._tree = self._outputs()
            self.output_gradients = [torch.empty_like(each) for each in outputs]
            with torch.cuda.graph(self.backward, pool, stream, capture_error_mode="thread_local"):
                self.gradients = self._gradients(outputs, self.output_gradients)
        self.outputs = [each.detach() for each in outputs]
        self.constant = [not each.requires_grad for each in outputs]
        self.latest: object = None
        """The call whose activations are in memory; None after its backward pass."""

    def _outputs(self) -> tuple[list[Tensor], Any]:
        return tree_flatten(functional_call(self._module, self._own, tuple(self.inputs)))

    def _gradients(
        self, outputs: list[Tensor], given: list[Tensor] | None = None
    ) -> list[Tensor | None]:
        """Those of the parameters; None of one that no output depends on."""
        wanted = [each for each in self._own.values() if each.requires_grad]
        given = given or [torch.ones_like(each) for each in outputs]
        roots = [each.requires_grad for each in outputs]
        found = torch.autograd.grad(
            list(compress(outputs, roots)), wanted, list(compress(given, roots)), allow_unused=True
        )
        return list(found)

    def __call__(self, inputs: Sequence[Tensor]) -> Any:
        found = _Replayed.apply(  # type: ignore[no-untyped-call]
            self, inputs, *self.parameters
        )
        return tree_unflatten(list(found), self._tree)


class _Replayed(torch.autograd.Function):
    """The two graphs as one operation of autograd."""

    @staticmethod
    def forward(ctx: Any, step: _Step, inputs: Sequence[Tensor], *_: Tensor) -> tuple[Tensor, ...]:
        torch._foreach_copy_(step.inputs, list(inputs))
        step.forward.replay()
        ctx.step, ctx.call = step, object()
        step.latest = ctx.call
        found = tuple(each.clone() for each in step.outputs)
        ctx.mark_non_differentiable(*compress(found, step.constant))
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        step: _Step = ctx.step
        if step.latest is not ctx.call:
            message = "this forward pass's activations are gone: another one, or its backward"
            raise RuntimeError(
                f"{message} pass, came in between. Use the engine `eager` for such a loop"
            )
        step.latest = None
        torch._foreach_copy_(step.output_gradients, list(gradients))
        step.backward.replay()
        # autograd would keep these tensors as `.grad`, and the next replay write into them
        used = [each for each in step.gradients if each is not None]
        copies = [torch.empty_like(each) for each in used]
        torch._foreach_copy_(copies, used)
        given = iter(copies)
        own = (None if each is None else next(given) for each in step.gradients)
        return None, None, *own


@contextmanager
def _uncached_casts() -> Iterator[None]:
    """Let autocast cast a weight whenever it is read: a replay must not read an earlier value."""
    before = torch.is_autocast_cache_enabled()
    torch.set_autocast_cache_enabled(False)
    try:
        yield
    finally:
        torch.set_autocast_cache_enabled(before)


@contextmanager
def _unchanged(module: nn.Module) -> Iterator[None]:
    """Take back what calls change: statistics of batch normalisation, and random numbers."""
    buffers = list(module.buffers())
    before, state = [each.clone() for each in buffers], torch.cuda.get_rng_state()
    try:
        yield
    finally:
        for each, value in zip(buffers, before, strict=True):
            each.data.copy_(value)
        torch.cuda.set_rng_state(state)
