"""``--set path=value``: a value in a spec replaced before it is read, with its own place."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingType
from typing import Any

from inceptgraph.diagnostics import Code, Findings, Source, Span, did_you_mean
from inceptgraph.source import Entry, Mapping, Node, Scalar, Sequence, parse, resolve
from inceptgraph.spec._structure import entries_of, listed
from inceptgraph.spec._values import TYPES

__all__ = ["apply", "declares_parameter", "flow", "path_keys", "redeclared"]


def apply(root: Node, overrides: MappingType[str, Any], findings: Findings) -> Node:
    """Return the tree with values replaced.

    Args:
        root: the parsed spec; it is not changed.
        overrides: values by path. A path is keys joined by dots, such as
            ``stages.inception_3a.1x1``; a bare word is a parameter of the network.
        findings: receives paths that lead nowhere.
    """
    for path, value in overrides.items():
        text = value if isinstance(value, str) else flow(value, path)
        source = Source(f"--set {path}={text}", text)
        if not text.strip():
            message = f"`--set {path}=` gives no value"
            hint = f"write `--set {path}=…`; `null` is the empty value"
            findings.add(Code.BAD_OVERRIDE, message, Span(source, 0, 0, 0, 0), help=hint)
            continue
        replacement = parse(source, findings)
        if replacement is not None and isinstance(root, Mapping):
            root = _replaced(root, replacement, source, path, findings)
    return root


def path_keys(path: str) -> list[str]:
    """A path's keys; a bare word is a parameter of the network."""
    return path.split(".") if "." in path else ["params", path]


def declares_parameter(keys: list[str]) -> bool:
    """True where a path leads to a parameter of the network, or of a block."""
    return (keys[0] == "params" and len(keys) == 2) or (
        keys[0] == "blocks" and len(keys) == 4 and keys[2] == "params"
    )


def flow(value: Any, path: str = "") -> str:
    """A Python value as one line of YAML; numbers and arrays of NumPy and torch are plain ones.

    Raises:
        TypeError: YAML has no such value.
    """
    import json

    def plain(part: Any) -> Any:
        if hasattr(part, "tolist"):
            return part.tolist()
        kind = type(part).__name__
        raise TypeError(f"`set` gives `{path}` a value of type `{kind}`, which no spec can hold")

    return json.dumps(value, default=plain)


def _replaced(root: Mapping, value: Node, source: Source, path: str, findings: Findings) -> Mapping:
    """The tree with one value replaced. The last key of a path may be new: an argument, or a step
    that is given whole. A section or a parameter may not."""
    keys = path_keys(path)
    is_step = keys[0] in ("stages", "blocks", "aux_heads") and len(keys) == 2
    trail = [root]
    for depth, key in enumerate(keys):
        entry = trail[-1].items.get(key)
        last = depth == len(keys) - 1
        may_be_new = last and depth > 0 and keys[0] != "params"
        may_be_new = may_be_new and (isinstance(value, Mapping) or not is_step)
        inner = entry.value if entry else None
        if (entry is None and not may_be_new) or not (last or isinstance(inner, Mapping)):
            missing = depth if entry is None else depth + 1
            _nowhere(trail[-1] if entry is None else inner, keys, missing, source, path, findings)
            return root
        if isinstance(inner, Mapping) and not last:
            trail.append(inner)
    declared = trail[-1].items.get(keys[-1])
    if declares_parameter(keys) and declared is not None:
        value = redeclared(declared.value, value)
    for key, container in zip(reversed(keys), reversed(trail), strict=True):
        old = container.items.get(key)
        name = old.key if old else Scalar(key, key, Span(source, 0, 0, 0, 0))
        value = Mapping({**container.items, key: Entry(name, value)}, container.span)
    assert isinstance(value, Mapping)
    return value


def redeclared(declared: Node, value: Node) -> Node:
    """A parameter's new default, held to the type that its declaration has.

    A bare default stays one where its type is the same.
    """
    if not isinstance(declared, Scalar) or not isinstance(value, Scalar | Sequence):
        return value
    kind = type(declared.value).__name__
    same = isinstance(value, Scalar) and type(value.value).__name__ == kind
    if isinstance(declared.value, str):
        match = re.match(r"\s*(\w+)", declared.text)
        kind = match[1] if match else ""
        same = False
    if same or kind not in TYPES or (isinstance(value, Scalar) and value.value is None):
        return value
    span = value.span.first_line()
    text = "\n".join(span.source.lines) if isinstance(value, Sequence) else value.text
    if isinstance(value, Scalar) and isinstance(value.value, str) and resolve(text) != text:
        text = flow(text)  # it was in quotes, and so is a word
    declaration = f"{kind} = {text}"
    return Scalar(declaration, declaration, span)


_SECTIONS = ("stages", "aux_heads", "blocks")


def _nowhere(
    at: Node | None, keys: list[str], depth: int, source: Source, path: str, findings: Findings
) -> None:
    """Report a path that leads to nothing."""
    missing = keys[min(depth, len(keys) - 1)]
    known = list(at.items) if isinstance(at, Mapping) else []
    if "." not in path:
        what = f"the network has no parameter `{missing}`"
    elif not isinstance(at, Mapping):
        what = f"`{'.'.join(keys[:depth])}` is a value, with nothing inside"
    else:
        where = f"`{'.'.join(keys[:depth])}`" if depth else "the spec"
        what = f"there is no `{missing}` in {where}"
    spec = at if depth == 0 and isinstance(at, Mapping) else None
    section = next((s for s in _SECTIONS if spec and missing in entries_of(spec, s)), None)
    if "" in keys:
        what, hint = "the path has an empty part", "keys are joined by single dots"
    elif section is not None:
        hint = f"write `--set {section}.{path}=…`"
    elif not known or (depth == 0 and "." not in path):
        hint = None
    else:
        more = f", among {len(known)}" if len(known) > 8 else ""
        hint = did_you_mean(missing, known) or f"there are {listed(known[:8])}{more}"
    span = Span(source, 0, 0, 0, len(source.lines[0]))
    findings.add(Code.BAD_OVERRIDE, f"`--set {path}`: {what}", span, help=hint)
