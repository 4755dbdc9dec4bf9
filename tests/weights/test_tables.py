"""Remap tables: what a line does to a name, what is wrong with a table, and the shipped ones."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import facts
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inceptgraph.diagnostics import Code, Source, SpecError
from inceptgraph.pipeline import to_graph
from inceptgraph.report import render
from inceptgraph.spec import shipped as shipped_specs
from inceptgraph.weights._patterns import PLACEHOLDER, Renaming, covers
from inceptgraph.weights._remap_table import Table, choose, parse_table, shipped
from inceptgraph.weights._slots import slots


def table(names: str, rest: str = "") -> Table:
    lines = "".join(f"  {line}\n" for line in names.split(", "))
    return parse_table(Source("mine.yaml", f"names:\n{lines}{rest}"), "mine.yaml")


# -- lines -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "theirs", "ours"),
    [
        ("conv1: stem.conv", "conv1.weight", "stem.conv.weight"),
        ("conv1: stem.conv", "conv1", "stem.conv"),
        ("conv1: stem.conv", "conv1x.weight", "conv1x.weight"),
        ("conv1: stem.conv", "a.conv1.weight", "a.conv1.weight"),
        ("a.b: c", "a.b.x.weight", "c.x.weight"),
        ("a.b: c", "a.bias", "a.bias"),
        ("a.b: c", "aXb.bias", "aXb.bias"),
        ("a{i}.c: stage_{i}.d", "a12b.c.bias", "stage_12b.d.bias"),
        ("a{i}.c: stage_{i}.d", "a.c.bias", "a.c.bias"),
        ("a{i}.c: stage_{i}.d", "a1_2.c.bias", "a1_2.c.bias"),
        ("a{i}.c: stage_{i}.d", "a1/2.c.bias", "a1/2.c.bias"),
        ("'{a}.{b}': x.{b}.{a}", "one.two.weight", "x.two.one.weight"),
        ("l{i}.{i}: same_{i}", "l3.3.bias", "same_3.bias"),
        ("l{i}.{i}: same_{i}", "l3.4.bias", "l3.4.bias"),
        ("a{i:6..9}: b.{i:0..3}", "a7.bias", "b.1.bias"),
        ("a{i:6..9}: b.{i:0..3}", "a10.bias", "a10.bias"),
        ("a{i:6..9}: b.{i:0..3}", "a07.bias", "a07.bias"),
        ("a{i:9..11}.{i}: b.{i:0..2}.{i}", "a10.10.bias", "b.1.10.bias"),
        ("a{i:9..11}.{i}: b.{i:0..2}.{i}", "a10.11.bias", "a10.11.bias"),
        ("a{i:5..19..7}: b.{i:0..2}", "a12.bias", "b.1.bias"),
        ("a{i:5..19..7}: b.{i:0..2}", "a13.bias", "a13.bias"),
        ("a{i:0..1}: b.{i:3..9..6}", "a1.bias", "b.9.bias"),
        ("a{i:1..2}: special_{i}, a{i}: general_{i}", "a3.bias", "general_3.bias"),
        ("a.b: special, a: general", "a.b.w", "special.w"),
        ("a: general, a.b: special", "a.b.w", "general.b.w"),
        ("inception_{b}/3x3: inception_{b}.c", "inception_4a/3x3.bias", "inception_4a.c.bias"),
        (
            "inception_{b}/3x3: x_{b}",
            "inception_4a/3x3_reduce.bias",
            "inception_4a/3x3_reduce.bias",
        ),
    ],
)
def test_a_line_renames_whole_parts_at_the_beginning(names: str, theirs: str, ours: str) -> None:
    assert table(names).rename(theirs)[0] == ours


WORD = st.text(string.ascii_letters + string.digits, min_size=1, max_size=64)


@given(WORD, WORD, WORD, WORD)
def test_a_placeholder_keeps_what_it_stands_for(a: str, b: str, front: str, rest: str) -> None:
    theirs = f"{front}_{{a}}/{{b}}.conv"
    there = Renaming.of(theirs, "x-{a}.{b}")
    name = there(f"{front}_{a}/{b}.conv.{rest}")
    assert name == f"x-{a}.{b}.{rest}"
    assert there(f"{front}_{a}/{b}.convolution") is None


SHORT = st.sampled_from(["", "a", "1", "0", "a1", "_2", ".", "/x"])


@given(st.integers(0, 120), st.integers(0, 120), st.integers(1, 20), SHORT, SHORT, st.data())
def test_a_count_is_its_lines_written_out(
    theirs: int, ours: int, count: int, front: str, back: str, data: st.DataObject
) -> None:
    """The first line that matches wins there, and there is one alone here."""
    last = count - 1
    name, path = f"x{front}{{i:{theirs}..{theirs + last}}}{back}y", "s{i:%d..%d}.t{i}"
    counted = Renaming.of(name, path % (ours, ours + last))
    written = {f"x{front}{theirs + n}{back}y": f"s{ours + n}.t{theirs + n}" for n in range(count)}
    number = data.draw(st.one_of(st.integers(theirs - 2, theirs + count + 2), st.integers(0, 999)))
    for text in (f"{number}", f"0{number}", f"{number}0"):
        asked = f"x{front}{text}{back}y"
        assert counted(asked) == written.get(asked)
        expected = written.get(asked)
        assert counted(f"{asked}.bias") == (f"{expected}.bias" if expected else None)


def test_the_shipped_counts_name_every_block() -> None:
    """Of the networks whose modules are numbered through; the next number is none of theirs."""
    v4, xception = shipped()["timm_inception_v4"], shipped()["timm_xception"]
    blocks = {
        **{f"features.{6 + n}.branch3.1": f"inception_a.{n}.pool.proj" for n in range(4)},
        **{f"features.{11 + n}.branch3.1": f"inception_b.{n}.pool.proj" for n in range(7)},
        **{f"features.{19 + n}.branch3.1": f"inception_c.{n}.pool.proj" for n in range(3)},
    }
    for number in range(6, 30):
        theirs = f"features.{number}.branch3.1"
        assert v4.rename(theirs)[0] == blocks.get(theirs, theirs)
    for number in range(1, 13):
        middle = f"middle.{number - 4}" if 4 <= number <= 11 else f"block{number}"
        renamed, _ = xception.rename(f"block{number}.rep.2.weight")
        assert renamed == f"{middle}.residual.sepconv1.bn.weight"


def test_a_search_ends_soon() -> None:
    """With four placeholders, the most there can be, a name that almost matches takes no age."""
    rename = Renaming.of("{a}x{b}x{c}x{d}x.y", "q")
    assert rename("x" * 64 + "!") is None
    assert rename("x" * 64 + ".y.w") == "q.w"
    assert rename("x" * 100_000) is None


@pytest.mark.parametrize(
    ("pattern", "name", "yes"),
    [
        ("aux1", "aux1.fc.weight", True),
        ("aux1", "aux1", True),
        ("aux1", "aux10.fc", False),
        ("aux*", "aux1.fc.weight", True),
        ("*", "anything.at.all", True),
        ("inception_*.1x1", "inception_3a.1x1.conv.weight", True),
        ("inception_*.1x1", "inception_3a.3x3.conv.weight", False),
        ("a.weight", "b.a.weight", False),
        ("*.weight", "b.a.weight", True),
        ("*/b", "a/b.weight", True),
        ("loss1", "loss1/fc.weight", True),
        ("loss1", "loss10/fc.weight", False),
        ("a[1]", "a[1].weight", True),
    ],
)
def test_patterns(pattern: str, name: str, yes: bool) -> None:
    assert covers(pattern, name) is yes


# -- mistakes ----------------------------------------------------------------------------------

MISTAKES = {
    # text: (code, the characters under the caret, words of the message or its help)
    "names: {a: ../../etc/passwd}": (Code.BAD_REMAP, "^", "a name is empty here"),
    "names: {a: b/c}": (Code.BAD_REMAP, "^^^", "`b/c` is not the name of a step"),
    "names: {../..: a}": (Code.BAD_REMAP, "^", "a part of this name is empty"),
    "names: {a..b: c}": (Code.BAD_REMAP, "^", "parts with a dot between them"),
    "names: {a: b..c}": (Code.BAD_REMAP, "^", "a name is empty here"),
    "names: {'a{1}': b}": (Code.BAD_REMAP, "^^^", "`{1}` is not a placeholder"),
    "names: {'a{': b}": (Code.BAD_REMAP, "^", "a placeholder is a word in braces"),
    "names: {'a{i}': 'b{n}'}": (Code.BAD_REMAP, "^^^", "it has `{i}`"),
    "names: {a: 'b{n}'}": (Code.BAD_REMAP, "^^^", "write the name out"),
    "names: {'a{i}{n}': b}": (Code.BAD_REMAP, "^^^^^^", "write one for both"),
    "names: {'{a}.{b}.{c}.{d}.{e}': b}": (Code.BAD_REMAP, "^^^", "4 placeholders at most"),
    "names: {'a{i:9..6}': b}": (Code.BAD_REMAP, "^^^^^^^^", "`{i:9..6}` counts backwards"),
    "names: {'a{i:0..1000}': b}": (Code.BAD_REMAP, "^" * 11, "counts more than 1,000 numbers"),
    "names: {'a{i:6..}': b}": (Code.BAD_REMAP, "^^^^^^^", "or one that counts: `{i:6..9}`"),
    "names: {'a{i:0..9..0}': b}": (Code.BAD_REMAP, "^" * 11, "is not a placeholder"),
    "names: {'a{i:0..9..5}': 'b{i:0..4}'}": (Code.BAD_REMAP, "^" * 8, "their `{i}` counts 2"),
    "names: {'a{i:1..2}.{i:1..2}': b}": (Code.BAD_REMAP, "^^^^^^^^", "`{i}` is the same"),
    "names: {'a{i:6..9}': 'b{i:0..4}'}": (Code.BAD_REMAP, "^^^^^^^^", "5 numbers, and their `{i}`"),
    "names: {'a{i}': 'b{i:0..4}'}": (Code.BAD_REMAP, "^^^^^^^^", "their `{i}` counts nothing"),
    "names: {'a{i:6..9}': 'b{i:4..0}'}": (Code.BAD_REMAP, "^^^^^^^^", "counts backwards"),
    "names: {'a{i:6..9}': 'b{n:0..3}'}": (Code.BAD_REMAP, "^^^^^^^^", "it has `{i}`"),
    'names: {"a\\nb": c}': (Code.BAD_REMAP, "^^^^^^", "a sign that is not visible"),
    "names: {a: [b]}": (Code.WRONG_TYPE, "^^^", "must be a word, but is a list"),
    "names: [a]": (Code.WRONG_TYPE, "^^^", "their name: our path"),
    "names: {a: b}\nabsnt: [c]": (Code.UNKNOWN_KEY, "^^^^^", "did you mean `absent`?"),
    "description: x": (Code.MISSING_KEY, "^^^^^^^^^^^", "needs `names`"),
    "names: {a: b}\nabsent: [[c]]": (Code.WRONG_TYPE, "^^^", "must be a word, but is a list"),
    "names:\n  a: b\n  a: c": (Code.DUPLICATE_KEY, "^", "first written here"),
    "just text": (Code.WRONG_TYPE, "^^^^^^^^^", "a remap table must be a mapping"),
    "names: {a: b": (Code.YAML_SYNTAX, "^", "never closed"),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_shown_where_it_is(text: str) -> None:
    code, carets, words = MISTAKES[text]
    with pytest.raises(SpecError) as caught:
        parse_table(Source("mine.yaml", text), "mine.yaml")
    assert [finding.code for finding in caught.value.diagnostics] == [code]
    shown = render(caught.value.diagnostics, "full")
    assert words in shown
    assert f" {carets}" in shown
    assert f"{carets}^" not in shown


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        table("a: b/c, 'd{': e, f: g")
    assert len(caught.value.diagnostics) == 2


def test_a_table_is_chosen_by_name_or_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("names: {a: b}\n")
    assert choose(path).rename("a.w")[0] == choose(str(path)).rename("a.w")[0] == "b.w"
    assert choose("caffe_googlenet") is shipped()["caffe_googlenet"]
    with pytest.raises(SpecError, match="did you mean `caffe_googlenet`"):
        choose("caffe_googlnet")
    with pytest.raises(SpecError, match="there is no file"):
        choose("../../nothing.yaml")
    with pytest.raises(SpecError, match="is a directory"):
        choose(tmp_path)
    for too_long in ("x" * 300, "x" * 300 + ".yaml"):
        with pytest.raises(SpecError):
            choose(too_long)
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(SpecError, match=r"pipe\.yaml` is not a file"):
        choose(tmp_path / "pipe.yaml")


# -- the shipped ones --------------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_table_maps_to_names_of_its_specs(name: str) -> None:
    """Every line leads to a step of each spec, and what a file may lack is in one of them."""
    found = shipped()[name]
    assert found.description
    assert found.specs
    known = set(found.specs) & set(shipped_specs())
    assert known, "none of its specs is shipped"
    graphs = [to_graph(spec) for spec in known]
    for graph in graphs:
        for line in found.lines:
            parts = re.split(PLACEHOLDER, line.rename.template)[::2]
            path = re.compile("[A-Za-z0-9]+".join(map(re.escape, parts)) + r"(\.|$)")
            assert any(map(path.match, graph.nodes)), line.rename.template
    own = {slot for graph in graphs for slot in slots(graph)}
    for pattern in found.absent:
        assert any(covers(pattern, slot) for slot in own), pattern


def test_caffe_names_every_layer_of_googlenet() -> None:
    """The layers' names, channels and kernels are those of the fact file."""
    text = facts.load("googlenet_caffe")
    layers = list(_keyed([*text["graph"], *(head["graph"] for head in text["aux"])]))
    assert len(layers) == 57 + 1 + 2 * 3  # convolutions, the classifier, three layers a head
    mine = slots(to_graph("googlenet"))
    found = shipped()["caffe_googlenet"]
    left = dict(mine)
    for layer in layers:
        weight = left.pop(found.rename(f"{layer['key']}.weight")[0])
        left.pop(found.rename(f"{layer['key']}.bias")[0])
        assert weight.shape[0] == layer.get("conv", layer.get("linear"))
        assert weight.shape[2:] == ((layer["k"],) * 2 if "conv" in layer else ())
    assert not left


def _keyed(nodes: object) -> Iterator[dict[str, Any]]:
    if isinstance(nodes, list):
        for node in nodes:
            yield from _keyed(node)
    elif isinstance(nodes, dict):
        if "key" in nodes and ("conv" in nodes or "linear" in nodes):
            yield nodes
        for value in nodes.values():
            yield from _keyed(value) if isinstance(value, list) else ()
