"""``extends``, ``include`` and ``edit``: what a variant is, and that it is nothing else.

What is wrong with a variant stands in ``mistakes/``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inceptgraph.analysis import total
from inceptgraph.diagnostics import Findings, Severity, Source, Span, SpecError
from inceptgraph.graph import Graph, to_text
from inceptgraph.pipeline import Analysis, analyze, to_graph
from inceptgraph.source import Entry, Mapping, Node, Scalar, Sequence, parse, to_plain
from inceptgraph.spec import Kind, shipped
from inceptgraph.spec._load import KEYS
from inceptgraph.spec._write import to_yaml

BASE = """\
name: Base
input: {channels: 3, height: 16, width: 16}
params: {classes: 10, width: int = 8}
defaults: {conv2d: {bias: false, padding: same}}
blocks:
  conv:
    params: {out: int, kernel: size = 3}
    steps:
      conv: {op: conv2d, out: $out, kernel: $kernel}
      relu: {op: relu}
  unused_by_variants:
    steps: {pool: {op: global_avg_pool}}
stages:
  a: {op: conv, out: $width}
  b: {op: conv, out: 16}
  stem: {steps: {first: {op: relu}, second: {op: conv2d, out: 16}}}
  c: {op: max_pool, kernel: 2, stride: 2, from: b}
  both: {op: concat, from: [c, c]}
  pool: {op: unused_by_variants}
  flat: {op: flatten}
  fc: {op: linear, out: $classes}
  spare: {op: conv2d, out: 1, from: stem}
outputs: {logits: fc, spare: spare}
aux_heads:
  aux: {from: a, loss_weight: 0.3, op: conv2d, out: 1}
