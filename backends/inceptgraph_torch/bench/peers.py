"""Modules that a user brings, run as they come."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph.engine import Setting
from inceptgraph_torch.engines.runner import Runner, compute_dtype
from inceptgraph_torch.measure.subject import named

__all__ = ["PeerRunner", "made"]


def made(factory: Callable[[], Any]) -> nn.Module:
    """The module that a peer's function makes, in float32.

    Raises:
        SpecError: it makes something else.
    """
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of how weights are drawn, which are calibrated anyway
        torch.manual_seed(0)
        found = factory()
    if isinstance(found, nn.Module):
        return found.float()
    message = f"the peer made a `{type(found).__name__}`, not a `torch.nn.Module`"
    raise SpecError([Diagnostic(Code.BAD_OPTION, message)])


class PeerRunner(Runner):
    """Runs a peer in a setting, in torch's default layout.

    Its outputs are named by their places, or as the peer names them.
    """

    def __init__(self, network: nn.Module, setting: Setting, compiled: bool) -> None:
        """Args:
        network: in float32.
        setting: how it runs.
        compiled: by ``torch.compile``, with freezing in evaluation.
        """
        dtype = torch.float32 if setting.train else compute_dtype(setting)
        network.to(setting.device, dtype)
        super().__init__(network, setting, partial(_run, setting, compiled))


def _run(setting: Setting, compiled: bool, network: nn.Module) -> Callable[..., Any]:
    run: Callable[..., Any] = _compiled(network, setting) if compiled else network.__call__
    return lambda *inputs: named(run(*inputs))


def _compiled(network: nn.Module, setting: Setting) -> Callable[..., Any]:
    if setting.train:
        return torch.compile(network)
    run: Callable[..., Any] = torch.compile(network, options={"freezing": True})
    from torch._inductor import config  # takes half a second

    def frozen(*inputs: Tensor) -> Any:
        # Dynamo, too, looks at this one when it compiles, which may be in any call
        with config.patch(freezing=True):
            return run(*inputs)

    return frozen
