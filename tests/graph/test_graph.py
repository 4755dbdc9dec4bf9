"""The graph as networkx knows it: wiring, order, phases, checks, and equality up to names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import networkx
import pytest
from examples import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from specs_strategy import graph_of, specs

from inceptgraph.diagnostics import Source
from inceptgraph.graph import Graph, InvalidGraph, Node, Output, source_of
from inceptgraph.ops import Input, Operation
from inceptgraph.ops.activation import Relu, Tanh
from inceptgraph.ops.merge import Add, Concat
from inceptgraph.ops.shape import Channels
from inceptgraph.pipeline import to_graph
from inceptgraph.types import Family, Shape

Wiring = Mapping[str, tuple[Operation, Sequence[str]]]

IMAGE = Input(shape=(4, 8, 8))


def made(wiring: Wiring, *outputs: str) -> Graph:
    """A graph with shapes where operands come first, else without."""
    nodes: dict[str, Node] = {}
    for name, (op, inputs) in wiring.items():
        shapes = [nodes[each].shape for each in inputs if each in nodes]
        known = [shape for shape in shapes if shape is not None]
        shape = op.infer(*known) if len(known) == len(inputs) else None
        nodes[name] = Node(name, op, tuple(inputs), shape)
    return Graph("made", nodes, tuple(Output(f"out{i}", n) for i, n in enumerate(outputs)))


CHAIN: Wiring = {"x": (IMAGE, ()), "a": (Relu(), ["x"]), "b": (Tanh(), ["a"])}


# -- the digraph -----------------------------------------------------------------------------


def test_edges_carry_the_places_where_a_value_enters() -> None:
    graph = made({**CHAIN, "join": (Concat(), ["b", "a", "b"])}, "join")
    edges = graph.digraph.edges(data="operands")
    assert sorted(edges) == [
        ("a", "b", (0,)),
        ("a", "join", (1,)),
        ("b", "join", (0, 2)),
        ("x", "a", (0,)),
    ]
    assert graph.digraph.nodes["a"]["node"] is graph.nodes["a"]


def test_the_digraph_is_made_once_and_frozen() -> None:
    graph = made(CHAIN, "b")
    assert graph.digraph is graph.digraph
    with pytest.raises(networkx.NetworkXError, match="rozen"):
        graph.digraph.remove_node("a")
    copy = networkx.DiGraph(graph.digraph)
    copy.remove_node("a")
    assert "a" in graph.digraph


@given(specs(videos=True))
@settings(deadline=None)
def test_wiring_users_and_phases_have_a_second_formulation(text: str) -> None:
    graph = graph_of(text).verify()
    digraph = graph.digraph
    assert list(digraph) == list(graph.nodes)
    assert networkx.is_directed_acyclic_graph(digraph)
    inputs = {node.name for node in graph.inputs}
    for output in graph.outputs:
        assert inputs & networkx.ancestors(digraph, output.node)
    for name, node in graph.nodes.items():
        enters = {
            place: operand
            for operand, _, places in digraph.in_edges(name, data="operands")
            for place in places
        }
        assert tuple(enters[place] for place in sorted(enters)) == node.inputs
        readers = tuple(other.name for other in graph.nodes.values() if name in other.inputs)
        assert graph.users[name] == readers
    needed = {output.node for output in graph.outputs if not output.training_only}
    for node in reversed(graph.nodes.values()):  # who is needed hands it on to what it reads
        needed.update(node.inputs if node.name in needed else ())
    kept = [name for name in graph.nodes if name in needed | inputs]
    assert list(graph.phase("eval").nodes) == kept


@given(specs(videos=True), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_rewriting_puts_operands_first_and_leaves_an_order_as_it_is(text: str, random: Any) -> None:
    graph = graph_of(text)
    assert list(graph.rewrite(graph.nodes.values()).nodes) == list(graph.nodes)
    shuffled = list(graph.nodes.values())
    random.shuffle(shuffled)
    assert graph.rewrite(shuffled).verify().nodes == graph.nodes


def test_a_step_goes_right_before_the_first_that_needs_it() -> None:
    graph = made(CHAIN, "b")
    late = [Node("b", Add(), ("a", "new")), graph.nodes["a"], graph.nodes["x"]]
    order = graph.rewrite([*late, Node("new", Relu(), ("a",))]).nodes
    assert list(order) == ["x", "a", "new", "b"]


# -- checks ----------------------------------------------------------------------------------


class Constant(Operation):
    """Reads nothing, as only a foreign operation does."""

    op: ClassVar[str] = "constant"
    family: ClassVar[Family] = Family.ACTIVATION
    arity: ClassVar[tuple[int, int | None]] = (0, 0)

    def infer(self, *inputs: Shape) -> Shape:
        return (4, 8, 8)


LATE: Wiring = {"x": (IMAGE, ()), "b": (Relu(), ["a"]), "a": (Relu(), ["x"])}
LOOP: Wiring = {
    "x": (IMAGE, ()),
    "a": (Add(), ["x", "c"]),
    "b": (Relu(), ["a"]),
    "c": (Relu(), ["b"]),
}


@pytest.mark.parametrize(
    ("wiring", "outputs", "message"),
    [
        ({**CHAIN, "c": (Relu(), ["nothing"])}, ["c"], "c: its operand nothing does not exist"),
        (LATE, ["b"], "b: its operand a comes later"),
        (LOOP, ["b"], "a: it is made of its own result: a → b → c → a"),
        ({"x": (IMAGE, ()), "a": (Add(), ["x", "a"])}, ["a"], "a: it is made of .*: a → a"),
        ({**CHAIN, "k": (Constant(), ())}, ["b", "k"], "the output out1 depends on no input"),
        (CHAIN, ["b", "nothing"], "the output out1 names no node: nothing"),
    ],
)
def test_what_breaks_a_rule_is_named(wiring: Wiring, outputs: list[str], message: str) -> None:
    with pytest.raises(InvalidGraph, match=message):
        made(wiring, *outputs).verify()


def test_shapes_that_do_not_fit_break_a_rule() -> None:
    """As a reader of another format may give them."""
    graph = made({"x": (IMAGE, ()), "y": (IMAGE, ()), "a": (Add(), ["x", "y"])}, "a")
    other = replace(graph.nodes["y"], op=Input(shape=(5, 8, 8)), shape=(5, 8, 8))
    with pytest.raises(InvalidGraph, match="a: its operands do not fit it: `add` cannot join"):
        graph.with_nodes({**graph.nodes, "y": other}).verify()


def test_channels_that_are_counted_from_the_end_break_a_rule() -> None:
    graph = made({"x": (IMAGE, ()), "a": (Channels(start=0, stop=1), ["x"])}, "a")
    graph.verify()
    for op in (Channels(start=-1), Channels(), Channels(start=0, stop=-1)):
        node = replace(graph.nodes["a"], op=op, shape=op.infer(graph.shape("x")))
        with pytest.raises(InvalidGraph, match=r"a: it is not `settled` on .*: use Channels"):
            graph.with_nodes({**graph.nodes, "a": node}).verify()
    assert Channels(start=-3).label() == "channels -3 to the end"


def test_a_node_has_the_name_that_it_is_stored_under() -> None:
    graph = made(CHAIN, "b")
    nodes = {**graph.nodes, "a": replace(graph.nodes["a"], name="other")}
    with pytest.raises(InvalidGraph, match="a: the node stored here calls itself other"):
        graph.with_nodes(nodes).verify()


def test_rewriting_names_a_cycle_and_shortens_a_long_one() -> None:
    graph = made(CHAIN, "b")
    steps = [Node(f"s{i}", Relu(), (f"s{(i - 1) % 100}",)) for i in range(100)]
    with pytest.raises(InvalidGraph, match=r"(s\d+ → ){7}… → s\d+ → s\d+$"):
        graph.rewrite([*graph.nodes.values(), *steps])
    with pytest.raises(InvalidGraph, match="b: its operand nothing does not exist"):
        graph.rewrite([graph.nodes["x"], Node("b", Relu(), ("nothing",))])


# -- paths -----------------------------------------------------------------------------------


@given(specs(videos=True))
@settings(deadline=None)
def test_children_are_the_paths_one_level_below(text: str) -> None:
    graph = graph_of(text)
    pending, leaves = [""], []
    while pending:
        below = graph.children(pending.pop())
        leaves += [path for path in below if not graph.children(path)]
        pending += below
    assert sorted(leaves) == sorted(graph.nodes)
    for path in graph.scopes:
        depth = path.count(".") + 1
        names = (node.name.split(".") for node in graph.within(path) if node.name != path)
        assert graph.children(path) == tuple(
            dict.fromkeys(".".join(parts[: depth + 1]) for parts in names)
        )


def test_a_stage_and_what_readers_call_its_result() -> None:
    text = """
