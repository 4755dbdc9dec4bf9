"""Steps, branches and bodies: what a stage, a block or a head is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from inceptgraph.errors import Code, Findings, Label, did_you_mean
from inceptgraph.source import Entry, Mapping, Node, Scalar, Sequence
from inceptgraph.spec.models import Body, Chain, Fork, Step

__all__ = [
    "RESERVED",
    "StepReader",
    "Visible",
    "check_name",
    "keys",
    "need_mapping",
    "need_text",
    "walk",
]

RESERVED = ("op", "from", "repeat", "steps", "branches", "merge")
NAME = r"[A-Za-z0-9_][A-Za-z0-9_-]*"

Visible = tuple[Iterable[str], ...]
"""Names that a ``from:`` may use, innermost scope last."""


def walk(body: Body) -> Iterator[Step]:
    """Every step in a body, inline bodies and merges included."""
    stack: list[Body] = [body]
    while stack:
        current = stack.pop()
        if isinstance(current, Fork):
            yield current.merge
            steps = current.branches
        else:
            steps = current.steps
        for step in steps.values():
            yield step
            if step.body is not None:
                stack.append(step.body)


class StepReader:
    """Reads steps and reports what is wrong with them."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def body(self, mapping: Mapping, name: Scalar, what: str, visible: Visible) -> Body | None:
        """The body that a block, a step or a branch writes as ``steps:`` or ``branches:``."""
        items = mapping.items
        steps, branches, merge = (items.get(key) for key in ("steps", "branches", "merge"))
        if steps and branches:
            self.findings.add(
                Code.CONFLICTING_KEYS,
                f"{what} has both `steps` and `branches`",
                branches.key.span,
                "",
                Label(steps.key.span, "the other one"),
                help="a body is one or the other: put the branches into a step of their own",
            )
            return None
        if steps:
            if merge:
                message = f"{what} has `merge` but no `branches`"
                self.findings.add(Code.CONFLICTING_KEYS, message, merge.key.span)
            if not need_mapping(steps.value, f"the `steps` of {what}", self.findings):
                return None
            assert isinstance(steps.value, Mapping)
            return self.chain(steps.value, f"the `steps` of {what}", visible, steps.key)
        if branches:
            return self.fork(branches, merge, what, visible)
        message = f"{what} has no body"
        hint = "give it `steps:`, or `branches:` with `merge:`"
        self.findings.add(Code.MISSING_KEY, message, name.span, help=hint)
        return None

    def chain(self, mapping: Mapping, what: str, visible: Visible, where: Scalar) -> Chain:
        if not mapping.items:
            hint = "write at least one step; to pass the input on, use `{op: identity}`"
            self.findings.add(Code.EMPTY_BODY, f"{what} are empty", where.span, help=hint)
        steps: dict[str, Step] = {}
        scope = (*visible, steps)
        first_needs_source = len(tuple(visible[-1])) != 1
        for entry in mapping.items.values():
            check_name(entry.key, "step", self.findings)
            step = self.step(entry, scope) or _unreadable(entry.key)
            if first_needs_source and not steps and step.sources is None:
                names = tuple(visible[-1])
                self.findings.add(
                    Code.AMBIGUOUS_INPUT,
                    f"`{entry.key.text}` could read any of {len(names)} inputs",
                    entry.key.span,
                    help=f"say which: `from: {names[0] if names else 'x'}`, or several in a list",
                )
            steps[entry.key.text] = step
        self.check_sources(steps, visible)
        return Chain(steps, mapping.span)

    def fork(self, branches: Entry, merge: Entry | None, what: str, visible: Visible) -> Fork | None:
        if merge is None:
            message = f"the `branches` of {what} are never joined"
            hint = "say how: `merge: concat`, `merge: add`"
            self.findings.add(Code.MISSING_KEY, message, branches.key.span, help=hint)
        if not need_mapping(branches.value, f"the `branches` of {what}", self.findings):
            return None
        assert isinstance(branches.value, Mapping)
        if not branches.value.items:
            message = f"the `branches` of {what} are empty"
            self.findings.add(Code.EMPTY_BODY, message, branches.key.span)
        found = {}
        for entry in branches.value.items.values():
            check_name(entry.key, "branch", self.findings)
            found[entry.key.text] = self.branch(entry, visible) or _unreadable(entry.key)
        self.check_sources(found, visible)
        joined = self.merge(merge) if merge else None
        return Fork(found, joined, branches.value.span) if joined else None

    def branch(self, entry: Entry, visible: Visible) -> Step | None:
        """A lone step, or a mapping of steps; an empty mapping passes the input on."""
        value = entry.value
        if not need_mapping(value, f"the branch `{entry.key.text}`", self.findings):
            return None
        assert isinstance(value, Mapping)
        if not value.items:
            return Step(entry.key, Scalar("identity", "identity", entry.key.span), None, {})
        values = (item.value for item in value.items.values())
        if "op" in value.items or "steps" in value.items or "branches" in value.items:
            return self.step(entry, visible)
        if not any(isinstance(item, Mapping) for item in values):
            return self.step(entry, visible)  # a step whose `op` is missing or misspelt
        what = f"the steps of the branch `{entry.key.text}`"
        body = self.chain(value, what, (*visible, ("input",)), entry.key)
        return Step(entry.key, None, body, {})

    def merge(self, entry: Entry) -> Step | None:
        """``merge: concat``, or ``merge: {op: concat, …}`` with arguments."""
        value = entry.value
        if isinstance(value, Mapping):
            keys(value, None, "`merge`", self.findings, required=("op",))
            if "op" not in value.items:
                return None
            operation = need_text(value.items["op"].value, "`op`", self.findings)
            arguments = {key: item for key, item in value.items.items() if key != "op"}
        else:
            operation, arguments = need_text(value, "`merge`", self.findings), {}
        return Step(entry.key, operation, None, arguments) if operation else None

    def step(self, entry: Entry, visible: Visible) -> Step | None:
        key, value = entry.key, entry.value
        what = f"the step `{key.text}`"
        if isinstance(value, Scalar) and isinstance(value.value, str):
            message = f"{what} is a word, not a mapping"
            hint = f"write `{key.text}: {{op: {value.text}}}`"
            self.findings.add(Code.WRONG_TYPE, message, value.span.first_line(), help=hint)
            return None
        if not need_mapping(value, what, self.findings):
            return None
        assert isinstance(value, Mapping)
        items = value.items
        repeat = items["repeat"].value if "repeat" in items else None
        sources = self.sources(items.get("from"))
        if "op" in items:
            for inline in ("steps", "branches", "merge"):
                if inline in items:
                    message = f"{what} has both `op` and `{inline}`"
                    other = Label(items["op"].key.span, "the other one")
                    span = items[inline].key.span
                    self.findings.add(Code.CONFLICTING_KEYS, message, span, "", other)
            operation = need_text(items["op"].value, "`op`", self.findings)
            if operation is None:
                return None
            arguments = {k: item for k, item in items.items() if k not in RESERVED}
            return Step(key, operation, None, arguments, sources, repeat)
        if "steps" not in items and "branches" not in items:
            hint = next(filter(None, (did_you_mean(k, ("op",)) for k in items)), None)
            hint = hint or "say which operation or block it is: `op: conv2d`"
            self.findings.add(Code.MISSING_KEY, f"{what} needs `op`", key.span, help=hint)
            return None
        keys(value, ("from", "repeat", "steps", "branches", "merge"), what, self.findings)
        body = self.body(value, key, what, (*visible, ("input",)))
        return Step(key, None, body, {}, sources, repeat) if body else None

    def sources(self, entry: Entry | None) -> tuple[Scalar, ...] | None:
        if entry is None:
            return None
        many = isinstance(entry.value, Sequence)
        items: list[Node] = entry.value.items if isinstance(entry.value, Sequence) else [entry.value]
        if many and not items:
            message = "`from` is empty"
            hint = "name at least one step, or leave `from` out to read the step before"
            self.findings.add(Code.EMPTY_BODY, message, entry.key.span, help=hint)
            return None
        found = [need_text(item, "`from`", self.findings) for item in items]
        return tuple(item for item in found if item is not None) or None

    # -- references --------------------------------------------------------------------------

    def check_sources(self, steps: dict[str, Step], visible: Visible) -> None:
        """Every ``from:`` names an input or an earlier step, here or in an enclosing body."""
        earlier: dict[str, None] = {}
        for name, step in steps.items():
            for source in step.sources or ():
                head = source.text.partition(".")[0]
                if head in earlier or any(head in scope for scope in visible if scope is not steps):
                    continue
                if head in steps:
                    self.out_of_order(step, source, head, steps)
                    continue
                known = dict.fromkeys(n for scope in visible for n in scope if n != name)
                known.update(dict.fromkeys(steps))
                known.pop(name, None)
                self.findings.add(
                    Code.UNKNOWN_REFERENCE,
                    f"there is no step `{source.text}` to read from",
                    source.span,
                    help=did_you_mean(head, known) or f"in scope here: {_some(known)}",
                )
            earlier[name] = None

    def out_of_order(self, step: Step, source: Scalar, head: str, steps: dict[str, Step]) -> None:
        order = list(steps)
        cycle = _path_between(step.name.text, head, steps, order)
        if cycle:
            arrows = " → ".join((*cycle, cycle[0]))
            message = f"`{step.name.text}` reads its own result: {arrows}"
            hint = "a network runs from its inputs to its outputs: break the loop"
            code = Code.CYCLE
        else:
            message = f"`{step.name.text}` reads `{head}`, which is written later"
            hint = f"move `{head}` above `{step.name.text}`"
            code = Code.FORWARD_REFERENCE
        more = () if head == step.name.text else (Label(steps[head].name.span, "written here"),)
        self.findings.add(code, message, source.span, "", *more, help=hint)


