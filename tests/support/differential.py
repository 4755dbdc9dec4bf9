"""One network on every way there is to run it, against plain torch in float64.

How far a way may be off is what :mod:`inceptgraph.measure` holds engines to: a multiple of the
error that plain torch itself makes in float32 on the same numbers.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from agreement import Array, arrays, by_name, randomized, samples
from onnx_readers import READERS

from inceptgraph import engine as engines
from inceptgraph.analysis import total
from inceptgraph.diagnostics import SpecError
from inceptgraph.engine import Setting
from inceptgraph.graph import Graph
from inceptgraph.measure import judge, relative_error
from inceptgraph.measure._agreement import DRAWS, ROUNDOFF
from inceptgraph.passes import Target, optimize
from inceptgraph_torch import lower as to_module
from inceptgraph_torch.measure.rounded import Rounded

__all__ = ["WAYS", "Case", "Failure", "failures"]

EVERY_PASS = Target(call_cost=float("inf"))
"""A target on which every rewrite pays."""


@dataclass(frozen=True)
class Failure:
    """A way that gives something else, or nothing, and what about it."""

    way: str
    reason: str


class Case:
    """A network with weights and inputs that float32 holds, and what it gives in float64.

    In one of four variants engines get it as it is, in one exports get it as passes rewrite it.
    """

    def __init__(self, graph: Graph, number: int, scale: float = 1.0) -> None:
        """Args:
        graph: with shapes.
        number: what weights, inputs, batch and passes follow from.
        scale: of the inputs.
        """
        self.graph, self.number = graph, number
        self.batch = 1 + number % 3
        self.variant = number // 8 % 4
        module = randomized(graph, number)
        self.tensors = arrays(module, graph)
        drawn = samples(graph, self.batch, number)
        self.inputs = {
            name: np.float32(scale * each).astype(np.float64) for name, each in drawn.items()
        }
        self.wanted = by_name(graph, module(*map(torch.from_numpy, self.inputs.values())))
        self.plain = module.float()

    @property
    def single(self) -> list[torch.Tensor]:
        return [torch.from_numpy(array).float() for array in self.inputs.values()]

    def run(self, module: Any) -> dict[str, Array]:
        return by_name(self.graph, module(*self.single))

    @cached_property
    def bounds(self) -> tuple[float, int, float]:
        """What plain torch is off in float32, the layers with weights, and what it is off where it
        sums in another order."""
        plain = relative_error(self.run(self.plain), self.wanted)
        reordered = self.plain
        if all(tensor.dim() < 5 for tensor in reordered.parameters()):  # torch refuses volumes
            reordered = reordered.to(memory_format=torch.channels_last)
        depth = total(self.graph.phase("eval")).depth
        return plain, depth, relative_error(self.run(reordered), self.wanted)

    @cached_property
    def rounded(self) -> float:
        """The error that roundings at random make in float64."""
        return max(map(self._rounded, range(DRAWS)))

    def _rounded(self, seed: int) -> float:
        rounded, module = Rounded(ROUNDOFF["float32"], seed), deepcopy(self.plain).double()
        inputs = [torch.from_numpy(array).clone() for array in self.inputs.values()]
        rounded.round([*inputs, *module.parameters(), *module.buffers()])
        with torch.no_grad(), rounded:
            found = module(*inputs)
        return relative_error(by_name(self.graph, found), self.wanted)


Way = Callable[[Case], Mapping[str, Array]]


class Refused(Exception):
    """An engine says beforehand that it cannot run the network."""


def _engine(name: str) -> Way:
    def run(case: Case) -> Mapping[str, Array]:
        setting = Setting(batch=case.batch)
        engine = engines.find(name)
        network = engines.rewritten(engine, case.graph, setting, case.variant != 0)
        if engine.refusal(network, setting):
            raise Refused
        return case.run(engine.prepare(network, case.tensors, setting))

    return run


def _exported(reader: str) -> Way:
    def run(case: Case) -> Mapping[str, Array]:
        from inceptgraph_onnx.lower import lower

        network = optimize(case.graph, EVERY_PASS) if case.variant == 1 else case.graph
        model = lower(network, tensors=case.tensors, dtype="float32")
        return READERS[reader](model, case.inputs)

    return run


def _optimized(case: Case) -> Mapping[str, Array]:
    rewritten = optimize(case.graph, EVERY_PASS)
    return case.run(to_module(rewritten, dtype="float32", tensors=case.tensors).eval())


def _program(case: Case) -> Mapping[str, Array]:
    """``pt2``, written and read again."""
    from inceptgraph import compile

    program = compile(case.graph, "pt2", tensors=case.tensors, dtype="float32")
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    return case.run(torch.export.load(file).module())


def _compiled(case: Case) -> Mapping[str, Array]:
    from inceptgraph_dynamo import compile_graph

    torch._dynamo.reset()
    options = {"engine": "eager", "fallback": "eager", "share": 0}
    return case.run(torch.compile(case.plain, backend=compile_graph, options=options))


WAYS: dict[str, tuple[Way, int]] = {
    "eager": (_engine("eager"), 4),
    "optimize": (_optimized, 4),
    "onnxruntime": (_engine("onnxruntime"), 1),
    "openvino": (_engine("openvino"), 1),
    "onnx by onnxruntime": (_exported("onnxruntime"), 1),
    "onnx by openvino": (_exported("openvino"), 1),
    "torch.compile": (_compiled, 100),
    "pt2": (_program, 100),
    "native": (_engine("native"), 200),
    "inductor": (_engine("inductor"), 1000),
}
"""Ways to run a network, and of how many networks each takes one: compilers take seconds."""


def failures(case: Case, ways: Iterator[str] | list[str]) -> Iterator[Failure]:
    """What some ways make of a case that is not what it should be; an engine may refuse it."""
    if not all(np.isfinite(value).all() for value in case.wanted.values()):
        return
    for way in ways:
        try:
            with torch.no_grad():
                found = {
                    name: np.asarray(value, np.float64)
                    for name, value in WAYS[way][0](case).items()
                }
        except Refused:
            continue
        except SpecError as error:
            yield Failure(way, f"refused: {error.diagnostics[0].message}")
        except Exception as error:
            yield Failure(way, f"{type(error).__name__}: {str(error).strip()[-200:]}")
        else:
            if list(found) != list(case.wanted):
                yield Failure(way, f"its outputs are {', '.join(found)}")
                continue
            verdict = judge(found, case.wanted, "float32", *case.bounds)
            if verdict.reason is not None and np.isinf(case.rounded):
                continue  # of a zero of which any rounding makes something else
            if verdict.reason is not None:
                verdict = judge(found, case.wanted, "float32", *case.bounds, case.rounded)
            if verdict.reason is not None:
                yield Failure(way, verdict.reason)
