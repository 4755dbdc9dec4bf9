"""How far a training is, on stderr: a line that changes on a terminal, one an epoch elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

import click

from inceptgraph.cli import console

if TYPE_CHECKING:
    from inceptgraph.training import Report

__all__ = ["Progress", "bar", "duration"]

WIDTH = 20
REFRESH = 0.1
"""Seconds between two lines on a terminal."""
PATIENCE = 30.0
"""Seconds between two lines elsewhere, within an epoch."""


class Progress:
    """Tells what it is told, in a ``with`` block."""

    def __init__(self) -> None:
        self._moving = sys.stderr.isatty()
        self._shown = 0.0
        self._line = ""

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._clear()

    def tell(self, report: Report) -> None:
        """Show a report, unless one was shown just now."""
        if report.message:
            self._say(report.message)
            return
        text = line(report)
        if report.validation is not None:
            self._say(text)
            return
        now = time.monotonic()
        if now - self._shown < (REFRESH if self._moving else PATIENCE):
            return
        self._shown = now
        if not self._moving:
            console.message(text)
            return
        text = text[: shutil.get_terminal_size().columns - 1]
        click.echo("\r" + text.ljust(len(self._line)), nl=False, err=True)
        self._line = text

    def _say(self, text: str) -> None:
        self._clear()
        console.message(text)

    def _clear(self) -> None:
        if self._line:
            click.echo(f"\r{' ' * len(self._line)}\r", nl=False, err=True)
            self._line = ""


def line(report: Report) -> str:
    """A report on one line."""
    if report.validation is not None:
        found = report.validation
        parts = [f"epoch {report.epoch:.4g}: in validation loss {found['loss']:.4g}"]
        if found["top1"] is not None:
            parts.append(f"top-1 {found['top1']:.2%}")
        return ", ".join(parts)
    parts = [f"{bar(report.step, report.steps)} epoch {report.epoch:.2f}"]
    if report.loss is not None:
        parts.append(f"loss {report.loss:.4g}")
    if len(report.losses) > 1:
        each = ", ".join(f"{name} {loss:.4g}" for name, loss in report.losses.items())
        parts.append(f"({each})")
    if report.top1 is not None:
        parts.append(f"top-1 {report.top1:.1%}")
    if report.rate is not None:
        parts.append(f"{report.rate:,.0f} images/s")
    if report.seconds_left is not None:
        parts.append(f"{duration(report.seconds_left)} left")
    return "  ".join(parts)


def bar(step: int, steps: int) -> str:
    """A bar, and the steps.

    >>> bar(5, 10)
    '[##########          ] 5/10'
    """
    filled = WIDTH * step // max(steps, 1)
    return f"[{'#' * filled}{' ' * (WIDTH - filled)}] {step}/{steps}"


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(42), duration(4000), duration(200000)
    ('0:42', '1:06:40', '2 days 7:33:20')
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    before = f"{days} days " if days > 1 else "1 day " if days else ""
    return before + (f"{hour}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}")
