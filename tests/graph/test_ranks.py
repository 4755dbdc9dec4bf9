"""What is tabulated and told of sequences and volumes, and of a network of another rank."""

from __future__ import annotations

import pytest
from hypothesis import given
from specs_strategy import specs
from yaml import safe_dump, safe_load

from inceptgraph.compare import Change, diff, to_text
from inceptgraph.diagnostics import Source
from inceptgraph.sweep import sweep

STAGES = """
stages:
  a: {op: conv, out: 16, kernel: 7, stride: 2, padding: same}
  b: {op: max_pool, kernel: 3, stride: 2, padding: same}
  c: {op: conv, out: 16, kernel: 3, padding: 1}
  d: {op: global_avg_pool}
  e: {op: flatten}
  f: {op: linear, out: 6}
"""
SEQUENCE = "name: N\ninput: {channels: 9, length: 128}" + STAGES
IMAGE = "name: N\ninput: {channels: 9, height: 16, width: 16}" + STAGES
VOLUME = "name: N\ninput: {channels: 9, frames: 8, height: 16, width: 16}" + STAGES


def source(text: str) -> Source:
    return Source("net.yaml", text)


def told(before: str, after: str) -> list[str]:
    text = to_text(diff(source(before), source(after)))
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize(
    ("text", "edit", "lines"),
    [
        (SEQUENCE, ("kernel: 7", "kernel: 9"), ["~ a kernel: 7 → 9"]),
        (SEQUENCE, ("padding: 1", "padding: [2, 0]"), ["~ c padding: 1 → [2, 0]"]),
        (SEQUENCE, ("length: 128", "length: 256"), ["input input: 128×9 → 256×9"]),
        (VOLUME, ("kernel: 7", "kernel: [3, 7, 7]"), ["~ a kernel: 7 → [3, 7, 7]"]),
        (VOLUME, ("stride: 2, padding: same}\n  c", "stride: [1, 2, 2], padding: same}\n  c"),
            ["~ b stride: 2 → [1, 2, 2]"]),
        (VOLUME, ("frames: 8", "frames: 16"), ["input input: 8×16×16×9 → 16×16×16×9"]),
    ],
)  # fmt: skip
def test_an_edit(text: str, edit: tuple[str, str], lines: list[str]) -> None:
    assert edit[0] in text
    found = told(text, text.replace(*edit))
    assert found[1 : 1 + len(lines)] == lines
    assert all(" follow" in line or not line.startswith("~") for line in found[1 + len(lines) :])


@pytest.mark.parametrize("before", [SEQUENCE, IMAGE])
def test_one_number_for_all_axes_is_the_same_of_another_rank(before: str) -> None:
    """A kernel of 3 is one of 3×3×3: what is told is the input."""
    found = diff(source(before), source(VOLUME))
    assert [*found.inputs] == ["input"]
    assert not found.defaults
    assert all(not stage.arguments for stage in found.stages)
    assert all(stage.op.before == stage.op.after for stage in found.stages)


@given(specs())
def test_all_that_is_told_of_an_inflated_network_is_its_input(text: str) -> None:
    """But for windows that are longer along one side, which are no longer one number."""
    text = text.replace("[1, 3]", "3").replace("[3, 1]", "3")
    spec = safe_load(text)
    for node in _sizes(spec):
        node["kernel"] = max(node["kernel"])
    flat = safe_dump(spec, sort_keys=False)
    found = diff(
        source(flat), source(safe_dump(spec | {"inflate": {"frames": 4}}, sort_keys=False))
    )
    assert found.inputs
    assert not (found.params or found.defaults or found.blocks or found.outputs)
    for stage in (*found.stages, *found.heads):
        assert not stage.arguments
        assert not stage.steps
        assert stage.op.before == stage.op.after


def _sizes(part: object) -> list[dict[str, list[int]]]:
    """Where a kernel is a list."""
    values = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    found = [each for value in values for each in _sizes(value)]
    own = isinstance(part, dict) and isinstance(part.get("kernel"), list)
    return [*found, part] if own else found  # type: ignore[list-item]


def test_what_spans_frames_is_told() -> None:
    base = IMAGE.replace("stages:", "inflate: {frames: 8}\nstages:")
    other = base.replace("frames: 8", "frames: 8, kernel: 3")
    found = diff(source(base), source(other))
    assert found.params == {"inflate.kernel": Change(None, 3)}
    assert not found.inputs
    assert not found.equal


@pytest.mark.parametrize(
    ("text", "options", "fields"),
    [
        (SEQUENCE, {"input.length": ["64", "128"]}, [(19,), (19,)]),
        (VOLUME, {"stages.a.kernel": ["3", "[1, 3, 3]"]}, [(15, 15, 15), (13, 15, 15)]),
        (
            IMAGE.replace("stages:", "inflate: {frames: 8}\nstages:"),
            {"inflate.kernel": ["1", "3"]},
            [(1, 19, 19), (15, 19, 19)],
        ),
    ],
)
def test_a_sweep(text: str, options: dict[str, list[str]], fields: list[tuple[int, ...]]) -> None:
    found = [point.figures for point in sweep(source(text), options)]
    assert [each and each.receptive_field for each in found] == fields


def test_a_sweep_over_frames_costs_in_proportion() -> None:
    one, two = (p.figures for p in sweep(source(VOLUME), {"input.frames": ["8", "16"]}))
    assert one is not None is not two
    assert one.params == two.params
    assert two.macs - 96 == 2 * (one.macs - 96)  # the linear layer reads as much