sections: {stem: a .. b, classifier: pool .. fc}
expect: {params: 1}
"""


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.yaml").write_text(BASE)
    return tmp_path


def variant(text: str, **values: str) -> Graph:
    """The graph of a variant without any findings."""
    analysis = analyze(Source("variant.yaml", f"extends: base.yaml\n{text}"), set=values)
    assert analysis.findings == ()
    return analysis.require_graph()


def edited(text: str) -> Graph:
    return variant(f"edit:\n  {text}\n")


def errors(analysis: Analysis) -> list[str]:
    return [f.message for f in analysis.findings if f.severity is Severity.ERROR]


# -- extends ---------------------------------------------------------------------------------


def test_a_variant_without_changes_is_its_base(base: Path) -> None:
    assert to_text(variant("")) == to_text(to_graph("base.yaml"))


def test_what_is_written_takes_the_place_of_the_bases(base: Path) -> None:
    graph = variant(
        "name: New\ninput: {name: image, channels: 1, height: 32, width: 32}\n"
        "outputs: {logits: fc}\nsections: {all: a .. c}\nedit: {spare: remove, stem: remove}\n"
    )
    assert graph.name == "New"
    assert [(node.name, node.shape) for node in graph.inputs] == [("image", (1, 32, 32))]
    assert graph.sections == {"all": ("a", "c")}


def test_parameters_keep_their_type_or_get_another(base: Path) -> None:
    assert variant("params: {width: 4}").shape("a.conv") == (4, 16, 16)
    wrong = analyze(Source("v.yaml", "extends: base.yaml\nparams: {width: half}\n"))
    assert errors(wrong) == [
        "`width` of the network must be a whole number, but is the word `half`"
    ]
    text = "params: {width: float = 0.5}\nedit: {a: {set: {out: 8 * $width}}}"
    assert variant(text).shape("a.conv") == (4, 16, 16)


def test_defaults_are_merged_by_argument(base: Path) -> None:
    graph = variant("defaults: {conv2d: {bias: true}}")
    conv = graph.nodes["a.conv"].op.model_dump()
    assert conv["bias"] is True
    assert conv["padding"] == "same"


def test_a_redefined_block_changes_all_its_uses(base: Path) -> None:
    graph = variant("include: conv_bn\n")
    assert graph.nodes["a.bn"].op.op == graph.nodes["b.bn"].op.op == "batch_norm"


def test_heads_are_merged_by_name(base: Path) -> None:
    head = "aux2: {from: b, loss_weight: 0.1, op: conv2d, out: 2}"
    graph = variant(f"aux_heads: {{{head}}}")
    assert [output.name for output in graph.outputs] == ["logits", "spare", "aux", "aux2"]


def test_variants_of_variants(base: Path) -> None:
    Path("middle.yaml").write_text(
        "extends: base.yaml\nname: Middle\nparams: {width: 4}\nedit: {b: {set: {out: 32}}}\n"
    )
    text = "extends: middle.yaml\nparams: {classes: 3}\n"
    graph = to_graph(Source("variant.yaml", text))
    assert graph.name == "Middle"
    assert [graph.shape(name) for name in ("a.conv", "b.conv", "fc")] == [
        (4, 16, 16),
        (32, 16, 16),
        (3,),
    ]


def test_paths_are_read_from_the_folder_of_the_file(base: Path) -> None:
    (base / "inner").mkdir()
    (base / "inner" / "variant.yaml").write_text("extends: ../base.yaml\nname: V\n")
    assert to_graph("inner/variant.yaml").name == "V"
    assert to_graph(base / "inner" / "variant.yaml").name == "V"


def test_set_reaches_the_whole(base: Path) -> None:
    assert variant("", **{"stages.b.out": "5"}).shape("b.conv") == (5, 16, 16)
    assert variant("", width="2").shape("a.conv") == (2, 16, 16)


def test_what_the_base_leaves_unused_is_not_the_variants_fault(base: Path) -> None:
    graph = edited("pool: {replace: {op: global_avg_pool}}")
    assert graph.shape("fc") == (10,)


# -- edits -----------------------------------------------------------------------------------


def test_remove(base: Path) -> None:
    graph = edited("b: remove\n  c: {set: {from: a}}\n  stem: {set: {from: a}}")
    assert graph.nodes["c"].inputs == ("a.relu",)
    assert graph.sections["stem"] == ("a", "a")


def test_what_read_a_removed_step_reads_the_one_before(base: Path) -> None:
    graph = edited(
        "fc: {before: {drop: {op: dropout}}}\n  flat: {set: {from: pool}}\n  drop: remove"
    )
    assert graph.nodes["fc"].inputs == ("flat",)


def test_removed_heads_are_gone(base: Path) -> None:
    graph = edited("aux*: remove")
    assert graph.heads == ()
    assert total(graph) == total(graph.phase("eval"))


def test_a_section_that_loses_all_its_stages_is_gone(base: Path) -> None:
    text = "a: remove\n  b: remove\n  stem: {set: {from: input}}\n  c: {set: {from: input}}"
    graph = edited(text + "\n  aux: remove")
    assert set(graph.sections) == {"classifier"}


def test_set(base: Path) -> None:
    graph = edited("b: {set: {out: 4, kernel: 5}}\n  aux: {set: {from: b, loss_weight: 0.5}}")
    assert graph.shape("b.conv") == (4, 16, 16)
    assert graph.nodes["aux"].inputs == ("b.relu",)
    assert {o.name: o.loss_weight for o in graph.outputs}["aux"] == 0.5


def test_replace_by_one_step_and_by_several(base: Path) -> None:
    graph = edited("b: {replace: {op: conv2d, out: 16, kernel: 5}}")
    assert graph.nodes["c"].inputs == ("b",)
    graph = edited("b: {replace: {one: {op: conv, out: 4}, two: {op: conv, out: 16}}}")
    assert graph.nodes["c"].inputs == ("b.two.relu",)
    assert graph.nodes["b.two.conv"].inputs == ("b.one.relu",)


def test_what_replaces_a_step_reads_what_that_read(base: Path) -> None:
    graph = edited("c: {replace: {op: relu}}\n  spare: {replace: {x: {op: tanh}, y: {op: relu}}}")
    assert graph.nodes["c"].inputs == ("b.relu",)
    assert graph.nodes["spare.x"].inputs == ("stem.second",)
    graph = edited("c: {replace: {op: relu, from: a}}\n  aux: {replace: {op: tanh}}")
    assert graph.nodes["c"].inputs == ("a.relu",)
    assert graph.nodes["aux"].inputs == ("a.relu",)
    assert {o.name: o.loss_weight for o in graph.outputs}["aux"] == 0.3


def test_after_is_read_by_what_follows_but_not_by_who_names_the_step(base: Path) -> None:
    graph = edited("b: {after: {norm: {op: batch_norm}}}")
    assert graph.nodes["norm"].inputs == ("b.relu",)
    assert graph.nodes["stem.first"].inputs == ("norm",)
    assert graph.nodes["c"].inputs == ("b.relu",)


def test_before_takes_over_what_the_step_read(base: Path) -> None:
    graph = edited("c: {before: {norm: {op: batch_norm}, relu: {op: relu}}}")
    assert graph.nodes["norm"].inputs == ("b.relu",)
    assert graph.nodes["c"].inputs == ("relu",)
    graph = edited("b: {before: {norm: {op: batch_norm}}}")
    assert graph.nodes["norm"].inputs == ("a.relu",)
    assert graph.nodes["b.conv"].inputs == ("norm",)


def test_inside_a_body_and_inside_a_block(base: Path) -> None:
    graph = edited("stem.second: {set: {out: 3}}\n  blocks.conv.relu: {replace: {op: gelu}}")
    assert graph.shape("stem.second") == (3, 16, 16)
    assert graph.nodes["a.relu"].op.op == graph.nodes["b.relu"].op.op == "gelu"


def test_a_star_stands_for_the_same_in_new_names() -> None:
    text = "extends: googlenet\nedit:\n  inception_*: {after: {drop_*: {op: dropout}}}\n"
    graph = to_graph(Source("v.yaml", text))
    stages = [scope.path for scope in graph.stages]
    added = [name for name in stages if name.startswith("drop_")]
    assert added == [
        f"drop_{name}" for name in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
    ]
    assert all(stages[stages.index(n) - 1] == n.replace("drop", "inception") for n in added)
    assert total(graph).params == total(to_graph("googlenet")).params


def test_edits_are_applied_in_order(base: Path) -> None:
    text = "b: {after: {x: {op: relu}}}\n  x: {after: {y: {op: tanh}}}"
    graph = edited(text)
    assert graph.nodes["stem.first"].inputs == ("y",)


@pytest.mark.slow
def test_edits_that_double_the_steps_again_and_again_end() -> None:
    name = "a" * 40
    lines = [f"pool1: {{after: {{{name}: {{op: relu}}}}}}"]
    lines += [f"{'a' * i}*: {{after: {{{'a' * i}*_{i}: {{op: relu}}}}}}" for i in range(1, 19)]
    text = "extends: googlenet\nname: V\nedit:\n" + "".join(f"  {line}\n" for line in lines)
    found = analyze(Source("v.yaml", text))
    assert "the edits insert more than 200,000 steps" in errors(found)


# -- libraries -------------------------------------------------------------------------------


def test_a_library_is_checked_by_itself() -> None:
    analysis = analyze(shipped(Kind.LIBRARY)["conv_bn"])
    assert analysis.findings == ()
    assert set(analysis.library or ()) == {"conv"}
    with pytest.raises(SpecError, match="is a library of blocks, not a network"):
        analysis.require_graph()


def test_mistakes_in_a_library_are_found_without_a_network(tmp_path: Path) -> None:
    path = tmp_path / "library.yaml"
    path.write_text(
        "blocks:\n  wide:\n    params: {out: int, spare: int}\n    steps:\n"
        "      conv: {op: convolve, out: $outt}\n"
    )
    assert [finding.code for finding in analyze(path).findings] == ["IG702", "IG201", "IG401"]


def test_libraries_may_build_on_one_another(base: Path) -> None:
    Path("one.yaml").write_text("include: conv_bn\nblocks: {one: {steps: {c: {op: conv, out: 3}}}}")
    Path("two.yaml").write_text("include: conv_bn\nblocks: {two: {steps: {c: {op: conv, out: 5}}}}")
    text = "name: N\ninclude: [one.yaml, two.yaml]\ninput: {channels: 3, height: 8, width: 8}\n"
    graph = to_graph(Source("n.yaml", f"{text}stages: {{a: {{op: one}}, b: {{op: two}}}}\n"))
    assert graph.shape("b.c.bn") == (5, 8, 8)


def test_an_edit_brings_a_parameter_of_the_network_into_a_librarys_block() -> None:
    text = (
        "extends: inception_v3\nname: Wide\nparams: {width: 2}\n"
        "edit: {blocks.conv.conv: {set: {out: $out * $width}}}\n"
    )
    analysis = analyze(Source("wide.yaml", text))
    assert analysis.findings == ()
    wide, base = analysis.require_graph(), to_graph("inception_v3")
    name = "mixed_7c.1x1.conv"
    assert wide.shape(name)[0] == 2 * base.shape(name)[0]
    assert to_text(to_graph(Source("flat.yaml", analysis.text()))) == to_text(wide)


def test_an_own_block_takes_the_place_of_a_librarys_for_the_library_too(base: Path) -> None:
    Path("one.yaml").write_text("include: conv_bn\nblocks: {one: {steps: {c: {op: conv, out: 3}}}}")
    text = (
        "name: N\ninclude: one.yaml\ninput: {channels: 3, height: 8, width: 8}\n"
        "blocks:\n  conv: {params: {out: int}, steps: {c: {op: conv2d, out: $out}}}\n"
        "stages: {a: {op: one}}\n"
    )
    assert list(to_graph(Source("n.yaml", text)).nodes) == ["input", "a.c.c"]


# -- one file --------------------------------------------------------------------------------


VARIANTS = [
    "",
    "include: conv_bn\n",
    "edit:\n  b: {replace: {one: {op: conv, out: 4}, two: {op: conv, out: 16}}}\n",
    "edit:\n  a: {after: {n: {op: relu}}}\n",
    "name: 'A: #1'\ndescription: \"two\\nlines\"\nparams: {classes: 7}\n",
]


@pytest.mark.parametrize("text", VARIANTS)
def test_a_variant_as_one_file_is_the_same_network(base: Path, text: str) -> None:
    analysis = analyze(Source("v.yaml", f"extends: base.yaml\n{text}"))
    flat = analysis.text()
    assert "extends" not in flat
    assert "include" not in flat
    alone = analyze(Source("flat.yaml", flat))
    assert not errors(alone)
    assert to_text(alone.require_graph()) == to_text(analysis.require_graph())


@pytest.mark.parametrize("step", ["op: two, when: false", "op: two, repeat: 0", "op: $act"])
def test_what_steps_name_that_are_not_there_is_in_the_one_file(base: Path, step: str) -> None:
    text = f"""extends: base.yaml
