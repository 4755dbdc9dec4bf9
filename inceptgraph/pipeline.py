"""The whole flow: source → spec → graph → passes → backend."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inceptgraph import backend as backends
from inceptgraph.analysis import Outline, check_expectations, outline
from inceptgraph.arguments import FLAG, FUNCTION, NAME, NUMBER, PATH, TEXTS, Kind, check
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

if TYPE_CHECKING:
    from inceptgraph.passes import Optimize
    from inceptgraph.weights import WeightsFile
    from inceptgraph.weights.recipe_values import Tensors

__all__ = ["Analysis", "Pass", "analyze", "compile", "load", "read", "summary", "to_graph"]

Pass = Callable[[Graph], Graph]
"""Rewrites a graph; the result is verified."""

KINDS = {
    "spec": Kind("a path, a shipped spec's name or a Source", (str, PathLike, Source)),
    "source": PATH,
    "folder": PATH,
    "set": Kind(
        "a mapping from paths to values, such as {'classes': 10}", (Mapping,), optional=True
    ),
    "key of set": replace(NAME, told="a path, such as 'classes' or 'stages.conv1.out'"),
    "depth": replace(NUMBER, told="a number of levels", optional=True),
    "passes": replace(TEXTS, told="a list of functions from graph to graph"),
    "pass": replace(FUNCTION, told="a function from graph to graph"),
    "optimize": replace(
        FLAG,
        told="True, False, a Target or a list of passes' names",
        types=(bool, Sequence),
        but=(str, bytes),
        named=("inceptgraph.passes._base.Target",),
        optional=True,
    ),
    "backend": replace(NAME, told="a backend's name, such as `torch`"),
    "engine": replace(NAME, told="an engine's name, such as `auto`", optional=True),
    "verify": FLAG,
    "weights": replace(
        PATH,
        told="the path of a file, or a WeightsFile",
        named=("inceptgraph.weights._contents.WeightsFile",),
        optional=True,
    ),
    "remap": replace(PATH, told="a shipped table's name, or a path", optional=True),
    "allow": replace(TEXTS, told="a list of strings, such as ['missing:aux1']"),
}
"""Types of the arguments of the functions here, by name."""


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


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """What is made from a spec holds no cycles: to search it for garbage over and over, while it
    grows, is a fifth of the time of a ``check`` of 10,000 steps."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
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


def summary(
    spec: str | Path | Source | Graph,
    *,
    set: Mapping[str, Any] | None = None,
    depth: int | None = None,
) -> Outline:
    """The outline of a network: its stages and what is in them, with shapes and exact costs.

    Args:
        spec: a path, ``-``, a shipped spec's name, a :class:`Source`, or a graph.
        set: values of the spec to replace, by path.
        depth: levels of parts: 1 for the stages alone, None for all.

    Returns:
        What :func:`inceptgraph.analysis.to_text` and :func:`inceptgraph.analysis.to_json` write.

    Raises:
        SpecError: the spec has errors; it holds all findings.
        TypeError: an argument has the wrong type, or ``set`` is given with a graph.
        ValueError: the depth is less than 1.

    >>> network = summary("googlenet")
    >>> network.cost.macs, network.stages[0].path, network.stages[0].out
    (1582671872, 'conv1', (64, 112, 112))
    """
    check(KINDS, {"depth": depth})
    return outline(_graph(spec, set), depth)


def _graph(spec: str | Path | Source | Graph, set: Mapping[str, Any] | None) -> Graph:
    if not isinstance(spec, Graph):
        return to_graph(spec, set=set)
    if set:
        raise TypeError("`set` replaces values of a spec: give the spec, not its graph")
    return spec


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


