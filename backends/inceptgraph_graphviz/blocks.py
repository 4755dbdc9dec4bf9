"""From a graph to the blocks of its picture: stages, sections, stacks and heads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from inceptgraph.analysis import Cost
from inceptgraph.graph import Graph, Output, Scope, ScopeKind
from inceptgraph.types import Family
from inceptgraph_graphviz.escaping import pretty
from inceptgraph_graphviz.ghosts import with_ghosts
from inceptgraph_graphviz.picture import Block, Kind, Link, Picture
from inceptgraph_graphviz.repeats import fold_copies
from inceptgraph_graphviz.rows import Row, make_rows, summed
from inceptgraph_graphviz.structure import SOURCE, Series, decompose

__all__ = ["make_picture"]

_LONGEST_STACK = 32
"""Stages of a stack; a longer chain of plain operations makes several of about equal length."""


def make_picture(
    graph: Graph,
    *,
    fuse: bool = True,
    by_stage: bool = False,
    marks: Mapping[str, str] | None = None,
    ghosts: Graph | None = None,
) -> Picture:
    """Find the blocks of a graph.

    Args:
        graph: with shapes.
        fuse: draw a convolution with its norm and activation as one row.
        by_stage: one block a stage, whatever it holds.
        marks: what to point out, by path; None for a picture that points out nothing.
        ghosts: the graph as it was: what it had more is drawn as well, at no cost.
    """
    priced = graph
    if ghosts is not None:
        graph = with_ghosts(graph, ghosts)
    sections = _sections(graph)
    rows = make_rows(graph, sections, fuse=fuse, by_stage=by_stage, marks=marks, priced=priced)
    builder = _Builder(graph, rows, sections, by_stage)
    blocks = builder.blocks()
    evaluated = graph.phase("eval").nodes
    total = summed(row.cost for row in rows if row.output in evaluated)
    return Picture(
        graph.name, tuple(blocks), tuple(builder.links(blocks)), total, marks is not None
    )


@dataclass
class _Part:
    """A stage, a head or an input."""

    path: str
    scope: Scope | None
    section: str | None
    rows: list[Row] = field(default_factory=list)

    @property
    def is_head(self) -> bool:
        return self.scope is not None and self.scope.kind == ScopeKind.HEAD

    @property
    def is_plain(self) -> bool:
        """A single operation of the network itself, in no section; whatever hides in its row
        counts as one, also where it is shown."""
        single = all(row.hides for row in self.rows[1:])
        return single and not self.is_head and self.section is None


class _Builder:
    def __init__(
        self, graph: Graph, rows: Sequence[Row], sections: Mapping[str, str], by_stage: bool
    ) -> None:
        self.graph, self.sections, self.by_stage = graph, sections, by_stage
        self.home = {node.name: row for row in rows for node in row.nodes}
        self.scopes = {scope.path: scope for scope in (*graph.stages, *graph.heads)}
        self.heads = {scope.path for scope in graph.heads}
        self.repeats: dict[str, list[Scope]] = {}
        for scope in (s for s in graph.scopes.values() if s.copies is not None):
            self.repeats.setdefault(Graph.stage_of(scope.path), []).append(scope)
        self.parts = self._parts(rows)

    def _parts(self, rows: Sequence[Row]) -> list[_Part]:
        """The rows by stage, heads last."""
        found: dict[str, _Part] = {}
        for row in rows:
            path = row.name if row.family is Family.INPUT else Graph.stage_of(row.name)
            if path not in found:
                found[path] = _Part(path, self.scopes.get(path), self.sections.get(path))
            found[path].rows.append(row)
        return sorted(found.values(), key=lambda part: part.is_head)

    # -- blocks ------------------------------------------------------------------------------

    def blocks(self) -> list[Block]:
        """The blocks in the order of the spec; the names of several results at the end."""
        runs = ([part] for part in self.parts) if self.by_stage else self._runs()
        found = [self._block(run) for run in runs]
        results = [output for output in self.graph.outputs if not output.training_only]
        if len(results) > 1:
            found += map(self._result, results)
        return found

    def _runs(self) -> Iterator[list[_Part]]:
        """The parts that are drawn together: sections, and chains of plain operations."""
        runs: list[list[_Part]] = []
        for part in self.parts:
            if runs and self._goes_on(runs[-1][-1], part):
                runs[-1].append(part)
            else:
                runs.append([part])
        for run in runs:
            longest = _LONGEST_STACK if run[0].is_plain else len(run)
            size = -(-len(run) // -(-len(run) // longest))
            yield from (run[start : start + size] for start in range(0, len(run), size))

    def _goes_on(self, last: _Part, part: _Part) -> bool:
        """Whether a part is in the section of the one before it, or continues its stack: as a
        plain operation that reads it, as nothing else of the network does."""
        if part.section is not None and part.section == last.section:
            return True
        if not (last.is_plain and part.is_plain):
            return False
        above, row = last.rows[-1], part.rows[0]
        if {self.home[name].name for name in row.operands} != {above.name}:
            return False
        users = {self.home[name].name for name in self.graph.users[above.output]}
        return all(user == row.name or Graph.stage_of(user) in self.heads for user in users)

    def _block(self, run: Sequence[_Part]) -> Block:
        last = run[-1]
        rows = tuple(row for part in run for row in part.rows)
        kind = Kind.BLOCK
        if last.is_head:
            kind = Kind.HEAD
        elif not self.by_stage and last.is_plain:
            kind = Kind.STACK
        named = run[0].path if self.by_stage or last.section is None else last.section
        about = rows[0].operation if len(rows) == 1 else ""
        return Block(
            path=run[0].path,
            title=pretty(named, head=last.is_head),
            kind=kind,
            about=about or _about(last.scope),
            rows=rows,
            series=self._series(rows),
            cost=summed(row.cost for row in rows),
            loss_weight=self._loss_weight(rows) if last.is_head else None,
            shares=None if len(rows) == 1 or run[1:] else self.graph.shared(last.path),
        )

    def _loss_weight(self, rows: Sequence[Row]) -> float | None:
        inside = {node.name for row in rows for node in row.nodes}
        heads = (output for output in self.graph.outputs if output.training_only)
        return next((head.loss_weight for head in heads if head.node in inside), None)

    def _result(self, output: Output) -> Block:
        row = self.home[output.node]
        return Block(output.name, output.name, Kind.OUTPUT, output.node, (row,), None, Cost())

    def _series(self, rows: Sequence[Row]) -> Series | None:
        """How rows hang together; None if they must be drawn with edges.

        A table has one way in: either all that it reads from outside is one value, or one row
        does all the reading.
        """
        index = {row.name: place for place, row in enumerate(rows)}
        operands: list[list[int]] = []
        outside: set[str | None] = set()
        entries = 0
        for row in rows:
            reads = [index.get(self.home[name].name, SOURCE) for name in row.operands] or [SOURCE]
            if SOURCE in reads:
                entries += 1
                outside.update(n for n in row.operands if self.home[n].name not in index)
                outside.update([] if row.operands else [None])
            operands.append(reads)
        if len(outside) > 1:
            if entries > 1:
                return None
            operands = [[SOURCE] if SOURCE in reads else reads for reads in operands]
        series = decompose(rows, operands)
        if series is not None:
            for scope in reversed(self.repeats.get(Graph.stage_of(rows[0].name), ())):
                series = fold_copies(series, scope)
        return series

    # -- links -------------------------------------------------------------------------------

    def links(self, blocks: Sequence[Block]) -> Iterator[Link]:
        """The values that go from block to block."""
        where = {
            row.name: index
            for index, block in enumerate(blocks)
            if block.kind is not Kind.OUTPUT
            for row in block.rows
        }
        for index, block in enumerate(blocks):
            if block.kind is Kind.OUTPUT:
                yield Link(where[block.last.name], index, block.last, block.last)
                continue
            seen: set[tuple[str, str]] = set()
            for row in block.rows:
                for tail in (self.home[operand] for operand in row.operands):
                    wire = (tail.name, row.name if block.series is None else "")
                    if where[tail.name] != index and wire not in seen:
                        seen.add(wire)
                        yield Link(where[tail.name], index, tail, row)


def _about(scope: Scope | None) -> str:
    """The block that a stage uses, and how often."""
    if scope is None:
        return ""
    times = f"× {scope.copies}" if (scope.copies or 1) > 1 else ""
    return " ".join(filter(None, (scope.block, times)))


def _sections(graph: Graph) -> dict[str, str]:
    """The section of each stage that is in one, and of an input that it alone reads."""
    order = {scope.path: index for index, scope in enumerate(graph.stages)}
    found: dict[str, str] = {}
    for name, (first, last) in graph.sections.items():
        for scope in graph.stages[order[first] : order[last] + 1]:
            found[scope.path] = name
    for node in graph.inputs:
        readers = {found.get(Graph.stage_of(user), "") for user in graph.users[node.name]}
        if len(readers) == 1 and "" not in readers:
            found[node.name] = readers.pop()
    return found
