"""Steps, branches and bodies: what a stage, a block or a head is made of."""

from __future__ import annotations

from collections.abc import Container, Iterator
from collections.abc import Mapping as MappingType

from inceptgraph.diagnostics import Code, Findings, Label, Span, closest
from inceptgraph.source import Entry, Mapping, Node, Scalar, Sequence
from inceptgraph.spec._models import Body, Chain, Fork, Step
from inceptgraph.spec._read_as_meant import join_calls, with_merge_inside, with_merge_outside
from inceptgraph.spec._references import Reading, Visible, check_sources
from inceptgraph.spec._structure import (
    RESERVED,
    check_name,
    kind_of,
    listed,
    need_text,
    read_keys,
    read_mapping,
    rename,
)

__all__ = ["StepReader", "walk"]

_BY_NAME = "steps are keyed by name: write `conv1: {op: conv2d, out: 64}`"
_BRANCHES_BY_NAME = "branches are keyed by name: write `left: {op: conv2d, out: 64}`"


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
    """Reads steps and reports what is wrong with them.

    Args:
        findings: receives what is wrong.
        stages: names that are hidden from blocks.
        removed: where an edit removed a step, by its name.
    """

    def __init__(
        self,
        findings: Findings,
        stages: Container[str] = (),
        removed: MappingType[str, Span] | None = None,
    ) -> None:
        self.findings = findings
        self.stages = stages
        self.removed = removed or {}
        self.around: list[Reading] = []

    def body(
        self, items: dict[str, Entry], name: Scalar, what: str, visible: Visible
    ) -> Body | None:
        """The body that a block, a step or a branch writes as ``steps:`` or ``branches:``."""
        steps, branches, merge = (items.get(key) for key in ("steps", "branches", "merge"))
        if steps and branches:
            self.conflict(
                f"{what} has both `steps` and `branches`",
                branches,
                steps,
                "a body is one or the other: put the branches into a step of their own",
            )
            return None
        if steps:
            if merge:
                hint = "`merge` joins branches: remove it, or write `branches` for `steps`"
                self.conflict(f"{what} has `merge` but no `branches`", merge, steps, hint)
            of = f"the `steps` of {what}"
            mapping = read_mapping(steps.value, of, self.findings, _BY_NAME)
            return self.chain(mapping, of, visible, steps.key) if mapping else None
        if branches:
            return self.fork(branches, merge, what, visible)
        hint = "give it `steps:`, or `branches:` with `merge:`"
        self.findings.add(Code.MISSING_KEY, f"{what} has no body", name.span, help=hint)
        return None

    def conflict(self, message: str, entry: Entry, other: Entry, help: str) -> None:
        label = Label(other.key.span, "and this")
        code = Code.CONFLICTING_KEYS
        self.findings.add(code, message, entry.key.span, "this", label, help=help)

    def chain(self, mapping: Mapping, what: str, visible: Visible, where: Scalar) -> Chain:
        """Steps in order. The last scope that is visible holds the names of what comes in."""
        if not mapping.items:
            hint = "write at least one step; to pass the input on, use `{op: identity}`"
            self.findings.add(Code.EMPTY_BODY, f"{what} are empty", where.span, help=hint)
        mapping = with_merge_inside(mapping, what, self.findings)
        steps: dict[str, Step] = {}
        scope = (*visible, steps)
        inputs = tuple(visible[-1])
        entries = self.without_strays(mapping, what)
        own = Reading({entry.key.text for entry in entries})
        self.around.append(own)
        for entry in entries:
            own.at = entry.key.text
            check_name(entry.key, "step", self.findings)
            step = self.step(entry, scope) or _unreadable(entry.key)
            if len(inputs) > 1 and not steps and step.sources is None:
                self.findings.add(
                    Code.AMBIGUOUS_INPUT,
                    f"`{entry.key.text}` could read any of {len(inputs)} inputs",
                    entry.key.span,
                    help=f"say which one, `from: {inputs[0]}`, or several,"
                    f" `from: [{', '.join(inputs[:2])}]`",
                )
            steps[entry.key.text] = step
        self.around.pop()
        self.check(steps, visible, own)
        return Chain(steps, mapping.span)

    def check(
        self, steps: dict[str, Step], visible: Visible, own: Reading, chained: bool = True
    ) -> None:
        """Check what the steps of a body read, now that all are known."""
        check_sources(
            steps,
            visible,
            self.findings,
            chained=chained,
            ahead=own.ahead,
            around=self.around,
            outside=self.stages,
            removed=self.removed,
        )

    def without_strays(self, mapping: Mapping, what: str) -> list[Entry]:
        """The entries that are steps; an ``op`` beside them belongs inside the one before it."""
        entries = list(mapping.items.values())
        stray = mapping.items.get("op")
        if stray is None or not isinstance(stray.value, Scalar):
            return entries
        before = entries[: entries.index(stray)][-1:]
        labels = [Label(step.key.span, "inside this one?") for step in before]
        message = f"`op` stands among {what}, not in a step"
        hint = "indent the lines of a step more than its name"
        self.findings.add(Code.BAD_NAME, message, stray.key.span, "", *labels, help=hint)
        return [entry for entry in entries if isinstance(entry.value, Mapping)]

    def fork(
        self, branches: Entry, merge: Entry | None, what: str, visible: Visible
    ) -> Body | None:
        of = f"the `branches` of {what}"
        mapping = read_mapping(branches.value, of, self.findings, _BRANCHES_BY_NAME)
        if mapping is not None:
            mapping, merge = with_merge_outside(mapping, merge, what, self.findings)
        if merge is None:
            message = f"{of} are never joined"
            hint = "say how: `merge: concat`, `merge: add`"
            self.findings.add(Code.MISSING_KEY, message, branches.key.span, help=hint)
        if mapping is None:
            return None
        if not mapping.items:
            hint = "write at least one branch; `shortcut: {}` passes the input on"
            self.findings.add(Code.EMPTY_BODY, f"{of} are empty", branches.key.span, help=hint)
        found: dict[str, Step] = {}
        own = Reading(mapping.items)
        self.around.append(own)
        for entry in mapping.items.values():
            own.at = entry.key.text
            check_name(entry.key, "branch", self.findings)
            step = self.branch(entry, (*visible[:-1], found, visible[-1]))
            found[entry.key.text] = step or _unreadable(entry.key)
        self.around.pop()
        self.check(found, visible, own, chained=False)
        joined = self.merge(merge) if merge and mapping.items else None
        return Fork(found, joined, mapping.span) if joined else None

    def branch(self, entry: Entry, visible: Visible) -> Step | None:
        """A lone step, or a mapping of steps; an empty mapping passes the input on. Each may say
        ``when`` it is there."""
        value = self.step_mapping(entry, f"the branch `{entry.key.text}`")
        if value is None:
            return None
        items = dict(value.items)
        when = items.pop("when", None)
        condition = when.value if when else None
        if not items:
            shortcut = Scalar("identity", "identity", entry.key.span)
            return Step(entry.key, shortcut, None, {}, when=condition)
        # A step whose `op` is missing or misspelt holds values; a body holds steps.
        bodies = any(isinstance(item.value, Mapping) for item in items.values())
        if not bodies or {"op", "share", "steps", "branches"} & items.keys():
            return self.step(entry, visible)
        what = f"the steps of the branch `{entry.key.text}`"
        inside = Mapping(items, value.span)
        body = self.chain(inside, what, (*visible, ("input",)), entry.key)
        return Step(entry.key, None, body, {}, when=condition)

    def merge(self, entry: Entry) -> Step | None:
        """``merge: concat``, or ``merge: {op: concat, …}`` with arguments."""
        value = entry.value
        arguments: dict[str, Entry] = {}
        if isinstance(value, Mapping):
            hint = "say which operation joins: `merge: concat`"
            items = self.with_operation(value, "`merge`", entry.key, hint)
            if items is None:
                return None
            operation = need_text(items.pop("op").value, "`op`", self.findings)
            arguments = items
        else:
            hint = "name the operation that joins, `merge: concat`"
            operation = need_text(value, "`merge`", self.findings, hint)
        return Step(entry.key, operation, None, arguments) if operation else None

    def step_mapping(self, entry: Entry, what: str) -> Mapping | None:
        key, value = entry.key.text, entry.value
        hint = f"write `{key}: {{op: conv2d, out: 64}}`"
        if isinstance(value, Scalar) and isinstance(value.value, str) and value.text:
            hint = f"write `{key}: {{op: {value.text}}}`"
            if value.text == "remove":
                hint = f"a variant removes a step with `edit: {{{key}: remove}}`"
        elif isinstance(value, Scalar) and value.value is None:
            hint = f"give it an operation, `{key}: {{op: relu}}`, or remove it"
        elif isinstance(value, Sequence):
            hint = f"arguments have names: {hint}"
        return read_mapping(value, what, self.findings, hint)

    def with_operation(
        self, value: Mapping, what: str, key: Scalar, hint: str
    ) -> dict[str, Entry] | None:
        """The entries of a step that has ``op``; a slip in the key is read as meant."""
        items = dict(value.items)
        if "op" not in items:
            slip = next((k for k in items if k not in RESERVED and closest(k, ("op",))), None)
            if slip is None:
                self.findings.add(Code.MISSING_KEY, f"{what} needs `op`", key.span, help=hint)
                return None
            message, place = f"{what} has no key `{slip}`", items[slip].key.span
            self.findings.add(Code.UNKNOWN_KEY, message, place, help="did you mean `op`?")
            rename(items, slip, "op")
        return items

    def step(self, entry: Entry, visible: Visible) -> Step | None:
        key = entry.key
        what = f"the step `{key.text}`"
        value = self.step_mapping(entry, what)
        if value is None:
            return None
        join_calls(value.items, self.findings)
        bodies = ("steps", "branches", "merge")
        if (shared := self.shared(value)) is not None:
            return self.once_more(key, what, shared)
        if "op" not in value.items and self.has_body(value):
            items = read_keys(value, ("from", "repeat", "when", *bodies), what, self.findings)
            body = self.body(items, key, what, (*visible, ("input",)))
            return Step(key, None, body, {}, self.sources(items.get("from")), *_copies(items))
        hint = "say which operation or block it is: `op: conv2d`"
        if value.items and all(isinstance(item.value, Mapping) for item in value.items.values()):
            inner = ", ".join(f"{name}: …" for name in value.items)
            hint = (
                f"a step made of steps holds them as `steps:`: `{key.text}: {{steps: {{{inner}}}}}`"
            )
        found = self.with_operation(value, what, key, hint)
        if found is None:
            return None
        for inline in bodies:
            if inline in found:
                message = f"{what} has both `op` and `{inline}`"
                hint = "a step is one operation, or a body of its own: remove one of them"
                self.conflict(message, found[inline], found["op"], hint)
        operation = need_text(
            found["op"].value, "`op`", self.findings, "name an operation or block"
        )
        arguments = {k: item for k, item in found.items() if k not in RESERVED}
        sources = self.sources(found.get("from"))
        return Step(key, operation, None, arguments, sources, *_copies(found))

    def shared(self, value: Mapping) -> dict[str, Entry] | None:
        """The entries of a step that is another one once more; a slip in the key is read as
        meant."""
        items = dict(value.items)
        if "share" in items:
            return items
        if "op" in items or self.has_body(value):
            return None
        words = (k for k, item in items.items() if isinstance(item.value, Scalar))
        slip = next((k for k in words if k not in RESERVED and closest(k, ("share",))), None)
        if slip is None:
            return None
        message, place = f"a step has no key `{slip}`", items[slip].key.span
        self.findings.add(Code.UNKNOWN_KEY, message, place, help="did you mean `share`?")
        rename(items, slip, "share")
        return items

    def once_more(self, key: Scalar, what: str, items: dict[str, Entry]) -> Step:
        """A step that says ``share``: what it does, and with what, the other step says."""
        share = items["share"]
        hint = "name the one step whose weights it uses: `share: conv1`"
        target = need_text(share.value, "`share`", self.findings, hint)
        other = f"`{target.text}`" if target else "the other step"
        given = [name for name in items if name not in ("from", "repeat", "share", "when")]
        if given:
            said = f"`{given[0]}`" if len(given) == 1 else listed(given)
            hint = (
                f"it does what {other} does, with the same arguments: remove {said}; to have"
                " weights of its own, remove `share`"
            )
            message = f"{what} has both `share` and `{given[0]}`"
            self.conflict(message, items[given[0]], share, hint)
        sources = self.sources(items.get("from"))
        return Step(key, None, None, {}, sources, *_copies(items), share=target)

    def has_body(self, value: Mapping) -> bool:
        """True where a step without ``op`` is meant to have a body of its own."""
        if {"steps", "branches"} & value.items.keys():
            return True
        bodies = ("steps", "branches")
        slips = (k for k, item in value.items.items() if isinstance(item.value, Mapping))
        return any(closest(k, bodies) for k in slips if k not in RESERVED)

    def sources(self, entry: Entry | None) -> tuple[Scalar, ...] | None:
        if entry is None:
            return None
        if not isinstance(entry.value, Sequence):
            found = [self.source(entry.value)]
        else:
            found = [self.source(item) for item in entry.value.items]
            if not found:
                message = "`from` is empty"
                hint = "name at least one step, or leave `from` out to read the step before"
                self.findings.add(Code.EMPTY_BODY, message, entry.key.span, help=hint)
        return tuple(item for item in found if item is not None)

    def source(self, node: Node) -> Scalar | None:
        if isinstance(node, Scalar):
            return need_text(node, "`from`", self.findings, "name the step to read")
        message = f"`from` names steps, but this is {kind_of(node)}"
        hint = "write `from: conv1`, or `from: [conv1, conv2]`"
        self.findings.add(Code.WRONG_TYPE, message, node.span.first_line(), help=hint)
        return None


def _copies(items: dict[str, Entry]) -> tuple[Node | None, Node | None]:
    """How often a step is there, and when."""
    repeat, when = items.get("repeat"), items.get("when")
    return repeat.value if repeat else None, when.value if when else None


def _unreadable(name: Scalar) -> Step:
    """A step that was reported; its name stays, since what reads it is not at fault."""
    return Step(name, None, None, {})
