"""The import contracts of ``.importlinter``: the code keeps them, and each can be broken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from itertools import combinations, permutations
from typing import Any

import grimp
import pytest
from importlinter.api import read_configuration
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.independence import IndependenceContract
from importlinter.contracts.layers import LayersContract
from places import BACKENDS, ROOT

CONFIGURATION = read_configuration(str(ROOT / ".importlinter"))
SESSION = CONFIGURATION["session_options"]
KINDS = {each.type_name: each for each in (ForbiddenContract, IndependenceContract, LayersContract)}
CONTRACTS = {each["id"]: each for each in CONFIGURATION["contracts_options"]}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    packages = SESSION["root_packages"]
    return grimp.build_graph(*packages, include_external_packages=True, cache_dir=None)


@pytest.fixture(scope="module")
def modules(graph: grimp.ImportGraph) -> grimp.ImportGraph:
    """The same modules, with no imports but those that a contract makes an exception of."""
    bare = deepcopy(graph)
    excepted = {line for each in CONTRACTS.values() for line in each.get("ignore_imports", [])}
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            if f"{importer} -> {imported}" not in excepted:
                bare.remove_import(importer=importer, imported=imported)
    return bare


def keeps(graph: grimp.ImportGraph, contract: str) -> bool:
    options: dict[str, Any] = CONTRACTS[contract]
    checked = KINDS[options["type"]](options["name"], SESSION, options)
    return checked.check(deepcopy(graph), verbose=False).kept  # which a check may change


@pytest.mark.parametrize("contract", CONTRACTS)
def test_the_code_keeps(
    contract: str, graph: grimp.ImportGraph, modules: grimp.ImportGraph
) -> None:
    assert keeps(graph, contract)
    assert keeps(modules, contract)


def several(contract: str, option: str) -> list[str]:
    """The lines of an option; of one line the text alone is given."""
    lines: str | list[str] = CONTRACTS[contract][option]
    return [lines] if isinstance(lines, str) else lines


def test_they_are_of_every_backend() -> None:
    """A package that a contract does not name would be held to nothing, and nobody told."""
    packages = {folder.name for folder in BACKENDS}
    assert set(SESSION["root_packages"]) == {"inceptgraph", *packages}
    assert set(several("backends", "modules")) == packages
    assert packages <= set(several("core", "forbidden_modules"))


def upwards() -> Iterator[tuple[str, str]]:
    """Every pair of rooms of which the first may not import the second."""
    layers = [layer.split(" | ") for layer in several("layers", "layers")]
    for higher, lower in combinations(layers, 2):
        yield from ((low, high) for low in lower for high in higher)
    for beside in layers:
        yield from permutations(beside, 2)


FORBIDDEN = [
    *(("layers", f"inceptgraph.{low}", f"inceptgraph.{high}") for low, high in upwards()),
    *(
        (contract, source, target)
        for contract in ("core", "inference")
        for source in several(contract, "source_modules")
        for target in several(contract, "forbidden_modules")
    ),
    *(("backends", *pair) for pair in permutations(several("backends", "modules"), 2)),
    # what native training may import, the rest of it and of training may not
    ("backends", "inceptgraph_native.engine", "inceptgraph_torch.engines"),
    ("backends", "inceptgraph_native.training.layers", "inceptgraph_torch.layers"),
    ("backends", "inceptgraph_native.training.replace", "inceptgraph_torch.engines"),
]


def innermost(graph: grimp.ImportGraph, module: str) -> str:
    """A module that lies as deep in a package as any: a contract is to hold there, too."""
    inner = set() if graph.is_module_squashed(module) else graph.find_descendants(module)
    return max([module, *sorted(inner)], key=lambda name: name.count("."))


@pytest.mark.parametrize(("contract", "importer", "imported"), FORBIDDEN)
def test_a_forbidden_import_breaks(
    contract: str, importer: str, imported: str, modules: grimp.ImportGraph
) -> None:
    changed = deepcopy(modules)
    importer, imported = innermost(modules, importer), innermost(modules, imported)
    changed.add_import(importer=importer, imported=imported)
    assert not keeps(changed, contract)


def test_a_module_in_no_layer_breaks(modules: grimp.ImportGraph) -> None:
    changed = deepcopy(modules)
    changed.add_module("inceptgraph.newcomer")
    assert not keeps(changed, "layers")


def test_each_contract_is_broken_by_a_case() -> None:
    assert {contract for contract, _, _ in FORBIDDEN} == set(CONTRACTS)


# -- rooms are imported by their face ----------------------------------------------------------


def trespasses(graph: grimp.ImportGraph) -> list[str]:
    """Imports of a module whose name begins with ``_`` from outside of its package."""
    return [
        f"{importer} -> {module}"
        for module in graph.modules
        for room, _, name in [module.rpartition(".")]
        if name.startswith("_") and not name.startswith("__")
        for importer in graph.find_modules_that_directly_import(module)
        if not f"{importer}.".startswith(f"{room}.")
    ]


def test_rooms_are_imported_by_their_face(graph: grimp.ImportGraph) -> None:
    assert trespasses(graph) == []


@pytest.mark.parametrize("importer", ["inceptgraph.pipeline", "inceptgraph_torch.lower"])
def test_an_import_of_a_private_module_is_seen(importer: str, graph: grimp.ImportGraph) -> None:
    changed = deepcopy(graph)
    changed.add_import(importer=importer, imported="inceptgraph.spec._load")
    assert trespasses(changed) == [f"{importer} -> inceptgraph.spec._load"]


PRIVATE = re.compile(r"inceptgraph(?:_\w+)?(?:\.\w+)*(?:\._|\.? import _)[a-z]\w*")
"""A private module as code and prose name one."""


@pytest.mark.parametrize("text", ["inceptgraph.spec._load", "from inceptgraph.spec import _load"])
def test_a_private_name_is_seen(text: str) -> None:
    assert PRIVATE.search(text)


@pytest.mark.parametrize(
    "path",
    [
        path.relative_to(ROOT).as_posix()
        for pattern in ("*.md", "docs/**/*.md", "docs/*.py", "benchmarks/*.py")
        for path in sorted(ROOT.glob(pattern))
    ],
)
def test_no_private_module_is_named(path: str) -> None:
    assert PRIVATE.findall((ROOT / path).read_text(encoding="utf-8")) == []
