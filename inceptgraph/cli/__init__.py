"""The command line. This package alone prints and exits.

Verbs are imported when they are used, and what a verb needs is imported by it: ``--help`` loads
click alone, and torch is loaded by ``build``, ``train`` and ``bench``, and by ``weights`` for what
is not safetensors.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from inceptgraph.cli import console, failures
from inceptgraph.cli.verbs import Entry, Verbs

__all__ = ["main", "program", "run"]

SECTIONS = {
    "Look at a spec": {
        "check": Entry("check:check", "Find everything that is wrong with specs."),
        "summary": Entry("summary:summary", "Show stages, shapes, parameters and multiply-adds."),
        "sweep": Entry("sweep:sweep", "Tabulate what a spec amounts to with other values."),
        "diff": Entry("diff:diff", "Show what changed between two specs."),
        "graph": Entry("graph:graph", "Print the graph that a spec compiles to."),
        "weights": Entry("weights:weights", "Say how a file of weights fits a spec."),
        "bench": Entry("bench:bench", "Time engines side by side."),
    },
    "Make something of it": {
        "render": Entry("render:render", "Draw a diagram."),
        "build": Entry("build:build", "Write a model that runs."),
        "train": Entry("train:train", "Train a network by a recipe."),
    },
    "Use it on images": {
        "evaluate": Entry("evaluate:evaluate", "Tell how often networks are right."),
        "predict": Entry("predict:predict", "Tell what is in a picture."),
    },
    "Write one": {
        "init": Entry("init:init", "Start a spec of your own."),
        "list": Entry(
            "listing:list_verb", "List what there is to use: specs, operations, engines, …"
        ),
        "explain": Entry("explain:explain", "Explain a finding's code."),
        "schema": Entry("schema:schema", "Write the JSON Schema that editors use."),
    },
}

EPILOG = """
A SPEC is a file, the name of a shipped spec (`inceptgraph list`), or - for stdin.

  inceptgraph summary googlenet
  inceptgraph check my.yaml
  inceptgraph render googlenet -o googlenet.svg
  inceptgraph build googlenet -o model/ --set classes=10

Completion of verbs, options and specs: put this line into ~/.bashrc
  eval "$(_INCEPTGRAPH_COMPLETE=bash_source inceptgraph)"
or the same with zsh_source in ~/.zshrc, fish_source for fish.

Exit codes: 0 fine, 1 findings or differences, 2 wrong usage or a crash.
"""


@click.command(
    cls=Verbs,
    sections=SECTIONS,
    epilog=EPILOG,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="inceptgraph", message="inceptgraph %(version)s")
@click.pass_context
def program(context: click.Context) -> None:
    """Networks defined in YAML, compiled to models and diagrams."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), color=context.color)


def main() -> NoReturn:
    """Run the command line of this process, and end it."""
    # As after Ctrl-C, what is half-written is removed on the way out
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    # pydantic would read the metadata of every installed package for plugins of its own
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    status = run()
    gc.freeze()  # the interpreter would look for garbage once more: a tenth of the time of a check
    sys.exit(status)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        arguments: words after the program's name (default: the process's).

    Returns:
        The exit code.
    """
    console.prepare_streams((sys.stdout, sys.stderr))
    color = console.from_environment(os.environ)
    args = None if arguments is None else list(arguments)
    try:
        status = program.main(args, prog_name="inceptgraph", standalone_mode=False, color=color)
    except click.ClickException as error:  # found before any verb was reached
        return failures.report(error)
    except OSError as error:  # stdout is full where the help goes
        return failures.report(error)
    except (click.Abort, KeyboardInterrupt):
        console.message("interrupted")
        return failures.INTERRUPTED
    return status if isinstance(status, int) else 0
