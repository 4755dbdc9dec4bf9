"""Pictures of the verbs that draw: their options, their format, and where they go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from typing import Any, Final, TypeVar

import click

from inceptgraph.cli import console
from inceptgraph.cli.output_files import write
from inceptgraph.diagnostics import Source

__all__ = ["FORMATS", "format_of", "look_options", "send"]

F = TypeVar("F", bound=Callable[..., Any])

FORMATS: Final[Mapping[str, str]] = {
    ".svg": "svg",
    ".png": "png",
    ".pdf": "pdf",
    ".dot": "dot",
    ".gv": "dot",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
}


def _fold(context: click.Context, parameter: click.Parameter, value: str | None) -> Any:
    """``auto``, ``none`` or a number of columns, as the backend takes them."""
    if value is None:
        return None
    if value in ("auto", "none"):
        return value == "auto"
    if value.isdecimal() and int(value) >= 1:
        return int(value)
    message = f"`{value}` is not `auto`, `none` or a number of columns"
    raise click.BadParameter(message, context, parameter)


def look_options(function: F) -> F:
    """Options for how much a picture shows, and how it is laid out and coloured."""
    for option in reversed(
        (
            click.option(
                "--depth",
                type=click.IntRange(1, 3),
                help="1 for a box a stage, 2 for the operations an author would name (the"
                " default), 3 for all.",
            ),
            click.option(
                "--fold",
                callback=_fold,
                help="Columns: `auto` (the default), `none`, or how many.",
            ),
            click.option(
                "--direction",
                type=click.Choice(["TB", "LR"], case_sensitive=False),
                help="Down (the default) or to the right.",
            ),
            click.option(
                "--theme",
                type=click.Choice(["auto", "light", "dark"]),
                help="`auto`, the default, lets an SVG follow its viewer.",
            ),
            click.option("--legend/--no-legend", default=None, help="Explain the colours."),
        )
    ):
        function = option(function)
    return function


def format_of(output: str, formats: Mapping[str, str], noun: str) -> str:
    """The format that a file's suffix means.

    Raises:
        click.UsageError: it means none.
    """
    if output == "-":
        raise click.UsageError("with `-o -`, say which format: --format svg")
    suffix = PurePath(output).suffix.lower()
    if suffix not in formats:
        what = f"`{suffix}` is no format of {noun}" if suffix else f"`{output}` has no suffix"
        raise click.UsageError(f"{what}: use one of {', '.join(formats)}, or say --format")
    return formats[suffix]


def send(output: str, content: str | bytes, made_from: Iterable[Source] = ()) -> None:
    """To a file, whose name goes to stderr, or to stdout for ``-``.

    Args:
        output: where to.
        content: all of it.
        made_from: the files that it was made from, which it must not replace.
    """
    if output == "-":
        console.raw(content)
    else:
        write(output, content, made_from)
        console.message(output)
