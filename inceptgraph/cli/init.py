"""``init``: a first spec."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

from inceptgraph.cli import console
from inceptgraph.cli.failures import Refused
from inceptgraph.cli.options import set_option
from inceptgraph.cli.output_files import write
from inceptgraph.cli.verbs import verb
from inceptgraph.diagnostics import SpecError
from inceptgraph.pipeline import Analysis, analyze
from inceptgraph.spec import NAME, named_paths, without_expectations

__all__ = ["init"]

EXAMPLES = """
inceptgraph init
inceptgraph init tiny -o specs/tiny.yaml
inceptgraph init tiny -o - | inceptgraph summary -
inceptgraph init mine --from googlenet
inceptgraph init mine --from googlenet_bn --flat
inceptgraph init ten --from googlenet --set classes=10
"""

TEMPLATE = """\
# A small network with two inception modules, for images of 32×32 pixels such as CIFAR-10.
#
#   inceptgraph check {file}                   finds mistakes, with the place and a remedy
#   inceptgraph summary {file}                 shapes, parameters, multiply-adds
#   inceptgraph render {file} -o {stem}.svg    a diagram
#   inceptgraph build {file} -o {stem}/        a model that runs
name: {name}
input: {{name: image, channels: 3, height: 32, width: 32}}

# Stages use these as $classes; `--set classes=100` replaces one from the command line.
params: {{classes: 10}}

# A block is a part with parameters of its own, used like an operation. `int` must be given;
# `size = 1` has a default. `inceptgraph list operations` shows what there is to build on.
blocks:
  conv:
    params: {{out: int, kernel: size = 1, stride: size = 1}}
    steps:
      conv: {{op: conv2d, out: $out, kernel: $kernel, stride: $stride, padding: same, bias: false}}
      bn:   {{op: batch_norm}}
      relu: {{op: relu}}
  inception:
    params: {{1x1: int, 3x3_reduce: int, 3x3: int, pool_proj: int}}
    # Branches read the same input and are joined in this order.
    branches:
      1x1:  {{op: conv, out: $1x1}}
      3x3:  {{reduce: {{op: conv, out: $3x3_reduce}}, 3x3: {{op: conv, out: $3x3, kernel: 3}}}}
      pool:
        pool: {{op: max_pool, kernel: 3, padding: same}}
        proj: {{op: conv, out: $pool_proj}}
    merge: concat

# The network. A stage reads the one before it, unless it says `from: name`.
stages:
  conv1:       {{op: conv, out: 32, kernel: 3}}
  inception_1: {{op: inception, 1x1: 16, 3x3_reduce: 16, 3x3: 32, pool_proj: 16}}
  pool1:       {{op: max_pool, kernel: 3, stride: 2, padding: same}}
  inception_2: {{op: inception, 1x1: 32, 3x3_reduce: 32, 3x3: 64, pool_proj: 32}}
  pool2:       {{op: global_avg_pool}}
  flatten:     {{op: flatten}}
  classifier:  {{op: linear, out: $classes}}

outputs: {{logits: classifier}}
"""


@verb("init", examples=EXAMPLES)
@click.argument("name", default="my_network")
@click.option("-o", "--output", type=click.Path(), help="The file, or - (default: NAME.yaml).")
@click.option("--from", "base", metavar="SPEC", help="Start from a copy of this spec.")
@click.option("--flat", is_flag=True, help="With --from: one file, without `extends`.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@set_option
def init(
    name: str,
    output: str | None,
    base: str | None,
    flat: bool,
    force: bool,
    values: dict[str, str],
) -> None:
    """Start a spec of your own.

    A small network with comments, which checks cleanly and is there to be changed; with --from, a
    copy of another spec, shipped or your own, and with --set that spec with other values.
    """
    if base is None and (flat or values):
        option = "--flat" if flat else "--set"
        raise click.UsageError(f"`{option}` goes with `--from`: it says how to copy that spec")
    name = name.removesuffix(".yaml")
    if not re.fullmatch(NAME, name):
        raise click.UsageError(f"`{name}` is not a name: use letters, digits, _ and -")
    target = output or f"{name}.yaml"
    file = f"{name}.yaml" if target == "-" else target
    copied = None if base is None else _analyzed(base, values)
    if copied is None:
        text = TEMPLATE.format(name=name, file=file, stem=Path(file).stem)
    else:
        text = _copy(copied, Path(file).parent, flat, values)
    if target == "-":
        console.raw(text)
        return
    if Path(target).exists() and not force:
        raise Refused(f"`{target}` exists: --force replaces it")
    write(target, text, copied.sources if copied else ())
    # a library of blocks has no figures
    verb_to_try = "check" if copied and copied.library is not None else "summary"
    console.message(f"{target}\nNow try `inceptgraph {verb_to_try} {target}`.")


def _analyzed(spec: str, values: dict[str, str]) -> Analysis:
    """A spec that can be read, be it right or wrong."""
    analysis = analyze(spec, set=values)
    if analysis.source is None:
        raise SpecError(analysis.findings)
    return analysis


def _copy(analysis: Analysis, folder: Path, flat: bool, values: dict[str, str]) -> str:
    """The text of a spec for another folder, without the figures that it expects of itself.

    With values that were set it is one file, since they may be the base's.

    Raises:
        Refused: it names files that are not to be found from there.
    """
    if flat or values:
        return without_expectations(analysis.text(values))
    source = analysis.source
    assert source is not None
    own = Path(source.name).parent
    for path in named_paths(source.text):
        if os.path.realpath(own / path) != os.path.realpath(folder / path):
            hint = f"--flat makes it one file, or write beside it: -o {own / 'NAME.yaml'}"
            raise Refused(f"`{source.name}` names `{path}`, a path from its own folder: {hint}")
    return without_expectations(source.text)
