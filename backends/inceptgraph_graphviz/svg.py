"""Graphviz's SVG made to live in a page: it scales, has a title and follows dark mode."""

from __future__ import annotations

import re

from inceptgraph_graphviz.colours import DARK, LIGHT
from inceptgraph_graphviz.dot import FONT
from inceptgraph_graphviz.escaping import html, unescaped
from inceptgraph_graphviz.metrics import text_width

__all__ = ["polish"]

_PROLOGUE = re.compile(r"\A.*?(?=<svg )", re.DOTALL)
_SIZE = re.compile(r'<svg width="[^"]*" height="[^"]*"\s*')
_TOOLTIP = re.compile(r'<g id="a_[^"]*"><a xlink:title="([^"]*)">(.*?)</a>\s*</g>', re.DOTALL)
_FONT = re.compile(r' xml:space="preserve"| font-family="[^"]*"')
_TEXT = re.compile(
    r'<text text-anchor="start"([^>]*?)( font-weight="bold")? font-size="([\d.]+)"([^>]*)>([^<]*)<'
)
_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)


def polish(svg: str, *, title: str, auto: bool) -> str:
    """Make the output of Graphviz fit for any page.

    Args:
        svg: the picture in the light theme, or in the only one it is to have.
        title: the network's name.
        auto: follow the viewer's preference for dark pages.
    """
    svg = _COMMENT.sub("", _PROLOGUE.sub("", svg))
    svg = _SIZE.sub(f'<svg role="img" font-family="{FONT}" ', _FONT.sub("", svg), count=1)
    svg = _TOOLTIP.sub(r"<g><title>\1</title>\2</g>", svg)
    svg = _TEXT.sub(_fixed_length, svg)
    head, body = svg.split(">", 1)
    style = f"<style>{_dark_rules()}</style>\n" if auto else ""
    return f"{head}>\n<title>{html(title)}</title>\n{style}{body.lstrip()}"


def _fixed_length(match: re.Match[str]) -> str:
    """A text with the length that it was laid out for."""
    place, bold, size, colour, content = match.groups()
    width = text_width(unescaped(content), float(size), bold=bool(bold))
    length = "" if width is None else f' textLength="{width:.1f}"'
    if bold and length:  # bold letters are wide enough to touch when they only move together
        length += ' lengthAdjust="spacingAndGlyphs"'
    return f'<text{place}{bold or ""} font-size="{float(size):g}"{colour}{length}>{content}<'


def _dark_rules() -> str:
    """Every light colour that occurs, in its dark version, where the viewer prefers dark."""
    pairs = dict(zip(LIGHT.colours(), DARK.colours(), strict=True))
    rules = (
        f'[{attribute}="{light}"]{{{attribute}:{dark}}}'
        for light, dark in pairs.items()
        for attribute in ("fill", "stroke")
    )
    return "@media (prefers-color-scheme:dark){" + "".join(rules) + "}"
