"""Fitting names and shapes: every tensor has one place, and what fits is what should."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import chain
from typing import Any

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from specs_strategy import graph_of, specs

from inceptgraph.diagnostics import Source
from inceptgraph.pipeline import to_graph
from inceptgraph.types import TensorInfo
from inceptgraph.weights import Allowed, Fitted, _best
from inceptgraph.weights import _fit_report as report
from inceptgraph.weights._best import fit_best, fit_by, prefixes
from inceptgraph.weights._match import Fit, fit
from inceptgraph.weights._remap_table import Table, parse_table, shipped
from inceptgraph.weights._slots import Slot, slots

SPEC = """
name: Small
input: {channels: 3, height: 8, width: 8}
stages:
  conv: {op: conv2d, out: 4, kernel: 3}
  norm: {op: batch_norm}
  pool: {op: global_avg_pool}
  flat: {op: flatten}
  fc: {op: linear, out: 10}
outputs: {logits: fc}
aux_heads:
  aux:
    from: norm
    loss_weight: 0.3
    steps: {gap: {op: global_avg_pool}, flat: {op: flatten}, out: {op: linear, out: 10}}
"""
KEYS = ("weight", "bias")
SMALL = slots(to_graph(Source("small.yaml", SPEC)))


def of(name: str, *shape: int, dtype: str = "float32") -> dict[str, TensorInfo]:
    return {name: TensorInfo(shape, dtype)}


def entries(prefix: str = "", dtype: str = "float32") -> dict[str, TensorInfo]:
    return {prefix + slot.name: TensorInfo(slot.shape, dtype) for slot in SMALL.values()}


def table(text: str) -> Table:
    return parse_table(Source("mine.yaml", text), "mine.yaml")


def groups(found: Fit) -> tuple[list[str], list[str]]:
    """The file's names and ours, each as often as it is placed."""
    pairs = [*found.loaded, *found.adapted, *found.mismatched]
    theirs = [pair.theirs for pair in pairs] + [clash.second for clash in found.clashes]
    ours = [pair.slot.name for pair in pairs]
    return (
        [*theirs, *found.unexpected, *found.ignored, *found.counters],
        [*ours, *found.missing, *found.absent],
    )


# -- laws --------------------------------------------------------------------------------------

NAMES = st.sampled_from(
    [
        *SMALL,
        *("conv_.weight", "a.weight", "module.conv.weight", "norm.num_batches_tracked"),
        *("fc", "xé.y", "a[*]/b.weight", "aux.out.weight.more", "1.bias", "2.bias"),
    ]
)
INFOS = st.builds(
    TensorInfo,
    st.lists(st.sampled_from([1, 2, 3, 4, 10]), max_size=5).map(tuple),
    st.sampled_from(["float32", "float16", "int8", "a Python float"]),
)
TABLES = st.sampled_from(
    [
        None,
        table("names: {a: conv, '{n}.bias': fc.bias}\nabsent: [aux]"),
        table("names: {module: norm, fc: fc.weight}\nignore: ['a*', '*.bias']\nabsent: ['*']"),
    ]
)


@given(st.dictionaries(NAMES, INFOS), TABLES)
def test_every_tensor_is_in_one_group(file: dict[str, TensorInfo], remap: Table | None) -> None:
    found = fit_by(SMALL, file, remap)
    theirs, ours = groups(found)
    assert sorted([*(found.prefix + name for name in theirs), *found.beside]) == sorted(file)
    assert sorted(ours) == sorted(SMALL)


@given(st.dictionaries(NAMES, INFOS), TABLES)
def test_what_loads_has_the_numbers_of_its_place(
    file: dict[str, TensorInfo], remap: Table | None
) -> None:
    for pair in fit(SMALL, file, remap).loaded:
        assert math.prod(pair.info.shape) == math.prod(pair.slot.shape)
        assert [n for n in pair.info.shape if n > 1] == [n for n in pair.slot.shape if n > 1]


@given(st.dictionaries(NAMES, INFOS), TABLES)
def test_all_allowed_fits_but_for_two_names_of_one(
    file: dict[str, TensorInfo], remap: Table | None
) -> None:
    found = fit(SMALL, file, remap)
    for texts in (["missing:*", "unexpected:*", "shape:*"], Fitted("x", found).permissions):
        assert Fitted("x", found, Allowed.of(texts)).fits is not bool(found.clashes)
    assert Fitted("x", found).fits is report.is_empty(found)
    assert len(report.lines(found)) < 40


@settings(max_examples=examples(25))
@given(specs(videos=True))
def test_a_networks_own_names_fit(text: str) -> None:
    mine = slots(graph_of(text))
    found = fit(mine, {slot.name: TensorInfo(slot.shape, "float32") for slot in mine.values()})
    assert len(found.loaded) == len(mine)
    assert report.is_empty(found)


