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
import shlex
from collections.abc import Callable, Container, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from inceptgraph import backend as backends
from inceptgraph.cost import total
from inceptgraph.errors import Code, Diagnostic, SpecError
from inceptgraph.graph import Graph
from inceptgraph.pipeline import Analysis
from inceptgraph.replace import replacing
from inceptgraph.text import to_text
from inceptgraph.types import format_shape
from inceptgraph.weights.fitted import Fitted, fit_file

__all__ = ["LOCK", "build"]

LOCK = "spec.lock.json"
EXPORTS = "exports"

Progress = Callable[[str], None]


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
        export: backends, such as ``onnx``, that each add a file for other programs to ``exports/``.
        progress: told what is being done, in a few words, and how the weights fit.
        options: the torch backend's: ``device``, ``dtype``, ``seed``.

    Returns:
        The directory.

    Raises:
        SpecError: the spec has errors, or ``out`` is something else or was changed, or the weights
            cannot be read or do not fit, or an export fails. Nothing is written.
        ValueError: an item of ``allow`` has no such form.
        OSError: the system cannot write it, such as on a full disk. Nothing is left of it.
    """
    graph = analysis.require_graph()
    place = Path(os.path.abspath(out))
    _check_place(place, force)
    find = backends.find_model if weights is None else backends.find_weights
    torch_backend = find("torch")
    exporters = [backends.find_export(name) for name in dict.fromkeys(export)]
    for each in (torch_backend, *exporters):
        backends.check_support(each, graph)
    torch_backend.check(**options)
    fitted = None
    given = dict(options)
    if weights is not None:
        fitted = fit_file(graph, weights, remap=remap, allow=allow).require()
        given["weights"] = fitted
        for line in fitted.lines():
            progress(line)
    place.parent.mkdir(parents=True, exist_ok=True)
    with replacing(place) as folder:
        (folder / "spec.yaml").write_text(analysis.text(overrides), encoding="utf-8")
        description = analysis.spec.description if analysis.spec else None
        torch_backend.write(graph, folder, description=description, progress=progress, **given)
        exported = _export(graph, folder, torch_backend, exporters, progress)
        progress("drawing the diagram")
        _draw(graph, folder)
        readme = _readme(graph, place.name, _files(folder), exported)
        (folder / "README.md").write_text(readme, encoding="utf-8")
        lock = _lock(graph, folder, options, fitted)
        (folder / LOCK).write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")
    return place


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
    graph: Graph,
    folder: Path,
    model: backends.ModelBackend,
    exporters: Iterable[backends.ExportBackend],
    progress: Progress,
) -> dict[str, str]:
    """What each exporter makes of the model in ``folder``: for each file, what it is."""
    described = {}
    for exporter in exporters:
        progress(f"exporting to {exporter.name}")
        name = f"{EXPORTS}/model{exporter.suffix}"
        if name in described:
            _refuse(f"two exports would write `{name}`", "build twice, with one of them each")
        (folder / EXPORTS).mkdir(exist_ok=True)
        exporter.export(graph, model.tensors(graph, folder), folder / name)
        described[name] = f"the network in evaluation with these weights, for {exporter.name}"
    return described


def _lock(
    graph: Graph, folder: Path, options: Mapping[str, Any], fitted: Fitted | None = None
) -> dict[str, Any]:
    inference, training = total(graph.phase("eval")), total(graph)
    return {
        "format": "inceptgraph-lock/1",
        "name": graph.name,
        "versions": {
            "inceptgraph": version("inceptgraph"),
            "torch": version("torch"),
            "python": platform.python_version(),
        },
        "options": {name: str(value) for name, value in options.items() if value is not None},
        **({"weights": fitted.record()} if fitted else {}),
        "graph_sha256": hashlib.sha256(to_text(graph).encode()).hexdigest(),
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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_WHAT = {
    "spec.yaml": "the network",
    LOCK: "versions, counts and the hashes of these files",
    "model.py": "the network as Python",
    "model.safetensors": "its weights",
    "model.svg": "its diagram",
    "model.dot": "its diagram, for Graphviz to draw",
}


def _readme(graph: Graph, folder: str, files: Container[str], exported: Mapping[str, str]) -> str:
    counts = total(graph.phase("eval"))
    heads = [output for output in graph.outputs if output.training_only]
    inputs = ", ".join(f"`{n.name}` {format_shape(graph.shape(n.name))}" for n in graph.inputs)
    results = ", ".join(
        f"`{o.name}` {format_shape(graph.shape(o.node))}" for o in graph.outputs if o not in heads
    )
    weighted = "".join(
        f"\n- in training also `{h.name}`, loss weight {h.loss_weight:g}" for h in heads
    )
    arguments = ", ".join(node.name for node in graph.inputs)
    main = [output.name for output in graph.outputs if output not in heads]
    targets = ", ".join(f'"{output.name}": …' for output in graph.outputs)
    target = "labels" if len(main) == 1 else f"{{{targets}}}, {{{targets}}}"
    present = {n: what for n, what in _WHAT.items() if n in files or n == LOCK}
    present.update(exported)
    table = "\n".join(f"| `{name}` | {what} |" for name, what in present.items())
    return f"""# {graph.name}

Compiled from `spec.yaml` by InceptGraph.

- takes {inputs}
- gives {results}{weighted}
- {counts.params:,} parameters, {counts.macs:,} multiply-adds a sample (without heads)

Run it (needs torch only):

```console
$ python {shlex.quote(folder)}/model.py
```

Use it:

```python
import sys; sys.path.insert(0, "{folder}")
import model

net = model.load()            # a torch.nn.Module in training mode, with these weights
outputs = net({arguments})
loss = model.loss(outputs, {target})
```

or, with InceptGraph, `net = inceptgraph.load("{folder}")`, a `torch.fx.GraphModule`.

| file | what it is |
| --- | --- |
{table}
"""