name: Two
input: {channels: 3, height: 8, width: 8}
stages:
  first: {steps: {conv: {op: conv2d, out: 4}, act: {op: relu}}}
  second: {op: relu}
"""
    graph = to_graph(Source("two.yaml", text))
    assert graph.stage_of("first.conv") == "first"
    assert graph.stage_of("second") == "second"
    assert source_of(graph, "first.act") == "first"
    assert source_of(graph, "first.conv") == "first.conv"
    assert graph.children("nothing") == ()


# -- equality up to names --------------------------------------------------------------------


def renamed(graph: Graph) -> Graph:
    """The same graph with other names for everything."""
    called = {name: f"n{place}" for place, name in enumerate(graph.nodes)}
    nodes = (
        replace(
            node,
            name=called[node.name],
            inputs=tuple(called[each] for each in node.inputs),
            shares=called[node.shares] if node.shares else None,
        )
        for node in graph.nodes.values()
    )
    outputs = (replace(o, name=f"{o.name}_too", node=called[o.node]) for o in graph.outputs)
    return Graph("renamed", {node.name: node for node in nodes}, tuple(outputs))


@given(specs(videos=True))
@settings(deadline=None)
def test_a_renamed_graph_is_the_same(text: str) -> None:
    graph = graph_of(text)
    other = renamed(graph)
    assert graph.same_as(other)
    assert other.same_as(graph)


ONCE: Wiring = {**CHAIN, "sum": (Add(), ["a", "a"])}
TWICE: Wiring = {**CHAIN, "again": (Relu(), ["x"]), "sum": (Add(), ["a", "again"])}
JOIN: Wiring = {**CHAIN, "join": (Concat(), ["a", "b"])}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(made(CHAIN, "b"), made(CHAIN, "a"), id="another output"),
        pytest.param(made(CHAIN, "b"), made(CHAIN, "b", "a"), id="an output more"),
        pytest.param(made(CHAIN, "a", "b"), made(CHAIN, "b", "a"), id="outputs swapped"),
        pytest.param(
            made(CHAIN, "b"), made({**CHAIN, "b": (Relu(), ["a"])}, "b"), id="another operation"
        ),
        pytest.param(
            made(CHAIN, "b"),
            made({**CHAIN, "x": (Input(shape=(4, 8, 9)), ())}, "b"),
            id="an argument changed",
        ),
        pytest.param(made(CHAIN, "b"), made({**CHAIN, "y": (IMAGE, ())}, "b"), id="an input more"),
        pytest.param(
            made(JOIN, "join"),
            made({**JOIN, "join": (Concat(), ["b", "a"])}, "join"),
            id="operands swapped",
        ),
        pytest.param(
            made(JOIN, "join"),
            made({**JOIN, "join": (Concat(), ["a", "b", "a"])}, "join"),
            id="an operand more",
        ),
        pytest.param(made(ONCE, "sum"), made(TWICE, "sum"), id="computed once and twice"),
    ],
)
def test_what_is_not_the_same(one: Graph, other: Graph) -> None:
    assert not one.same_as(other)
    assert not other.same_as(one)
    assert one.same_as(renamed(one))


def test_a_loss_weight_counts_and_a_step_that_no_output_needs_does_not() -> None:
    graph = made(CHAIN, "b")
    head = replace(graph, outputs=(replace(graph.outputs[0], loss_weight=0.3),))
    assert not graph.same_as(head)
    assert graph.same_as(made({**CHAIN, "unread": (Tanh(), ["x"])}, "b"))


@st.composite
def wirings(draw: st.DrawFn) -> Graph:
    """Small graphs of few operations, in which much is alike; every step is needed."""
    wiring: dict[str, tuple[Operation, Sequence[str]]] = {"x0": (IMAGE, ()), "x1": (IMAGE, ())}
    for index in range(draw(st.integers(1, 5))):
        op = draw(st.sampled_from([Relu(), Add(), Add()]))
        most = op.arity[1] or 2
        operands = st.lists(st.sampled_from(list(wiring)), min_size=most, max_size=most)
        wiring[f"s{index}"] = (op, draw(operands))
    ends = set(wiring) - {operand for _, inputs in wiring.values() for operand in inputs}
    return made(wiring, *draw(st.permutations(sorted(ends))))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Graph, Graph]:
    """Two graphs that have nothing to do with each other, or differ in one operand, or in none;
    one of them is renamed."""
    one, other = draw(wirings()), draw(wirings())
    if draw(st.booleans()):
        name = draw(st.sampled_from([node.name for node in one.nodes.values() if node.inputs]))
        inputs = list(one.nodes[name].inputs)
        earlier = list(one.nodes)[: list(one.nodes).index(name)]
        place = draw(st.integers(0, len(inputs) - 1))
        inputs[place] = draw(st.sampled_from(earlier))
        edited = {**one.nodes, name: replace(one.nodes[name], inputs=tuple(inputs))}
        other = one.with_nodes(edited)
        assume(len(other.leading_to(other.outputs)) == len(other.nodes))
    return one, renamed(other)


def as_networkx_knows(graph: Graph) -> networkx.DiGraph[str]:
    """The digraph with all that counts in its attributes."""
    digraph = networkx.DiGraph(graph.digraph)
    inputs = [node.name for node in graph.inputs]
    for name, node in graph.nodes.items():
        results = [place for place, output in enumerate(graph.outputs) if output.node == name]
        place = inputs.index(name) if name in inputs else None
        digraph.nodes[name]["is"] = (node.op, node.shape, results, place)
    return digraph


@given(pairs())
@settings(deadline=None, max_examples=examples(300))
def test_networkx_finds_the_same_graphs_equal(pair: tuple[Graph, Graph]) -> None:
    one, other = pair
    isomorphic = networkx.is_isomorphic(
        as_networkx_knows(one),
        as_networkx_knows(other),
        node_match=lambda a, b: a["is"] == b["is"],
        edge_match=lambda a, b: a["operands"] == b["operands"],
    )
    assert one.same_as(other) == isomorphic
