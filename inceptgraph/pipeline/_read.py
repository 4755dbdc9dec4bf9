"""Networks that other programs wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inceptgraph import backend as backends
from inceptgraph.arguments import check
from inceptgraph.diagnostics import Code, Diagnostic, Findings, SpecError
from inceptgraph.graph import Graph
from inceptgraph.infer import infer
from inceptgraph.pipeline._kinds import KINDS

__all__ = ["read"]


def read(source: str | Path, backend: str, **options: Any) -> Graph:
    """The verified graph, with shapes, of a network that another program wrote.

    Args:
        source: the path of a file or a directory.
        backend: the name of an installed backend that reads the format.
        options: the backend's own.

    Raises:
        SpecError: the backend is missing or reads nothing, or the file cannot be read, or its
            network holds what no operation does, or shapes that do not fit.
        InvalidGraph: the backend made a graph that breaks the rules of one.
        TypeError: an argument has the wrong type.
    """
    check(KINDS, {"source": source, "backend": backend})
    findings = Findings()
    reader = backends.find_reader(backend)
    try:
        graph = infer(reader.read(source, **options).verify(), findings)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        code = Code.FILE_NOT_FOUND if missing else Code.NOT_A_FILE
        told = f"`{source}` cannot be read: {error.strerror or error}"
        raise SpecError([Diagnostic(code, told)]) from error
    if findings.errors:
        raise SpecError(findings.ordered())
    return graph.verify()
