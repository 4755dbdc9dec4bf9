"""Uses against definitions: operations that exist, arguments that they take, blocks that end."""

from __future__ import annotations

from collections.abc import Iterable

from inceptgraph import ops
from inceptgraph.diagnostics import Code, Findings, Label, Severity, closest, did_you_mean
from inceptgraph.ops import Operation
from inceptgraph.source import Entry, Scalar
from inceptgraph.spec._argument_words import not_an_argument, translated
from inceptgraph.spec._models import Block, Body, Chain, Spec, Step
from inceptgraph.spec._step_forms import walk
from inceptgraph.spec._structure import listed, rename
from inceptgraph.types import Family

__all__ = ["check_arguments", "check_uses", "find_operation", "operation_exists"]

Uses = dict[str | None, dict[str, Scalar]]
"""For each block, None for the network, the operations and blocks that it uses."""

_KEYWORDS = ("from", "repeat", "when", "loss", "loss_weight")


def check_uses(spec: Spec, findings: Findings) -> None:
    """Check every step whose operation is named outright; drop blocks that include themselves."""
    bodies: list[tuple[Body, str | None]] = [(b.body, name) for name, b in spec.blocks.items()]
    heads = {name: head.step for name, head in spec.heads.items()}
    bodies += [(spec.stages, None), (Chain(heads, spec.stages.span), None)]
    for key, mapping in spec.defaults.values():
        _check_defaults(spec, key, mapping.items, findings)
    uses: Uses = {}
    for body, owner in bodies:
        mine = uses.setdefault(owner, {})
        for step in walk(body):
            name = step.operation
            if name is None:
                continue
            mine.setdefault(name.text, name)
            if "$" in name.text:
                continue
            if operation_exists(name, spec, findings):
                if name.text != owner:  # a block in itself is told as that
                    check_arguments(step, spec, findings)
                continue
            for meant in closest(name.text, spec.blocks):
                mine.setdefault(meant, name)  # a misspelt use is a use
    _check_recursion(spec, uses, findings)
    _check_unused(spec, uses, findings)


def find_operation(name: str) -> type[Operation] | None:
    """The operation of this name. To look for one that does not exist reads the metadata of all
    installed packages, once; names are read from texts, of which there may be many."""
    built_in = ops.BUILT_IN.get(name)
    if built_in is not None or name not in ops.names():
        return built_in
    return ops.find(name)


def operation_exists(name: Scalar, spec: Spec, findings: Findings, *more: Label) -> bool:
    """True where a word names an operation or a block; reports it if not."""
    if name.text in spec.blocks or find_operation(name.text) is not None:
        return True
    hint = ops.hint(name.text, spec.blocks)
    stage = spec.stages.steps.get(name.text)
    if stage is not None and stage.operation is not name:
        hint = (
            f"`{name.text}` is a stage: `share: {name.text}` is that stage once more, with its"
            " weights; for weights of their own define a block under `blocks:`"
        )
    findings.add(
        Code.UNKNOWN_OPERATION,
        f"there is no operation or block `{name.text}`",
        name.span.first_line(),
        "",
        *more,
        help=hint
        or "`inceptgraph list operations` shows them all, and a plug-in can add one; a block of"
        " your own goes under `blocks:`",
    )
    return False


def check_arguments(step: Step, spec: Spec, findings: Findings, name: str | None = None) -> None:
    """Arguments that the operation or block does not take, and those that it lacks.

    A misspelt one is taken for what it is a slip for.

    Args:
        step: a use.
        spec: with the blocks and defaults.
        findings: receives what is wrong.
        name: what ``op`` means here, where a parameter says it.
    """
    assert step.operation is not None
    word = name or step.operation.text
    block = spec.blocks.get(word)
    if block is not None and not block.readable:
        return
    takes = _signature(word, spec)
    if takes is None:
        return
    label = (Label(block.name.span, "defined here"),) if block is not None else ()
    for key in [key for key in step.arguments if key not in takes]:
        elsewhere = step.operation.span.source is not step.arguments[key].key.span.source
        cited = (Label(step.operation.span, f"`{word}` comes from here"),) if elsewhere else ()
        slip = _unknown_argument(word, key, step.arguments, takes, findings, *label, *cited)
        if slip and name is None:
            rename(step.arguments, key, slip)
        elif slip:
            takes[slip] = False
    missing = [key for key, required in takes.items() if required and key not in step.arguments]
    if missing:
        example = ", ".join(f"{key}: …" for key in missing)
        findings.add(
            Code.MISSING_ARGUMENT,
            f"`{word}` needs {listed(missing)}",
            step.operation.span.first_line(),
            "",
            *label,
            help=f"write `{{op: {step.operation.text}, {example}}}`",
        )


def _signature(name: str, spec: Spec) -> dict[str, bool] | None:
    """What an operation or a block takes, and whether it must be given."""
    block = spec.blocks.get(name)
    if block is not None:
        return {k: p.default is None and p.readable for k, p in block.params.items()}
    kind = find_operation(name)
    if kind is None:
        return None
    takes = {key: field.is_required() for key, field in kind.model_fields.items()}
    if name in spec.defaults:
        takes.update(dict.fromkeys(spec.defaults[name][1].items.keys() & takes.keys(), False))
    return takes


