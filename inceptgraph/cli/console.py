"""Output of the program: data to stdout, messages to stderr, colours where they belong."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TextIO, TypeVar

import click

__all__ = [
    "colored",
    "counted_off",
    "data",
    "from_environment",
    "message",
    "prepare_streams",
    "raw",
    "room",
    "send_json",
    "strong",
]

T = TypeVar("T")

PATIENCE = 1.0
"""Seconds before a count is shown."""
REFRESH = 0.1
"""Seconds between two counts."""


def from_environment(environment: Mapping[str, str]) -> bool | None:
    """The environment's word on colours: None where it leaves them to the terminal.

    >>> from_environment({"NO_COLOR": "1"}), from_environment({"TERM": "xterm"})
    (False, None)
    """
    if environment.get("NO_COLOR") or environment.get("TERM") == "dumb":
        return False
    return True if environment.get("FORCE_COLOR") else None


def colored(stream: Literal["stdout", "stderr"] = "stdout") -> bool:
    """True where what goes to a stream is to be painted."""
    context = click.get_current_context(silent=True)
    if context is not None and context.color is not None:
        return context.color
    file: TextIO = getattr(sys, stream)
    return file.isatty()


def data(text: str) -> None:
    """Print what the verb was asked for; nothing where there is none."""
    if text:
        click.echo(text.removesuffix("\n"), color=colored())


def raw(content: str | bytes) -> None:
    """Write a file's content to stdout as it is."""
    click.echo(content, nl=False, color=True)


def message(text: str) -> None:
    """Say something about the work."""
    click.echo(text, err=True, color=colored("stderr"))


def send_json(value: Any) -> None:
    """Print data for programs."""
    from inceptgraph.report import dumps

    click.echo(dumps(value))


def strong(text: str) -> str:
    """Text that stands out, where stdout has colours."""
    return click.style(text, bold=True) if colored() else text


def room() -> int | None:
    """The width of stdout; None where it is no terminal, so that files and pipes get everything."""
    if not sys.stdout.isatty() and not os.environ.get("COLUMNS"):
        return None
    return shutil.get_terminal_size().columns


def prepare_streams(streams: Sequence[Any]) -> None:
    """Let a terminal that lacks a character, such as ``×``, show another instead of failing."""
    for stream in streams:
        encoding = (getattr(stream, "encoding", None) or "utf-8").lower()
        if "utf" not in encoding and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def counted_off(
    items: Iterable[T], total: int, noun: str, size: Callable[[T], int] = lambda item: 1
) -> Iterator[T]:
    """Pass items on, and count them on stderr where that is a terminal and it takes a while.

    Args:
        items: made one by one, each taking its time.
        total: how many there will be.
        noun: what they are, such as ``combinations``.
        size: how many an item counts for.
    """
    if not sys.stderr.isatty():
        yield from items
        return
    line, shown = "", time.monotonic() + PATIENCE - REFRESH
    number = 0
    try:
        for item in items:
            number += size(item)
            if time.monotonic() - shown >= REFRESH:
                shown = time.monotonic()
                line = f"{number:,} of {total:,} {noun}"
                click.echo(f"\r{line}", nl=False, err=True)
            yield item
    finally:
        if line:
            click.echo(f"\r{' ' * len(line)}\r", nl=False, err=True)
