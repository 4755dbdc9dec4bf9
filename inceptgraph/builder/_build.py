"""``build``: a directory that any PyTorch runs, with everything that made it.

The directory is written beside its place and moved there whole, so that a build that is killed
leaves either what was there before or the new one. A directory that someone changed since it was
built is not replaced unless asked.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from inceptgraph import backend as backends
from inceptgraph.analysis import total
from inceptgraph.backend import Exported, Progress, Trained
from inceptgraph.builder._atomic_directory import replacing
from inceptgraph.builder._readme import readme
from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph.engine import AUTO, Choice, Setting, choose
from inceptgraph.engine import rewritten as rewrite
from inceptgraph.graph import Graph, to_text
from inceptgraph.pipeline import Analysis
from inceptgraph.weights import Fitted, load

__all__ = ["LOCK", "build"]

LOCK = "spec.lock.json"
EXPORTS = "exports"


def build(
    analysis: Analysis,
    out: str | Path,
    *,
    overrides: Mapping[str, Any] | None = None,
    force: bool = False,
    weights: str | Path | None = None,
    remap: str | Path | None = None,
    allow: Iterable[str] = (),
    export: Iterable[str] = (),
    optimize: bool | Sequence[str] = False,
    engine: str = AUTO,
    batch: int = 1,
    progress: Progress = lambda step: None,
    **options: Any,
) -> Path:
    """Write the model of a spec to a directory.

    Args:
        analysis: of a spec without errors.
        out: the directory. It may be missing, empty, or an unchanged earlier build.
        overrides: what ``--set`` replaced, to be written into ``spec.yaml``.
        force: replace an earlier build even where it was changed since.
        weights: a file to start from, ``remap`` the table for its names and ``allow`` what need
            not fit, as in :func:`inceptgraph.compile`.
        export: backends, such as ``onnx``, that each add files for other programs to ``exports/``.
        optimize: also write the network in evaluation as passes rewrite it for ``engine``, and
            export that; what the engine reads is exported unasked. A list of names runs just these
            passes, in this order.
        engine: its name; ``auto`` picks the fastest that is installed.
        batch: samples at a time that the passes and the exports are to be fastest for.
        progress: told what is being done, in a few words, and how the weights fit.
        options: the torch backend's: ``device``, ``dtype``, ``seed``.

    Returns:
        The directory.

    Raises:
        SpecError: the spec has errors, or ``out`` is something else or was changed, or the weights
            cannot be read or do not fit, or passes cannot run as they are listed, or no engine can
            run the network, or an export fails. Nothing is written.
        ValueError: an item of ``allow`` has no such form.
        OSError: the system cannot write it, such as on a full disk. Nothing is left of it.
    """
    graph = analysis.require_graph()
    place = Path(os.path.abspath(out))
    _check_place(place, force)
    find = backends.find_model if weights is None else backends.find_weights
    model_backend = find(backends.MODEL)
    model_backend.check(**options)
    optimized = _optimized(graph, engine, batch, optimize, options) if optimize else None
    asked = [*export, *(optimized.exports if optimized else ())]
    exporters = [backends.find_export(name) for name in dict.fromkeys(asked)]
    for each in (model_backend, *exporters):
        backends.check_support(each, graph)
        if optimized:
            backends.check_support(each, optimized.graph)
    fitted = None
    given = dict(options)
    if weights is not None:
        given["weights"] = fitted = load(graph, weights, remap=remap, allow=allow, tell=progress)
    place.parent.mkdir(parents=True, exist_ok=True)
    with replacing(place) as folder:
        (folder / "spec.yaml").write_text(analysis.text(overrides), encoding="utf-8")
        about = {
            "description": analysis.spec.description if analysis.spec else None,
            "progress": progress,
        }
        model_backend.write(graph, folder, **about, **given)
        if optimized:
            progress(f"optimising for {optimized.choice}")
            model_backend.write_optimized(optimized.graph, folder, **about)
        exported: list[Exported] = []
        if exporters:
            network = Trained(
                graph,
                optimized.graph if optimized else graph.phase("eval"),
                model_backend.tensors(graph, folder),
                model_backend.dtype(folder),
                str(options.get("device") or "cpu"),
                batch,
            )
            exported = _export(network, folder / EXPORTS, exporters, progress)
        progress("drawing the diagram")
        _draw(graph, folder)
        text = readme(graph, place.name, {*_files(folder), LOCK}, EXPORTS, exported)
        (folder / "README.md").write_text(text, encoding="utf-8")
        lock = _lock(graph, folder, model_backend.versions(), options, fitted, optimized)
        (folder / LOCK).write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")
    return place


@dataclass(frozen=True)
class _Optimized:
    """The network in evaluation as passes rewrote it, and what for."""

    graph: Graph
    choice: Choice
    setting: Setting
    passes: tuple[str, ...]

    @property
    def exports(self) -> tuple[str, ...]:
        """The backends whose files the engine reads."""
        return () if self.choice.engine.export is None else (self.choice.engine.export,)

    def record(self) -> dict[str, Any]:
        """The lock's record of it."""
        costs = total(self.graph)
        return {
            "engine": self.choice.engine.name,
            "why": self.choice.why,
            "for": str(self.setting),
            "passes": list(self.passes),
            "graph_sha256": _graph_sha256(self.graph),
            "params": costs.params,
            "macs": costs.macs,
        }


