"""Names of nodes that were replaced by others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

__all__ = ["followed"]


def followed(replaced: Mapping[str, str]) -> Callable[[str], str]:
    """What has a node's value now, through any number of replacements.

    >>> followed({"a": "b", "b": "c"})("a")
    'c'
    """

    def new_name(name: str) -> str:
        while name in replaced:
            name = replaced[name]
        return name

    return new_name
