"""The words of other frameworks for arguments, which hints translate and specs do not take."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

__all__ = ["not_an_argument", "translated"]

_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "out": (
        *("filters", "units", "num_output", "out_channels", "out_features", "n_filters"),
        *("features", "num_features", "nodes"),
    ),
    "kernel": ("kernel_size", "pool_size", "kernel_shape", "filter_size", "ksize", "window"),
    "stride": ("strides", "subsample"),
    "padding": ("pad", "pads", "border_mode"),
    "dilation": ("dilations", "dilation_rate"),
    "groups": ("group", "num_group"),
    "multiplier": ("depth_multiplier", "channel_multiplier"),
    "bias": ("use_bias", "bias_term", "no_bias"),
    "weight_init": ("kernel_initializer", "weight_filler"),
    "bias_init": ("bias_initializer", "bias_filler"),
    "eps": ("epsilon",),
    "scale_init": ("gamma_initializer",),
    "shift_init": ("beta_initializer",),
    "slope": ("negative_slope", "alpha", "leak"),
    "rate": ("p", "prob", "dropout_ratio", "drop_rate"),
    "ceil": ("ceil_mode",),
    "size": ("local_size", "output_size", "n", "nsize"),
    "k": ("bias", "knorm"),
    "stop": ("end",),
    "over": ("axis", "axes", "dim", "dims"),
    "order": ("perm", "dims"),
}
"""By our word, what torch, Keras, Caffe and ONNX call it."""


_STEP_WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("name", "top"), "a step's name is the key that it stands under"),
    **dict.fromkeys(
        ("input", "inputs", "bottom", "inbound_nodes"),
        "what a step reads is said by `from: …`",
    ),
    **dict.fromkeys(
        ("loss", "loss_weight", "criterion"),
        "an output or a head has a loss: `outputs: {logits: {from: fc, loss: mse}}`",
    ),
    **dict.fromkeys(
        ("in_channels", "in_features", "input_shape", "nIn"), "what comes in is known: leave it out"
    ),
}
"""What layers of other frameworks say that is no argument here, and what to write for it."""


def not_an_argument(word: str) -> str | None:
    """What to write for a word that layers of other frameworks have.

    >>> not_an_argument("bottom"), not_an_argument("kernel")
    ('what a step reads is said by `from: …`', None)
    """
    return _STEP_WORDS.get(word)


def translated(word: str, takes: Collection[str]) -> str | None:
    """The argument that another framework calls so, among those that an operation takes.

    >>> translated("num_output", ["out", "kernel"]), translated("p", ["out"])
    ('out', None)
    """
    return next((ours for ours in takes if word in _WORDS.get(ours, ())), None)
