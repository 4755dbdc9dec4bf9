"""The backend: options in, a picture or its text out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from inceptgraph.graph import Graph
from inceptgraph.ops import Operation
from inceptgraph_graphviz.blocks import make_picture
from inceptgraph_graphviz.dot import write
from inceptgraph_graphviz.picture_options import Look, check_option

__all__ = ["FORMATS", "Format", "Graphviz", "to_dot"]

Format = Literal["svg", "png", "pdf", "dot", "mermaid"]
FORMATS: Final[tuple[str, ...]] = get_args(Format)


class Graphviz:
    """Draws graphs."""

    name = "graphviz"

    def supports(self, operation: type[Operation]) -> bool:
        """Every operation has a label and a family, which is all that a diagram needs."""
        return True

    def lower(
        self,
        graph: Graph,
        *,
        format: Format = "svg",
        marks: Mapping[str, str] | None = None,
        ghosts: Graph | None = None,
        **options: Any,
    ) -> str | bytes:
        """Draw a graph.

        Args:
            graph: with shapes; both phases.
            format: one of :data:`FORMATS`.
            marks: ``added``, ``changed`` or ``removed`` by the path of a node or of what it is in;
                parts without a mark stand back, and heat is off unless it is asked for.
            ghosts: an earlier version of the graph; what it had more is drawn where it stood.
            options: those of :class:`Look`; of them Mermaid heeds ``direction`` alone.

        Returns:
            Text for ``dot``, ``mermaid`` and ``svg``; bytes for ``png`` and ``pdf``.

        Raises:
            SpecError: no renderer is installed, or it failed (never for DOT and Mermaid).
            ValueError: an option has a value that it does not know.
        """
        check_option("format", format, FORMATS)
        if format == "mermaid":
            from inceptgraph_graphviz.mermaid import write as write_mermaid

            picture = make_picture(graph, marks=marks, ghosts=ghosts)
            return write_mermaid(picture, direction=Look(**options).direction)
        dot = to_dot(graph, marks=marks, ghosts=ghosts, **options)
        if format == "dot":
            return dot
        from inceptgraph_graphviz.render import render

        drawn = render(dot, format)
        if format != "svg":
            return drawn
        from inceptgraph_graphviz.svg import polish

        return polish(drawn.decode(), title=graph.name, auto=options.get("theme", "auto") == "auto")


def to_dot(
    graph: Graph,
    *,
    marks: Mapping[str, str] | None = None,
    ghosts: Graph | None = None,
    **options: Any,
) -> str:
    """The diagram of a graph in the language DOT.

    Args:
        graph: with shapes; both phases.
        marks: as :meth:`Graphviz.lower` takes them.
        ghosts: likewise.
        options: those of :class:`Look`.

    Raises:
        ValueError: an option has a value that it does not know.
    """
    look = Look(**({"heat": "none"} if marks is not None else {}) | options)
    picture = make_picture(
        graph, fuse=look.depth < 3, by_stage=look.depth == 1, marks=marks, ghosts=ghosts
    )
    return write(picture, look)
