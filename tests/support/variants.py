"""Variants of shipped networks that people make, as texts, to be compared with them."""

from __future__ import annotations

import re

from places import SPECS

__all__ = ["VARIANTS", "shipped"]


SQUEEZE_EXCITE = """\
  squeeze_excite:
    params: {channels: int, reduction: int = 16}
    inputs: [map]
    steps:
      scale:
        steps:
          pool:    {op: global_avg_pool, from: map}
          reduce:  {op: conv2d, out: $channels // $reduction}
          relu:    {op: relu}
          expand:  {op: conv2d, out: $channels}
          sigmoid: {op: sigmoid}
      apply: {op: multiply, from: [map, scale]}
"""


def shipped(name: str) -> str:
    """The text of a shipped spec, without what it expects of itself."""
    text = (SPECS / f"{name}.yaml").read_text(encoding="utf-8")
    return re.sub(r"^expect:.*\n", "", text, flags=re.MULTILINE)


def _edited(name: str, *edits: tuple[str, str]) -> tuple[str, str]:
    """A shipped spec's name, and its text with patterns replaced."""
    text = shipped(name)
    for pattern, replacement in edits:
        text, times = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        assert times, pattern
    return name, text


def _squeeze_excite() -> tuple[str, str]:
    def behind(match: re.Match[str]) -> str:
        sizes = {name: int(size) for name, size in re.findall(r"(\w+): *(\d+)", match[0])}
        channels = sum(sizes[name] for name in ("1x1", "3x3", "5x5", "pool_proj"))
        return f"{match[0]}  se_{match[1]}: {{op: squeeze_excite, channels: {channels}}}\n"

    name, text = _edited("googlenet", (r"^blocks:\n", "blocks:\n" + SQUEEZE_EXCITE))
    return name, re.sub(r"^  inception_(\w\w): .*\n", behind, text, flags=re.MULTILINE)


VARIANTS = {
    "batch_norm": _edited(
        "googlenet",
        (r"^name: .*", "name: GoogLeNet-BN"),
        (
            r"padding: same\}\n( +)relu: ",
            r"padding: same, bias: false}\n\1bn: {op: batch_norm}\n\1relu: ",
        ),
    ),
    "two_3x3": _edited(
        "googlenet",
        (
            r"5x5: \{op: conv, out: \$5x5, kernel: 5\}",
            "first: {op: conv, out: $5x5, kernel: 3}, second: {op: conv, out: $5x5, kernel: 3}",
        ),
    ),
    "small_images": _edited(
        "googlenet",
        ("height: 224, width: 224", "height: 32, width: 32"),
        ("classes: 1000", "classes: 10"),
        ("out: 64, kernel: 7, stride: 2", "out: 64, kernel: 3"),
        (r"^  pool[12]: .*\n", ""),
        ("conv1 .. pool2", "conv1 .. norm2"),
        (r"op: avg_pool, kernel: 7", "op: global_avg_pool"),
    ),
    "no_heads": _edited(
        "googlenet", (r"^aux_heads:\n(  .*\n)+", ""), (r"^  aux_classifier:\n(    .*\n)+", "")
    ),
    "wide": _edited(
        "googlenet",
        (r"params: \{classes: 1000\}", "params: {classes: 1000, width: 2}"),
        (r"conv2d, out: \$out,", "conv2d, out: ($out * $width + 4) // 8 * 8,"),
    ),
    "squeeze_excite": _squeeze_excite(),
    "resnet34": _edited(
        "resnet18",
        (r"^name: .*", "name: ResNet-34"),
        ("64, repeat: 2", "64, repeat: 3"),
        ("128, blocks: 2", "128, blocks: 4"),
        ("256, blocks: 2", "256, blocks: 6"),
        ("512, blocks: 2", "512, blocks: 3"),
    ),
}
"""By name: the shipped spec that it varies, and its text."""
