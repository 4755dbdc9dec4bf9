"""``weights``: how a file of weights fits a spec."""

from __future__ import annotations

from typing import Any

import click

from inceptgraph.cli import console, failures
from inceptgraph.cli.options import (
    fit_options,
    json_option,
    set_option,
    spec_argument,
    weights_file,
)
from inceptgraph.cli.specs import load
from inceptgraph.cli.verbs import verb
from inceptgraph.weights import fit_file, to_json

__all__ = ["weights"]

EXAMPLES = """
inceptgraph weights resnet18 resnet18-f37072fd.pth
inceptgraph weights googlenet bvlc_googlenet.caffemodel --set classes=10
inceptgraph weights googlenet_torchvision checkpoint.pth --key model_ema
inceptgraph weights resnet18 detector.pth --prefix backbone.body --allow missing:fc
inceptgraph weights my.yaml weights.safetensors --remap mine.yaml
inceptgraph weights my.yaml weights.safetensors --json | jq .unexpected
"""


@verb("weights", examples=EXAMPLES)
@spec_argument
@click.argument("file", type=click.Path())
@fit_options
@json_option
@set_option
def weights(spec: str, file: str, as_json: bool, values: dict[str, str], **options: Any) -> int:
    """Say how a file of weights fits a spec.

    Where in the file its tensors stand, and what in it is left unread; which remap table its names
    need, and which prefix falls away; what loads, and what is missing, unexpected or of another
    shape or kind, by stage; which tensors hold NaN or infinity; and what would allow the rest, or
    which spec the weights are of. Writes nothing. The exit code is 0 where the file fits and 1
    where it does not.
    """
    source = weights_file(file, options)
    assert source is not None
    fitted = fit_file(load(spec, values).graph, source, **options)
    if as_json:
        console.send_json(to_json(fitted))
    else:
        help = [f"help: {fitted.help}"] if fitted.help else []
        console.data("\n".join((f"{file}: {fitted.verdict}", *fitted.lines(), *help)))
    return 0 if fitted.fits else failures.FINDINGS