# -- names -------------------------------------------------------------------------------------


WRAPPERS = ["", "module.", "_orig_mod.", "model.", "module._orig_mod.", "_orig_mod.module."]


@pytest.mark.parametrize("prefix", [*WRAPPERS, "net.", "backbone.body.", "ema.shadow.module."])
def test_a_prefix_that_all_names_share_falls_away(prefix: str) -> None:
    found = fit_best(SMALL, entries(prefix), [])
    assert len(found.loaded) == len(SMALL)
    assert found.prefix == prefix
    assert report.is_empty(found)


def test_a_prefix_that_most_names_share_falls_away_and_the_rest_is_told() -> None:
    """As of a loss beside a model, of what an average counts, of a detector's heads."""
    beside = {**of("criterion.weight", 10), **of("n_averaged"), **of("rpn.conv.weight", 4, 4, 1, 1)}
    found = fit_best(SMALL, {**entries("model."), **beside}, [])
    assert len(found.loaded) == len(SMALL)
    assert (found.prefix, found.beside) == ("model.", list(beside))
    assert report.is_empty(found)
    told = "\n".join(report.lines(found))
    assert "names: as they are, without `model.`" in told
    assert "beside `model.`: all of criterion, n_averaged, rpn (3 entries)" in told


def test_a_prefix_of_half_the_names_is_part_of_them() -> None:
    file = {**entries("a."), **entries("b.")}
    assert prefixes(file) == [""]
    assert not fit_best(SMALL, file, []).loaded


def test_a_prefix_falls_away_where_names_become_ours_alone() -> None:
    """A stage that has most of the tensors is no wrapper."""
    mine = {f"body.{i}.weight": Slot(f"body.{i}.weight", (3,)) for i in range(9)}
    assert fit_best(mine, {name: TensorInfo((3,), "float32") for name in mine}, []).prefix == ""
    mine = {"model.a.weight": Slot("model.a.weight", (3,))}
    assert len(fit_best(mine, of("model.a.weight", 3), []).loaded) == 1


def test_names_that_share_a_long_beginning_are_matched_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each part of it may be a wrapper's: names alone choose, and shapes are looked at once."""
    file = {f"{'a.' * 40}{name}": info for name, info in entries().items()}
    assert len(prefixes(file)) == 9
    asked = list[str]()

    def counted(slots: Any, entries: Any, table: Any, before: str, **how: Any) -> Any:
        asked.append(before)
        return fit(slots, entries, table, before, **how)

    monkeypatch.setattr(_best, "fit", counted)
    fit_best(SMALL, file, shipped().values())
    assert len(asked) == 1 + len(shipped())
    asked.clear()
    assert len(fit_best(SMALL, entries("a." * 8), []).loaded) == len(SMALL)
    assert asked == ["a." * 8]


def test_a_prefix_that_is_named() -> None:
    file = {**entries("student."), **entries("teacher.")}
    found = fit_by(SMALL, file, None, prefix="teacher.")
    assert len(found.loaded) == len(SMALL)
    assert found.beside == list(entries("student."))
    assert not fit_by(SMALL, entries("model."), None, prefix="").loaded


@pytest.mark.parametrize("outer", ["", "module."])
def test_a_table_takes_a_prefix_off(outer: str) -> None:
    remap = table("names: {a: conv, b: norm}\nprefix: features.net")
    file = {n.replace("conv.", "a.").replace("norm.", "b."): info for n, info in entries().items()}
    inner = {f"{outer}features.net.{name}": info for name, info in file.items()}
    heads = {f"{outer}head.{i}.weight": TensorInfo((1,), "float32") for i in range(50)}
    found = fit_by(SMALL, {**inner, **heads}, remap, prefix=outer)
    assert len(found.loaded) == len(SMALL)
    assert found.prefix == f"{outer}features.net."
    assert len(found.beside) == 50


def test_words_that_torch_uses_itself() -> None:
    """The torch backend calls a step ``half`` ``half_``, and one ``half_`` then ``half__``."""
    mine = {name: Slot(name, (3,)) for name in ("half.weight", "half_.weight", "a.class.weight")}
    saved = {"half__.weight": "half_.weight", "half_.weight": "half.weight"}
    saved["a.class_.weight"] = "a.class.weight"
    for names in (saved, {name: name for name in mine}):
        found = fit(mine, {name: TensorInfo((3,), "float32") for name in names})
        assert {pair.theirs: pair.slot.name for pair in found.loaded} == names