def _unreadable(name: Scalar) -> Step:
    """A step that was reported; its name stays, since what reads it is not at fault."""
    return Step(name, None, None, {})


def _path_between(start: str, end: str, steps: dict[str, Step], order: list[str]) -> list[str]:
    """Steps through which ``start`` feeds ``end``; empty if it does not."""
    readers: dict[str, list[str]] = {}
    for position, name in enumerate(order):
        sources = steps[name].sources
        if sources is not None:
            for source in sources:
                readers.setdefault(source.text.partition(".")[0], []).append(name)
        elif position:
            readers.setdefault(order[position - 1], []).append(name)
    came_from: dict[str, str | None] = {start: None}
    queue = [start]
    while queue and end not in came_from:
        name = queue.pop(0)
        for reader in readers.get(name, ()):
            if reader not in came_from:
                came_from[reader] = name
                queue.append(reader)
    if end not in came_from:
        return []
    path, at = [], end
    while True:
        path.append(at)
        before = came_from[at]
        if before is None:
            return path[::-1]
        at = before


def _some(names: Iterable[str], most: int = 8) -> str:
    listed = [f"`{name}`" for name in names]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return (", ".join(listed[-most:]) + more) or "nothing"


# -- structure ------------------------------------------------------------------------------


def keys(
    mapping: Mapping,
    known: Iterable[str] | None,
    what: str,
    findings: Findings,
    required: Iterable[str] = (),
) -> None:
    """Report keys that ``mapping`` should not have, and those that it lacks."""
    known = None if known is None else tuple(known)
    unknown = [] if known is None else [e.key for k, e in mapping.items.items() if k not in known]
    for key in unknown:
        free = [k for k in known or () if k not in mapping.items]
        findings.add(
            Code.UNKNOWN_KEY,
            f"{what} has no key `{key.text}`",
            key.span,
            help=did_you_mean(key.text, free) or f"its keys are {', '.join(known or ())}",
        )
    for key_name in required:
        if key_name in mapping.items:
            continue
        if any(did_you_mean(key.text, (key_name,)) for key in unknown):
            continue  # the misspelling has been reported
        span = mapping.span.first_line()
        findings.add(Code.MISSING_KEY, f"{what} needs `{key_name}`", span)


