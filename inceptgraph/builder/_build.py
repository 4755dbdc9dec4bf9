"""``build``: a directory that any PyTorch runs, with everything that made it.

The directory is written beside its place and moved there whole, so that a build that is killed
leaves either what was there before or the new one. A directory that someone changed since it was
built is not replaced unless asked.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from inceptgraph import backend as backends
from inceptgraph.analysis import total
from inceptgraph.backend import Exported, Progress, Trained
from inceptgraph.builder._atomic_directory import replacing
from inceptgraph.builder._lock import LOCK, changed_files, files, graph_sha256, write_lock
from inceptgraph.builder._readme import readme
from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph.engine import AUTO, Choice, Setting, choose, hold_to_plain
from inceptgraph.engine import rewritten as rewrite
from inceptgraph.graph import Graph
from inceptgraph.passes import from_pixels
from inceptgraph.pipeline import Analysis
from inceptgraph.weights import Fitted, WeightsFile, load

__all__ = ["build"]

EXPORTS = "exports"


def build(
    analysis: Analysis,
    out: str | Path,
    *,
    overrides: Mapping[str, Any] | None = None,
    force: bool = False,
    weights: str | Path | WeightsFile | None = None,
    remap: str | Path | None = None,
    allow: Iterable[str] = (),
    export: Iterable[str] = (),
    optimize: bool | Sequence[str] = False,
    engine: str = AUTO,
    batch: int = 1,
    verify: bool = False,
    preprocess: bool = False,
    progress: Progress = lambda step: None,
    **options: Any,
) -> Path:
    """Write the model of a spec to a directory.

    Args:
        analysis: of a spec without errors.
        out: the directory. It may be missing, empty, or an unchanged earlier build.
        overrides: what ``--set`` replaced, to be written into ``spec.yaml``.
        force: replace an earlier build even where it was changed since.
        weights: a file to start from, or how one is to be read, ``remap`` the table for its names
            and ``allow`` what need not fit, as in :func:`inceptgraph.compile`.
        export: backends, such as ``onnx``, that each add files for other programs to ``exports/``.
        optimize: also write the network in evaluation as passes rewrite it for ``engine``, and
            export that; what the engine reads is exported unasked. A list of names runs just these
            passes, in this order.
        engine: its name; ``auto`` picks the fastest that is installed.
        batch: samples at a time that the passes and the exports are to be fastest for.
        verify: have ``engine`` run what was rewritten for it on one random batch, and build nothing
            where the outputs are not those of the plain module.
        preprocess: let exports begin with what the spec says of images: they take pixels of 0 to
            255, red first, as floating-point numbers.
        progress: told what is being done, in a few words, and how the weights fit.
        options: the torch backend's: ``device``, ``dtype``, ``seed``.

    Returns:
        The directory.

    Raises:
        SpecError: the spec has errors, or says nothing of images where ``preprocess`` asks for it,
            or ``out`` is something else or was changed, or the weights
            cannot be read or do not fit, or passes cannot run as they are listed, or no engine can
            run the network, or ``engine`` gives wrong numbers, or an export fails. Nothing is
            written.
        TypeError: ``verify`` without ``optimize``.
        ValueError: an item of ``allow`` has no such form.
        OSError: the system cannot write it, such as on a full disk. Nothing is left of it.
    """
    if verify and not optimize:
        raise TypeError("`verify` holds what was rewritten for an engine to plain torch: optimize")
    graph = analysis.require_graph()
    place = Path(os.path.abspath(out))
    _check_place(place, force)
    find = backends.find_model if weights is None else backends.find_weights
    model = find(backends.MODEL)
    model.check(**options)
    optimized = _optimized(graph, engine, batch, optimize, options) if optimize else None
    asked = [*export, *(optimized.exports if optimized else ())]
    exporters = [backends.find_export(name) for name in dict.fromkeys(asked)]
    for each in (model, *exporters):
        backends.check_support(each, graph)
        if optimized:
            backends.check_support(each, optimized.graph)
    fitted = None
    if weights is not None:
        fitted = load(graph, weights, remap=remap, allow=allow, tell=progress)
    outward = (graph, optimized.graph if optimized else graph.phase("eval"))
    if preprocess:
        outward = _from_pixels(graph, optimized, optimize)
    parts = _Parts(graph, model, options, batch, fitted, optimized, exporters, outward, progress)
    place.parent.mkdir(parents=True, exist_ok=True)
    with replacing(place) as folder:
        (folder / "spec.yaml").write_text(analysis.text(overrides), encoding="utf-8")
        parts.write_model(folder, analysis.spec.description if analysis.spec else None)
        if optimized and verify:
            parts.verify(folder, optimized)
        exported = parts.write_exports(folder)
        progress("drawing the diagram")
        _draw(graph, folder)
        text = readme(graph, place.name, {*files(folder), LOCK}, EXPORTS, exported)
        (folder / "README.md").write_text(text, encoding="utf-8")
        about = {
            **({"weights": fitted.record()} if fitted else {}),
            **({"optimized": optimized.record()} if optimized else {}),
        }
        write_lock(graph, folder, model.versions(), options, about)
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
            "graph_sha256": graph_sha256(self.graph),
            "params": costs.params,
            "macs": costs.macs,
        }


@dataclass(frozen=True)
class _Parts:
    """All that a build is made of, checked before anything is written."""

    graph: Graph
    model: backends.ModelBackend
    options: Mapping[str, Any]
    batch: int
    fitted: Fitted | None
    optimized: _Optimized | None
    exporters: Sequence[backends.ExportBackend]
    outward: tuple[Graph, Graph]
    """The network as exports have it, and as it runs in evaluation."""
    progress: Progress

    def write_model(self, folder: Path, description: str | None) -> None:
        """Write the model, and the optimised one beside it."""
        about = {"description": description, "progress": self.progress}
        start = {} if self.fitted is None else {"weights": self.fitted}
        self.model.write(self.graph, folder, **about, **self.options, **start)
        if self.optimized:
            self.progress(f"optimising for {self.optimized.choice}")
            self.model.write_optimized(self.optimized.graph, folder, **about)

    def verify(self, folder: Path, optimized: _Optimized) -> None:
        """Hold the engine, on the weights in a directory, to the plain module."""
        engine, setting = optimized.choice.engine, optimized.setting
        tensors = self.model.tensors(self.graph, folder)
        self.progress(f"comparing what {engine.name} computes with the plain module")
        made = engine.prepare(optimized.graph, tensors, setting)
        self.progress(hold_to_plain(engine, made, self.graph, tensors, setting))

    def write_exports(self, folder: Path) -> list[Exported]:
        """Write what each exporter makes of the model in a directory."""
        if not self.exporters:
            return []
        network = Trained(
            *self.outward,
            self.model.tensors(self.graph, folder),
            self.model.dtype(folder),
            str(self.options.get("device") or "cpu"),
            self.batch,
        )
        return _export(network, folder / EXPORTS, self.exporters, self.progress)


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


def _from_pixels(
    graph: Graph, optimized: _Optimized | None, optimize: bool | Sequence[str]
) -> tuple[Graph, Graph]:
    """The network over pixels, and as it runs in evaluation, rewritten if it is to be."""
    if not graph.preprocessing:
        message = "`--preprocess` needs to know what images are made into, and no input says so"
        hint = "write `preprocess: {range: [0, 1]}` into the input of the spec"
        raise SpecError([Diagnostic(Code.OUTPUT, message, help=hint)])
    pixels = from_pixels(graph)
    if optimized is None:
        return pixels, pixels.phase("eval")
    engine, setting = optimized.choice.engine, optimized.setting
    return pixels, rewrite(engine, pixels, setting, optimize)


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
    changed = changed_files(place)
    if changed and not force:
        listed = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if changed[5:] else "")
        hint = "build into a new directory, or say --force to lose the changes"
        _refuse(f"`{place}` was changed since it was built: {listed}", hint)


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
