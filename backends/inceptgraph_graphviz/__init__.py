"""Diagrams of networks: DOT, SVG, PNG, PDF and Mermaid.

>>> from inceptgraph import to_graph
>>> backend.lower(to_graph("googlenet"), format="dot").splitlines()[0]
'digraph "GoogLeNet" {'
"""

from inceptgraph_graphviz.backend import FORMATS, Format, Graphviz, to_dot
from inceptgraph_graphviz.picture_options import Look

__all__ = ["FORMATS", "Format", "Graphviz", "Look", "backend", "to_dot"]

backend = Graphviz()
"""What the entry point ``graphviz`` offers."""
