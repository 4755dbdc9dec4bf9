"""DOT as a picture: by the library in the wheel of pygraphviz, else by the program ``dot``."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph_graphviz.fonts import configured_fonts

__all__ = ["render"]

_HARMLESS = (
    "Fontconfig ",
    "Warning: graph has ",
    "Warning: Warning: no hard-coded metrics",
    "Warning: Warning: no value for width of non-ASCII character",
)
"""How lines begin that say nothing about the picture.

The last two are about a text of invisible characters alone: the font gives it no width, so that
Graphviz looks in tables of its own, which know neither the font nor more than ASCII. It says the
last one once in a process.
"""
_ROUTING = "lib/pathplan/"
"""How lines begin that say that an edge took a plainer way than it should; it is there."""

_LOST = "Error: lost "
"""What says that no way was found for an edge, which is then missing."""

_logger = logging.getLogger("inceptgraph")

_TURN = threading.Lock()
"""Graphviz keeps state of its own, and a drawing borrows the environment and file descriptor 2."""


def render(dot: str, format: str) -> bytes:
    """Lay out a DOT text and draw it.

    Threads take turns. Where Graphviz finds no way for an edge, all edges are drawn as straight
    lines, which need none, and the log says so.

    Args:
        dot: the text.
        format: ``svg``, ``png`` or ``pdf``.

    Raises:
        SpecError: there is no renderer, or it failed or complained, or lost an edge again.
    """
    for draw in (_by_library, _by_program):
        with _TURN, configured_fonts():
            drawn = draw(dot, format)
            if drawn is not None and _LOST in drawn[1]:
                _logger.warning(
                    "Graphviz found no way for an arrow, and left it out:"
                    " the diagram is drawn again, with straight arrows"
                )
                drawn = draw(_with_straight_edges(dot), format)
        if drawn is not None:
            return _checked(*drawn, format)
    raise _failure(
        "there is no renderer for diagrams: neither pygraphviz nor the program `dot` is installed",
        "`pip install pygraphviz` brings one; or write DOT or Mermaid, which need none"
        " (`-o x.dot`, `-o x.mmd`)",
    )


def _with_straight_edges(dot: str) -> str:
    head, end, tail = dot.rpartition("}")
    return f"{head}splines=line{end}{tail}"


def _checked(picture: bytes, messages: str, format: str) -> bytes:
    """A picture that came without a complaint: Graphviz draws on after many errors."""
    lines = [line for line in messages.splitlines() if line.strip()]
    serious = [line for line in lines if not line.startswith(_HARMLESS)]
    errors = [line for line in serious if not line.startswith(("Warning:", _ROUTING))]
    if errors or not picture:
        reason = "; ".join(errors) or f"it made no {format}"
        raise _failure(
            f"Graphviz could not draw the diagram: {reason}",
            "write DOT (`-o x.dot`) to see what it was given",
        )
    for line in serious:
        warnings.warn(f"Graphviz: {line}", stacklevel=3)
    return picture


def _failure(message: str, help: str) -> SpecError:
    return SpecError([Diagnostic(Code.RENDERER, message, help=help)])


def _by_library(dot: str, format: str) -> tuple[bytes, str] | None:
    """Draw in this process; None where the library is not installed."""
    # A shared library and 25 ms: only a picture needs it.
    try:
        import pygraphviz
    except ImportError:
        return None
    with _captured_stderr() as messages:
        try:
            graph: Any = pygraphviz.AGraph(string=dot)
            picture = graph.draw(format=format, prog="dot")
            graph.close()
        except (ValueError, TypeError) as error:  # TypeError: how it meets an unknown format
            return b"", messages() or str(error)
        return picture, messages()


def _by_program(dot: str, format: str) -> tuple[bytes, str] | None:
    """Draw with the program ``dot``; None where there is none on the PATH."""
    import graphviz

    try:
        return graphviz.pipe("dot", format, dot.encode(), quiet=True), ""
    except graphviz.ExecutableNotFound:
        return None
    except graphviz.CalledProcessError as error:
        return b"", (error.stderr or b"").decode(errors="replace") or str(error)


@contextmanager
def _captured_stderr() -> Iterator[Callable[[], str]]:
    """What is written to file descriptor 2, which the C library does behind Python's back."""
    if sys.stderr is not None:  # a program without a console has none
        sys.stderr.flush()
    with tempfile.TemporaryFile() as file:
        saved = os.dup(2)

        def messages() -> str:
            file.seek(0)
            return file.read().decode(errors="replace")

        try:
            os.dup2(file.fileno(), 2)
            yield messages
        finally:
            os.dup2(saved, 2)
            os.close(saved)
