"""The order in which passes run, and lists of passes by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import inceptgraph
from inceptgraph.cli import program
from inceptgraph.cli import run as run_command
from inceptgraph.diagnostics import SpecError
from inceptgraph.graph import Graph, to_text
from inceptgraph.passes import BUILT_IN, Pass, Step, Target, chosen, in_order, optimize
from inceptgraph.pipeline import to_graph

NAMES = [each.name for each in BUILT_IN]


def idle(graph: Graph, target: Target) -> Graph:
    """Change nothing."""
    return graph


def order(*more: Pass) -> list[str]:
    return [each.name for each in in_order([*BUILT_IN, *more])]


def told(names: list[str], train: bool = False) -> str:
    with pytest.raises(SpecError) as caught:
        chosen(names, train=train)
    (finding,) = caught.value.diagnostics
    assert finding.code == "IG815"
    return f"{finding.message}: {finding.help}"


# -- the order -------------------------------------------------------------------------------


def test_the_built_in_order_stays() -> None:
    assert order() == NAMES
    assert order(Pass("mine", idle), Pass("yours", idle)) == [*NAMES, "mine", "yours"]


@pytest.mark.parametrize("name", NAMES)
def test_a_pass_stands_right_behind_or_right_before_another(name: str) -> None:
    place = NAMES.index(name)
    behind = [*NAMES[: place + 1], "mine", *NAMES[place + 1 :]]
    assert order(Pass("mine", idle, after=(name,))) == behind
    assert order(Pass("mine", idle, before=(name,))) == [*NAMES[:place], "mine", *NAMES[place:]]


def test_a_pass_stands_behind_the_last_that_it_names() -> None:
    both = order(Pass("mine", idle, after=("fold-norm", "cse"), before=("join-cuts",)))
    assert both[both.index("fold-norm") + 1] == "mine"


@pytest.mark.parametrize("names", [("a", "z"), ("z", "a")])
def test_a_pass_that_names_nothing_runs_last(names: tuple[str, str]) -> None:
    free, early = names
    found = order(*sorted([Pass(free, idle), Pass(early, idle, before=("fold-norm",))], key=str))
    assert found[-1] == free
    assert found[found.index("fold-norm") - 1] == early


def test_some_passes_are_ordered_as_all_are() -> None:
    assert [each.name for each in in_order(BUILT_IN[::2])] == NAMES[::2]


def test_passes_of_packages_name_one_another() -> None:
    found = order(Pass("a", idle, after=("z",)), Pass("z", idle, after=("cse",)))
    assert found[found.index("cse") :][:3] == ["cse", "z", "a"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            [Pass("mine", idle, after=("fold-nrom",))],
            "the pass `mine` is to run next to `fold-nrom`, which is no pass",
        ),
        (
            [Pass("mine", idle, after=("fold-norm",), before=("cse",))],
            "passes wait for one another: ",
        ),
        (
            [Pass("a", idle, after=("b",)), Pass("b", idle, after=("a",))],
            "passes wait for one another: ",
        ),
    ],
)
def test_places_that_there_are_not_are_refused(more: list[Pass], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        order(*more)
    (finding,) = caught.value.diagnostics
    assert finding.code == "IG815"
    assert finding.message.startswith(message)
    assert all(f"`{each.name}`" in finding.message for each in more)


# -- lists by name ---------------------------------------------------------------------------


def test_just_these_passes_run_in_the_order_given() -> None:
    steps: list[Step] = []
    names = ["cse", "drop-training", "fold-norm", "cse"]
    optimize(to_graph("googlenet_bn"), observe=steps.append, only=names)
    assert [step.name for step in steps] == names


def test_none_changes_nothing() -> None:
    graph = to_graph("googlenet_bn")
    assert optimize(graph, only=[]) is graph


def test_all_by_name_are_all() -> None:
    graph = to_graph("googlenet_bn")
    assert to_text(optimize(graph, only=NAMES)) == to_text(optimize(graph))


def test_mistakes_in_a_list() -> None:
    assert told(["fold-nrom"]) == "there is no pass `fold-nrom`: did you mean `fold-norm`?"
    assert told(["xyz"]).startswith("there is no pass `xyz`: the passes are drop-training, cse, ")
    assert told(["cse", "fold-norm"]) == (
        "the pass `fold-norm` requires a graph with: inference: put `drop-training` before it"
    )
    assert told(["cse", "drop-training"], train=True).startswith(
        "the pass `drop-training` is not exact in training: those that are: cse, fold-constants"
    )


def test_compile_takes_names() -> None:
    names = ["drop-training", "fold-norm"]
    graph = to_graph("googlenet_bn")
    net = inceptgraph.compile(graph, optimize=names, seed=0)
    assert not [m for m in net.modules() if "BatchNorm" in type(m).__name__]
    eager = inceptgraph.compile(graph, engine="eager", optimize=["cse"], seed=0)
    assert [m for m in eager.modules() if "BatchNorm" in type(m).__name__]
    with pytest.raises(SpecError, match="there is no pass `fold`"):
        inceptgraph.compile(graph, engine="eager", optimize=["fold"])


def test_the_command_line_takes_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["graph", "googlenet_bn", "--passes", "drop-training, fold-norm"]) == 0
    wanted = optimize(to_graph("googlenet_bn"), only=["drop-training", "fold-norm"])
    assert capsys.readouterr().out == to_text(wanted)
    assert run_command(["graph", "googlenet_bn", "--passes", "fold-norm"]) == 1
    assert "put `drop-training` before it" in capsys.readouterr().err
    assert run_command(["graph", "lenet5", "--passes", "cse", "--optimize"]) == 2
    assert "give one of them" in capsys.readouterr().err
    assert run_command(["graph", "lenet5", "--passes", "cse,"]) == 2
    assert "commas between, such as `drop-training,fold-norm`" in capsys.readouterr().err


def test_the_shell_completes_the_last_name() -> None:
    command = program.get_command(program.make_context("inceptgraph", []), "graph")
    assert command is not None
    option = next(param for param in command.params if param.name == "passes")
    context = command.make_context("graph", ["lenet5"])
    offered = [item.value for item in option.shell_complete(context, "fold-norm,fold-")]
    assert offered == ["fold-norm,fold-constants", "fold-norm,fold-scale"]


def test_a_build_records_its_passes(tmp_path: Path) -> None:
    command = ["build", "lenet5", "-o", str(tmp_path / "model"), "--engine", "eager"]
    assert run_command([*command, "--passes", "drop-training,cse"]) == 0
    lock = json.loads((tmp_path / "model" / "spec.lock.json").read_text())
    assert lock["optimized"]["passes"] == ["drop-training", "cse"]
    assert (tmp_path / "model" / "optimized.py").is_file()


def test_a_mistake_in_a_list_is_no_engines() -> None:
    with pytest.raises(SpecError) as caught:
        inceptgraph.compile("lenet5", engine="auto", optimize=["fold-nrom"])
    assert [finding.code for finding in caught.value.diagnostics] == ["IG815"]
