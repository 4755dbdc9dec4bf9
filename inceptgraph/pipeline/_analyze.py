"""The flow as far as the graph: source → spec → graph."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from inceptgraph.analysis import check_classes, check_expectations
from inceptgraph.arguments import check
from inceptgraph.diagnostics import (
    Code,
    Diagnostic,
    Findings,
    Severity,
    Source,
    SpecError,
    TooManyFindings,
)
from inceptgraph.expand import expand
from inceptgraph.graph import Graph
from inceptgraph.infer import infer
from inceptgraph.pipeline._kinds import KINDS
from inceptgraph.source import Node, parse
from inceptgraph.source import read as read_text
from inceptgraph.spec import (
    Block,
    Spec,
    edited_text,
    is_library,
    load_library,
    locate,
    override,
    resolve,
    whole_text,
)
from inceptgraph.spec import load as load_spec

__all__ = ["Analysis", "analyze", "graph_of", "to_graph"]


@dataclass(frozen=True)
class Analysis:
    """Everything that is known of a spec before a backend sees it.

    Attributes:
        findings: in the order of the text, warnings included.
        source: the text; None where it could not be read.
        tree: the parsed text, made whole with what it extends and includes, and with the values
            that were set; None where it is not YAML.
        others: the files besides its own that went into it.
        spec: the spec; None where it has no usable structure.
        graph: with shapes, complete unless ``findings`` holds errors.
        library: the blocks, where the text is a library of blocks and not a spec.
    """

    findings: tuple[Diagnostic, ...]
    source: Source | None = None
    tree: Node | None = field(default=None, repr=False)
    others: tuple[Source, ...] = ()
    spec: Spec | None = field(default=None, repr=False)
    graph: Graph | None = None
    library: dict[str, Block] | None = field(default=None, repr=False)

    @property
    def sources(self) -> tuple[Source, ...]:
        """The files that went into it, its own first."""
        return (self.source, *self.others) if self.source else self.others

    def text(self, overrides: Mapping[str, Any] | None = None) -> str:
        """The spec in one file, as it was resolved.

        Its own text where it stands alone, with comments and layout; else written anew.

        Args:
            overrides: the values that were set.
        """
        graph, source = self.require_graph(), self.source
        assert source is not None
        if not self.others or self.tree is None:
            return edited_text(source.text, overrides or {})
        used = {scope.block for scope in graph.scopes.values()}
        return whole_text(self.tree, used, expect=not overrides)

    def require_graph(self) -> Graph:
        """The graph of a spec without errors.

        Raises:
            SpecError: the spec has errors; it holds all findings.
        """
        if self.library is not None and self.source is not None:
            message = f"`{self.source.name}` is a library of blocks, not a network"
            hint = "a spec uses its blocks: `include: …`"
            raise SpecError([*self.findings, Diagnostic(Code.UNKNOWN_SPEC, message, help=hint)])
        if self.graph is None or any(d.severity is Severity.ERROR for d in self.findings):
            raise SpecError(self.findings)
        return self.graph


MANY = 100_000
"""Objects that are searched for garbage in some milliseconds; GoogLeNet makes 4,000."""


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """What is made from a spec holds no cycles: to search it for garbage over and over, while it
    grows, is a fifth of the time of a ``check`` of 10,000 steps, and once at the end a tenth."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            # asked last, since what is frozen is counted one by one
            if gc.get_count()[0] > MANY and not gc.get_freeze_count():
                gc.freeze()  # and back: all that is new counts as old, which is rarely searched
                gc.unfreeze()
            gc.enable()


@_no_garbage_collection()
def analyze(spec: str | Path | Source, *, set: Mapping[str, Any] | None = None) -> Analysis:
    """Take a spec as far as it goes, and report everything that is wrong with it.

    Args:
        spec: a path, ``-``, a shipped spec's name, or a text as :class:`Source`.
        set: values to replace, by path.

    Raises:
        TypeError: an argument has the wrong type.

    >>> text = "name: N\\ninput: {channels: 3, height: 8, width: 8}\\nstages: {a: {op: rellu}}"
    >>> [(str(f.code), f.help) for f in analyze(Source("n.yaml", text)).findings]
    [('IG201', 'did you mean `relu`?')]
    """
    check(KINDS, {"spec": spec, "set": set})
    for path in set or ():
        check(KINDS, {"key of set": path})
    findings = Findings()
    source = tree = typed = graph = library = None
    others: tuple[Source, ...] = ()
    try:
        source = spec if isinstance(spec, Source) else _read(spec, findings)
        tree = parse(source, findings) if source else None
        whole = resolve(tree, source, findings) if tree and source else None
        if tree and source and whole and is_library(tree):
            library = load_library(whole, source, findings)
            whole = None
        if source and whole:
            tree, others = override(whole.tree, set or {}, findings), whole.others
            typed = load_spec(replace(whole, tree=tree), source, findings)
        graph = infer(expand(typed, findings), findings) if typed else None
        if typed and graph and not findings.errors:
            graph.verify()
            if typed.classes:
                check_classes(typed.classes, graph, findings)
            if not set:  # a spec's expectations are of itself, not of what --set makes of it
                check_expectations(typed, graph, findings)
    except TooManyFindings:
        pass
    return Analysis(tuple(findings.ordered()), source, tree, others, typed, graph, library)


def _read(spec: str | Path, findings: Findings) -> Source | None:
    path = locate(spec, findings)
    return read_text(path, findings) if path is not None else None


def to_graph(spec: str | Path | Source, *, set: Mapping[str, Any] | None = None) -> Graph:
    """The verified graph of a spec, with shapes.

    Args:
        spec: a path, ``-``, a shipped spec's name, or a text as :class:`Source`.
        set: values to replace, by path.

    Raises:
        SpecError: the spec has errors; it holds all findings.
        TypeError: an argument has the wrong type.

    >>> to_graph("googlenet", set={"classes": 10}).shape("classifier")
    (10,)
    """
    return analyze(spec, set=set).require_graph()


def graph_of(spec: str | Path | Source | Graph, set: Mapping[str, Any] | None) -> Graph:
    if not isinstance(spec, Graph):
        return to_graph(spec, set=set)
    if set:
        raise TypeError("`set` replaces values of a spec: give the spec, not its graph")
    return spec
