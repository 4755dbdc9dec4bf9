"""``edit``: changes to the steps of a spec that another extends, by the steps' paths."""

from __future__ import annotations

from collections.abc import Collection, Container

from inceptgraph.diagnostics import Code, Findings, Label, Span, closest
from inceptgraph.source import Entry, Mapping, Node, Scalar, Sequence
from inceptgraph.spec._edit_paths import Siblings, Target, find, holds_steps, report_nothing
from inceptgraph.spec._structure import kind_of, read_keys, read_mapping

__all__ = ["apply_edits"]

_CHANGES = ("set", "replace", "before", "after")
_FORMS = "write `remove`, `{set: {…}}`, `{replace: {…}}`, `{before: {…}}` or `{after: {…}}`"

MAX_INSERTED = 200_000
"""Steps that all edits of a spec may insert: as many as a network may have."""

_PLACE = ("from", "loss", "loss_weight")
"""What a step says of its place in the network, and not of what it computes."""


def apply_edits(
    spec: Mapping, edit: Entry, removed: dict[str, Span], findings: Findings
) -> Mapping:
    """Apply the edits in the order in which they are written.

    Args:
        spec: the whole spec.
        edit: the entry ``edit``.
        removed: receives where steps were removed, by their names.
        findings: receives edits that name nothing, or do not fit what they name.
    """
    hint = "edits are keyed by the step: write `edit: {conv1: {set: {out: 96}}}`"
    edits = read_mapping(edit.value, "`edit`", findings, hint)
    editor = _Editor(spec, removed, findings)
    for entry in edits.items.values() if edits else ():
        editor.edit(entry)
    return editor.spec


