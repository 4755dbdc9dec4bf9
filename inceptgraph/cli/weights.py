"""``weights``: how a file of weights fits a spec."""

from __future__ import annotations

from typing import Any

import click

from inceptgraph.cli import console, failures
from inceptgraph.cli.options import fit_options, json_option, set_option, spec_argument
from inceptgraph.cli.specs import load
from inceptgraph.cli.verbs import verb
from inceptgraph.weights import Fitted, Pair, fit_file

__all__ = ["weights"]

EXAMPLES = """
inceptgraph weights resnet18 resnet18-f37072fd.pth
inceptgraph weights googlenet bvlc_googlenet.caffemodel --set classes=10
inceptgraph weights my.yaml weights.safetensors --remap mine.yaml
inceptgraph weights my.yaml weights.safetensors --json | jq .unexpected
"""


@verb("weights", examples=EXAMPLES)
@spec_argument
@click.argument("file", type=click.Path())
@fit_options
@json_option
@set_option
def weights(
    spec: str,
    file: str,
    remap: str | None,
    allow: tuple[str, ...],
    as_json: bool,
    values: dict[str, str],
) -> int:
    """Say how a file of weights fits a spec.

    Which remap table its names need, what loads, and what is missing, unexpected or of another
    shape or kind, by stage; which tensors hold NaN or infinity; and what would allow the rest.
    Writes nothing. The exit code is 0 where the file fits and 1 where it does not.
    """
    fitted = fit_file(load(spec, values).graph, file, remap=remap, allow=allow)
    if as_json:
        console.send_json(_as_json(fitted))
    else:
        help = [f"help: {fitted.help}"] if fitted.help else []
        console.data("\n".join((f"{file}: {_verdict(fitted)}", *fitted.lines(), *help)))
    return 0 if fitted.fits else failures.FINDINGS


def _verdict(fitted: Fitted) -> str:
    if not fitted.fits:
        return "does not fit" if fitted.fit.loaded else "fits nowhere"
    fit = fitted.fit
    allowed = fit.missing or fit.unexpected or fit.mismatched
    return "fits, with what you allow" if allowed else "fits"


def _as_json(fitted: Fitted) -> dict[str, Any]:
    fit, contents = fitted.fit, fitted.contents
    assert contents is not None
    return {
        "file": str(contents.path),
        "format": contents.format,
        "fits": fitted.fits,
        "remap": fit.table.name if fit.table else None,
        "prefix": fit.prefix,
        "loaded": [_pair(pair) for pair in fit.loaded],
        "adapted": [_pair(pair) for pair in fit.adapted],
        "mismatched": [_pair(pair) for pair in fit.mismatched],
        "missing": fit.missing,
        "absent": fit.absent,
        "unexpected": fit.unexpected,
        "ignored": [*fit.ignored, *fit.counters],
        "allow": fitted.permissions,
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