def _optimized(
    graph: Graph,
    engine: str,
    batch: int,
    optimize: bool | Sequence[str],
    options: Mapping[str, Any],
) -> _Optimized:
    setting = Setting.of(device=options.get("device"), dtype=options.get("dtype"), batch=batch)
    choice = choose(engine, graph.phase("eval"), setting)
    run: list[str] = []
    rewritten = rewrite(choice.engine, graph, setting, optimize, lambda step: run.append(step.name))
    if refusal := choice.engine.refusal(rewritten, setting):
        raise SpecError([refusal])
    return _Optimized(rewritten, choice, setting, tuple(run))


def _check_place(place: Path, force: bool) -> None:
    """Refuse to replace what no build wrote, or what was changed since."""
    above = next((folder for folder in place.parents if folder.exists()), place)
    if not above.is_dir() or not os.access(above, os.W_OK):
        reason = "cannot be written to" if above.is_dir() else "is not a directory"
        _refuse(f"`{above}` {reason}", "build into another place")
    if place.is_symlink():
        _refuse(f"`{place}` is a link", f"build into what it leads to: {os.path.realpath(place)}")
    if place.exists() and not place.is_dir():
        _refuse(f"`{place}` exists and is not a directory", "build into another place")
    if not place.exists() or not any(place.iterdir()):
        return
    if not (place / LOCK).is_file():
        hint = "build into a new directory, or empty this one"
        _refuse(f"`{place}` holds files that no build wrote", hint)
    changed = _changed_files(place)
    if changed and not force:
        listed = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if changed[5:] else "")
        hint = "build into a new directory, or say --force to lose the changes"
        _refuse(f"`{place}` was changed since it was built: {listed}", hint)


def _changed_files(place: Path) -> list[str]:
    """Files of a build that are new or not as it wrote them."""
    try:
        recorded = json.loads((place / LOCK).read_text(encoding="utf-8"))["files"]
        hashes = {str(name): str(entry["sha256"]) for name, entry in recorded.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [LOCK]
    present = _files(place)
    missing = [name for name in hashes if name not in present]
    return [name for name, path in present.items() if hashes.get(name) != _sha256(path)] + missing


def _files(folder: Path) -> dict[str, Path]:
    """The files of a build by their paths in it, without its lock and what running it leaves."""
    present = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    ignored = {LOCK, "__pycache__"}
    return {n: present[n] for n in sorted(present) if not ignored & set(n.split("/"))}


def _refuse(message: str, help: str) -> None:
    raise SpecError([Diagnostic(Code.OUTPUT, message, help=help)])


def _draw(graph: Graph, folder: Path) -> None:
    """The diagram as SVG; as DOT on a machine that cannot draw."""
    try:
        graphviz = backends.find("graphviz")
    except SpecError:
        return  # a diagram is a comfort, not a part of the model
    try:
        (folder / "model.svg").write_text(graphviz.lower(graph, format="svg"), encoding="utf-8")
    except SpecError:
        (folder / "model.dot").write_text(graphviz.lower(graph, format="dot"), encoding="utf-8")


def _export(
    network: Trained,
    folder: Path,
    exporters: Iterable[backends.ExportBackend],
    progress: Progress,
) -> list[Exported]:
    """Put what each exporter makes of a network into a new ``folder``, and tell what it is."""
    folder.mkdir()
    written: list[Exported] = []
    for exporter in exporters:
        progress(f"exporting to {exporter.name}")
        with TemporaryDirectory(dir=folder) as own:
            made = exporter.export(network, Path(own), progress)
            for each in made:
                if (folder / each.name).exists():
                    hint = "build twice, with one of them each"
                    _refuse(f"two exports would write `{EXPORTS}/{each.name}`", hint)
                Path(own, each.name).rename(folder / each.name)
        written += made
    return written


def _lock(
    graph: Graph,
    folder: Path,
    versions: Mapping[str, str],
    options: Mapping[str, Any],
    fitted: Fitted | None = None,
    optimized: _Optimized | None = None,
) -> dict[str, Any]:
    inference, training = total(graph.phase("eval")), total(graph)
    return {
        "format": "inceptgraph-lock/1",
        "name": graph.name,
        "versions": {
            "inceptgraph": version("inceptgraph"),
            **versions,
            "python": platform.python_version(),
        },
        "options": {name: str(value) for name, value in options.items() if value is not None},
        **({"weights": fitted.record()} if fitted else {}),
        **({"optimized": optimized.record()} if optimized else {}),
        "graph_sha256": _graph_sha256(graph),
        "params": inference.params,
        "params_with_aux": training.params,
        "macs": inference.macs,
        "inputs": {node.name: list(node.shape or ()) for node in graph.inputs},
        "outputs": {o.name: list(graph.shape(o.node)) for o in graph.outputs},
        "loss_weights": {o.name: o.loss_weight for o in graph.outputs if o.training_only},
        "files": {
            name: {"bytes": path.stat().st_size, "sha256": _sha256(path)}
            for name, path in _files(folder).items()
        },
    }


def _graph_sha256(graph: Graph) -> str:
    return hashlib.sha256(to_text(graph).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
