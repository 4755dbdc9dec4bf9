"""Writes ``docs/operations.md`` from the operations themselves: ``python docs/generate.py``."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from inceptgraph.ops import BUILT_IN, Operation

PAGE = Path(__file__).parent / "operations.md"
INTRODUCTION = """# Operations

Generated from the operations themselves by `docs/generate.py`. Arguments without a default must be
given. A shape is height×width×channels; a *size* is a whole number or `[height, width]`.
"""


def page() -> str:
    """The whole page."""
    families: dict[str, list[type[Operation]]] = {}
    for kind in BUILT_IN.values():
        families.setdefault(str(kind.family), []).append(kind)
    parts = [INTRODUCTION]
    for family, kinds in families.items():
        parts.append(f"## {family.capitalize()}\n")
        parts.extend(map(section, kinds))
    return "\n".join(parts)


def section(kind: type[Operation]) -> str:
    """One operation: what it does, and its arguments."""
    summary, _, arguments = inspect.cleandoc(kind.__doc__ or "").partition("Args:")
    lines = [f"### `{kind.op}`\n", markdown(summary.strip()), ""]
    if arguments:
        meanings = dict(re.findall(r"^    (\w+): (.*?)(?=^    \w+: |\Z)", arguments, re.M | re.S))
        lines += ["| argument | default | meaning |", "| --- | --- | --- |"]
        for name, field in sorted(kind.model_fields.items(), key=lambda f: not f[1].is_required()):
            default = "" if field.is_required() else f"`{shown(field.default)}`"
            meaning = markdown(" ".join(meanings[name].split()))
            lines.append(f"| `{name}` | {default} | {meaning} |")
        lines.append("")
    return "\n".join(lines)


def markdown(text: str) -> str:
    """reStructuredText literals as Markdown's; a bar would end a table's cell."""
    return text.replace("``", "`").replace("|", "\\|")


def shown(value: object) -> str:
    """A default as a spec writes it."""
    if isinstance(value, tuple) and len(set(value)) == 1:
        value = value[0]
    if isinstance(value, bool):
        return str(value).lower()
    scheme = getattr(value, "scheme", None)
    if scheme == "constant":
        return f"{value.value:g}"  # type: ignore[attr-defined]
    return "torch" if scheme == "variance_scaling" else f"{value}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
