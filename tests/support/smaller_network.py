"""The smallest network that still fails, found by leaving steps, outputs and arguments out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import yaml

from inceptgraph.diagnostics import SpecError

__all__ = ["smallest"]

Spec = dict[str, Any]


def smallest(text: str, fails: Callable[[str], bool]) -> str:
    """A text of :func:`random_networks.network`, made as small as it can be while it fails."""
    found = yaml.safe_load(text)
    while (smaller := next((s for s in _smaller(found) if _still(s, fails)), None)) is not None:
        found = smaller
    return _text(found)


def _text(spec: Spec) -> str:
    return yaml.safe_dump(spec, sort_keys=False, default_flow_style=None, width=1000)


def _still(spec: Spec, fails: Callable[[str], bool]) -> bool:
    with suppress(SpecError):  # what is left fits no longer
        return fails(_text(spec))
    return False


def _smaller(spec: Spec) -> Iterator[Spec]:
    """The same with less: one output, one step read past, one argument or unread part gone."""
    for name in spec["outputs"]:
        if len(spec["outputs"]) > 1:
            yield _needed(spec | {"outputs": {name: spec["outputs"][name]}})
    for name, step in spec["stages"].items():
        for operand in step["from"]:
            yield _needed(_past(spec, name, operand))
        for key in step:
            if key not in ("op", "from", "out", "kernel", "size", "stop", "border"):
                less = copy.deepcopy(spec)
                del less["stages"][name][key]
                yield less
    if len(_needed(spec)["inputs"]) < len(spec["inputs"]):
        yield _needed(spec)


def _past(spec: Spec, name: str, operand: str) -> Spec:
    """The network in which readers of a step read one of its operands."""
    less = copy.deepcopy(spec)
    del less["stages"][name]
    for step in less["stages"].values():
        step["from"] = [operand if each == name else each for each in step["from"]]
    outputs = less["outputs"]
    less["outputs"] = {key: operand if at == name else at for key, at in outputs.items()}
    return less


def _needed(spec: Spec) -> Spec:
    """The network without what no output needs."""
    needed = set(spec["outputs"].values())
    for name, step in reversed(spec["stages"].items()):
        if name in needed:
            needed.update(step["from"])
    parts = {key: {n: v for n, v in spec[key].items() if n in needed} for key in PARTS}
    return spec | parts


PARTS = ("inputs", "stages")