class _Editor:
    def __init__(self, spec: Mapping, removed: dict[str, Span], findings: Findings) -> None:
        self.spec = spec
        self.removed = removed
        self.findings = findings
        self.inserted = 0

    def edit(self, entry: Entry) -> None:
        changes = self.changes(entry)
        targets = list(find(self.spec, entry.key, self.findings)) if changes else []
        if changes and not targets:
            report_nothing(self.spec, entry.key, self.removed, self.findings)
        by_place: dict[tuple[str, ...], list[Target]] = {}
        for target in targets:
            by_place.setdefault(target.keys[:-1], []).append(target)
        for together in by_place.values():
            for change in changes:
                self.change(together, change, entry.key)

    def changes(self, entry: Entry) -> list[Entry]:
        """The changes to make, each with the keyword as its key."""
        key, value = entry.key, entry.value
        what = f"the edit of `{key.text}`"
        if isinstance(value, Scalar):
            slip = isinstance(value.value, str) and closest(value.text, ("remove",))
            if value.text != "remove":
                message = f"{what} says what to do with it, but is {kind_of(value)}"
                hint = "did you mean `remove`?" if slip else _FORMS
                self.findings.add(Code.BAD_EDIT, message, value.span.first_line(), help=hint)
            return [Entry(value, value)] if value.text == "remove" or slip else []
        mapping = read_mapping(value, what, self.findings, _FORMS)
        if mapping is None:
            return []
        if "op" in mapping.items:
            message = f"{what} is a step, and does not say what to do with it"
            hint = f"to put it in the place of `{key.text}`, write `{key.text}: {{replace: {{…}}}}`"
            self.findings.add(Code.BAD_EDIT, message, key.span, help=hint)
            return []
        items = read_keys(mapping, _CHANGES, what, self.findings)
        if not items and not mapping.items:
            self.findings.add(Code.BAD_EDIT, f"{what} changes nothing", key.span, help=_FORMS)
        return list(items.values())

    # -- changing ----------------------------------------------------------------------------

    def change(self, targets: list[Target], change: Entry, path: Scalar) -> None:
        """Make one change to steps that stand among the same siblings."""
        container = targets[0].keys[:-1]
        if container == ("aux_heads",) and change.key.text in ("before", "after"):
            self.report_head(targets[0].keys[-1], change.key)
            return
        if change.key.text in ("before", "after") and isinstance(change.value, Mapping):
            self.inserted += len(targets) * len(change.value.items)
            if self.inserted > MAX_INSERTED:
                message = f"the edits insert more than {MAX_INSERTED:,} steps"
                self.findings.add(Code.TOO_LARGE, message, path.span)
                return
        before = _at(self.spec, container).items
        after = dict(before)
        inserted: dict[str, Siblings] = {}
        new_names: set[str] = set()
        for target in targets:
            name = target.keys[-1]
            if name not in after:
                continue  # an edit above removed it
            if change.key.text == "set":
                self.set(after, name, change.value)
            elif change.key.text == "replace":
                self.replace(after, name, change.value)
            elif change.key.text in ("before", "after"):
                new = self.new_steps(change, target, after, new_names)
                if change.key.text == "before":
                    new = self.taking_over(after, name, new, path)
                inserted[name] = new
                new_names.update(new)
            else:
                self.removed[name] = path.span
                del after[name]
        if inserted:
            after = _woven(after, inserted, change.key.text)
        if not after and container != ("aux_heads",):
            message = f"this removes every step of `{'.'.join(container)}`"
            hint = "leave one, or replace it: `{replace: {op: identity}}`"
            self.findings.add(Code.BAD_EDIT, message, path.span, help=hint)
            return
        self.spec = _rewritten(self.spec, container, after)
        if container == ("stages",) and len(after) < len(before):
            self.spec = _with_sections_over(self.spec, list(before), after.keys())
        if container == ("aux_heads",) and not after:
            items = {key: entry for key, entry in self.spec.items.items() if key != "aux_heads"}
            self.spec = Mapping(items, self.spec.span)

    def report_head(self, name: str, verb: Scalar) -> None:
        message = f"`{name}` is an auxiliary head: no step stands {verb.text} it"
        hint = (
            f"make it of several steps, `{name}: {{replace: {{…}}}}`,"
            " or edit a step of the block that it uses"
        )
        self.findings.add(Code.BAD_EDIT, message, verb.span, help=hint)

    def set(self, siblings: Siblings, name: str, value: Node) -> None:
        """Replace arguments of a step."""
        given = read_mapping(value, "`set`", self.findings, "write `{set: {out: 96}}`")
        step = siblings[name].value
        if given is not None and not given.items:
            message = f"the edit of `{name}` sets nothing"
            hint = "write `{set: {out: 96}}`"
            self.findings.add(Code.BAD_EDIT, message, value.span.first_line(), help=hint)
        elif given is not None and isinstance(step, Mapping):
            merged = Mapping({**step.items, **given.items}, step.span)
            siblings[name] = Entry(siblings[name].key, merged)

    def replace(self, siblings: Siblings, name: str, value: Node) -> None:
        """Put another step in the place of one."""
        hint = "write a step, `{replace: {op: relu}}`, or several by name"
        step = read_mapping(value, "`replace`", self.findings, hint)
        if step is None:
            return
        if not step.items:
            message = f"the edit of `{name}` puts nothing in its place"
            hint = f"write a step, `{{replace: {{op: relu}}}}`, or `{name}: remove`"
            self.findings.add(Code.BAD_EDIT, message, value.span.first_line(), help=hint)
            return
        own, old = siblings[name].key, siblings[name].value
        if not {"op", "steps", "branches"} & step.items.keys() and holds_steps(step):
            # several steps take the place of one, under its name: who reads it reads the last
            step = Mapping({"steps": Entry(Scalar("steps", "steps", own.span), step)}, step.span)
        before = old.items if isinstance(old, Mapping) else {}
        place = {key: before[key] for key in _PLACE if key in before}
        siblings[name] = Entry(own, Mapping({**place, **step.items}, step.span))

    def new_steps(
        self, change: Entry, target: Target, siblings: Siblings, new_names: Container[str]
    ) -> Siblings:
        """The steps to insert at a target, by their names there; none where that cannot be."""
        verb = change.key.text
        hint = f"new steps have names: write `{{{verb}: {{norm: {{op: batch_norm}}}}}}`"
        given = read_mapping(change.value, f"`{verb}`", self.findings, hint)
        if given is None:
            return {}
        if not given.items or not holds_steps(given):
            message = f"`{verb}` holds steps by name"
            self.findings.add(Code.BAD_EDIT, message, given.span.first_line(), help=hint)
            return {}
        found: Siblings = {}
        for name, entry in given.items.items():
            new = name if target.matched is None else name.replace("*", target.matched)
            if new not in siblings and new not in new_names:
                found[new] = Entry(Scalar(new, new, entry.key.span), entry.value)
                continue
            labels = [Label(siblings[new].key.span, "this one")] if new in siblings else []
            message = f"there is a step `{new}` already"
            hint = "give the new step another name"
            if target.matched is not None and "*" not in name:
                hint = f"the edit holds for several steps: call it `{name}_*`, say"
            where = entry.key.span
            self.findings.add(Code.NAME_CLASH, message, where, "the new step", *labels, help=hint)
            return {}
        return found

    def taking_over(self, siblings: Siblings, name: str, new: Siblings, path: Scalar) -> Siblings:
        """Steps in which what stands before one that says ``from`` reads what that step read."""
        step = siblings[name].value
        reads = step.items.get("from") if isinstance(step, Mapping) else None
        first = next(iter(new), None)
        head = new[first].value if first is not None else None
        if reads is None or first is None or not isinstance(step, Mapping):
            return new
        if isinstance(reads.value, Sequence) and len(reads.value.items) > 1:
            message = f"`{name}` reads several steps, so that nothing is before it alone"
            label = Label(reads.value.span.first_line(), "these")
            hint = "insert after one of those"
            self.findings.add(Code.BAD_EDIT, message, path.span, "", label, help=hint)
            return {}
        assert isinstance(head, Mapping)  # new_steps sees to that
        rest = {key: entry for key, entry in step.items.items() if key != "from"}
        siblings[name] = Entry(siblings[name].key, Mapping(rest, step.span))
        reading = (
            head if "from" in head.items else Mapping({**head.items, "from": reads}, head.span)
        )
        return {**new, first: Entry(new[first].key, reading)}


