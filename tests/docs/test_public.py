"""Public places: what docs/python.md lists, documented, and all that examples import."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from places import BACKENDS, ROOT

import inceptgraph

PYTHON = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
PLACES = re.findall(r"^\| `(inceptgraph[\w.]*)` \|", PYTHON, re.MULTILINE)
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RIDDLE = re.compile(r"(What|How|Where|Which|Why|Whether|When|Who)\b")
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("tests/plugin/*.md")]
OWN = re.compile(rf"(inceptgraph|{'|'.join(folder.name for folder in BACKENDS)})(\.|$)")
MAIN = {
    "inceptgraph": ("analyze", "compile", "diff", "load", "summary", "to_graph"),
    "inceptgraph.analysis": (
        *("cost", "outline", "peak", "receptive_fields", "to_json", "to_text", "total"),
    ),
    "inceptgraph.compare": ("diff", "to_json", "to_markdown", "to_text"),
    "inceptgraph.passes": ("optimize",),
    "inceptgraph.sweep": ("sweep", "tabulate", "to_csv", "to_json", "to_markdown", "to_text"),
    "inceptgraph.weights": ("fit_file",),
}
"""The functions that each place is there for."""


def functions_and_classes(place: str) -> Iterator[tuple[str, object]]:
    module = importlib.import_module(place)
    for name in module.__all__:
        found = getattr(module, name)
        if inspect.isfunction(found) or inspect.isclass(found):
            yield name, found


def sources() -> list[pytest.param]:
    found = [
        pytest.param(block, id=f"{page.relative_to(ROOT)}:{number}")
        for page in PAGES
        for number, block in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")))
    ]
    plugin = ROOT / "tests" / "plugin"
    return found + [
        pytest.param(path.read_text(encoding="utf-8"), id=str(path.relative_to(ROOT)))
        for path in plugin.rglob("*.py")
    ]


def test_places_are_listed_once() -> None:
    assert len(PLACES) > 20
    assert len(set(PLACES)) == len(PLACES)
    assert not [place for place in PLACES if "._" in place]


@pytest.mark.parametrize("package", BACKENDS, ids=lambda package: package.name)
def test_packages_say_that_they_have_types(package: Path) -> None:
    """Without the mark, type checkers of those who import it take all of it for ``Any``."""
    assert (package / "py.typed").exists()


@pytest.mark.parametrize("place", PLACES)
def test_what_is_public_is_documented(place: str) -> None:
    for name, found in functions_and_classes(place):
        # a class without a docstring would show its base's
        text = vars(found).get("__doc__") if inspect.isclass(found) else inspect.getdoc(found)
        assert text, name
        assert not RIDDLE.match(text), f"{name}: begin with the noun: {text.splitlines()[0]}"
        if inspect.isfunction(found) and len(inspect.signature(found).parameters) > 2:
            assert "Args:" in text, name


@pytest.mark.parametrize(("place", "names"), MAIN.items())
def test_main_functions_have_examples(place: str, names: tuple[str, ...]) -> None:
    known = dict(functions_and_classes(place))
    assert not [name for name in names if ">>> " not in (inspect.getdoc(known[name]) or "")]


@pytest.mark.parametrize("source", sources())
def test_examples_import_what_is_public(source: str) -> None:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and OWN.match(node.module or ""):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                assert whole in PLACES or node.module in PLACES, f"{node.module} is not public"
                if whole not in PLACES:
                    assert alias.name in importlib.import_module(node.module).__all__, whole
        elif isinstance(node, ast.Import):
            named = [alias.name for alias in node.names if OWN.match(alias.name)]
            assert not [name for name in named if name not in PLACES], named


WITHOUT_TORCH = ("A graph", "What a network amounts to", "A diagram")


def test_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    compared = 0
    names: dict[str, object] = {"inceptgraph": inceptgraph}
    sections = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PYTHON, re.MULTILINE | re.DOTALL))
    for title in WITHOUT_TORCH:
        blocks = BLOCK.findall(sections[title])
        assert blocks
        for block in blocks:
            exec(block, names)
            for line in block.splitlines():
                code, _, told = line.partition(" # ")
                if _is_literal(told):
                    assert eval(code, names) == ast.literal_eval(told), line
                    compared += 1
    assert compared > 4  # results in comments


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return False
    return True