def _unknown_argument(
    name: str,
    written: str,
    arguments: dict[str, Entry],
    takes: Iterable[str],
    findings: Findings,
    *labels: Label,
) -> str | None:
    """Report an argument that does not exist; returns the one that it is a slip for."""
    takes = tuple(takes)
    key = arguments[written].key
    free = [k for k in takes if k not in arguments]
    meant = translated(written, free)
    close = [meant] if meant else closest(written, free)
    hint = f"did you mean `{meant}`?" if meant else did_you_mean(written, free)
    hint = hint or not_an_argument(written)
    hint = hint or _activation_hint(arguments[written]) or did_you_mean(written, _KEYWORDS)
    known = f"its arguments are {listed(takes)}" if takes else "it takes no arguments"
    message = f"`{name}` has no argument `{written}`"
    place = key.span.first_line()
    findings.add(Code.UNKNOWN_ARGUMENT, message, place, "", *labels, help=hint or known)
    return close[0] if close else None


def _activation_hint(argument: Entry) -> str | None:
    """What to write for ``activation: relu``, as other frameworks have it."""
    kind = find_operation(argument.value.text) if isinstance(argument.value, Scalar) else None
    if kind is None or kind.family is not Family.ACTIVATION:
        return None
    return f"an activation is a step of its own, behind this one: `{kind.op}: {{op: {kind.op}}}`"


def _check_defaults(spec: Spec, key: Scalar, items: dict[str, Entry], findings: Findings) -> None:
    """``defaults:`` sets arguments of operations; blocks say theirs themselves."""
    if key.text in spec.blocks:
        message = f"`{key.text}` is a block, and `defaults` are for operations"
        label = Label(spec.blocks[key.text].name.span, "defined here")
        hint = "give its parameters defaults where it is defined: `out: int = 64`"
        findings.add(Code.UNKNOWN_OPERATION, message, key.span, "", label, help=hint)
        return
    kind = find_operation(key.text)
    if kind is None:
        hint = ops.hint(key.text) or "`inceptgraph list operations` shows them all"
        message = f"there is no operation `{key.text}`"
        findings.add(Code.UNKNOWN_OPERATION, message, key.span.first_line(), help=hint)
        return
    for name in [name for name in items if name not in kind.model_fields]:
        slip = _unknown_argument(key.text, name, items, kind.model_fields, findings)
        if slip:
            rename(items, name, slip)


def _check_recursion(spec: Spec, uses: Uses, findings: Findings) -> None:
    """Blocks that include themselves are reported, and emptied so that expansion ends."""
    settled: set[str] = set()
    recursive: set[str] = set()
    for root in spec.blocks:
        path: dict[str, None] = {}
        pending = []
        if root not in settled:
            path[root] = None
            pending.append(iter(uses.get(root, {}).values()))
        while pending:
            use = next(pending[-1], None)
            if use is None:
                pending.pop()
                settled.add(path.popitem()[0])
            elif use.text in path:
                names = list(path)
                loop = names[names.index(use.text) :]
                recursive.update(loop)
                _report_recursion(loop, use, spec.blocks, findings)
            elif use.text in spec.blocks and use.text not in settled:
                path[use.text] = None
                pending.append(iter(uses.get(use.text, {}).values()))
    for name in recursive:
        block = spec.blocks[name]
        nothing = Chain({}, block.name.span)
        spec.blocks[name] = Block(block.name, block.params, block.inputs, nothing, readable=False)


def _report_recursion(
    loop: list[str], use: Scalar, blocks: dict[str, Block], findings: Findings
) -> None:
    shown = [*loop, loop[0]] if len(loop) < 12 else [*loop[:6], "…", *loop[-4:], loop[0]]
    through = f": {' → '.join(shown)}" if len(loop) > 1 else ""
    hint = "a block cannot contain itself; to chain copies of a step, use `repeat:`"
    if use.text in ops.BUILT_IN:
        hint = f"the block hides the operation `{use.text}`: call it `my_{use.text}`"
    findings.add(
        Code.RECURSIVE_BLOCK,
        f"the block `{loop[0]}` includes itself{through}",
        use.span.first_line(),
        "",
        Label(blocks[loop[0]].name.span, "this block"),
        help=hint,
    )


def _check_unused(spec: Spec, uses: Uses, findings: Findings) -> None:
    """Blocks that neither the stages nor the heads reach."""
    reached: set[str] = set()
    queue: list[str | None] = [None]
    if any("$" in name for mine in uses.values() for name in mine):
        return  # an operation is chosen by a parameter: any block may be meant
    while queue:
        for name in uses.get(queue.pop(), {}):
            if name in spec.blocks and name not in reached:
                reached.add(name)
                queue.append(name)
    own = (name for name, b in spec.blocks.items() if b.name.span.source is spec.source)
    for name in own if spec.stages.steps else ():
        if name not in reached:
            findings.add(
                Code.UNUSED_BLOCK,
                f"the block `{name}` is never used",
                spec.blocks[name].name.span,
                help=f"use it in a step, `{{op: {name}, …}}`, or remove it",
                severity=Severity.WARNING,
            )
