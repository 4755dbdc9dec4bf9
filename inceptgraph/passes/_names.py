"""Names for steps that passes make."""

from __future__ import annotations

from collections.abc import Container

__all__ = ["free_name"]


def free_name(wanted: str, taken: Container[str]) -> str:
    """The name, or the first of ``name_2``, ``name_3`` and so on that is free.

    >>> free_name("conv", {"conv", "conv_2"})
    'conv_3'
    """
    if wanted not in taken:
        return wanted
    number = 2
    while f"{wanted}_{number}" in taken:
        number += 1
    return f"{wanted}_{number}"
