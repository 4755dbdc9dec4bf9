"""Uses against definitions: operations that exist, arguments that they take, blocks that end."""

from __future__ import annotations

from collections.abc import Iterable

from inceptgraph import ops
from inceptgraph.errors import Code, Findings, Label, Severity, did_you_mean
from inceptgraph.ops import Operation
from inceptgraph.source import Scalar
from inceptgraph.spec.models import Block, Body, Chain, Spec, Step
from inceptgraph.spec.steps import walk

__all__ = ["check_arguments", "check_uses", "operation_exists"]


def check_uses(spec: Spec, findings: Findings) -> None:
    """Check every step whose operation is named outright; drop blocks that include themselves."""
    bodies: list[tuple[Body, str | None]] = [(block.body, name) for name, block in spec.blocks.items()]
    heads = {name: head.step for name, head in spec.heads.items()}
    bodies += [(spec.stages, None), (Chain(heads, spec.stages.span), None)]
    uses: dict[str | None, dict[str, Scalar]] = {}
    for body, owner in bodies:
        mine = uses.setdefault(owner, {})
        for step in walk(body):
            name = step.operation
            if name is None:
                continue
            mine.setdefault(name.text, name)
            if "$" not in name.text and operation_exists(name, spec, findings):
                check_arguments(step, spec, findings)
    for name, mapping in spec.defaults.items():
        first = next(iter(mapping.items.values()), None)
        key = Scalar(name, name, first.key.span if first else mapping.span.first_line())
        check_defaults(spec, key, findings)
    _check_recursion(spec, uses, findings)
    _check_unused(spec, uses, findings)


def operation_exists(name: Scalar, spec: Spec, findings: Findings) -> bool:
    if name.text in spec.blocks or ops.find(name.text) is not None:
        return True
    known = (*spec.blocks, *ops.names())
    findings.add(
        Code.UNKNOWN_OPERATION,
        f"there is no operation or block `{name.text}`",
        name.span,
        help=did_you_mean(name.text, known)
        or "`inceptgraph list operations` shows them all; a block of your own goes under `blocks:`",
    )
    return False


def check_arguments(step: Step, spec: Spec, findings: Findings, name: str | None = None) -> None:
    """Arguments that the operation or block does not take, and those that it lacks."""
    assert step.operation is not None
    name = name or step.operation.text
    block = spec.blocks.get(name)
    if block is not None:
        takes = {key: param.default is None for key, param in block.params.items()}
        label = (Label(block.name.span, "defined here"),)
    else:
        kind = ops.find(name)
        if kind is None:
            return
        takes = {key: field.is_required() for key, field in kind.model_fields.items()}
        for key in spec.defaults[name].items if name in spec.defaults else ():
            takes[key] = False
        label = ()
    for key, entry in step.arguments.items():
        if key not in takes:
            unknown_argument(name, entry.key, takes, findings, *label)
    misspelt = [key for key in step.arguments if key not in takes]
    missing = [key for key, required in takes.items() if required and key not in step.arguments]
    missing = [key for key in missing if not any(did_you_mean(m, (key,)) for m in misspelt)]
    if missing:
        listed = ", ".join(f"`{key}`" for key in missing)
        example = ", ".join(f"{key}: …" for key in missing)
        findings.add(
            Code.MISSING_ARGUMENT,
            f"`{name}` needs {listed}",
            step.operation.span,
            "",
            *label,
            help=f"write `{{op: {name}, {example}}}`",
        )


def unknown_argument(
    name: str, key: Scalar, takes: Iterable[str], findings: Findings, *labels: Label
) -> None:
    takes = tuple(takes)
    findings.add(
        Code.UNKNOWN_ARGUMENT,
        f"`{name}` has no argument `{key.text}`",
        key.span,
        "",
        *labels,
        help=did_you_mean(key.text, takes)
        or (f"its arguments are {', '.join(takes)}" if takes else "it takes no arguments"),
    )


def check_defaults(spec: Spec, key: Scalar, findings: Findings) -> None:
    """``defaults:`` sets arguments of operations; blocks say theirs themselves."""
    if key.text in spec.blocks:
        message = f"`{key.text}` is a block: its defaults stand in its own `params`"
        label = Label(spec.blocks[key.text].name.span, "defined here")
        findings.add(Code.UNKNOWN_OPERATION, message, key.span, "", label)
        return
    kind: type[Operation] | None = ops.find(key.text)
    if kind is None:
        operation_exists(key, spec, findings)
        return
    for entry in spec.defaults[key.text].items.values():
        if entry.key.text not in kind.model_fields:
            unknown_argument(key.text, entry.key, kind.model_fields, findings)


def _check_recursion(
    spec: Spec, uses: dict[str | None, dict[str, Scalar]], findings: Findings
) -> None:
    """Blocks that include themselves are reported, then dropped so that expansion ends."""
    settled: set[str] = set()
    recursive: set[str] = set()
    for root in spec.blocks:
        path: list[str] = [root]
        pending = [iter(uses.get(root, {}).values())]
        while path:
            use = next(pending[-1], None)
            if use is None:
                settled.add(path.pop())
                pending.pop()
            elif use.text in path:
                loop = path[path.index(use.text) :]
                recursive.update(loop)
                _report_recursion(loop, use, spec.blocks, findings)
            elif use.text in spec.blocks and use.text not in settled:
                path.append(use.text)
                pending.append(iter(uses.get(use.text, {}).values()))
    for name in recursive:
        del spec.blocks[name]


def _report_recursion(
    loop: list[str], use: Scalar, blocks: dict[str, Block], findings: Findings
) -> None:
    findings.add(
        Code.RECURSIVE_BLOCK,
        f"the block `{loop[0]}` includes itself: {' → '.join((*loop, loop[0]))}",
        use.span,
        "",
        Label(blocks[loop[0]].name.span, "this block"),
        help="a block cannot contain itself; to chain copies of a step, use `repeat:`",
    )


def _check_unused(
    spec: Spec, uses: dict[str | None, dict[str, Scalar]], findings: Findings
) -> None:
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
    for name in spec.blocks:
        if name not in reached:
            findings.add(
                Code.UNUSED_BLOCK,
                f"the block `{name}` is never used",
                spec.blocks[name].name.span,
                help=f"use it in a step, `{{op: {name}, …}}`, or remove it",
                severity=Severity.WARNING,
            )
