"""The files: SVG that lives in any page, PNG and PDF; what happens without renderer or fonts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from places import DATA

from inceptgraph import to_graph
from inceptgraph.diagnostics import Code, Source, SpecError
from inceptgraph.graph import Graph
from inceptgraph_graphviz import FORMATS, backend, fonts, render
from inceptgraph_graphviz.colours import DARK, LIGHT, Theme, contrast
from inceptgraph_graphviz.metrics import text_width

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def googlenet() -> Graph:
    return to_graph("googlenet")


@pytest.fixture(scope="module")
def svg(googlenet: Graph) -> str:
    text = backend.lower(googlenet)
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_what_it_says(googlenet: Graph, format: Any) -> None:
    made = backend.lower(googlenet, format=format)
    begin = {
        "svg": "<svg ",
        "png": b"\x89PNG\r\n",
        "pdf": b"%PDF-",
        "dot": 'digraph "GoogLeNet" {',
        "mermaid": "flowchart TB",
    }[format]
    assert made[: len(begin)] == begin


def test_an_svg_scales_and_has_a_title_and_text(svg: str) -> None:
    root = ElementTree.fromstring(svg)
    assert "viewBox" in root.attrib
    assert not {"width", "height"} & set(root.attrib)
    assert root.findtext(f"{SVG}title") == "GoogLeNet"
    texts = {"".join(text.itertext()).strip() for text in root.iter(f"{SVG}text")}
    assert {"inception 3a", "7×7 conv /2, 64", "28×28×256", "auxiliary head 1"} <= texts


def test_an_svg_has_tooltips_without_links(svg: str) -> None:
    assert "<a " not in svg
    assert "<title>inception_3a.3x3.reduce.conv: 1×1 conv, 96, ReLU → 28×28×96</title>" in svg


def test_an_svg_says_how_long_its_texts_are(svg: str) -> None:
    for text in re.findall(r"<text [^>]*>[^<]*[a-z][^<]*<", svg):
        assert "textLength=" in text


def test_dark_mode_maps_every_colour(googlenet: Graph, svg: str) -> None:
    pairs = dict(zip(LIGHT.colours(), DARK.colours(), strict=True))
    assert len(set(zip(LIGHT.colours(), DARK.colours(), strict=True))) == len(pairs)
    body = svg.partition("</style>")[2]
    used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', body))
    assert used <= set(pairs)
    assert not re.findall(r'(?:fill|stroke)="(?!none|transparent|#)[a-z]+"', body)
    dark = backend.lower(googlenet, theme="dark")
    assert isinstance(dark, str)
    assert "<style>" not in dark
    used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', dark))
    assert used <= {DARK.paper, *DARK.colours()}
    assert DARK.paper in used, "readable on a white page too"


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_on_every_ground(theme: Theme) -> None:
    for ground in (theme.plain, *theme.tints.values(), *theme.heat):
        assert contrast(theme.text, ground) >= 11
        assert contrast(theme.muted, ground) >= 4.5


def test_families_differ_in_colour() -> None:
    assert len(set(LIGHT.hues.values())) == len(LIGHT.hues) - 1  # norm and dropout share one


def test_a_text_without_known_letters_has_no_length() -> None:
    assert text_width("漢字", 10) is None


def test_without_a_renderer_the_texts_are_still_written(
    googlenet: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SpecError) as caught:
        backend.lower(googlenet, format="png")
    (finding,) = caught.value.diagnostics
    assert finding.code is Code.RENDERER
    assert finding.help is not None
    assert "pip install pygraphviz" in finding.help
    assert backend.lower(googlenet, format="dot")
    assert backend.lower(googlenet, format="mermaid")


def test_the_program_dot_is_the_second_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "dot"
    program.write_text(f"#!{sys.executable}\nimport sys\nprint(*sys.argv[1:], sys.stdin.read())\n")
    program.chmod(0o755)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert render.render("digraph {}", "svg") == b"-Kdot -Tsvg digraph {}\n"


@pytest.mark.parametrize(
    "dot",
    [
        pytest.param("digraph { a [label=<<font></font>>] }", id="drawn in spite of an error"),
        pytest.param("digraph { a [label=<<table><tr></table>>] }", id="bad table"),
        pytest.param("digraph { a -> }", id="no DOT"),
    ],
)
def test_a_complaint_of_the_library_is_an_error(dot: str) -> None:
    with pytest.raises(SpecError, match="Graphviz could not draw"):
        render.render(dot, "svg")


def test_an_unknown_format_is_an_error() -> None:
    with pytest.raises(SpecError, match="Graphviz could not draw"):
        render.render("digraph { a }", "tga-of-old")


def _drawn_in_a_new_process(**environment: str) -> str:
    code = (
        "from inceptgraph import to_graph\n"
        "from inceptgraph_graphviz import backend\n"
        "import sys; sys.stdout.buffer.write(backend.lower(to_graph('googlenet')).encode())\n"
        "assert 'torch' not in sys.modules\n"
        "import os; assert 'FONTCONFIG_FILE' not in os.environ\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    env.pop("FONTCONFIG_FILE", None)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.decode()


@pytest.mark.skipif(fonts.bundled_font() is None, reason="font-roboto is not installed")
def test_a_picture_does_not_depend_on_the_machines_fonts(
    svg: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    assert _drawn_in_a_new_process(**home) == svg


def test_without_the_bundled_font_the_machines_fonts_serve(
    googlenet: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts, "bundled_font", lambda: None)
    with fonts.configured_fonts():
        assert "FONTCONFIG_FILE" not in os.environ
    assert backend.lower(googlenet, format="png")


def test_a_users_fontconfig_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FONTCONFIG_FILE", "/of/the/user.conf")
    with fonts.configured_fonts():
        assert os.environ["FONTCONFIG_FILE"] == "/of/the/user.conf"


def test_threads_take_turns(googlenet: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    running = threading.Semaphore(1)

    def draw(dot: str, format: str) -> tuple[bytes, str]:
        assert running.acquire(blocking=False)
        assert "FONTCONFIG_FILE" in os.environ
        time.sleep(0.01)
        running.release()
        return b"picture", ""

    monkeypatch.setattr(render, "_by_library", draw)
    monkeypatch.delenv("FONTCONFIG_FILE", raising=False)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: render.render("graph {}", "svg"), range(8))) == {b"picture"}
    assert "FONTCONFIG_FILE" not in os.environ


def test_invisible_letters_are_nothing_to_warn_of() -> None:
    # in a process of its own: Graphviz complains of the first such text alone
    code = (
        "from inceptgraph_graphviz.render import render\n"
        "render('digraph { \u200b [label=<<b>\u200b</b>> fontname=Roboto] }', 'svg')\n"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUTF8": "1"}
    done = subprocess.run(command, env=env, capture_output=True, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")


def test_a_long_name_does_not_stretch_the_legend() -> None:
    name = "A network whose name goes on and on " * 5
    text = f"name: {name}\ninput: {{features: 3}}\nstages: {{a: {{op: linear, out: 2}}}}"
    svg = backend.lower(to_graph(Source("long.yaml", text)))
    assert isinstance(svg, str)
    width = float(svg.split('viewBox="', 1)[1].split()[2])
    assert width < 500


def test_an_edge_that_finds_no_way_is_drawn_straight_and_that_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A text for which Graphviz's router gives an edge up; found by hypothesis."""
    dot = (DATA / "lost_edge.dot").read_text(encoding="utf-8")
    assert render.render(dot, "svg").count(b'class="edge"') == dot.count("->") == 8
    assert "drawn again, with straight arrows" in caplog.text


@pytest.mark.parametrize("by", ["_by_library", "_by_program"])
def test_a_picture_without_an_edge_is_not_handed_out(
    by: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As Graphviz says it, whichever way it is asked to draw."""
    asked = []

    def draw(dot: str, format: str) -> tuple[bytes, str]:
        asked.append(dot)
        return b"picture", "Error: in routesplines, Pshortestpath failed\nError: lost a b edge\n"

    monkeypatch.setattr(render, "_by_library", lambda dot, format: None)
    monkeypatch.setattr(render, by, draw)
    with pytest.raises(SpecError, match="Error: lost a b edge"):
        render.render("digraph { a -> b }", "svg")
    assert asked == ["digraph { a -> b }", "digraph { a -> b splines=line}"]
    assert "Graphviz found no way for an arrow" in caplog.text
