"""Every example in the documentation, run."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import pytest
from places import BACKENDS, ROOT

from inceptgraph import backend as backends
from inceptgraph import engine as engines
from inceptgraph import plugins
from inceptgraph.backend import ExportBackend, find
from inceptgraph.cli import run
from inceptgraph.diagnostics import Source
from inceptgraph.pipeline import analyze
from inceptgraph.report import render
from inceptgraph.spec import shipped
from inceptgraph.types import format_shape
from inceptgraph.weights._remap_table import parse_table

HEADER = "name: Example\ninput: {channels: 3, height: 32, width: 32}\n"
FENCE = re.compile(r"^```yaml([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]
SHAPED = re.compile(r"^ *([\w-]+): .*# ([\d×]+)$")


def examples() -> list[pytest.param]:
    found = []
    for page in ("docs/language.md",):
        text = (ROOT / page).read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            line = text[: match.start()].count("\n") + 1
            found.append(pytest.param(match[1].strip(), match[2], id=f"{page}:{line}"))
    return found


@pytest.mark.parametrize(("expected", "text"), examples())
def test_language_reference(expected: str, text: str) -> None:
    whole = text if re.search(r"^(name|extends):", text, re.MULTILINE) else HEADER + text
    analysis = analyze(Source("example.yaml", whole))
    codes = [
        f"error={finding.code}" for finding in analysis.findings if finding.severity == "error"
    ]
    assert codes == ([expected] if expected else []), analysis.findings
    if expected:
        return
    graph = analysis.graph
    assert graph is not None
    for line in text.splitlines():
        shaped = SHAPED.match(line)
        if shaped:
            name, shape = shaped.groups()
            assert format_shape(graph.shape(graph.scopes[name].output)) == shape, line


def test_remap_tables_in_the_documentation_are_tables() -> None:
    text = (ROOT / "docs" / "weights.md").read_text(encoding="utf-8")
    tables = FENCE.findall(text)
    assert tables
    for _, table in tables:
        found = parse_table(Source("weights.md", table), "weights.md")
        renamed, _ = found.rename("inception3a.branch2.1.conv.weight")
        assert renamed == "inception_3a.3x3.3x3.conv.weight"


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    """What each generated page is to hold."""
    pages: dict[str, str] = runpy.run_path(str(ROOT / "docs" / "generate.py"))["pages"]()
    return pages


@pytest.mark.parametrize(
    "page", ["operations.md", "command-line.md", "zoo.md", "engines.md", "torch-compile.md"]
)
def test_generated_pages_are_current(page: str, generated: dict[str, str]) -> None:
    written = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert written == generated[page], "run python docs/generate.py"


def test_sweeps_shows_a_true_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    page = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
    shown = re.search(r"^```console\n\$ inceptgraph (.*?)\n(.*?)^```$", page, re.M | re.S)
    assert shown is not None
    assert run(shown[1].split()) == 0
    assert capsys.readouterr().out == shown[2]


def test_readme_shows_a_true_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = (ROOT / "specs" / "googlenet.yaml").read_text(encoding="utf-8")
    broken = spec.replace("out: $3x3, kernel: 3}}", "out: $3x3, kernel: 3, stride: 2}}")
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(broken, encoding="utf-8")
    shown = render(analyze("mine.yaml").findings, "full")
    assert shown.strip() in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", shipped())
def test_pictures_of_the_zoo_show_the_networks_as_they_are(name: str) -> None:
    """Words and figures, since another version of Graphviz places them elsewhere."""
    drawn = find("graphviz").lower(analyze(name).require_graph(), format="svg")
    kept = (ROOT / "docs" / "zoo" / f"{name}.svg").read_text(encoding="utf-8")
    words = re.compile(r"<text[^>]*>(.*?)</text>")
    assert sorted(words.findall(kept)) == sorted(words.findall(drawn)), "run docs/generate.py"


def test_the_zoo_holds_nothing_else() -> None:
    assert {path.stem for path in (ROOT / "docs" / "zoo").iterdir()} == set(shipped())


def rows(page: str, cell: str) -> set[str]:
    """The names that rows of a page's tables begin with."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return set(re.findall(rf"^\| {cell}", text, re.MULTILINE))


OURS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_engine_and_every_export_is_in_the_tables() -> None:
    assert OURS["entry-points"][engines.ENTRY_POINTS].keys() <= rows("engines.md", r"\[`(\w+)`]")
    points = plugins.points(backends.ENTRY_POINTS)
    for name in OURS["entry-points"][backends.ENTRY_POINTS]:
        if not plugins.missing_members(plugins.load(points[name], "backend"), ExportBackend):
            assert name in rows("exports.md", r"`(\w+)` ")


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/design.md"])
def test_places_in_tables_exist(page: str) -> None:
    cells = re.findall(
        r"^\|.*?\| (.*) \|$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE
    )
    places = [place for cell in cells for place in re.findall(r"`(\w+/[\w./]*)`", cell)]
    assert len(places) > 5
    assert not [place for place in places if not (ROOT / place).exists()]


def test_every_room_and_backend_has_a_row() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rooms = [
        *(ROOT / "inceptgraph").glob("[a-z]*.py"),
        *(ROOT / "inceptgraph").glob("*/__init__.py"),
    ]
    places = [path.parent if path.stem == "__init__" else path for path in rooms] + BACKENDS
    names = [place.relative_to(ROOT).as_posix() for place in places]
    assert not [name for name in names if f"`{name}" not in table]


def anchors(page: Path) -> set[str]:
    """What a link may name in a page: its headings, as GitHub writes them."""
    prose = FENCED.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    prose = FENCED.sub("", page.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        other = page.parent / place if place else page
        assert other.exists(), link
        assert not anchor or anchor in anchors(other), link
