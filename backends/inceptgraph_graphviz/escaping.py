"""Words and numbers of diagrams, and how they are escaped in each language."""

from __future__ import annotations

import re

__all__ = ["count", "html", "mermaid", "pretty", "quoted", "share", "unescaped"]

_UNITS = ("", " k", " M", " G", " T", " P")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ufffe\uffff\ud800-\udfff]+")
_ENTITY = re.compile(r"&(#\d+|amp|lt|gt|quot);")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"'}
_HEAD = re.compile(r"aux(?:iliary)?[-_ ]?(?:head[-_ ]?)?(\d*)", re.IGNORECASE)


def count(number: int) -> str:
    """Three digits and a unit.

    >>> count(6_998_552), count(73_608_192), count(999), count(999_999)
    ('7.00 M', '73.6 M', '999', '1.00 M')
    """
    if number < 1000:
        return str(number)
    value, unit = float(number), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}{_UNITS[unit]}"


def share(part: int, whole: int) -> str:
    """A part in percent; ``<1%`` for what is less than one but not nothing.

    >>> share(478, 1582), share(1, 1582), share(0, 5)
    ('30%', '<1%', '0%')
    """
    if 0 < part * 100 < whole:
        return "<1%"
    return f"{round(part * 100 / whole)}%" if whole else "0%"


def pretty(path: str, *, head: bool = False) -> str:
    """A name of a spec as a title.

    >>> pretty("inception_3a"), pretty("aux1", head=True)
    ('inception 3a', 'auxiliary head 1')
    """
    match = _HEAD.fullmatch(path) if head else None
    if match:
        return f"auxiliary head {match[1]}".strip()
    return path.replace("_", " ").strip() or path


def plain(text: str) -> str:
    """Text without the characters that neither DOT nor XML can hold."""
    return _CONTROL.sub(" ", text)


def html(text: str) -> str:
    """Text inside an HTML-like label, also in its attributes."""
    text = plain(text).replace("&", "&amp;").replace('"', "&quot;")
    return text.replace("<", "&lt;").replace(">", "&gt;")


def unescaped(markup: str) -> str:
    """The plain text of XML without tags."""
    return _ENTITY.sub(_character, markup)


def _character(entity: re.Match[str]) -> str:
    code = entity[1]
    return chr(int(code[1:])) if code.startswith("#") else _NAMED[code]


def quoted(text: str) -> str:
    """An identifier of DOT. Only quotes need an escape; a backslash would eat the one behind it."""
    return '"' + plain(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def mermaid(text: str) -> str:
    """Text inside a quoted label of Mermaid."""
    text = plain(text).replace("#", "#35;").replace("&", "#amp;").replace('"', "#quot;")
    return text.replace("<", "#lt;").replace(">", "#gt;") or " "
