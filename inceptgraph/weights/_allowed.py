"""What of a file need not fit, as patterns of names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["KINDS", "Allowed"]

KINDS = ("missing", "unexpected", "shape")


@dataclass(frozen=True)
class Allowed:
    """The mismatches that a user allows, as patterns of names."""

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    shape: tuple[str, ...] = ()

    @classmethod
    def of(cls, texts: Iterable[str]) -> Allowed:
        """Read texts such as ``missing:aux1``.

        Raises:
            ValueError: one of them is none.
        """
        found: dict[str, list[str]] = {kind: [] for kind in KINDS}
        for text in texts:
            kind, _, pattern = text.partition(":")
            if kind not in found or not pattern:
                kinds = ", ".join(f"{kind}:PATTERN" for kind in KINDS)
                raise ValueError(f"`{text}` is none of {kinds}, such as missing:aux1")
            found[kind].append(pattern)
        return cls(*(tuple(found[kind]) for kind in KINDS))
