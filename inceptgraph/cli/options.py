"""Arguments and options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from inceptgraph.weights import WeightsFile

__all__ = [
    "SPEC",
    "Names",
    "fit_options",
    "json_option",
    "one_format",
    "overrides",
    "passes_option",
    "rewriting",
    "set_option",
    "spec_argument",
    "weights_file",
]

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


class Names(click.ParamType[list[str]]):
    """Names with commas between.

    Args:
        known: gives those to complete with; a wrong one is told by what takes the list.
        example: of such a list.
    """

    name = "names"

    def __init__(self, known: Callable[[], Iterable[str]], example: str) -> None:
        self._known, self._example = known, example

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[str]:
        """The names, in order."""
        names = [name.strip() for name in value.split(",")]
        if not all(names):
            self.fail(f"is a list with commas between, such as `{self._example}`", param, ctx)
        return names

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[Any]:
        """The last name, behind those that are whole."""
        from click.shell_completion import CompletionItem

        *whole, last = incomplete.split(",")
        before = "".join(f"{name}," for name in whole)
        names = (name for name in self._known() if name.startswith(last) and name not in whole)
        return [CompletionItem(before + name) for name in names]


def overrides(
    example: str,
) -> Callable[[click.Context, click.Parameter, tuple[str, ...]], dict[str, str]]:
    """A callback: ``path=value`` pairs as a mapping; a later one wins.

    It raises ``click.BadParameter`` where one of them is not a pair, and names an example.
    """

    def read(
        context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
    ) -> dict[str, str]:
        found = {}
        for text in values:
            path, equals, value = text.partition("=")
            if not equals or not path.strip():
                message = f"`{text}` is not PATH=VALUE, such as {example}"
                raise click.BadParameter(message, context, parameter)
            found[path.strip()] = value
        return found

    return read


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
        callback=overrides("classes=10 or stages.conv1.out=96"),
        help="Replace a value of the spec: a parameter (classes=10) or a path"
        " (stages.conv1.out=96). Repeatable.",
    )(function)


def json_option(function: F) -> F:
    """``--json``."""
    text = "Print JSON, for programs."
    return click.option("--json", "as_json", is_flag=True, help=text)(function)


def one_format(format: str | None, as_json: bool) -> str | None:
    """The format that ``--format`` or ``--json`` asks for; None where neither does.

    Raises:
        click.UsageError: they ask for different ones.
    """
    if as_json and format not in (None, "json"):
        raise click.UsageError(f"`--json` and `--format {format}` are two formats: give one")
    return "json" if as_json else format


def _joined(
    context: click.Context, parameter: click.Parameter, values: tuple[list[str], ...]
) -> list[str] | None:
    """Lists that were given one by one as one list; None where there are none."""
    return [name for names in values for name in names] or None


def _passes() -> list[str]:
    from inceptgraph.passes import installed

    return [each.name for each in installed()]


def passes_option(function: F) -> F:
    """``--passes``, which stands in the place of ``--optimize``."""
    return click.option(
        "--passes",
        type=Names(_passes, "drop-training,fold-norm"),
        multiple=True,
        callback=_joined,
        metavar="PASS,…",
        help="As --optimize, but run just these passes, in this order (`inceptgraph list passes`)."
        " Repeatable.",
    )(function)


def rewriting(optimize: bool, passes: list[str] | None) -> bool | list[str]:
    """Whether the graph is to be rewritten, or the passes that are to do it.

    Raises:
        click.UsageError: both were asked for.
    """
    if optimize and passes:
        raise click.UsageError("`--optimize` runs all passes, `--passes` some: give one of them")
    return passes or optimize


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


_HOW_IT_IS_READ = ("key", "prefix", "adapt_input")
_ABOUT_A_FILE = ("remap", "allow", *_HOW_IT_IS_READ)
_FIT_OPTIONS = (
    click.option(
        "--remap",
        metavar="NAME|FILE.yaml",
        help="The table of what the file's names become (default: the shipped one that fits, if"
        " any).",
    ),
    click.option(
        "--allow",
        multiple=True,
        metavar="KIND:PATTERN",
        callback=_allowed,
        help="Let what does not fit start as the spec says: missing:PATTERN, unexpected:PATTERN or"
        " shape:PATTERN, where a pattern is a name, its first parts, or holds a *. Repeatable.",
    ),
    click.option(
        "--key",
        metavar="KEY",
        help='Which mapping of tensors of a PyTorch file, such as state_dict_ema, or "" for its'
        " top (default: the one that there is).",
    ),
    click.option(
        "--prefix",
        metavar="PREFIX",
        help="What stands before the network's names in the file, such as backbone.body (default:"
        " what most names share, where that fits).",
    ),
    click.option(
        "--adapt-input",
        is_flag=True,
        help="Sum or repeat the weights that read the image, where the file's has other channels.",
    ),
)


def fit_options(function: F) -> F:
    """``--remap``, ``--allow``, ``--key``, ``--prefix``, ``--adapt-input``: how a file of weights
    is read, and held against a network."""
    for option in reversed(_FIT_OPTIONS):
        function = option(function)
    return function


def weights_file(file: str | None, options: dict[str, Any]) -> WeightsFile | None:
    """The file of weights that options tell of; those on how it is read are taken from them.

    Args:
        file: its path.
        options: the values of :func:`fit_options`, by name.

    Raises:
        click.UsageError: there is no file, and options about one.
    """
    from inceptgraph.weights import WeightsFile

    how = {name: options.pop(name) for name in _HOW_IT_IS_READ}
    if file is not None:
        return WeightsFile(file, **how)
    given = [name for name, value in {**options, **how}.items() if name in _ABOUT_A_FILE and value]
    if given:
        named = f"`--{given[0].replace('_', '-')}`"
        raise click.UsageError(f"{named} is about a file: give it with --weights")
    return None
