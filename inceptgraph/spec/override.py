"""``--set path=value``: a value in a spec replaced before it is read, with its own place."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from typing import Any

from inceptgraph.errors import Code, Findings, Source, Span, did_you_mean
from inceptgraph.source import Entry, Mapping, Node, Scalar, parse

__all__ = ["apply"]


def apply(root: Node, overrides: MappingType[str, Any], findings: Findings) -> Node:
    """Return the tree with values replaced.

    Args:
        root: the parsed spec; it is not changed.
        overrides: values by path. A path is keys joined by dots, such as
            ``stages.inception_3a.1x1``; a bare word is a parameter of the network.
        findings: receives paths that lead nowhere.
    """
    for path, value in overrides.items():
        text = value if isinstance(value, str) else _flow(value)
        source = Source(f"--set {path}={text}", text)
        replacement = parse(source, findings)
        if replacement is None or not isinstance(root, Mapping):
            continue
        keys = path.split(".") if "." in path else ["params", path]
        root = _replaced(root, keys, replacement, source, path, findings)
    return root


def _replaced(
    root: Mapping, keys: list[str], value: Node, source: Source, path: str, findings: Findings
) -> Mapping:
    trail = [root]
    for depth, key in enumerate(keys):
        current = trail[-1]
        entry = current.items.get(key)
        last = depth == len(keys) - 1
        inner = entry.value if entry else None
        parameters = keys[:1] == ["params"]
        if entry is None and not (last and not parameters and depth > 0):
            _nowhere(current, keys, depth, source, path, findings)
            return root
        if not last:
            if not isinstance(inner, Mapping):
                _nowhere(current, keys, depth + 1, source, path, findings)
                return root
            trail.append(inner)
    for key, container in zip(reversed(keys), reversed(trail), strict=True):
        old = container.items.get(key)
        name = old.key if old else Scalar(key, key, Span(source, 0, 0, 0, 0))
        value = Mapping({**container.items, key: Entry(name, value)}, container.span)
    return value if isinstance(value, Mapping) else root


def _nowhere(
    at: Mapping, keys: list[str], depth: int, source: Source, path: str, findings: Findings
) -> None:
    where = ".".join(keys[:depth]) or "the spec"
    missing = keys[min(depth, len(keys) - 1)]
    known = list(at.items) if depth < len(keys) else []
    listed = ", ".join(known[:8]) or "nothing"
    findings.add(
        Code.BAD_OVERRIDE,
        f"`--set {path}`: there is no `{missing}` in {where}",
        Span(source, 0, 0, 0, len(source.text)),
        help=did_you_mean(missing, known) or f"it holds {listed}",
    )


def _flow(value: Any) -> str:
    """A Python value as one line of YAML."""
    import json

    return json.dumps(value)
