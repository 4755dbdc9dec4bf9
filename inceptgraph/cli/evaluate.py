"""``evaluate``: how often networks find the class of an image."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import click

from inceptgraph.cli import console, failures
from inceptgraph.cli.models import MODEL, open_models, plan_of, running_options, weights_options
from inceptgraph.cli.options import json_option, set_option
from inceptgraph.cli.output_files import check_target, write
from inceptgraph.cli.verbs import verb

__all__ = ["evaluate"]

EXAMPLES = """
inceptgraph evaluate model/ --data photos/val
inceptgraph evaluate googlenet_caffe --weights bvlc_googlenet.caffemodel --data val.csv
inceptgraph evaluate run1/ run2/ run3/ --data photos/val --crops 144
inceptgraph evaluate model/ --data 'shards/val-*.tar' --engine auto --batch 64
inceptgraph evaluate model/ --data photos/val --confusion confusion.svg --predictions all.csv
"""


def _picture(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and PurePath(value).suffix.lower() not in (".svg", ".png", ".pdf"):
        raise click.BadParameter("ends in .svg, .png or .pdf", context, option)
    return value


@verb("evaluate", examples=EXAMPLES)
@click.argument("models", type=MODEL, nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--data",
    required=True,
    metavar="DATA",
    help="Images and labels: a folder of classes, a table (.csv, .parquet), tar shards, or"
    " package:callable.",
)
@running_options
@click.option(
    "--confusion",
    type=click.Path(),
    callback=_picture,
    metavar="FILE",
    help="A picture of what is taken for what: .svg, .png or .pdf.",
)
@click.option(
    "--predictions",
    type=click.Path(),
    metavar="FILE",
    help="A CSV of the five likeliest classes of each image.",
)
@weights_options
@json_option
@set_option
def evaluate(
    models: tuple[str, ...],
    data: str,
    confusion: str | None,
    predictions: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Tell how often networks are right.

    Images are shown to them, and what they say is compared with the labels. A MODEL is a directory
    that `build` or `train` wrote, or a spec with --weights. Several answer together: their
    probabilities are averaged, over the views of an image as well. With several, or several views,
    a table compares what fewer would get wrong, as table 3 of GoogLeNet's paper does.

    Views of an image: 1 is its centre. 144 are the paper's: of four sizes the three squares along
    the longer side, of each the corners, the centre and all of it, and their mirror images. 10 are
    corners and centre of the smallest one's middle square, and their mirror images.
    """
    from inceptgraph.evaluation import draw
    from inceptgraph.evaluation import evaluate as evaluate_models

    for target in (confusion, predictions):
        if target is not None:
            check_target(target, ())  # before anything takes long
    if confusion is not None:
        _require_pictures()
    plan = plan_of(options)
    report = evaluate_models(
        open_models(models, options),
        data,
        plan,
        tell=console.message,
        watch=lambda answers, images: console.counted_off(
            answers, images, "images", size=lambda each: len(each.places)
        ),
    )
    if confusion is not None:
        write(confusion, draw(report, PurePath(confusion).suffix[1:].lower()))
        console.message(confusion)
    if predictions is not None:
        write(predictions, report.predictions())
        console.message(predictions)
    if as_json:
        console.send_json(report.as_dict())
    else:
        from inceptgraph.cli.evaluation_table import as_text

        console.data(as_text(report))


def _require_pictures() -> None:
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise failures.Refused('pictures need matplotlib: pip install "inceptgraph[train]"')
