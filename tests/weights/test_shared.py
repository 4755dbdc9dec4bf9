"""Files of weights for networks that use some of theirs more than once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import inceptgraph
from inceptgraph.builder import build
from inceptgraph.diagnostics import Source, SpecError
from inceptgraph.pipeline import load, to_graph
from inceptgraph.report import render
from inceptgraph.weights import WeightsFile, fit_file

NET = """
name: Shared
inputs:
  a: {channels: 3, height: 12, width: 12}
  b: {channels: 3, height: 12, width: 12}
blocks:
  tower:
    steps:
      conv:  {op: conv2d, out: 4, kernel: 3}
      norm:  {op: batch_norm}
      relu:  {op: relu}
      again: {op: conv2d, out: 4, kernel: 3}
      once:  {share: again}
      pool:  {op: global_avg_pool}
      flat:  {op: flatten}
stages:
  left:  {op: tower, from: a}
  right: {share: left, from: b}
  both:  {op: concat, from: [left, right]}
  fc:    {op: linear, out: 10}
outputs: {logits: fc}
"""
TABLE = "names: {tower.stem: left.conv, tower.bn: left.norm, tower.body: left.again, head: fc}\n"


class Tower(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.bn, self.body = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.body(self.body(self.bn(self.stem(x)).relu())).mean((2, 3))
        return found


class Theirs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tower, self.head = Tower(), nn.Linear(8, 10)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        found: Tensor = self.head(torch.cat([self.tower(a), self.tower(b)], 1))
        return found


@pytest.fixture
def theirs(tmp_path: Path) -> nn.Module:
    """A network by hand in evaluation; its file is ``theirs.pth``, and its table beside it."""
    torch.manual_seed(1)
    network = Theirs().double().eval()
    with torch.no_grad():
        network.tower.bn.running_mean.normal_()
        network.tower.bn.running_var.uniform_(0.5, 2)
    torch.save(network.state_dict(), tmp_path / "theirs.pth")
    (tmp_path / "table.yaml").write_text(TABLE, encoding="utf-8")
    return network


def images(channels: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    a, b = torch.randn(2, 2, channels, 12, 12, dtype=torch.float64, generator=generator)
    return a, b


def source(text: str = NET) -> Source:
    return Source("net.yaml", text)


def close(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-14)


def test_a_table_names_the_steps_that_own(theirs: nn.Module, tmp_path: Path) -> None:
    weights = {"weights": tmp_path / "theirs.pth", "remap": tmp_path / "table.yaml"}
    close(
        inceptgraph.compile(source(), dtype="float64", **weights).eval()(*images()),
        theirs(*images()),
    )
    optimized = inceptgraph.compile(source(), dtype="float64", optimize=True, **weights)
    close(optimized.eval()(*images()), theirs(*images()))


def test_a_build_of_it_loads(theirs: nn.Module, tmp_path: Path) -> None:
    weights = {"weights": tmp_path / "theirs.pth", "remap": tmp_path / "table.yaml"}
    folder = build(inceptgraph.analyze(source()), tmp_path / "model", **weights)
    module = load(folder, dtype="float64").eval()
    assert len([*module.parameters()]) == len([*theirs.parameters()])
    # the file holds 32 bits of each number
    torch.testing.assert_close(module(*images()), theirs(*images()), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("use", ["right.conv", "left.once"])
def test_weights_of_one_use_alone_are_nobodys(use: str, theirs: nn.Module, tmp_path: Path) -> None:
    """A file in which the uses have weights of their own is of another network."""
    path = tmp_path / "ours.pth"
    state = inceptgraph.compile(source()).state_dict()
    torch.save({**state, f"{use}.weight": state["left.conv.weight"]}, path)
    with pytest.raises(SpecError) as caught:
        fit_file(to_graph(source()), path).require()
    told = render(caught.value.diagnostics, "full")
    assert re.search(f"unexpected: .*of {use.partition('.')[0]}", told)
    assert fit_file(to_graph(source()), path, allow=[f"unexpected:{use}"]).fits


def test_two_lines_for_one_weight_are_told(theirs: nn.Module, tmp_path: Path) -> None:
    state = theirs.state_dict()
    torch.save({**state, "second.stem.weight": state["tower.stem.weight"]}, tmp_path / "two.pth")
    table = TABLE.replace("{", "{second.stem: left.conv, ")
    (tmp_path / "two.yaml").write_text(table, encoding="utf-8")
    fitted = fit_file(to_graph(source()), tmp_path / "two.pth", remap=tmp_path / "two.yaml")
    with pytest.raises(SpecError, match=r"two names become `left\.conv\.weight`"):
        fitted.require()


def test_other_channels_in_the_layer_that_reads_both_images(
    theirs: nn.Module, tmp_path: Path
) -> None:
    file = WeightsFile(tmp_path / "theirs.pth", adapt_input=True)
    grey = source(NET.replace("channels: 3", "channels: 1"))
    ours = inceptgraph.compile(grey, dtype="float64", weights=file, remap=tmp_path / "table.yaml")
    a, b = images(1)
    close(ours.eval()(a, b), theirs(a.expand(-1, 3, -1, -1), b.expand(-1, 3, -1, -1)))


def test_other_classes_of_a_layer_that_two_outputs_share(tmp_path: Path) -> None:
    text = NET.replace("right: {share: left, from: b}", "right: {op: tower, from: b}")
    text = text.partition("  both:")[0] + "  one: {op: linear, out: 5, from: left}\n"
    text += "  two: {share: one, from: right}\noutputs: {one: one, two: two}\n"
    path = tmp_path / "w.pth"
    torch.save(inceptgraph.compile(source(text)).state_dict(), path)
    other = to_graph(source(text.replace("out: 5", "out: 7")))
    fitted = fit_file(other, path).require()
    assert [pair.slot.name for pair in fitted.fit.adapted] == ["one.weight", "one.bias"]


def test_kernels_of_images_in_a_network_of_videos(theirs: nn.Module, tmp_path: Path) -> None:
    videos = source(NET.replace("blocks:", "inflate: {frames: 9}\nblocks:"))
    weights = {"weights": tmp_path / "theirs.pth", "remap": tmp_path / "table.yaml"}
    ours = inceptgraph.compile(videos, dtype="float64", **weights).eval()
    a, b = (x.unsqueeze(2).expand(-1, -1, 9, -1, -1) for x in images())
    close(ours(a, b), theirs(*images()))
