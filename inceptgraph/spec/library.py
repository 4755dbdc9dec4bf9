"""The specs that are shipped: found by name, beside the package or beside the checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from inceptgraph.errors import Code, Findings, Source, Span, did_you_mean

__all__ = ["locate", "shipped"]


@cache
def shipped() -> dict[str, Path]:
    """Shipped specs by name."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "specs", package.parent / "specs"):
        found = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
        if found:
            return found
    return {}


def locate(spec: str | Path, findings: Findings) -> Path | None:
    """The file that a user means: a path, ``-`` for standard input, or a shipped spec's name."""
    text = str(spec)
    path = Path(spec)
    looks_like_path = isinstance(spec, Path) or path.suffix in (".yaml", ".yml") or "/" in text
    if text == "-" or looks_like_path or path.exists():
        return path
    known = shipped()
    if text in known:
        return known[text]
    where = Span(Source(text, ""), 0, 0, 0, 0)
    message = f"there is no file and no shipped spec `{text}`"
    hint = did_you_mean(text, known) or f"shipped: {', '.join(known)}"
    findings.add(Code.UNKNOWN_SPEC, message, where, help=hint)
    return None
