"""The processor of this machine, in the words of its operating system."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

__all__ = ["cpu_facts", "instruction_set"]

CPUINFO = Path("/proc/cpuinfo")

WIDEST = {
    "float32": ("avx512f", "avx2", "sve", "asimd"),
    "bfloat16": ("amx_bf16", "avx512_bf16", "bf16"),
}
"""Instructions that compute in a float type, the fastest first, as Linux names them."""


def cpu_facts(cpuinfo: Path = CPUINFO) -> Mapping[str, str]:
    """The facts that Linux gives of the processor, by its own words; none on other systems."""
    try:
        text = cpuinfo.read_text()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


@cache
def instruction_set(dtype: str, cpuinfo: Path = CPUINFO) -> str | None:
    """The fastest instructions that this processor has for a float type.

    Args:
        dtype: one of :data:`inceptgraph.engine.DTYPES`.
        cpuinfo: what Linux says of the processor.

    Returns:
        Their name, such as ``avx2``; None where there are none, or where it cannot be seen.
    """
    facts = cpu_facts(cpuinfo)
    has = (facts.get("flags") or facts.get("Features") or "").split()
    return next((each for each in WIDEST.get(dtype, ()) if each in has), None)
