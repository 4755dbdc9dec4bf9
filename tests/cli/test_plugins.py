"""Plug-ins that clash or lack something: whoever asks for them is told, and nobody else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from command_line import Run
from tiny_network import TINY

from inceptgraph import backend, engine, ops, passes, plugins
from inceptgraph.diagnostics import Code, Source, SpecError
from inceptgraph.measure import find_lab
from inceptgraph.passes import Pass
from inceptgraph.pipeline import to_graph
from inceptgraph.setting import Setting

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a package's metadata: its name, version, group, and what it offers by name."""

    def call(name: str, version: str, group: str, folder: str = "site", **offered: str) -> None:
        site = tmp_path / folder
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        points = "".join(f"{word} = {value}\n" for word, value in offered.items())
        (info / "entry_points.txt").write_text(f"[{group}]\n{points}")
        monkeypatch.syspath_prepend(str(site))

    ops.names.cache_clear()
    ops.find.cache_clear()
    return call


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module that fake packages offer things from: ``offers``."""
    made = ModuleType("offers")
    monkeypatch.setitem(sys.modules, "offers", made)
    return made


def message(find: Callable[[], object]) -> str:
    with pytest.raises(SpecError) as caught:
        find()
    (finding,) = caught.value.diagnostics
    return f"{finding.code}: {finding.message}; {finding.help}"


def test_entry_points_are_read_anew_once_something_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = "inceptgraph.tests.late"
    monkeypatch.syspath_prepend(str(tmp_path))
    assert not plugins.points(group)
    hits = plugins._installed.cache_info().hits
    assert not plugins.points(group)
    assert plugins._installed.cache_info().hits == hits + 1
    info = tmp_path / "late-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: late\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[{group}]\nlate = late:thing\n")
    os.utime(tmp_path, ns=(1, 1))  # a clock ticks too slowly to tell what came just now
    assert plugins.points(group).keys() == {"late"}


# -- two of one name -------------------------------------------------------------------------


def test_two_engines_of_one_name_are_refused_by_both_names(install: Install) -> None:
    install("fast-eager", "1.2", engine.ENTRY_POINTS, eager="fast_eager:Engine")
    told = message(lambda: engine.find("eager"))
    assert told.startswith("IG814: `eager` of `inceptgraph.engines` is offered by ")
    assert "fast-eager 1.2 (`fast_eager:Engine`)" in told
    assert "inceptgraph 0.1.0 (`inceptgraph_torch.engines:EagerEngine`)" in told
    assert told.endswith(
        "; keep one, and uninstall what else offers it: `pip uninstall fast-eager`"
    )


def test_a_clash_disturbs_nobody_who_does_not_ask_for_it(install: Install, run: Run) -> None:
    install("fast-eager", "1.2", engine.ENTRY_POINTS, eager="fast_eager:Engine")
    install("torch-too", "3", backend.ENTRY_POINTS, torch="torch_too:Backend")
    assert engine.find("inductor").name == "inductor"
    assert backend.find("graphviz").name == "graphviz"
    assert run("check", "lenet5").code == 0
    assert "IG814" in message(lambda: backend.find("torch"))


def test_auto_passes_over_a_clash_and_says_so(install: Install) -> None:
    install("fast-eager", "1.2", engine.ENTRY_POINTS, eager="fast_eager:Engine")
    choice = engine.choose("auto", to_graph(Source("tiny.yaml", TINY)), Setting())
    assert choice.engine.name != "eager"
    assert "`eager` of `inceptgraph.engines` is offered by" in choice.why


def test_lists_show_a_clash(install: Install, run: Run) -> None:
    install("fast-eager", "1.2", engine.ENTRY_POINTS, eager="fast_eager:Engine")
    install("torch-too", "3", backend.ENTRY_POINTS, torch="torch_too:Backend")
    assert "torch-too 3 (`torch_too:Backend`)" in run("list", "backends").out
    listed = run("list", "engines")
    assert listed.code == 0
    assert "cannot be used: `eager` of `inceptgraph.engines` is offered by" in listed.out


def test_one_package_found_twice_is_no_clash(install: Install, module: ModuleType) -> None:
    for folder in ("here", "there"):
        install("mine", "1", passes.ENTRY_POINTS, folder, mine="offers:mine")
    assert plugins.points(passes.ENTRY_POINTS)["mine"].value == "offers:mine"


def test_passes_that_clash_stop_optimising(install: Install, run: Run) -> None:
    for name in ("one", "two"):
        install(name, "1", passes.ENTRY_POINTS, mine=f"{name}:mine")
    told = message(passes.installed)
    assert "one 1 (`one:mine`)" in told and "two 1 (`two:mine`)" in told
    assert run("graph", "lenet5").code == 0
    assert run("graph", "lenet5", "--optimize").code == 1


def test_what_is_built_in_is_not_replaced(install: Install, module: ModuleType, run: Run) -> None:
    module.cse = Pass("cse", lambda graph, target: graph)  # type: ignore[attr-defined]
    install("mine", "1", passes.ENTRY_POINTS, cse="offers:cse")
    assert message(passes.installed).startswith("IG814: mine 1 offers a pass `cse`, which is built")
    install("other", "1", ops.ENTRY_POINTS, relu="offers:Relu")
    assert message(ops.installed).startswith("IG814: other 1 offers an operation `relu`, which is")
    assert run("list", "operations").code == 1
    assert run("check", "lenet5").code == 0


def test_verbs_that_clash(install: Install, run: Run) -> None:
    for name in ("one", "two"):
        install(name, "1", "inceptgraph.verbs", conjure=f"{name}:verb")
    lines = run("--help").out.partition("From other packages:\n")[2].splitlines()
    assert len([line for line in lines if "conjure" in line]) == 1
    told = " ".join(" ".join(lines).split())
    assert "one 1 (`one:verb`)" in told and "two 1 (`two:verb`)" in told
    assert ": refused, since they offer it both" in told
    refused = run("conjure")
    assert refused.code == 1
    assert "`conjure` of `inceptgraph.verbs` is offered by " in refused.err
    assert run("check", "lenet5").code == 0


def test_operations_that_clash(install: Install) -> None:
    for name in ("one", "two"):
        install(name, "1", ops.ENTRY_POINTS, swirl=f"{name}:Swirl")
    assert message(lambda: ops.find("swirl")).startswith("IG814: `swirl` of `inceptgraph.operat")


# -- one that is not what it says ------------------------------------------------------------


class Half:
    """Some of what a backend and an engine have."""

    name = "half"
    export = None

    def missing(self) -> None:
        return None

    def supports(self, operation: object) -> bool:
        return True


def test_members_that_are_missing_are_named(install: Install, module: ModuleType) -> None:
    module.Half = Half  # type: ignore[attr-defined]
    install("mine", "1", engine.ENTRY_POINTS, half="offers:Half")
    assert message(lambda: engine.find("half")) == (
        "IG807: `offers:Half` is offered as the engine `half`: it does not implement `refusal`,"
        " `target`, `speed`, `prepare`; mend it, or uninstall mine 1"
    )
    install("other", "1", backend.ENTRY_POINTS, half="offers:Half")
    assert message(lambda: backend.find("half")) == (
        "IG807: `offers:Half` is offered as the backend `half`: it does not implement `lower`;"
        " mend it, or uninstall other 1"
    )


@pytest.mark.parametrize(
    ("find", "told"),
    [
        (
            lambda: backend.find_model("graphviz"),
            "the backend `graphviz` cannot save models: it does not implement `check`, `initial`,"
            " `write`, `write_optimized`, `load`, `tensors`, `versions`, `dtype`",
        ),
        (
            lambda: backend.find_export("torch"),
            "the backend `torch` cannot export files: it does not implement `export`",
        ),
        (
            lambda: backend.find_reader("torch"),
            "the backend `torch` cannot read networks: it does not implement `read`",
        ),
        (
            lambda: find_lab("graphviz"),
            "the backend `graphviz` cannot measure: it does not implement `lab`",
        ),
    ],
)
def test_what_a_backend_cannot_do(find: Callable[[], object], told: str) -> None:
    assert message(find) == f"{Code.UNKNOWN_BACKEND}: {told}; None"


@pytest.mark.parametrize(
    ("offered", "told"),
    [
        (lambda graph, target: graph, "it is a `function`, not a `Pass`"),
        (Pass("yours", lambda graph, target: graph), "its name is `yours`"),
    ],
)
def test_what_is_no_pass(install: Install, module: ModuleType, offered: object, told: str) -> None:
    module.mine = offered  # type: ignore[attr-defined]
    install("mine", "1", passes.ENTRY_POINTS, mine="offers:mine")
    text = f"IG807: `offers:mine` is offered as the pass `mine`: {told}; mend it, or uninstall"
    assert message(passes.installed) == f"{text} mine 1"


def test_what_is_no_operation(install: Install, module: ModuleType) -> None:
    class Nameless(ops.Operation):
        pass

    module.swirl, module.Nameless = 3, Nameless  # type: ignore[attr-defined]
    install("mine", "1", ops.ENTRY_POINTS, swirl="offers:swirl", nameless="offers:Nameless")
    told = "IG807: `offers:swirl` is offered as the operation `swirl`: it is not a class of"
    assert message(lambda: ops.find("swirl")).startswith(told)
    assert "it is not a class of `Operation`" in message(lambda: ops.find("swirl"))
    assert "its `op` is `None`, not `nameless`" in message(lambda: ops.find("nameless"))
