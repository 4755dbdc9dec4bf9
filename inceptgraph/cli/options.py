"""Arguments and options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["SPEC", "fit_options", "json_option", "overrides", "set_option", "spec_argument"]

F = TypeVar("F", bound=Callable[..., Any])


class _Spec(click.ParamType[str]):
    """A path, ``-`` for stdin, or the name of a shipped spec."""

    name = "spec"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[Any]:
        """Shipped specs, and files."""
        from click.shell_completion import CompletionItem

        from inceptgraph.spec import shipped

        names = [CompletionItem(name) for name in shipped() if name.startswith(incomplete)]
        return [*names, CompletionItem(incomplete, type="file")]


SPEC = _Spec()


def overrides(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """``path=value`` pairs as a mapping; a later one wins.

    Raises:
        click.BadParameter: one of them is not a pair.
    """
    found = {}
    for text in values:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            message = f"`{text}` is not PATH=VALUE, such as classes=10 or stages.conv1.out=96"
            raise click.BadParameter(message, context, parameter)
        found[path.strip()] = value
    return found


def spec_argument(function: F) -> F:
    """One spec."""
    return click.argument("spec", type=SPEC)(function)


def set_option(function: F) -> F:
    """``--set``, as often as one likes."""
    return click.option(
        "--set",
        "values",
        multiple=True,
        metavar="PATH=VALUE",
        callback=overrides,
        help="Replace a value of the spec: a parameter (classes=10) or a path"
        " (stages.conv1.out=96). Repeatable.",
    )(function)


def json_option(function: F) -> F:
    """``--json``."""
    text = "Print JSON, for programs."
    return click.option("--json", "as_json", is_flag=True, help=text)(function)


def _allowed(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """``kind:PATTERN`` texts, if they are such.

    Raises:
        click.BadParameter: one of them is none.
    """
    if values:
        from inceptgraph.weights import Allowed

        try:
            Allowed.of(values)
        except ValueError as error:
            raise click.BadParameter(str(error), context, parameter) from error
    return values


def fit_options(function: F) -> F:
    """``--remap`` and ``--allow``: how a file of weights is held against a network."""
    function = click.option(
        "--allow",
        multiple=True,
        metavar="KIND:PATTERN",
        callback=_allowed,
        help="Let what does not fit start as the spec says: missing:PATTERN, unexpected:PATTERN or"
        " shape:PATTERN, where a pattern is a name, its first parts, or holds a *. Repeatable.",
    )(function)
    return click.option(
        "--remap",
        metavar="NAME|FILE.yaml",
        help="The table of what the file's names become (default: the shipped one that fits,"
        " if any).",
    )(function)