blocks:
  one: {{steps: {{x: {{op: relu}}}}}}
  two: {{params: {{act: string = one}}, steps: {{x: {{op: $act}}}}}}
  three: {{params: {{act: string = two}}, steps: {{y: {{{step}}}}}}}
edit:
  a: {{after: {{n: {{op: three, repeat: 0}}}}}}
"""
    analysis = analyze(Source("v.yaml", text))
    alone = analyze(Source("flat.yaml", analysis.text()))
    assert to_text(alone.require_graph()) == to_text(analysis.require_graph())


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_b0"])
def test_a_shipped_spec_as_one_file_is_the_same_network(name: str) -> None:
    alone = analyze(Source("flat.yaml", analyze(name).text()))
    assert not alone.findings
    assert to_text(alone.require_graph()) == to_text(to_graph(name))


@pytest.mark.parametrize("name", ["googlenet_bn", "inception_v2_tfslim", "nin_cifar10"])
def test_sections_of_the_one_file_stand_in_the_usual_order(name: str) -> None:
    tree = parse(Source("flat.yaml", analyze(name).text()), Findings())
    assert isinstance(tree, Mapping)
    assert list(tree.items) == [key for key in KEYS if key in tree.items]


def test_values_that_were_set_are_in_the_one_file(base: Path) -> None:
    values = {"classes": "3"}
    source = Source("v.yaml", "extends: base.yaml\nname: V\nexpect: {depth: 4}\n")
    flat = analyze(source, set=values).text(values)
    assert to_graph(Source("flat.yaml", flat)).shape("fc") == (3,)
    assert "expect" not in flat


SPAN = Span(Source("", ""), 0, 0, 0, 0)


def as_tree(value: object) -> Node:
    if isinstance(value, dict):
        items = {k: Entry(Scalar(k, k, SPAN), as_tree(v)) for k, v in value.items()}
        return Mapping(items, SPAN)
    if isinstance(value, list):
        return Sequence([as_tree(item) for item in value], SPAN)
    assert value is None or isinstance(value, str | int)
    text = value if isinstance(value, str) else json.dumps(value)
    return Scalar(value, text, SPAN)


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8)
NAMES = NAMES.filter(lambda key: key != "<<")  # which no tree that was read has
WORDS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Co", "Cn"]), max_size=30),
    st.sampled_from(
        ["no", "010", "1e3", "~", "null", "true", "- a", "a: b", "a #b", "'", "{", "$a * 2"]
    ),
)
VALUES = st.recursive(
    st.one_of(WORDS, st.integers(), st.booleans(), st.none()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


@given(
    st.dictionaries(NAMES | st.sampled_from(["stages", "blocks"]), VALUES, min_size=1, max_size=5)
)
def test_any_tree_is_written_so_that_it_reads_the_same(value: dict[str, object]) -> None:
    tree = as_tree(value)
    assert isinstance(tree, Mapping)
    findings = Findings()
    again = parse(Source("again.yaml", to_yaml(tree)), findings)
    assert list(findings) == []
    assert again is not None
    assert to_plain(again) == value