def test_counters_may_come_or_not() -> None:
    found = fit(SMALL, {**entries(), **of("norm.num_batches_tracked", dtype="int64")})
    assert found.counters == {"norm.num_batches_tracked": "norm.num_batches_tracked"}
    assert report.is_empty(found)
    assert fit(SMALL, of("bn.num_batches_tracked", dtype="int64")).counters == {
        "bn.num_batches_tracked": None
    }
    absurd = fit(SMALL, of("norm.num_batches_tracked", 5))
    assert absurd.unexpected == ["norm.num_batches_tracked"]


def test_two_names_for_one_cite_both_lines() -> None:
    remap = table("names:\n  a: conv\n  b: conv\n")
    file = {**of("a.weight", 4, 3, 3, 3), **of("b.weight", 4, 3, 3, 3)}
    (clash,) = fit(SMALL, file, remap).clashes
    assert (clash.ours, clash.first, clash.second) == ("conv.weight", "a.weight", "b.weight")
    assert [line.span.line for line in clash.lines if line] == [1, 2]


def test_a_name_of_ours_and_one_that_becomes_it() -> None:
    remap = table("names: {a: conv}")
    file = {**of("conv.weight", 4, 3, 3, 3), **of("a.weight", 4, 3, 3, 3)}
    (clash,) = fit(SMALL, file, remap).clashes
    assert [line is None for line in clash.lines] == [True, False]


# -- shapes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "ours", "fits"),
    [
        ((10, 4), (10, 4), True),
        ((10, 4, 1, 1), (10, 4), True),
        ((10, 4), (10, 4, 1, 1), True),
        ((1, 1, 10, 4), (10, 4), True),
        ((1, 1, 10, 4), (10, 4, 1, 1), True),
        ((1, 1, 1, 10), (10,), True),
        ((10, 1, 1, 1), (10,), True),
        ((), (1,), True),
        ((1,), (), True),
        ((4, 10), (10, 4), False),
        ((4, 3, 1, 7), (4, 3, 7, 1), False),
        ((1, 3, 1, 7), (1, 3, 7, 1), False),
        ((4, 1, 3, 3), (4, 3, 3, 1), False),
        ((4, 1, 3), (4, 3, 1), False),
        ((2, 5, 4), (10, 4), False),
        ((40,), (10, 4), False),
        ((4, 1, 3, 1), (4, 3), False),
        ((0, 4), (10, 4), False),
    ],
)
def test_axes_of_1(theirs: tuple[int, ...], ours: tuple[int, ...], fits: bool) -> None:
    found = fit({"w": Slot("w", ours)}, of("w", *theirs))
    assert bool(found.loaded) is fits
    told = "; 1 reshaped, by axes of 1" in report.lines(found)[1]
    assert told is (fits and theirs != ours)
    assert bool(found.mismatched) is not fits


def test_classifiers_are_found_from_the_graph() -> None:
    found = {slot.name for slot in SMALL.values() if slot.classifier}
    assert found == {"fc.weight", "fc.bias", "aux.out.weight", "aux.out.bias"}
    googlenet = {slot.name for slot in slots(to_graph("googlenet")).values() if slot.classifier}
    assert googlenet == {
        f"{layer}.{key}"
        for layer in ("classifier", "aux1.classifier", "aux2.classifier")
        for key in ("weight", "bias")
    }
    # its output joins four convolutions, of which none is a classifier
    assert not any(slot.classifier for slot in slots(to_graph("naive_inception")).values())


@pytest.mark.parametrize("theirs", [(1000, 4), (1000, 4, 1, 1), (1, 1, 1000, 4)])
def test_another_number_of_classes_adapts(theirs: tuple[int, ...]) -> None:
    file = {**entries(), **of("fc.weight", *theirs), **of("fc.bias", 1000)}
    found = fit(SMALL, file)
    assert [pair.slot.name for pair in found.adapted] == ["fc.weight", "fc.bias"]
    assert report.is_empty(found)
    line = "adapted: fc: 1,000 classes in the file, 10 here: starts anew"
    assert line in report.lines(found)


def test_a_layer_adapts_as_a_whole() -> None:
    for other in ((10, 4), (1000, 5)):
        found = fit(SMALL, {**entries(), **of("fc.weight", *other), **of("fc.bias", 1000)})
        assert not found.adapted
        assert "fc.bias" in {pair.slot.name for pair in found.mismatched}


def test_nothing_else_adapts() -> None:
    found = fit(SMALL, {**entries(), **of("conv.weight", 5, 3, 3, 3)})
    assert [pair.slot.name for pair in found.mismatched] == ["conv.weight"]
    assert not found.adapted


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "float8_e4m3fn"])
def test_other_floats_load_and_are_told(dtype: str) -> None:
    found = fit(SMALL, entries(dtype=dtype))
    assert len(found.loaded) == len(SMALL)
    assert f"10 from {dtype}, converted" in "\n".join(report.lines(found))


