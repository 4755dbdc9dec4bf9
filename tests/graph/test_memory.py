"""The peak of activations: by hand, by a second formulation, and as torch allocates them."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import facts
import pytest
import torch
from hypothesis import given
from specs_strategy import graph_of, specs
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

from inceptgraph.analysis import Peak, peak, total
from inceptgraph.diagnostics import Source
from inceptgraph.graph import Graph, Output
from inceptgraph.pipeline import compile, to_graph

BRANCHES = """\
name: Branches
input: {channels: 3, height: 8, width: 8}
stages:
  a: {op: conv2d, out: 4, kernel: 3, padding: same}
  b: {op: conv2d, out: 8, kernel: 3, padding: same}
  c: {op: conv2d, out: 2, kernel: 3, padding: same, from: a}
  d: {op: concat, from: [b, c]}
  e: {op: max_pool, kernel: 2, stride: 2}
"""


def test_by_hand() -> None:
    """192 come in. a: 192+256. b: 256+512. c: 256+512+128. d: 512+128+640. e: 640+160."""
    graph = to_graph(Source("branches.yaml", BRANCHES))
    assert peak(graph) == Peak(512 + 128 + 640, "d")
    assert total(graph).activations == 256 + 512 + 128 + 640 + 160


def test_outputs_stay() -> None:
    """With a as an output, d has 256 more beside it."""
    text = BRANCHES + "outputs: {early: a, late: e}\n"
    assert peak(to_graph(Source("branches.yaml", text))) == Peak(256 + 512 + 128 + 640, "d")


def test_what_nothing_reads_goes_at_once() -> None:
    """Beside a and b, unread has 768 of its own: less than what is there at d, once it is gone."""
    unread = "  unread: {op: conv2d, out: 12, from: a}\n  c:"
    graph = to_graph(Source("branches.yaml", BRANCHES.replace("  c:", unread)))
    assert peak(graph) == Peak(256 + 512 + 768, "unread")
    small = to_graph(Source("branches.yaml", BRANCHES.replace("  c:", unread.replace("12", "7"))))
    assert peak(small) == Peak(512 + 128 + 640, "d")


def test_a_chain_holds_two() -> None:
    text = "name: C\ninput: {channels: 1, height: 9, width: 9}\nstages:\n"
    text += "".join(f"  s{n}: {{op: conv2d, out: {n % 7 + 1}}}\n" for n in range(40))
    assert peak(to_graph(Source("chain.yaml", text))) == Peak((6 + 7) * 81, "s6")


def alive_during(graph: Graph) -> list[int]:
    """For each step what is alive, by asking of every value whether it was made and is needed."""
    place = {name: at for at, name in enumerate(graph.nodes)}
    outputs = {output.node for output in graph.outputs}
    made = {n: 0 if not graph.nodes[n].inputs else place[n] for n in place}
    found = []
    for step, now in place.items():
        alive = 0
        for name in place:
            readers = [place[user] for user in graph.users[name]]
            needed = name in outputs or name == step or any(at >= now for at in readers)
            still_to_come = not graph.nodes[name].inputs and place[name] >= now
            if made[name] <= now and (needed or still_to_come):
                alive += prod(graph.shape(name))
        found.append(alive)
    return found


@given(specs(videos=True))
def test_the_peak_of_any_network(text: str) -> None:
    for phase in ("eval", "train"):
        graph = graph_of(text).phase(phase)
        alive = alive_during(graph)
        found = peak(graph)
        assert found.elements == max(alive)
        assert found.step == list(graph.nodes)[alive.index(max(alive))]


class Watch(TorchDispatchMode):
    """Counts the elements of floating-point tensors that are alive at once."""

    def __init__(self, *inputs: Tensor) -> None:
        super().__init__()
        self.highest = 0
        self.known: dict[int, tuple[StorageWeakRef, int]] = {}
        for tensor in inputs:
            self.add(tensor)

    def add(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        elements = storage.nbytes() // tensor.element_size()
        self.known[storage._cdata] = (StorageWeakRef(storage), elements)

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else [result]:
            if isinstance(tensor, Tensor) and tensor.is_floating_point():
                self.add(tensor)
        self.known = {key: pair for key, pair in self.known.items() if not pair[0].expired()}
        self.highest = max(self.highest, sum(elements for _, elements in self.known.values()))
        return result


@pytest.mark.parametrize(
    "spec",
    [
        Source("branches.yaml", BRANCHES),
        "naive_inception",
        "resnet18",
        Source("inception_v3", facts.spec_text(facts.load("inception_v3"))),
    ],
)
def test_torch_holds_as_much(spec: Source | str) -> None:
    """One sample through the module in evaluation; its weights are not counted. The caller holds
    the image all the while, so the graph is asked with the image as an output. Flat, since who
    calls a block holds what the block was given until it returns."""
    graph = to_graph(spec).phase("eval")
    held = Output("held", graph.inputs[0].name)
    model = compile(graph, initialized=False, flat=True).eval()
    image = torch.zeros(1, *graph.shape(graph.inputs[0].name))
    with torch.no_grad(), Watch(image) as watch:
        model(image)
    assert watch.highest == peak(replace(graph, outputs=(*graph.outputs, held))).elements