def need_mapping(node: Node, what: str, findings: Findings) -> bool:
    """Whether ``node`` is a mapping; reports it if not."""
    if isinstance(node, Mapping):
        return True
    found = "a list" if isinstance(node, Sequence) else f"`{node.text}`" if node.text else "empty"
    message = f"{what} must be a mapping (`key: value`), not {found}"
    if found == "empty":
        message = f"{what} is empty, but must be a mapping (`key: value`)"
    findings.add(Code.WRONG_TYPE, message, node.span.first_line())
    return False


def need_text(node: Node, what: str, findings: Findings) -> Scalar | None:
    """``node`` as a word; a number counts as the word that it is written as."""
    if isinstance(node, Scalar) and node.value is not None and node.text:
        return node
    found = "a list" if isinstance(node, Sequence) else "a mapping"
    found = "empty" if isinstance(node, Scalar) else found
    message = f"{what} must be a word, but is {found}"
    findings.add(Code.WRONG_TYPE, message, node.span.first_line())
    return None


def check_name(key: Scalar, what: str, findings: Findings, pattern: str = NAME) -> None:
    """Names are parts of paths, and so of the names of weights."""
    if key.text in RESERVED:
        message = f"a {what} cannot be called `{key.text}`: the word is part of the language"
        findings.add(Code.BAD_NAME, message, key.span, help=f"call it `{key.text}_1`, say")
    elif not re.fullmatch(pattern, key.text):
        message = f"`{key.text}` is not a name for {'an' if what[0] in 'aeiou' else 'a'} {what}"
        hint = "names are made of letters, digits and _"
        if pattern == NAME:
            hint += " or -, with no dots: paths join them with dots"
        findings.add(Code.BAD_NAME, message, key.span, help=hint)
