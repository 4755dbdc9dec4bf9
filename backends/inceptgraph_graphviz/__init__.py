"""Diagrams of networks: DOT, SVG, PNG, PDF and Mermaid.

>>> from inceptgraph_graphviz import backend
>>> backend.lower(graph, format="svg")  # doctest: +SKIP
'<svg viewBox=…'
"""

from inceptgraph_graphviz.backend import FORMATS, Format, Graphviz, to_dot
from inceptgraph_graphviz.look import Look

__all__ = ["FORMATS", "Format", "Graphviz", "Look", "backend", "to_dot"]

backend = Graphviz()
"""What the entry point ``graphviz`` offers."""
