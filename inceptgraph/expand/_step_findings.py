"""What is wrong with a step, in words, and where it says what it reads."""

from __future__ import annotations

from inceptgraph.diagnostics import Code, Findings, Label, Span
from inceptgraph.expand._budget import MAX_DEPTH
from inceptgraph.expand._frame import Frame
from inceptgraph.source import Scalar
from inceptgraph.spec import Block, Fork, Step

__all__ = [
    "count_of_inputs",
    "report_depth",
    "report_no_copies",
    "report_nothing_shared",
    "report_other_steps",
    "sources_span",
]


def report_depth(step: Step, block: Block, frame: Frame, findings: Findings) -> None:
    """Report a use of a block inside too many others, or inside itself."""
    name = block.name.text
    place = step.operation.span if step.operation else step.name.span
    label = Label(block.name.span, "this block")
    if frame.blocks.count(name) > 1:
        start = len(frame.blocks) - 1 - frame.blocks[::-1].index(name)
        loop = " → ".join((*frame.blocks[start:], name))
        message = f"the block `{name}` includes itself without end, through a parameter: {loop}"
        hint = "a block cannot contain itself; to chain copies of a step, use `repeat:`"
        findings.add(Code.RECURSIVE_BLOCK, message, place, "", label, help=hint)
        return
    message = f"blocks are nested more than {MAX_DEPTH} deep"
    shown = " → ".join((*frame.blocks[:3], "…", *frame.blocks[-2:], name))
    hint = "no network needs this depth: chain steps, or use `repeat:`"
    notes = (f"they are {shown}",)
    findings.add(Code.TOO_DEEP, message, place, notes=notes, help=hint)


def report_no_branch(fork: Fork, findings: Findings) -> None:
    """Report a body of branches of which none is there."""
    first = next(iter(fork.branches.values()))
    what = "its only branch is not there" if len(fork.branches) == 1 else "no branch is there"
    hint = "let one be there always: `shortcut: {}` passes the input on"
    place = first.when.span.first_line() if first.when else first.name.span
    findings.add(Code.EMPTY_BODY, f"{what}: `when` is false", place, help=hint)


def report_no_copies(step: Step, sources: tuple[Scalar, ...], findings: Findings) -> None:
    """Report a step that reads copies of a step which has none, and nothing else."""
    message = f"`{step.name.text}` reads copies, of which there are none"
    hint = f"let it read another step as well: `from: [input, {sources[0].text}]`"
    findings.add(Code.WRONG_ARITY, message, sources_span(step), help=hint)


def report_other_steps(step: Step, path: str, findings: Findings) -> None:
    """Report a step that is made of others than the one that it shares, where it stands."""
    assert step.share is not None
    name, other = step.name.text, step.share.text
    message = f"`{name}` shares the weights of `{other}`, which has none for `{path}`"
    hint = "which steps there are depends on what it reads: let both read what has one shape"
    findings.add(Code.CANNOT_SHARE, message, step.share.span, help=hint)


def report_nothing_shared(
    step: Step, op: Scalar | None, findings: Findings, *, is_there: bool = True
) -> None:
    """Report a step that shares the weights of one that has none.

    Args:
        step: it.
        op: the operation or block of the other; None for a body of its own.
        findings: receives it.
        is_there: whether the other is; it may stand on a condition, or have no copies.
    """
    assert step.share is not None
    name = step.name.text
    if not is_there:
        message = f"`{name}` shares the weights of `{step.share.text}`, which is not there"
        hint = "a step that its `when` or `repeat` leaves out has no weights: let both say the same"
        findings.add(Code.CANNOT_SHARE, message, step.share.span, help=hint)
        return
    message = f"`{name}` shares the weights of `{step.share.text}`, which has none"
    again = f": `{name}: {{op: {op.text}, …}}`" if op is not None else ", with the same steps"
    hint = f"what has no weights is written again{again}"
    findings.add(Code.CANNOT_SHARE, message, step.share.span, help=hint)


def count_of_inputs(number: int) -> str:
    """So many inputs, in words."""
    return f"{number} input{'s' * (number != 1)}"


def sources_span(step: Step) -> Span:
    """The place where a step says what it reads; else its operation, or what it shares."""
    sources = step.sources or ()
    if len(sources) > 1 and sources[0].span.line == sources[-1].span.line:
        return sources[0].span.to(sources[-1].span)
    if sources:
        return sources[0].span
    if step.share is not None:
        return step.share.span
    return step.operation.span if step.operation else step.name.span
