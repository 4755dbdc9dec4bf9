"""The verbs as click sees them: loaded when they are used, with helps that read alike."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from inceptgraph.cli import failures

__all__ = ["Entry", "Verb", "Verbs", "verb"]

_COLORS = {"auto": None, "always": True, "never": False}


@dataclass(frozen=True, slots=True)
class Entry:
    """A verb before it is loaded.

    Attributes:
        target: ``module:attribute`` below this package.
        summary: the first line of its help.
    """

    target: str
    summary: str


class _Formatter(click.HelpFormatter):
    """Bold headings, where the terminal has them."""

    def write_heading(self, heading: str) -> None:
        super().write_heading(click.style(heading, bold=True))


class _Context(click.Context):
    formatter_class = _Formatter


def _choose_color(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None and not context.resilient_parsing:
        choice = _COLORS[value]
        if choice is None:
            choice = None if not os.environ.get("NO_COLOR") else False
        context.color = context.find_root().color = choice


def color_option() -> click.Option:
    """``--color``, which every verb takes, before or after its name."""
    return click.Option(
        ["--color"],
        type=click.Choice(list(_COLORS)),
        expose_value=False,
        is_eager=True,
        callback=_choose_color,
        help="Colours; `auto` means on a terminal, unless NO_COLOR is set.",
    )


class Verb(click.Command):
    """A verb with examples in its help."""

    context_class = _Context

    def __init__(self, *args: Any, examples: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.params.append(color_option())

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they stand."""
        if not self.examples:
            return
        with formatter.section("Examples"):
            for line in self.examples.strip().splitlines():
                formatter.write(f"{'':{formatter.current_indent}}{line.strip()}\n")


def verb(name: str, *, examples: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a function a verb.

    Args:
        name: the verb.
        examples: command lines, a line each.
    """
    return click.command(name, cls=Verb, examples=examples)


class Verbs(click.Group):
    """The program: its verbs in groups, each imported when it is used."""

    context_class = _Context

    def __init__(self, sections: Mapping[str, Mapping[str, Entry]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sections = sections
        self.entries = {name: e for section in sections.values() for name, e in section.items()}
        self.params.append(color_option())

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, in the order of the help."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a verb."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        found: click.Command = getattr(import_module(f"inceptgraph.cli.{module}"), attribute)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, or say which one was meant."""
        word = args[0]
        if word in self.entries or word.startswith("-"):
            return super().resolve_command(ctx, args)
        raise click.UsageError(f"there is no verb `{word}`{self._meant(word)}", ctx)

    def _meant(self, word: str) -> str:
        from inceptgraph.diagnostics import did_you_mean
        from inceptgraph.spec import shipped

        if Path(word).is_file() or word in shipped():
            return f": to look at this spec, use `inceptgraph summary {word}`"
        hint = did_you_mean(word, self.entries)
        return f": {hint}" if hint else ""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        longest = max(map(len, self.entries))
        for title, section in self.sections.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(name.ljust(longest), entry.summary) for name, entry in section.items()]
                )

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the epilog as it stands."""
        for line in (self.epilog or "").splitlines():
            formatter.write(f"{line}\n")

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; turn what can go wrong into messages and exit codes."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            failures.abandon_stdout()  # who reads it has enough
            return failures.BROKEN_PIPE
        except Exception as error:
            return failures.report(error)
