"""Weights that are made of the file's: without the background, for other image channels."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import inceptgraph
from inceptgraph.diagnostics import Source, SpecError
from inceptgraph.pipeline import to_graph
from inceptgraph.report import render
from inceptgraph.weights import WeightsFile, fit_file, to_json

SPEC = """
name: Small
input: {channels: 3, height: 9, width: 9}
params: {classes: 10}
stages:
  pad: {op: pad, border: [1, 1, 1, 1]}
  stem: {op: conv2d, out: 6, kernel: 3}
  relu: {op: relu}
  middle: {op: conv2d, out: 3, kernel: 3}
  gap: {op: global_avg_pool}
  flat: {op: flatten}
  fc: {op: linear, out: $classes}
outputs: {logits: fc}
aux_heads:
  aux:
    from: relu
    loss_weight: 0.3
    steps: {gap: {op: global_avg_pool}, flat: {op: flatten}, out: {op: linear, out: $classes}}
"""
SOURCE = Source("small.yaml", SPEC)


def table(folder: Path, rest: str = "background: first") -> Path:
    path = folder / "table.yaml"
    path.write_text(f"names: {{start: stem, middle: middle, fc: fc, aux: aux}}\n{rest}\n")
    return path


def theirs(folder: Path, classes: int = 10, channels: int = 3) -> tuple[Path, dict[str, Tensor]]:
    """A file of a network of others, and its state."""
    changed = {"classes": classes, "input.channels": channels}
    state = dict(inceptgraph.compile(SOURCE, set=changed, seed=4).state_dict())
    path = folder / "w.pth"
    torch.save({name.replace("stem", "start"): tensor for name, tensor in state.items()}, path)
    return path, state


# -- the background ----------------------------------------------------------------------------


def test_the_background_is_left_out_where_the_table_says_so(tmp_path: Path) -> None:
    """The network with it, of which the first output is dropped, is the network without it."""
    path, state = theirs(tmp_path, classes=11)
    ours = inceptgraph.compile(SOURCE, weights=path, remap=table(tmp_path), dtype="float64").eval()
    for name in ("fc.weight", "fc.bias", "aux.out.weight", "aux.out.bias"):
        assert torch.equal(ours.state_dict()[name], state[name][1:].double())
    whole = inceptgraph.compile(SOURCE, set={"classes": 11}, dtype="float64").eval()
    whole.load_state_dict(state)
    x = torch.randn(2, 3, 9, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(x), whole(x)[:, 1:], rtol=1e-12, atol=1e-14)
    fitted = fit_file(to_graph(SOURCE), path, remap=table(tmp_path))
    line = "background: fc: the first of 11 classes in the file is left out"
    assert line in fitted.lines()
    assert "loaded: 8 tensors" in fitted.lines()
    assert to_json(fitted)["background"][0] == "fc.weight"


def test_a_classifier_that_is_a_convolution_loses_the_background(tmp_path: Path) -> None:
    path, state = theirs(tmp_path, classes=11)
    for view in (lambda t: t[:, :, None, None], lambda t: t[None, None]):
        file = {name.replace("stem", "start"): tensor for name, tensor in state.items()}
        file["fc.weight"] = view(file["fc.weight"])
        torch.save(file, path)
        ours = inceptgraph.compile(SOURCE, weights=path, remap=table(tmp_path))
        assert torch.equal(ours.state_dict()["fc.weight"], state["fc.weight"][1:])


@pytest.mark.parametrize(
    ("classes", "rest"), [(11, ""), (12, "background: first"), (9, "background: first")]
)
def test_other_classes_start_anew(classes: int, rest: str, tmp_path: Path) -> None:
    path, _ = theirs(tmp_path, classes=classes)
    fitted = fit_file(to_graph(SOURCE), path, remap=table(tmp_path, rest))
    assert {pair.slot.layer for pair in fitted.fit.adapted} == {"fc", "aux.out"}


def test_a_layer_loses_the_background_in_all_of_it_or_not(tmp_path: Path) -> None:
    path, state = theirs(tmp_path, classes=11)
    for bias in (state["fc.bias"][1:], torch.ones(12)):
        file = {name.replace("stem", "start"): tensor for name, tensor in state.items()}
        torch.save({**file, "fc.bias": bias}, path)
        fitted = fit_file(to_graph(SOURCE), path, remap=table(tmp_path))
        assert "fc.weight" in {pair.slot.name for pair in fitted.fit.mismatched}


def test_where_the_background_stands_is_one_word(tmp_path: Path) -> None:
    path, _ = theirs(tmp_path)
    with pytest.raises(SpecError) as caught:
        fit_file(to_graph(SOURCE), path, remap=table(tmp_path, "background: last"))
    assert "write `background: first`" in render(caught.value.diagnostics, "full")


# -- channels of the image ---------------------------------------------------------------------


def adapted(folder: Path, there: int, here: int) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Our network with their weights, and theirs."""
    path, state = theirs(folder, channels=there)
    torch.save(state, path)
    file = WeightsFile(path, adapt_input=True)
    changed = {"input.channels": here}
    ours = inceptgraph.compile(SOURCE, set=changed, weights=file, dtype="float64").eval()
    whole = inceptgraph.compile(SOURCE, set={"input.channels": there}, dtype="float64").eval()
    whole.load_state_dict(state)
    return ours, whole


