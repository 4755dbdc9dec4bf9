"""``predict``: the class of a picture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from inceptgraph.cli import console
from inceptgraph.cli.models import MODEL, open_models, plan_of, running_options, weights_options
from inceptgraph.cli.options import json_option, set_option
from inceptgraph.cli.verbs import verb

if TYPE_CHECKING:
    from inceptgraph.evaluation import Found, Model

__all__ = ["predict"]

EXAMPLES = """
inceptgraph predict model/ cat.jpg
inceptgraph predict run/ photos/*.jpg --json
inceptgraph predict googlenet_caffe --weights bvlc_googlenet.caffemodel cat.jpg --crops 144
"""


@verb("predict", examples=EXAMPLES)
@click.argument("model", type=MODEL)
@click.argument("images", type=click.Path(), nargs=-1, required=True, metavar="IMAGE...")
@click.option(
    "--top", type=click.IntRange(min=1), default=5, show_default=True, help="Classes of each."
)
@running_options
@weights_options
@json_option
@set_option
def predict(model: str, images: tuple[str, ...], top: int, as_json: bool, **options: Any) -> None:
    """Tell what is in a picture.

    Prints the likeliest classes with their probabilities. A MODEL is a directory that `build` or
    `train` wrote, or a spec with --weights. An IMAGE is a JPEG or a PNG.
    """
    from inceptgraph.evaluation import predict as predict_pictures

    plan = plan_of(options)
    (opened,) = open_models([model], options)
    found = predict_pictures(opened, images, plan, top=top, tell=console.message)
    if as_json:
        console.send_json([_as_dict(each, opened) for each in found])
        return
    for each in found:
        console.data("\n".join(_lines(each, opened)))


def _as_dict(found: Found, model: Model) -> dict[str, Any]:
    pairs = found.classes
    return {
        "image": found.name,
        "classes": [
            {"index": index, "label": model.label(index), "probability": share}
            for index, share in pairs
        ],
    }


def _lines(found: Found, model: Model) -> Iterable[str]:
    yield console.strong(found.name)
    for index, share in found.classes:
        yield f"  {100 * share:5.1f} %  {model.label(index)}"
