"""References of ``from:`` and ``share:``: names of something in scope, written before."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from inceptgraph.diagnostics import Code, Findings, Label, Span, did_you_mean
from inceptgraph.source import Scalar
from inceptgraph.spec._models import Step
from inceptgraph.spec._structure import listed

__all__ = ["Reading", "Visible", "check_sources"]

Visible = tuple[Iterable[str], ...]
"""Names that a ``from:`` may use, innermost scope last. Those of steps are mappings to them."""


@dataclass(slots=True)
class Reading:
    """A body that is being read.

    Attributes:
        names: of all its steps, those to come included.
        at: the step that is being read.
        ahead: what the bodies inside read of it too early: the step of this body, the one in it
            that reads, and what. It is judged once the steps to come are known.
    """

    names: Container[str]
    at: str = ""
    ahead: list[tuple[str, Step, Scalar]] = field(default_factory=list)


def check_sources(
    steps: dict[str, Step],
    visible: Visible,
    findings: Findings,
    *,
    chained: bool = True,
    ahead: Iterable[tuple[str, Step, Scalar]] = (),
    around: Sequence[Reading] = (),
    outside: Container[str] = (),
    removed: Mapping[str, Span] | None = None,
) -> None:
    """Every ``from:`` names an input or an earlier step, here or in an enclosing body, and every
    ``share:`` such a step.

    Args:
        steps: of one body, in order.
        visible: the scopes around it.
        findings: receives what is wrong.
        chained: whether a step feeds the next; branches and heads do not.
        ahead: what was found inside them; see :class:`Reading`.
        around: the bodies that this one is in, innermost last; they receive what it reads of them
            too early.
        outside: names that are hidden from a block, for which there is a better hint.
        removed: where an edit removed a step, by its name.
    """
    earlier: dict[str, None] = {}
    for name, step in steps.items():
        for source in (*(step.sources or ()), *((step.share,) if step.share else ())):
            head, share = source.text.partition(".")[0], source is step.share
            if head in earlier:
                continue
            outer = next((s for s in reversed(visible) if s is not steps and head in s), None)
            if outer is not None:
                if share and not _is_step(head, outer):
                    _no_step(name, source, findings)
                continue
            if head in steps:
                _out_of_order(name, step, source, steps, findings, chained)
            elif body := next((body for body in reversed(around) if head in body.names), None):
                body.ahead.append((body.at, step, source))
            else:
                _unknown(step, source, earlier, visible, outside, removed or {}, findings)
        earlier[name] = None
    for name, step, source in ahead:
        _out_of_order(name, step, source, steps, findings, chained)


def _is_step(name: str, scope: Iterable[str]) -> bool:
    return isinstance(scope, Mapping) and isinstance(scope[name], Step)


def _no_step(name: str, source: Scalar, findings: Findings) -> None:
    message = f"`{name}` shares the weights of `{source.text}`, which is an input and has none"
    hint = "name a step that is written above: `share: conv1`"
    findings.add(Code.CANNOT_SHARE, message, source.span, help=hint)


def _unknown(
    step: Step,
    source: Scalar,
    earlier: Iterable[str],
    visible: Visible,
    outside: Container[str],
    removed: Mapping[str, Span],
    findings: Findings,
) -> None:
    name, head = step.name.text, source.text.partition(".")[0]
    share = source is step.share
    scopes = ((n, scope) for scope in visible for n in scope)
    known = dict.fromkeys(n for n, scope in scopes if not share or _is_step(n, scope))
    known.update(dict.fromkeys(earlier))
    where = f"`{name}` can {'share the weights of' if share else 'read'} {_some(known)}"
    several = re.findall(r"[\w.-]+", source.text)
    hint = did_you_mean(head, known) or (where if known else None)
    if len(several) > 1 and all(word.partition(".")[0] in known for word in several):
        hint = f"to read several steps, write `from: [{', '.join(several)}]`"
    if head in outside:
        hint = (
            f"`{head}` is outside, and a block sees its own steps alone: name it in the block's"
            f" `inputs: [input, {head}]`, and pass it with `from:` where the block is used"
        )
        if share:
            hint = (
                f"`{head}` is outside, and a block sees its own steps alone: two uses of the block"
                " share their weights where the second says `share:` and the name of the first"
            )
    labels = []
    if head in removed:
        labels = [Label(removed[head], "this edit removes it")]
        key = "share" if share else "from"
        change = "share another step's weights" if share else "read another step"
        hint = f"let it {change}: `{name}: {{set: {{{key}: …}}}}`"
    purpose = "share weights with" if share else "read from"
    message = f"there is no step `{source.text}` to {purpose}"
    findings.add(Code.UNKNOWN_REFERENCE, message, source.span, "", *labels, help=hint)


def _out_of_order(
    at: str,
    step: Step,
    source: Scalar,
    steps: dict[str, Step],
    findings: Findings,
    chained: bool,
) -> None:
    """``step``, which is the step ``at`` of the body or lies in it, reads what comes later."""
    name, head = step.name.text, source.text.partition(".")[0]
    inside = step is not steps[at]
    if source is step.share:
        _owner_to_come(at, step, source, steps, findings)
        return
    cycle = _path_between(at, head, steps, chained)
    code = Code.CYCLE
    if inside and head == at:
        message = f"`{name}` reads `{at}`, which it is part of"
        hint = f"`from: input` reads what comes into `{at}`"
    elif cycle:
        arrows = " → ".join((*cycle, cycle[0]))
        result = f"the result of `{at}`, which it is part of" if inside else "its own result"
        message = f"`{name}` reads {result}: {arrows}"
        hint = "a network runs from its inputs to its outputs: break the loop"
    else:
        message = f"`{name}` reads `{head}`, which is written later"
        hint = f"move `{head}` above `{at}`"
        code = Code.FORWARD_REFERENCE
    label = Label(steps[head].name.span, f"`{head}` is written here")
    more = () if head == name else (label,)
    findings.add(code, message, source.span, "", *more, help=hint)


def _owner_to_come(
    at: str, step: Step, source: Scalar, steps: dict[str, Step], findings: Findings
) -> None:
    """``step``, which is the step ``at`` of the body or lies in it, shares what comes later."""
    name, head = step.name.text, source.text.partition(".")[0]
    label = Label(steps[head].name.span, f"`{head}` is written here")
    if head == at:
        own = steps[at] is step
        whose = "its own weights" if own else f"the weights of `{at}`, which it is part of"
        message = f"`{name}` shares {whose}"
        hint = "name another step, one that is written above"
        findings.add(Code.CANNOT_SHARE, message, source.span, help=hint)
        return
    message = f"`{name}` shares the weights of `{head}`, which is written later"
    hint = f"the first of them has the weights: say what it is in `{at}`, and `share: {at}` below"
    if steps[at] is not step:
        hint = f"move `{head}` above `{at}`"
    findings.add(Code.FORWARD_REFERENCE, message, source.span, "", label, help=hint)


def _path_between(start: str, end: str, steps: dict[str, Step], chained: bool) -> list[str]:
    """Steps through which ``start`` feeds ``end``; empty if it does not."""
    readers: dict[str, list[str]] = {}
    before: str | None = None
    for name, step in steps.items():
        if step.sources is not None:
            for source in step.sources:
                readers.setdefault(source.text.partition(".")[0], []).append(name)
        elif before is not None and chained:
            readers.setdefault(before, []).append(name)
        before = name
    came_from: dict[str, str | None] = {start: None}
    queue = deque([start])
    while queue and end not in came_from:
        name = queue.popleft()
        for reader in readers.get(name, ()):
            if reader not in came_from:
                came_from[reader] = name
                queue.append(reader)
    path: list[str] = []
    at: str | None = end if end in came_from else None
    while at is not None:
        path.append(at)
        at = came_from[at]
    return path[::-1]


def _some(names: Iterable[str], most: int = 8) -> str:
    """The names nearest to the place, last written first kept."""
    words = list(names)
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return f"{', '.join(f'`{w}`' for w in words[-most:])}{more}" if more else listed(words, "or")
