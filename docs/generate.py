"""Writes the generated pages, and the pictures in ``zoo/``: ``python docs/generate.py``."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

import click

from inceptgraph.cli import program
from inceptgraph.engine import installed
from inceptgraph.ops import BUILT_IN, Operation

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from zoo import pictures, zoo  # noqa: E402

OPERATIONS = """# Operations

Generated from the operations themselves by `docs/generate.py`. Arguments without a default must be
given. A shape is height×width×channels; a *size* is a whole number or `[height, width]`. What is
not here can come from a package of your own: see `tests/plugin/`.
"""


COMMAND_LINE = """# The command line

Generated from the commands' own help by `docs/generate.py`.

Data goes to stdout, messages go to stderr. A SPEC is a file, the name of a shipped spec, or `-` for
stdin. `--set` replaces a value for one run, and what a spec expects of itself is then not checked.
`NO_COLOR` is honoured. No verb but `build` and `bench` imports torch, and `weights` for files other
than safetensors.

An installed package can add verbs, which `inceptgraph --help` lists below the others:
[how](../tests/plugin/README.md#a-verb).
"""


FIGURES = re.compile(r"(?<=<!-- figures: written by generate.py -->\n).*?(?=<!-- end -->)", re.S)


def pages() -> dict[str, str]:
    """Every generated page, and those that hold a generated part, by file name."""
    engines = (HERE / "engines.md").read_text(encoding="utf-8")
    return {
        "operations.md": operations(),
        "command-line.md": command_line(),
        "zoo.md": zoo(),
        "engines.md": FIGURES.sub(lambda _: figures(), engines),
    }


def figures() -> str:
    """What `auto` goes by: the tables of all engines as one."""
    parts = [
        "| engine | where | computes | batch 1 | 16 | 128 | measured on | with |",
        "| --- | --- | --- | ---: | ---: | ---: | --- | --- |",
    ]
    unmeasured = []
    for engine in installed():
        table = getattr(engine, "figures", ())
        if not table:
            unmeasured.append(f"`{engine.name}`")
        for row in table:
            where = row.run.instructions + (", `fixed`" if row.fixed else "")
            doing = row.dtype + (", training" if row.train else "")
            times = [f"{row.times[n]:g}" if n in row.times else "" for n in (1, 16, 128)]
            run = [row.run.device, f"{row.version}, {row.run.date}"]
            cells = [f"`{engine.name}`", where, doing, *times, *run]
            parts.append(f"| {' | '.join(cells)} |")
    return "\n".join([*parts, "", f"Measured nowhere: {', '.join(unmeasured)}.", ""])


def command_line() -> str:
    """The help of every verb."""
    parts = [COMMAND_LINE]
    settings = {**program.context_settings, "terminal_width": 88, "color": False}
    context = click.Context(program, info_name="inceptgraph", **settings)
    for name in program.entries:  # an installed plug-in's are not ours to document
        verb = program.get_command(context, name)
        assert verb is not None
        inner = click.Context(verb, parent=context, info_name=name)
        text = click.unstyle(verb.get_help(inner)).rstrip()
        parts.append(f"## `{name}`\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def operations() -> str:
    """Every operation, by family."""
    families: dict[str, list[type[Operation]]] = {}
    for kind in BUILT_IN.values():
        families.setdefault(str(kind.family), []).append(kind)
    parts = [OPERATIONS]
    for family, kinds in families.items():
        parts.append(f"## {family.capitalize()}\n")
        parts.extend(map(section, kinds))
    return "\n".join(parts)


def section(kind: type[Operation]) -> str:
    """One operation: what it does, and its arguments."""
    summary, _, arguments = inspect.cleandoc(kind.__doc__ or "").partition("Args:")
    lines = [f"### `{kind.op}`\n", markdown(summary.strip()), ""]
    if kind.other_names:
        lines += [f"Elsewhere called {', '.join(f'`{name}`' for name in kind.other_names)}.", ""]
    if arguments:
        meanings = dict(re.findall(r"^    (\w+): (.*?)(?=^    \w+: |\Z)", arguments, re.M | re.S))
        lines += ["| argument | default | meaning |", "| --- | --- | --- |"]
        for name, field in sorted(kind.model_fields.items(), key=lambda f: not f[1].is_required()):
            default = "" if field.is_required() else f"`{shown(field.default)}`"
            meaning = markdown(" ".join(meanings[name].split()))
            lines.append(f"| `{name}` | {default} | {meaning} |")
        lines.append("")
    return "\n".join(lines)


def markdown(text: str) -> str:
    """reStructuredText literals as Markdown's; a bar would end a table's cell."""
    return text.replace("``", "`").replace("|", "\\|")


def shown(value: object) -> str:
    """A default as a spec writes it."""
    if isinstance(value, tuple) and len(set(value)) == 1:
        value = value[0]
    if isinstance(value, bool):
        return str(value).lower()
    scheme = getattr(value, "scheme", None)
    if scheme == "constant":
        return f"{value.value:g}"  # type: ignore[attr-defined]
    return "torch" if scheme == "variance_scaling" else f"{value}"


if __name__ == "__main__":
    for file, text in pages().items():
        (HERE / file).write_text(text, encoding="utf-8")
    (HERE / "zoo").mkdir(exist_ok=True)
    for name, svg in pictures():
        (HERE / "zoo" / f"{name}.svg").write_text(svg, encoding="utf-8")
