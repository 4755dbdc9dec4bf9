"""The table of an outline: stages, shapes and exact figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from inceptgraph.analysis._cost import Cost
from inceptgraph.analysis._outline import Free, Outline, Part
from inceptgraph.ops import DEFAULT_LOSS, format_size
from inceptgraph.report import (
    RULE,
    Column,
    Row,
    Style,
    draw,
    exact,
    human,
    one_line,
    painter,
    pretty,
)
from inceptgraph.types import extent_noun, format_shape

__all__ = ["free_sizes", "to_text"]

_SHOWN = 8
"""How many classes are named."""

Figure = Callable[[int], str]


def to_text(
    network: Outline, *, rounded: bool = False, room: int | None = None, color: bool = False
) -> str:
    """The table of an outline, as in the paper's Table 1, without a newline at the end.

    Args:
        network: the outline.
        rounded: round figures: ``118 M`` for 118,013,952.
        room: columns of characters that it may take; what does not fit is left out, the blocks'
            arguments first. None for any width.
        color: use ANSI colours.

    >>> import inceptgraph
    >>> print(to_text(inceptgraph.summary("lenet5", depth=1)).splitlines()[-3])
    network                                   5  61,750  416,520
    """
    figure = human if rounded else exact
    arguments = _argument_columns(network.stages)
    columns = (
        Column("stage"),
        Column("type", rank=1),
        Column("patch/ stride", rank=2),
        Column("output size"),
        Column("depth", right=True, rank=3),
        *(Column(pretty(name), right=True, rank=4) for name in arguments),
        Column("params", right=True),
        Column("MACs", right=True),
    )
    rows = list(_rows(network, arguments, figure))
    table = draw(columns, rows, room=room, color=color)
    notes = list(_notes(network))
    return "\n".join((painter(color)(one_line(network.name), Style.STRONG), "", table, *notes))


def _argument_columns(stages: Sequence[Part]) -> list[str]:
    """Arguments of blocks that tell something: not those that always are the output's channels.

    The block with the most comes first, since others tend to have some of the same.
    """
    by_stage = sorted((stage.integers for stage in stages), key=len, reverse=True)
    names = dict.fromkeys(name for integers in by_stage for name in integers)
    return [
        name for name in names if any(s.integers.get(name, s.out[0]) != s.out[0] for s in stages)
    ]


def _rows(network: Outline, arguments: Sequence[str], figure: Figure) -> Iterator[Row]:
    blank = ("",) * len(arguments)
    for name, shape in network.inputs.items():
        yield Row((name, "input", "", format_shape(shape), "", *blank, "", ""))
    for stage in network.stages:
        yield from _part_rows(stage, arguments, figure, 0)
    yield RULE
    yield _total_row("network", network.cost, blank, figure)
    if network.heads:
        for head in network.heads:
            first, *inner = _part_rows(head.part, arguments, figure, 0)
            yield Row(first.cells, first.style, spill=True)
            yield from inner
        yield _total_row("with auxiliary heads", network.cost_with_heads, blank, figure)


def _part_rows(part: Part, arguments: Sequence[str], figure: Figure, level: int) -> Iterator[Row]:
    times = f" ×{part.copies}" if (part.copies or 1) > 1 else ""
    name = part.path.rpartition(".")[2]
    given = (part.integers.get(argument) for argument in arguments)
    yield Row(
        (
            f"{'  ' * level}{name}",
            pretty(part.op or "") + times,
            part.window,
            format_shape(part.out),
            _unless_zero(part.cost.depth, str),
            *("" if value is None else str(value) for value in given),
            f"as {part.shares}" if part.shares else _unless_zero(part.cost.params, figure),
            _unless_zero(part.cost.macs, figure),
        ),
        Style.STRONG if part.parts and not level else None,
    )
    for inner in part.parts:
        yield from _part_rows(inner, arguments, figure, level + 1)


def _total_row(title: str, cost: Cost, blank: tuple[str, ...], figure: Figure) -> Row:
    cells = (title, "", "", "", str(cost.depth), *blank, figure(cost.params), figure(cost.macs))
    return Row(cells, Style.STRONG, spill=True)


def _unless_zero(number: int, figure: Figure) -> str:
    return figure(number) if number else ""


def free_sizes(free: Sequence[Free]) -> str:
    """The extents that an input may have, in words: ``any height from 4 on, in multiples of 2``."""
    sizes = " and ".join(f"any {extent_noun(each.axis)} from {each.least} on" for each in free)
    return sizes + (f", in multiples of {free[0].multiple}" if free[0].multiple > 1 else "")


def _classes(names: Sequence[str], background: bool) -> str:
    """The first and the last of the names."""
    shown = [one_line(name) for name in names]
    if background:
        shown[0] += " (the background)"
    return ", ".join(shown if len(shown) <= _SHOWN else (*shown[: _SHOWN - 1], "…", shown[-1]))


def _notes(network: Outline) -> Iterator[str]:
    """What inputs may be, and what the heads read and count, in a line each."""
    losses = {n: each for n, each in network.losses.items() if each != (DEFAULT_LOSS, 1)}
    if network.heads or network.free or losses or network.preprocessing or network.classes:
        yield ""
    for name, made in network.preprocessing.items():
        yield f"{name} takes images of 8 bits, {made.words()}."
    for name, free in network.free.items():
        size = format_size(network.inputs[name][1:])
        yield f"{name} may have {free_sizes(free)}; the figures are for {size}."
    if network.classes:
        yield f"Its classes are {_classes(network.classes, network.background)}."
    for name, (loss, weight) in losses.items():
        yield f"The loss of {name} is {loss}; it weighs {weight:g}."
    for head in network.heads:
        named = "" if head.loss == DEFAULT_LOSS else f", {head.loss},"
        counts = f"its loss{named} weighs {head.loss_weight:g}"
        yield f"{head.part.path} reads {head.tap} in training alone; {counts}."