def image(channels: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, channels, 9, 9, dtype=torch.float64, generator=generator)


def close(ours: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(ours, wanted, rtol=1e-6, atol=1e-7)  # rounded once, to float32


def test_one_channel_gives_what_it_gives_in_each(tmp_path: Path) -> None:
    ours, whole = adapted(tmp_path, there=3, here=1)
    close(ours(image(1)), whole(image(1).expand(2, 3, 9, 9)))


@pytest.mark.parametrize(("there", "here"), [(3, 6), (3, 9), (1, 3), (2, 4)])
def test_images_side_by_side_give_what_one_gives(there: int, here: int, tmp_path: Path) -> None:
    ours, whole = adapted(tmp_path, there=there, here=here)
    close(ours(image(there).repeat(1, here // there, 1, 1)), whole(image(there)))


@pytest.mark.parametrize(("there", "here"), [(3, 2), (3, 4), (3, 5), (4, 3)])
def test_channels_in_turn_as_timm_has_them(there: int, here: int, tmp_path: Path) -> None:
    """Repeated, cut, and times the channels of the file over ours."""
    ours, whole = adapted(tmp_path, there=there, here=here)
    for channel in range(here):
        wanted = whole.stem.weight[:, channel % there] * there / here
        close(ours.stem.weight[:, channel], wanted)


def test_other_channels_are_refused_unless_asked_for_and_told(tmp_path: Path) -> None:
    path, state = theirs(tmp_path)
    torch.save(state, path)
    graph = to_graph(SOURCE, set={"input.channels": 1})
    with pytest.raises(SpecError) as caught:
        fit_file(graph, path).require()
    said = " ".join(render(caught.value.diagnostics, "full").split())
    assert "mismatched: stem.weight: (6, 3, 3, 3) in the file, (6, 1, 3, 3) here" in said
    assert "`--adapt-input`" in said
    fitted = fit_file(graph, WeightsFile(path, adapt_input=True)).require()
    assert "input: stem: 3 channels in the file, 1 here: summed" in fitted.lines()
    assert to_json(fitted)["input_adapted"] == ["stem.weight"]
    graph = to_graph(SOURCE, set={"input.channels": 4})
    fitted = fit_file(graph, WeightsFile(path, adapt_input=True)).require()
    told = "input: stem: 3 channels in the file, 4 here: repeated, times 3/4"
    assert told in fitted.lines()


def test_no_other_layer_is_adapted(tmp_path: Path) -> None:
    path, state = theirs(tmp_path)
    torch.save({**state, "middle.weight": torch.ones(3, 3, 3, 3)}, path)
    fitted = fit_file(to_graph(SOURCE), WeightsFile(path, adapt_input=True))
    assert [pair.slot.name for pair in fitted.fit.mismatched] == ["middle.weight"]
