"""The machine and the libraries, on which figures depend whatever the framework."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

from inceptgraph import plugins
from inceptgraph.engine import ENTRY_POINTS, cpu_facts

__all__ = ["library_versions", "processor"]

# What decides how many products a core makes at once, in Intel's, AMD's and Arm's words
_FLAGS = re.compile(
    r"avx2|avx512(f|_vnni|_bf16|_fp16)|avx_(vnni|ne_convert)|amx_\w+|asimd|sve2?|bf16|i8mm"
)


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> Mapping[str, str]:
    """The processor, how many of its cores this process may use, and which instructions it has."""
    fields = cpu_facts(cpuinfo)
    name = fields.get("model name") or platform.processor() or platform.machine()
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    able = [flag for flag in flags if _FLAGS.fullmatch(flag)]
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = {"processor": name, "cores": str(count)}
    return found | ({"instructions": ", ".join(able)} if able else {})


def library_versions(engines: Iterable[str]) -> Mapping[str, str]:
    """Versions of the libraries that engines need: those of the extra which has an engine's name.

    Args:
        engines: by name.
    """
    found: dict[str, str] = {}
    points = plugins.points(ENTRY_POINTS)
    for name in engines:
        package = points[name].dist if name in points else None
        for requirement in package.requires or () if package else ():
            wanted, _, marker = requirement.partition(";")
            if re.search(rf"extra\s*==\s*['\"]{re.escape(name)}['\"]", marker):
                library = re.split(r"[^\w.-]", wanted.strip())[0]
                try:
                    found[library] = metadata.version(library)
                except metadata.PackageNotFoundError:
                    continue
    return found
