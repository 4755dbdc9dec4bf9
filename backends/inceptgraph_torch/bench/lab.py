"""See :class:`inceptgraph.bench.BenchLab`."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from inceptgraph.bench import watch_resident_memory
from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph.engine import Setting
from inceptgraph.graph import Graph
from inceptgraph.weights import Fitted
from inceptgraph.weights.recipe_values import Array, Tensors
from inceptgraph_torch.allocator import keep_memory
from inceptgraph_torch.bench.calibrate import calibrate, degenerate
from inceptgraph_torch.bench.peak import peak
from inceptgraph_torch.bench.peers import PeerRunner, made
from inceptgraph_torch.engines.runner import network
from inceptgraph_torch.loading import load_tensors, tensors_of
from inceptgraph_torch.lower import initial, lower
from inceptgraph_torch.measure.lab import TorchLab, exact
from inceptgraph_torch.measure.subject import inputs_of
from inceptgraph_torch.options import read_device

__all__ = ["TorchBenchLab"]

SAMPLES = 8
"""From which weights are calibrated."""
_FLOAT32 = Setting()


class TorchBenchLab(TorchLab):
    """Runs a bench with torch."""

    def check(self, setting: Setting) -> None:
        read_device(setting.device)
        if setting.dtype == "tf32" and not setting.on_gpu:
            message = f"there is no tf32 on `{setting.device}`: GPUs have it"
            hint = "use float32 or bfloat16"
            raise SpecError([Diagnostic(Code.BAD_OPTION, message, help=hint)])

    def facts(self, setting: Setting) -> dict[str, str]:
        found = {"torch": torch.__version__, "threads": str(torch.get_num_threads())}
        if setting.on_gpu:
            found["device"] = torch.cuda.get_device_name(setting.device)
            found["cuda"] = str(torch.version.cuda)
        return found

    def keep_memory(self) -> bool:
        return keep_memory()

    def weights(self, graph: Graph, fitted: Fitted | None, seed: int) -> dict[str, Array]:
        tensors = {
            name: tensor.numpy()
            for name, tensor in initial(graph, seed=seed, weights=fitted).items()
        }
        if fitted is not None:
            return tensors
        module = network(graph, tensors, _FLOAT32, channels_last=False)
        calibrate(module, inputs_of(graph, SAMPLES), seed)
        own = tensors_of(module, graph)
        return {name: own[name].detach().numpy() for name in tensors}

    def remarks(self, graph: Graph, tensors: Tensors) -> list[str]:
        module = network(graph, tensors, _FLOAT32, channels_last=False)
        return degenerate(module, inputs_of(graph, SAMPLES))

    def warm_up(self, graph: Graph, tensors: Tensors, setting: Setting) -> None:
        plain = Setting(device=setting.device, batch=SAMPLES)
        subject = self.subject(self.plain(graph, tensors, plain), graph, plain)
        subject.call()
        subject.wait()

    def draw_peer(self, factory: Callable[[], Any], graph: Graph) -> nn.Module:
        module = made(factory)
        calibrate(module, inputs_of(graph, SAMPLES), seed=0)
        return module

    def peer(self, drawn: nn.Module, setting: Setting, *, compiled: bool) -> PeerRunner:
        return PeerRunner(drawn, setting, compiled)

    def peer_reference(
        self, module: nn.Module, graph: Graph, setting: Setting
    ) -> dict[str, Array] | None:
        if setting.train:
            return None  # names of heads, and the weights of their losses, are the peer's own
        assert isinstance(module, PeerRunner)
        network = graph.phase("eval")
        ours = lower(network, device=setting.device, dtype=torch.float64, seed=0).eval()
        try:  # what the peer has beside the network, such as heads, may stay
            load_tensors(ours, network, module.network.state_dict(), allow=["unexpected:*"])
        except SpecError:
            return None
        return exact(ours, graph, setting)

    def peak(self, setting: Setting) -> float | None:
        return peak(setting)

    def watch_memory(self, setting: Setting) -> Callable[[], int | None]:
        if not setting.on_gpu:
            return watch_resident_memory()
        torch.cuda.reset_peak_memory_stats(setting.device)
        before = torch.cuda.memory_allocated(setting.device)
        return lambda: torch.cuda.max_memory_allocated(setting.device) - before

    def forget(self) -> None:
        torch._dynamo.reset()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
