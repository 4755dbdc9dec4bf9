"""``inflate``: the images of a spec are videos, and what slides over them slides over time, too."""

from __future__ import annotations

from inceptgraph.diagnostics import Code, Findings, Label
from inceptgraph.source import Entry, Mapping, Scalar
from inceptgraph.spec._models import Inflate
from inceptgraph.spec._structure import read_keys, read_mapping

__all__ = ["INFLATE_KEYS", "inflated", "read_inflate"]

INFLATE_KEYS = ("frames", "kernel")

_FORM = "write `inflate: {frames: 64}`, and `kernel: 3` for windows that span three of them"


def read_inflate(entry: Entry, findings: Findings) -> Inflate | None:
    """What a spec says of its images as videos; None where it cannot be read."""
    value = read_mapping(entry.value, "`inflate`", findings, _FORM)
    if value is None:
        return None
    at = entry.key.span
    items = read_keys(value, INFLATE_KEYS, "`inflate`", findings, ("frames",), at=at, help=_FORM)
    frames, kernel = items.get("frames"), items.get("kernel")
    return Inflate(entry.key, frames, kernel.value if kernel else None) if frames else None


def inflated(
    inputs: dict[str, tuple[Scalar, Mapping] | None], inflate: Inflate, findings: Findings
) -> Inflate | None:
    """Give each image that comes in its frames; a vector stays one.

    Args:
        inputs: by name, None where one could not be read; changed in place.
        inflate: what makes videos of them.
        findings: receives inputs of which it cannot.

    Returns:
        What makes videos of the maps behind them; None where those are of sequences.
    """
    here = Label(inflate.key.span, "this makes videos of images")
    shapes = {name: known[1].items for name, known in inputs.items() if known is not None}
    for name, items in shapes.items():
        other = items.get("frames") or items.get("length")
        if other is not None:
            kind = "a volume" if other.key.text == "frames" else "a sequence"
            message = f"the input `{name}` is {kind}, and `inflate` is of images"
            hint = "leave out `inflate`, or give the input `channels`, `height` and `width` alone"
            findings.add(Code.CONFLICTING_KEYS, message, other.key.span, "", here, help=hint)
        elif "features" not in items:
            items["frames"] = inflate.frames
    if shapes and all("features" in items for items in shapes.values()):
        message = "no input is an image, of which `inflate` could make a video"
        hint = "leave it out, or give an input `channels`, `height` and `width`"
        findings.add(Code.CONFLICTING_KEYS, message, inflate.key.span, help=hint)
    return None if any("length" in items for items in shapes.values()) else inflate
