"""Exports that torch itself makes: programs of ``torch.export``, and compiled packages."""

from inceptgraph_torch.export.aoti import AotiBackend
from inceptgraph_torch.export.pt2 import Pt2Backend

__all__ = ["AotiBackend", "Pt2Backend"]