@pytest.mark.parametrize("dtype", ["int8", "bool", "quantized", "a Python float"])
def test_what_is_no_float_does_not_load(dtype: str) -> None:
    found = fit(SMALL, entries(dtype=dtype))
    assert not found.loaded
    assert not found.adapted


# -- tables ------------------------------------------------------------------------------------


def test_absent_parts_are_absent_as_a_whole() -> None:
    remap = table("names: {x: y}\nabsent: [aux]")
    without = {name: info for name, info in entries().items() if not name.startswith("aux")}
    whole = fit(SMALL, without, remap)
    assert whole.absent == ["aux.out.weight", "aux.out.bias"]
    assert report.is_empty(whole)
    half = fit(SMALL, {**without, **of("aux.out.bias", 10)}, remap)
    assert half.missing == ["aux.out.weight"]


def test_ignored_names_mean_nothing() -> None:
    remap = table("names: {x: y}\nignore: ['*.total_ops']")
    found = fit(SMALL, {**entries(), **of("conv.total_ops", 1)}, remap)
    assert found.ignored == ["conv.total_ops"]
    assert report.is_empty(found)


def test_the_table_that_maps_the_most_is_found() -> None:
    good, half = table("names: {a: conv, b: fc}"), table("names: {a: conv}")
    file = {**of("a.weight", 4, 3, 3, 3), **of("b.weight", 10, 4)}
    for tables in ([good, half], [half, good]):
        assert fit_best(SMALL, file, tables).table is good
    assert fit_best(SMALL, entries(), [good, half]).table is None
    assert fit_best(SMALL, of("q", 3), shipped().values()).table is None


def test_a_table_of_another_network_is_not_chosen() -> None:
    """It counts where it finds more than half of the file's tensors."""
    remap = table("names: {a: conv, b: fc}")
    half = {**of("a.weight", 4, 3, 3, 3), **of("q.weight", 3)}
    assert fit_best(SMALL, half, [remap]).table is None
    assert fit_best(SMALL, {**half, **of("b.weight", 10, 4)}, [remap]).table is remap
    # wrong shapes are of the same names, which is what a table is about
    assert fit_best(SMALL, {**half, **of("b.weight", 9, 9)}, [remap]).table is remap


def test_squeezenet_is_nobodys() -> None:
    """It has names such as ``features.3.expand1x1`` and a classifier, as several tables have."""
    fires = [f"features.{i}" for i in (3, 4, 5, 7, 8, 9, 10, 12)]
    parts = [f"{fire}.{part}" for fire in fires for part in ("squeeze", "expand1x1", "expand3x3")]
    layers = ["features.0", *parts, "classifier.1"]
    file = {f"{layer}.{key}": TensorInfo((8,), "float32") for layer in layers for key in KEYS}
    for spec in ("googlenet", "alexnet_torchvision", "vgg16", "xception", "inception_v4"):
        assert fit_best(slots(to_graph(spec)), file, shipped().values()).table is None, spec


# -- permission --------------------------------------------------------------------------------


def test_what_is_allowed_is_no_error() -> None:
    file = {**entries(), **of("conv.weight", 5, 5), **of("more.weight", 3)}
    del file["norm.bias"]
    found = fit(SMALL, file)
    every = ["missing:norm.bias", "shape:conv", "unexpected:mor*"]
    assert Fitted("x", found, Allowed.of(every)).fits
    for left_out in every:
        some = [text for text in every if text != left_out]
        assert not Fitted("x", found, Allowed.of(some)).fits
    with pytest.raises(ValueError, match="such as missing:aux1"):
        Allowed.of(["aux1"])


def test_long_stories_are_short() -> None:
    names = {f"s{i}.{j}": Slot(f"s{i}.{j}", (2,)) for i in range(100) for j in range(100)}
    nothing = fit(
        names, {f"t{i}.{j}": TensorInfo((2,), "float32") for i in range(99) for j in "ab"}
    )
    assert len(report.lines(nothing)) < 6
    half = fit(names, {name: TensorInfo((2,), "float32") for name in list(names)[::2]})
    assert len(report.lines(half)) < 20
    wrong = fit(names, {name: TensorInfo((3,), "float32") for name in names})
    assert len(report.lines(wrong)) < 20
    assert max(map(len, chain(report.lines(nothing), report.lines(half)))) < 300


def test_fitting_needs_no_torch() -> None:
    code = (
        "import sys; from inceptgraph.weights._best import fit_best;"
        "from inceptgraph.weights._remap_table import shipped;"
        "from inceptgraph.weights._slots import slots;"
        "from inceptgraph.pipeline import to_graph; s = slots(to_graph('googlenet'));"
        "fit_best(s, {}, shipped().values()); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
