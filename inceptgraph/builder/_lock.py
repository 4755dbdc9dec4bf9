"""The lock of a build: what it was made of, and what was changed in it since."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from inceptgraph.analysis import total
from inceptgraph.graph import Graph, to_text

__all__ = ["LOCK", "changed_files", "files", "graph_sha256", "write_lock"]

LOCK = "spec.lock.json"


def write_lock(
    graph: Graph,
    folder: Path,
    versions: Mapping[str, str],
    options: Mapping[str, Any],
    about: Mapping[str, Any],
) -> None:
    """Write the record of a build into it.

    Args:
        graph: of the model.
        folder: with all other files of the build.
        versions: of what made the model, by package.
        options: of the model.
        about: more records by name: of the weights, and of what was optimised.
    """
    inference, training = total(graph.phase("eval")), total(graph)
    record = {
        "format": "inceptgraph-lock/1",
        "name": graph.name,
        "versions": {
            "inceptgraph": version("inceptgraph"),
            **versions,
            "python": platform.python_version(),
        },
        "options": {name: str(value) for name, value in options.items() if value is not None},
        **about,
        "graph_sha256": graph_sha256(graph),
        "params": inference.params,
        "params_with_aux": training.params,
        "macs": inference.macs,
        "inputs": {node.name: list(node.shape or ()) for node in graph.inputs},
        "outputs": {o.name: list(graph.shape(o.node)) for o in graph.outputs},
        "losses": {o.name: o.loss for o in graph.outputs},
        "loss_weights": {o.name: o.loss_weight for o in graph.outputs},
        "files": {
            name: {"bytes": path.stat().st_size, "sha256": _sha256(path)}
            for name, path in files(folder).items()
        },
    }
    (folder / LOCK).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def changed_files(place: Path) -> list[str]:
    """Files of a build that are new or not as it wrote them."""
    try:
        recorded = json.loads((place / LOCK).read_text(encoding="utf-8"))["files"]
        hashes = {str(name): str(entry["sha256"]) for name, entry in recorded.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [LOCK]
    present = files(place)
    missing = [name for name in hashes if name not in present]
    return [name for name, path in present.items() if hashes.get(name) != _sha256(path)] + missing


def files(folder: Path) -> dict[str, Path]:
    """The files of a build by their paths in it, without its lock and what running it leaves."""
    present = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    ignored = {LOCK, "__pycache__"}
    return {n: present[n] for n in sorted(present) if not ignored & set(n.split("/"))}


def graph_sha256(graph: Graph) -> str:
    """The hash of a graph's text."""
    return hashlib.sha256(to_text(graph).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
