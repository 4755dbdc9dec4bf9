"""Findings as SARIF 2.1.0, the format that code-scanning services take in.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath
from typing import Any
from urllib.parse import quote_from_bytes

from inceptgraph.diagnostics import Code, Diagnostic, Severity, Span, codes
from inceptgraph.report._json import dumps
from inceptgraph.report._text import details, region

__all__ = ["render"]

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def render(diagnostics: Sequence[Diagnostic], color: bool) -> str:
    """One run, with the rules that its findings break."""
    rules = {code: index for index, code in enumerate(sorted({d.code for d in diagnostics}))}
    driver = {"name": "InceptGraph", **_version(), "rules": [_rule(code) for code in rules]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(d, rules[d.code]) for d in diagnostics],
    }
    return dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _version() -> dict[str, str]:
    try:
        return {"version": version("inceptgraph")}
    except PackageNotFoundError:  # run from a checkout that is not installed
        return {}


def _rule(code: Code) -> dict[str, Any]:
    text = codes.explain(code)
    return {
        "id": code.value,
        "name": codes.name(code),
        "shortDescription": {"text": codes.title(code)},
        "fullDescription": {"text": codes.summary(code)},
        "help": {"text": text, "markdown": text},
    }


def _result(d: Diagnostic, rule: int) -> dict[str, Any]:
    text = "\n".join([d.message, *details(d)])
    return {
        "ruleId": d.code.value,
        "ruleIndex": rule,
        "level": "error" if d.severity is Severity.ERROR else "warning",
        "message": {"text": text},
        "locations": [_location(d.span)] if d.span else [],
        "relatedLocations": [
            {"id": index, "message": {"text": label.text}, **_location(label.span)}
            for index, label in enumerate(d.labels)
            if label.text
        ],
    }


def _location(span: Span) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(span.source.name)}}
    at = region(span)
    if at:
        physical["region"] = {
            "startLine": at.line,
            "startColumn": at.column,
            "endLine": at.end_line,
            "endColumn": at.end_column,
        }
    return {"physicalLocation": physical}


def _uri(name: str) -> str:
    """A file name as a URI: relative to the working directory unless it is absolute."""
    path = PurePath(name)
    try:
        data = os.fsencode(path.as_posix())
    except UnicodeEncodeError:  # no file of this system has such a name
        data = path.as_posix().encode("utf-8", "backslashreplace")
    slashes = "" if not path.is_absolute() else "file://" if data.startswith(b"/") else "file:///"
    return slashes + quote_from_bytes(data, "/:" if slashes else "/")
