"""Files of weights fitted to networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from inceptgraph.diagnostics import Code, Diagnostic, SpecError, did_you_mean
from inceptgraph.graph import Graph
from inceptgraph.types import TensorInfo
from inceptgraph.weights import _fit_report as report
from inceptgraph.weights._allowed import Allowed
from inceptgraph.weights._best import fit_best, fit_by, prefixes
from inceptgraph.weights._contents import Contents, WeightsFile, look
from inceptgraph.weights._fitted import Fitted
from inceptgraph.weights._remap_table import choose, shipped
from inceptgraph.weights._slots import slots

__all__ = ["fit_entries", "fit_file", "load"]


def fit_file(
    graph: Graph,
    file: str | Path | WeightsFile,
    *,
    remap: str | Path | None = None,
    allow: Iterable[str] = (),
) -> Fitted:
    """Fit a file of weights to a network. Reads no numbers.

    Args:
        graph: with shapes, both phases.
        file: its path, or a :class:`WeightsFile`, which says how it is to be read.
        remap: a shipped remap table's name or a table's path (default: the shipped
            one that fits, if any).
        allow: ``missing:``, ``unexpected:`` or ``shape:`` and a pattern each.

    Returns:
        The fit, good or bad: :meth:`Fitted.require` raises where it is bad.

    Raises:
        SpecError: the file or the table cannot be read.
        ValueError: an item of ``allow`` has no such form.

    >>> from tempfile import TemporaryDirectory
    >>> import inceptgraph, numpy, safetensors.numpy
    >>> graph = inceptgraph.to_graph("lenet5")
    >>> with TemporaryDirectory() as folder:
    ...     tensors = {"other.weight": numpy.zeros(3, "float32")}
    ...     safetensors.numpy.save_file(tensors, f"{folder}/a.safetensors")
    ...     fit_file(graph, f"{folder}/a.safetensors").verdict
    'fits nowhere'
    """
    allowed, source = Allowed.of(allow), WeightsFile.of(file)
    contents = look(source.path, source.key)
    return _fit(graph, str(source.path), contents.entries, remap, allowed, source, contents)


def load(
    graph: Graph,
    file: str | Path | WeightsFile,
    *,
    remap: str | Path | None = None,
    allow: Iterable[str] = (),
    tell: Callable[[str], None] | None = None,
) -> Fitted:
    """A file of weights that fits a network: what a backend's ``weights`` takes.

    Args:
        graph: with shapes, both phases.
        file: its path, or how it is to be read, ``remap`` the table for its names, and ``allow``
            what need not fit, as in :func:`fit_file`.
        tell: told the fit in lines, those with warnings too, as :meth:`Fitted.lines` has them.
            Without it only numbers that are NaN or infinite are warned of, by the logger.

    Raises:
        SpecError: the file or the table cannot be read, or the file does not fit.
        ValueError: an item of ``allow`` has no such form.
    """
    fitted = fit_file(graph, file, remap=remap, allow=allow).require()
    if tell is None:
        report.warn_not_finite(fitted.name, fitted.not_finite)
    else:
        for line in fitted.lines():
            tell(line)
    return fitted


def fit_entries(
    graph: Graph,
    entries: Mapping[str, TensorInfo],
    *,
    remap: str | Path | None = None,
    allow: Iterable[str] = (),
    name: str = "the tensors",
) -> Fitted:
    """Fit tensors that are already there, by their names, shapes and types.

    Args:
        graph: with shapes, both phases.
        entries: shapes and types of the tensors, by name.
        remap: the table for their names, and ``allow`` what need not fit, as in :func:`fit_file`.
        name: what messages call the tensors.

    Raises:
        SpecError: the table cannot be read.
        ValueError: an item of ``allow`` has no such form.
    """
    return _fit(graph, name, entries, remap, Allowed.of(allow), WeightsFile(name))


def _fit(
    graph: Graph,
    name: str,
    entries: Mapping[str, TensorInfo],
    remap: str | Path | None,
    allowed: Allowed,
    source: WeightsFile,
    contents: Contents | None = None,
) -> Fitted:
    mine, prefix = slots(graph), _prefix(source, entries)
    adapt = source.adapt_input
    if remap is not None:
        found = fit_by(mine, entries, choose(remap), prefix=prefix, adapt_input=adapt)
    else:
        tables = shipped().values()
        found = fit_best(mine, entries, tables, prefix=prefix, adapt_input=adapt)
    return Fitted(name, found, allowed, contents, entries)


def _prefix(source: WeightsFile, entries: Iterable[str]) -> str | None:
    """The prefix that a user names, its last dot included.

    Raises:
        SpecError: nothing begins with it.
    """
    if not source.prefix:
        return source.prefix
    prefix = source.prefix.removesuffix(".") + "."
    if not any(name.startswith(prefix) for name in entries):
        known = {name[:end] for name in entries for end in range(len(name)) if name[end] == "."}
        most = prefixes(entries)[1:]
        told = f"most begin with `{most[-1]}`" if most else "no beginning is shared by most names"
        message = f"no name in `{source.path}` begins with `{prefix}`"
        hint = did_you_mean(prefix[:-1], sorted(known)) or told
        raise SpecError([Diagnostic(Code.WEIGHTS_MISMATCH, message, help=hint)])
    return prefix