# -- the tree --------------------------------------------------------------------------------


def _at(tree: Mapping, keys: tuple[str, ...]) -> Mapping:
    for key in keys:
        value = tree.items[key].value
        assert isinstance(value, Mapping)
        tree = value
    return tree


def _woven(siblings: Siblings, inserted: dict[str, Siblings], verb: str) -> Siblings:
    """Steps with others before or after some of them."""
    found: Siblings = {}
    for name, entry in siblings.items():
        new = inserted.get(name)
        if new and verb == "before":
            found.update(new)
        found[name] = entry
        if new and verb == "after":
            found.update(new)
    return found


def _rewritten(tree: Mapping, keys: tuple[str, ...], items: Siblings) -> Mapping:
    """The tree with other entries in the mapping at ``keys``."""
    value = Mapping(items, _at(tree, keys).span)
    for depth in reversed(range(len(keys))):
        outer = _at(tree, keys[:depth])
        entry = Entry(outer.items[keys[depth]].key, value)
        value = Mapping({**outer.items, keys[depth]: entry}, outer.span)
    return value


def _with_sections_over(spec: Mapping, before: list[str], left: Collection[str]) -> Mapping:
    """Sections that begin or end with a stage that is gone begin or end with its neighbour."""
    entry = spec.items.get("sections")
    if entry is None or not isinstance(entry.value, Mapping):
        return spec
    place = {name: index for index, name in enumerate(before)}
    sections: Siblings = {}
    for name, section in entry.value.items.items():
        ends = section.value.text.split("..") if isinstance(section.value, Scalar) else []
        first, last = (end.strip() for end in ends) if len(ends) == 2 else ("", "")
        if first in place and last in place and not (first in left and last in left):
            run = [stage for stage in before[place[first] : place[last] + 1] if stage in left]
            if not run:
                continue
            text = f"{run[0]} .. {run[-1]}"
            section = Entry(section.key, Scalar(text, text, section.value.span))
        sections[name] = section
    items = dict(spec.items)
    items["sections"] = Entry(entry.key, Mapping(sections, entry.value.span))
    if not sections:
        del items["sections"]
    return Mapping(items, spec.span)
