"""The verbs as click sees them: loaded when they are used, with helps that read alike."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inceptgraph.cli import failures

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from inceptgraph.plugins import Clash

__all__ = ["ENTRY_POINTS", "Entry", "Verb", "Verbs", "verb"]

ENTRY_POINTS = "inceptgraph.verbs"
"""An entry point's name is the verb, its value a click command."""

OURS, OTHERS = "inceptgraph", "From other packages"

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
        return list(dict.fromkeys([*self.entries, *_points()]))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a verb; one of another package only where none of ours has the name."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return _load_other(cmd_name, completing=ctx.resilient_parsing)
        module, _, attribute = entry.target.partition(":")
        found: click.Command = getattr(import_module(f"inceptgraph.cli.{module}"), attribute)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, or say which one was meant."""
        word = args[0]
        if word.startswith("-") or self.get_command(ctx, word):
            return super().resolve_command(ctx, args)
        raise click.UsageError(f"there is no verb `{word}`{self._meant(word)}", ctx)

    def _meant(self, word: str) -> str:
        from inceptgraph.diagnostics import did_you_mean
        from inceptgraph.spec import shipped

        if Path(word).is_file() or word in shipped():
            return f": to look at this spec, use `inceptgraph summary {word}`"
        hint = did_you_mean(word, [*self.entries, *_points()])
        return f": {hint}" if hint else ""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        sections = {
            title: [(name, entry.summary) for name, entry in section.items()]
            for title, section in self.sections.items()
        }
        if others := list(self._others()):
            sections[OTHERS] = others
        longest = max(len(name) for rows in sections.values() for name, _ in rows)
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(longest), summary) for name, summary in rows])

    def _others(self) -> Iterator[tuple[str, str]]:
        """The verbs of other packages, with the package of each, also of one that is refused."""
        from inceptgraph.plugins import Clash

        for name, point in _points().items():
            refused = ": refused, since InceptGraph has a verb of this name"
            if name not in self.entries:
                refused = ": refused, since they offer it both" if isinstance(point, Clash) else ""
            yield name, f"{_package(point)}{refused}"

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
            return failures.report(error, self._author(ctx.invoked_subcommand))

    def _author(self, name: str | None) -> str:
        """The package that a verb is of."""
        if name is None or name in self.entries:
            return OURS
        point = _points().get(name)
        return _package(point) if point else OURS


def _points() -> Mapping[str, EntryPoint | Clash]:
    """The verbs of other packages, not loaded. Reads the metadata of all that is installed."""
    from inceptgraph import plugins  # most commands need none

    return plugins.points(ENTRY_POINTS)


def _package(point: EntryPoint | Clash) -> str:
    return point.dist.name if point.dist else point.value


def _load_other(name: str, completing: bool) -> click.Command | None:
    """The verb of another package; None where there is none of this name.

    Args:
        name: the verb.
        completing: a shell completes a word, and has nowhere to show what is broken.

    Raises:
        SpecError: it cannot be loaded, or is no command.
    """
    from inceptgraph import plugins
    from inceptgraph.diagnostics import SpecError

    try:
        point = _points().get(name)
        if point is not None:
            return plugins.loaded(point, click.Command, "verb")
    except SpecError:
        if not completing:
            raise
    return None