def compile(
    spec: str | Path | Source | Graph,
    backend: str = backends.MODEL,
    *,
    set: Mapping[str, Any] | None = None,
    passes: Iterable[Pass] = (),
    optimize: Optimize | None = None,
    engine: str | None = None,
    verify: bool = False,
    weights: str | Path | WeightsFile | None = None,
    remap: str | Path | None = None,
    allow: Iterable[str] = (),
    **options: Any,
) -> Any:
    """Compile a spec with a backend, or for an engine that runs it fast.

    Args:
        spec: a path, ``-``, a shipped spec's name, a :class:`Source`, or a graph.
        backend: the name of an installed backend.
        set: values of the spec to replace, by path: ``{"classes": 10}``.
        passes: rewrites of the graph, applied in order and verified after each.
        optimize: make it the network of evaluation, rewritten for speed; a
            :class:`~inceptgraph.passes.Target` says what it is to run on. The result has the same
            outputs and takes the same weights, but is not to be trained. Where there is an engine
            it is done unless False. A list of names runs just these passes, in this order:
            ``["drop-training", "fold-norm"]``.
        engine: what is to run it: ``auto``, or the name of an installed one such as ``eager``,
            ``inductor``, ``onnxruntime`` or ``openvino``; see :mod:`inceptgraph.engine`.
        verify: with an engine, run what it made on one random batch before it is handed out, and
            refuse it where its outputs are not those of the plain module.
        weights: a file to start from: safetensors, PyTorch's or Caffe's; or a
            :class:`inceptgraph.weights.WeightsFile`, which says how it is to be read. Numbers in it
            that are NaN or infinite are warned of, by the logger ``inceptgraph``.
        remap: the table of what its names become: a shipped one's name, or a path (default: the
            shipped one that fits, if any).
        allow: what need not fit: ``missing:``, ``unexpected:`` or ``shape:`` and a pattern each.
        options: the backend's own, such as ``device``, ``dtype`` and ``seed`` of ``torch``; with an
            engine ``seed``, and those of :class:`~inceptgraph.engine.Setting`: ``device``,
            ``dtype``, ``batch``, ``train``, ….

    Returns:
        What the backend makes; ``torch`` makes a ``torch.fx.GraphModule``. With an engine, a
        ``torch.nn.Module``; see :meth:`inceptgraph.engine.Engine.prepare`. Its ``choice`` says
        which engine was picked, and why.

    Raises:
        SpecError: the spec has errors, or the backend or the engine is missing or cannot run it, or
            gives wrong numbers where ``verify`` looks, or the weights cannot be read or do not fit,
            or passes cannot run as they are listed.
        InvalidGraph: a pass broke the graph.
        TypeError: an argument has the wrong type, or ``set`` is given with a graph, whose values
            are settled, or an engine with a backend or with an option that it does not have.
        ValueError: an item of ``allow`` has no such form.

    >>> compile("lenet5", seed=0).training
    True
    >>> compile("lenet5", "graphviz", format="dot").partition(" ")[0]
    'digraph'
    """
    # Any: the core names no class of torch's, and another backend's result is known to it alone.
    # `inceptgraph_torch.lower` gives a graph's module with its type.
    given = {"backend": backend, "passes": passes, "optimize": optimize, "engine": engine}
    check(KINDS, given | {"weights": weights, "remap": remap, "allow": allow, "verify": verify})
    _check_options(engine, backend, options)
    _check_verify(verify, engine)
    network = _graph(spec, set)
    for rewrite in passes:
        check(KINDS, {"pass": rewrite})
        network = rewrite(network).verify()
    start: dict[str, Any] = {}
    if weights is not None:
        from inceptgraph.weights import load as load_weights  # `check` need not wait for these

        start["weights"] = load_weights(network, weights, remap=remap, allow=allow)
    if engine is not None:
        start["seed"] = options.pop("seed", None)
        model = backends.find_weights if weights is not None else backends.find_model
        source = model(backend)
        tensors = partial(source.initial, network, **start)
        return _run(network, engine, tensors, optimize, verify, options)
    target = backends.find(backend) if weights is None else backends.find_weights(backend)
    if optimize:
        from inceptgraph import passes as optimizer

        place, only = optimizer.asked(optimize)
        network = optimizer.optimize(network, place, only=only)
    backends.check_support(target, network)
    return target.lower(network, **start, **options)


def _check_options(engine: str | None, backend: str, options: Iterable[str]) -> None:
    """Refuse what is said to an engine without one, and a backend beside one."""
    if engine is not None and backend != backends.MODEL:
        raise TypeError("an engine runs the network itself: it takes no `backend`")
    if engine is not None or backend != backends.MODEL:  # other backends have options of their own
        return
    from inceptgraph.engine import Setting

    for name in options:
        if name in {each.name for each in fields(Setting)} - {"device", "dtype"}:
            raise TypeError(f'`{name}` is an engine option: pass `engine="auto"`')


def _check_verify(verify: bool, engine: str | None) -> None:
    """Refuse to compare where there is nothing but the plain module."""
    if verify and engine is None:
        raise TypeError(
            '`verify` holds an engine to plain torch: name one, such as `engine="auto"`'
        )


def load(
    folder: str | Path,
    *,
    engine: str | None = None,
    optimize: Optimize | None = None,
    verify: bool = False,
    **options: Any,
) -> Any:
    """The model in a directory that ``inceptgraph build`` wrote.

    Args:
        folder: the directory.
        engine: what is to run it, ``optimize`` whether to rewrite it for that, and ``verify``
            whether to compare it with the plain module; as in :func:`compile`.
        options: the torch backend's, such as ``device`` and ``dtype``; with an engine, those of
            :class:`~inceptgraph.engine.Setting`.

    Returns:
        A ``torch.fx.GraphModule`` with the weights of the directory, in training mode; with an
        engine, what :func:`compile` returns.

    Raises:
        SpecError: the directory is not a build, or its parts do not fit together, or the engine is
            missing or cannot run it.
        TypeError: an argument has the wrong type, or ``optimize`` is given without an engine, or
            there is no such option.

    >>> from tempfile import TemporaryDirectory
    >>> from inceptgraph.builder import build
    >>> with TemporaryDirectory() as folder:
    ...     net = load(build(analyze("lenet5"), f"{folder}/model"))
    >>> net.training
    True
    """
    check(KINDS, {"folder": folder, "engine": engine, "optimize": optimize, "verify": verify})
    _check_verify(verify, engine)
    if optimize and engine is None:
        raise TypeError('`optimize` rewrites for an engine: name one, such as `engine="auto"`')
    place = Path(folder)
    if not (place / "spec.yaml").is_file():
        message = f"`{place}` is not a directory that `inceptgraph build` wrote"
        hint = "it has no spec.yaml: build one with `inceptgraph build googlenet -o model`"
        raise SpecError([Diagnostic(Code.OUTPUT, message, help=hint)])
    model_backend = backends.find_model(backends.MODEL)
    network = to_graph(place / "spec.yaml")
    if engine is not None:
        tensors = partial(model_backend.tensors, network, place)
        return _run(network, engine, tensors, optimize, verify, options)
    return model_backend.load(network, place, **options)


def _run(
    network: Graph,
    engine: str,
    tensors: Callable[[], Tensors],
    optimize: Optimize | None,
    verify: bool,
    options: Mapping[str, Any],
) -> Any:
    """What an engine makes of a network, with the choice of the engine."""
    from inceptgraph.engine import Setting, prepare

    wanted = True if optimize is None else optimize
    return prepare(engine, network, tensors, Setting.of(**options), wanted, verify=verify)
