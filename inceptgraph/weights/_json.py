"""A fit as plain data."""

from __future__ import annotations

from typing import Any

from inceptgraph.weights._fitted import Fitted
from inceptgraph.weights._match import Pair

__all__ = ["to_json"]


def to_json(fitted: Fitted) -> dict[str, Any]:
    """The data of a file's fit as plain dicts and lists, which ``json`` writes. Reads its numbers.

    Args:
        fitted: of a file, as :func:`fit_file` makes it.
    """
    fit, contents = fitted.fit, fitted.contents
    assert contents is not None
    return {
        "file": str(contents.path),
        "format": contents.format,
        "key": contents.key,
        "left_unread": list(contents.stubs),
        "fits": fitted.fits,
        "remap": fit.table.name if fit.table else None,
        "prefix": fit.prefix,
        "loaded": [_pair(pair) for pair in fit.loaded],
        "background": [pair.slot.name for pair in fit.loaded if pair.skipped],
        "input_adapted": [pair.slot.name for pair in fit.loaded if pair.channels],
        "inflated": [pair.slot.name for pair in fit.loaded if pair.frames],
        "adapted": [_pair(pair) for pair in fit.adapted],
        "mismatched": [_pair(pair) for pair in fit.mismatched],
        "missing": fit.missing,
        "absent": fit.absent,
        "unexpected": fit.unexpected,
        "beside": fit.beside,
        "ignored": [*fit.ignored, *fit.counters],
        "allow": fitted.permissions,
        "weights_of": list(fitted.kin),
        "idle": fitted.idle,
        "not_finite": fitted.not_finite,
        "clashes": [{"name": c.ours, "theirs": [c.first, c.second]} for c in fit.clashes],
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "name": pair.slot.name,
        "shape": list(pair.slot.shape),
        "theirs": pair.theirs,
        "their_shape": list(pair.info.shape),
        "dtype": pair.info.dtype,
    }
