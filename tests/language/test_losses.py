"""Losses of outputs and heads: how they are written, and what a graph knows of them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from written import built

from inceptgraph.analysis import outline
from inceptgraph.compare import diff
from inceptgraph.graph import Graph, Output, from_json, to_json, to_text
from inceptgraph.pipeline import summary
from inceptgraph.source import Source

SEGMENTING = """
name: Segmenting
input: {channels: 3, height: 32, width: 32}
params: {part: 0.5, kind: string = l1}
stages:
  map:  {op: conv2d, out: 4}
  pool: {op: global_avg_pool}
  flat: {op: flatten}
  fc:   {op: linear, out: 1}
outputs:
  mask: {from: map, loss: cross_entropy_2d}
  yes:  {from: fc, loss: binary_cross_entropy, loss_weight: $part / 2}
aux_heads:
  depth: {from: map, loss: $kind, loss_weight: 0.3, op: conv2d, out: 1}
  again: {from: map, loss_weight: 0.1, op: conv2d, out: 4}
"""


def graph() -> Graph:
    return built(SEGMENTING, head="")


def test_outputs_and_heads_name_their_losses() -> None:
    assert graph().outputs == (
        Output("mask", "map", loss="cross_entropy_2d"),
        Output("yes", "fc", 0.25, loss="binary_cross_entropy"),
        Output("depth", "depth", 0.3, training_only=True, loss="l1"),
        Output("again", "again", 0.1, training_only=True),
    )


def test_a_head_has_the_loss_of_the_one_output_unless_it_names_one() -> None:
    text = SEGMENTING.replace("  mask: {from: map, loss: cross_entropy_2d}\n", "")
    losses = [(output.name, output.loss) for output in built(text, head="").outputs]
    assert losses == [
        ("yes", "binary_cross_entropy"),
        ("depth", "l1"),
        ("again", "binary_cross_entropy"),
    ]


def test_losses_survive_the_text_and_json() -> None:
    lines = to_text(graph()).splitlines()[-4:]
    assert lines == [
        "  return mask = %map, loss cross_entropy_2d",
        "  return yes = %fc, loss binary_cross_entropy, weight 0.25",
        "  return depth = %depth in training, loss l1, weight 0.3",
        "  return again = %again in training, loss weight 0.1",
    ]
    assert from_json(json.loads(json.dumps(to_json(graph())))).outputs == graph().outputs


def test_graphs_with_other_losses_are_not_the_same() -> None:
    other = built(SEGMENTING.replace("string = l1", "string = mse"), head="")
    assert not graph().same_as(other)
    assert graph().same_as(graph())


def test_a_summary_tells_losses_and_their_weights() -> None:
    found = summary(Source("s.yaml", SEGMENTING))
    assert found.losses == {"mask": ("cross_entropy_2d", 1), "yes": ("binary_cross_entropy", 0.25)}
    assert [(head.loss, head.loss_weight) for head in found.heads] == [
        ("l1", 0.3),
        ("cross_entropy", 0.1),
    ]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("loss: cross_entropy_2d", "loss: mse", "map (cross_entropy_2d) → map (mse)"),
        ("loss_weight: 0.1", "loss: mse, loss_weight: 0.1", "cross_entropy → mse"),
    ],
)
def test_a_comparison_tells_what_changed(before: str, after: str, told: str) -> None:
    changed = Source("changed.yaml", SEGMENTING.replace(before, after))
    found = diff(Source("s.yaml", SEGMENTING), changed)
    changes = [*found.outputs.values(), *(c for h in found.heads for c in h.arguments.values())]
    assert [f"{change.before} → {change.after}" for change in changes] == [told]


def test_a_head_that_gives_no_output_counts_nothing() -> None:
    cut = replace(graph(), outputs=graph().outputs[:3])
    losses = {head.part.path: (head.loss, head.loss_weight) for head in outline(cut).heads}
    assert losses == {"depth": ("l1", 0.3), "again": ("cross_entropy", 0)}
