"""The mapping of tensors in what a trainer saved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from torch import Tensor

from inceptgraph.diagnostics import did_you_mean
from inceptgraph.weights import refuse
from inceptgraph_torch.inert_values import Stub

__all__ = ["find_state"]

State = Mapping[str, Any]

_DEEPEST = 4
"""Keys that lead to a mapping at most; a file may hold itself, without end."""
_SHOWN = 6
_SAVE = "save the tensors by name: torch.save(model.state_dict(), path)"


def find_state(path: Path, data: Any, key: str | None = None) -> tuple[str, State]:
    """The mapping of tensors in the content of a file, and the keys that lead to it.

    Where there is one whose names have dots, as those of layers do, single tensors and the states
    of optimisers count as what stands beside it.

    Args:
        path: the file, for messages.
        data: its content.
        key: which mapping, keys with dots between, empty for the top; None for the one that there
            is.

    Raises:
        SpecError: there are several and no key, or none, or not this one.
    """
    held = _mappings(data)
    if key is not None:
        if key not in held:
            _refuse_key(path, held, key)
        return key, held[key]
    states = {place: state for place, state in held.items() if _of_layers(state)} or held
    if not states:
        _refuse_without(path, data)
    if len(states) > 1:
        other = list(states)[1]  # the first is the top, which has no name, or what is usual
        hint = f"choose one: `--key {other}`, or `WeightsFile(path, key={other!r})` in Python"
        hint += '; `--key ""` is the top' if "" in states else ""
        refuse(path, f"holds several mappings of tensors: {_listed(states)}", hint)
    return next(iter(states.items()))


def _mappings(data: Any) -> dict[str, State]:
    """All mappings that hold tensors by name, by the keys that lead to them, the outer first."""
    found: dict[str, State] = {}
    places = Counter[str]()
    waiting: list[tuple[tuple[str, ...], Any]] = [((), data)]
    seen = set[int]()
    for keys, value in waiting:  # which grows meanwhile
        if not isinstance(value, Mapping) or id(value) in seen:
            continue
        seen.add(id(value))
        if _by_name(value):
            place = ".".join(keys)
            places[place] += 1
            twin = f" ({places[place]})" if places[place] > 1 else ""  # keys may have dots
            found[place + twin] = value
        if len(keys) < _DEEPEST:
            waiting += [((*keys, str(key)), each) for key, each in value.items()]
    return found


def _by_name(value: Mapping[Any, Any]) -> bool:
    texts = all(isinstance(key, str) for key in value)
    return texts and any(isinstance(each, Tensor) for each in value.values())


def _of_layers(state: State) -> bool:
    return any("." in name and isinstance(value, Tensor) for name, value in state.items())


def _listed(states: Mapping[str, State]) -> str:
    shown = [
        f"{_named(place)} ({count:,} tensor{'s' if count > 1 else ''})"
        for place, state in list(states.items())[:_SHOWN]
        for count in [sum(isinstance(value, Tensor) for value in state.values())]
    ]
    more = f" and {len(states) - _SHOWN:,} more" if len(states) > _SHOWN else ""
    return ", ".join(shown) + more


def _named(place: str) -> str:
    return f"`{place[:60]}`" if place else "the top"


def _refuse_key(path: Path, held: Mapping[str, State], key: str) -> NoReturn:
    hint = did_you_mean(key, held)
    there = f"it holds {_listed(held)}" if held else None
    refuse(path, f"holds no mapping of tensors at {_named(key)}", hint or there)


def _refuse_without(path: Path, data: Any) -> NoReturn:
    if isinstance(data, Tensor):
        refuse(path, "holds one tensor without a name, not a state_dict")
    if isinstance(data, Stub):
        hint = "save the tensors alone: torch.save(model.state_dict(), path)"
        refuse(
            path, f"holds no state_dict, but an object of `{data.kind}`, which is not read", hint
        )
    if not isinstance(data, Mapping):
        refuse(path, f"holds no state_dict, but a {type(data).__name__}", _SAVE)
    if any(isinstance(value, Tensor) for value in data.values()):
        refuse(path, "holds no state_dict: its tensors have no names", _SAVE)
    kinds = dict.fromkeys(value.kind for value in data.values() if isinstance(value, Stub))
    objects = f", but objects of {', '.join(list(kinds)[:3])}, which are not read" if kinds else ""
    refuse(path, f"holds no tensors by name{objects}", _SAVE)
