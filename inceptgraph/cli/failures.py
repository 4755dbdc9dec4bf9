"""Failures as messages and exit codes."""

from __future__ import annotations

import contextlib
import os
import sys

import click

from inceptgraph.cli import console

__all__ = [
    "BROKEN_PIPE",
    "CRASH",
    "DIFFERENT",
    "FINDINGS",
    "INTERRUPTED",
    "STOPPED",
    "USAGE",
    "Refused",
    "abandon_stdout",
    "report",
]

FINDINGS = 1
DIFFERENT = 1
USAGE = 2
CRASH = 2
STOPPED = 75
"""As sendmail's EX_TEMPFAIL: the same command with --resume goes on."""
INTERRUPTED = 130
BROKEN_PIPE = 141
"""As shells count: 128 and the number of the signal."""

DEBUG = "INCEPTGRAPH_DEBUG"


class Refused(click.ClickException):
    """A command that is well formed and cannot be carried out, such as one that would overwrite."""

    exit_code = USAGE


def report(error: Exception, package: str = "inceptgraph") -> int:
    """Say what went wrong and return the exit code.

    Args:
        error: what a verb raised.
        package: that the verb is of, and a crash a defect.

    Raises:
        Exception: ``error`` itself, where click handles it.
    """
    if isinstance(error, click.exceptions.Exit | click.Abort):
        raise error
    if isinstance(error, click.ClickException):
        return _usage(error)
    from inceptgraph.diagnostics import SpecError

    if isinstance(error, SpecError):
        return _findings(error)
    if isinstance(error, OSError) and error.filename is None:
        abandon_stdout()
    if os.environ.get(DEBUG):
        raise error
    return _crash(error, package)


def abandon_stdout() -> None:
    """Drop what is left in the buffer, so that it does not fail at exit."""
    with contextlib.suppress(OSError):  # a caller's stream may be no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage(error: click.ClickException) -> int:
    console.message(f"{_error()}: {error.format_message()}")
    context = getattr(error, "ctx", None)
    if isinstance(error, click.UsageError) and context is not None:
        console.message(f"\n{context.get_usage()}")
        console.message(f"For more, try `{context.command_path} --help`.")
    return USAGE


def _findings(error: Exception) -> int:
    from inceptgraph import report as reports
    from inceptgraph.diagnostics import SpecError

    assert isinstance(error, SpecError)
    color = console.colored("stderr")
    console.message(reports.render(error.diagnostics, "full", color=color))
    console.message(f"\n{reports.summary_line(error.diagnostics)}")
    return FINDINGS


def _crash(error: Exception, package: str) -> int:
    from inceptgraph.graph import InvalidGraph

    if isinstance(error, OSError) and error.strerror:
        # opening a file names it; what fails without a name is writing what is open, our stdout
        what = "cannot write the output" if error.filename is None else error.filename
        console.message(f"{_error()}: {what}: {error.strerror}")
        return CRASH
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    kind = "the graph is broken" if isinstance(error, InvalidGraph) else f"{package} failed"
    command = " ".join(sys.argv[1:])
    console.message(f"{_error()}: {kind}: {what}")
    console.message(
        f"This is a defect of {package}, not of your spec. Please report it with the spec and"
        f" this line:\n  {DEBUG}=1 inceptgraph {command}\nwhich shows where it happened."
    )
    return CRASH


def _error() -> str:
    return click.style("error", fg="red", bold=True) if console.colored("stderr") else "error"
