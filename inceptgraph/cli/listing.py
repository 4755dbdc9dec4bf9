"""``list``: what there is to use, and what plug-ins add to it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import Any

import click

from inceptgraph import ops
from inceptgraph.analysis import total
from inceptgraph.cli import console
from inceptgraph.cli import listing_installed as installed
from inceptgraph.cli.listing_recipes import recipes, show_recipes
from inceptgraph.cli.options import json_option
from inceptgraph.cli.verbs import verb
from inceptgraph.diagnostics import codes
from inceptgraph.ops import Operation
from inceptgraph.pipeline import analyze
from inceptgraph.report import Column, Row, draw, exact, one_line, short, value
from inceptgraph.spec import Kind, shipped

__all__ = ["list_verb"]

EXAMPLES = """
inceptgraph list
inceptgraph list operations
inceptgraph list passes
inceptgraph list engines
inceptgraph list codes --json
"""

Item = dict[str, Any]


@verb("list", examples=EXAMPLES)
@click.argument(
    "what",
    type=click.Choice(
        ["specs", "blocks", "operations", "recipes", "passes", "backends", "engines", "codes"]
    ),
    default="specs",
)
@json_option
def list_verb(what: str, as_json: bool) -> None:
    """List what there is to use: specs, operations, engines, …

    Shipped specs unless told otherwise. Their names can stand wherever a verb takes a SPEC; those
    of libraries of blocks stand in `include:`.
    """
    find, show = _LISTS[what]
    items = find()
    if as_json:
        console.send_json(items)
    else:
        console.data(show(items))


# -- specs -----------------------------------------------------------------------------------


def _specs() -> list[Item]:
    return [_spec(name, path) for name, path in shipped().items()]


def _spec(name: str, path: Path) -> Item:
    analysis = analyze(path)
    item: Item = {"name": name, "path": str(path)}
    if analysis.graph is not None and analysis.source is not None and analysis.spec is not None:
        cost = total(analysis.graph.phase("eval"))
        about = analysis.spec.description or _first_comment(analysis.source.text)
        item |= {"params": cost.params, "macs": cost.macs, "description": about}
    return item


def _first_comment(text: str) -> str:
    """The sentence that a file begins with, as a comment."""
    comment = takewhile(lambda line: line.startswith("#"), text.splitlines())
    words = " ".join(line.lstrip("# ").rstrip() for line in comment if "-server:" not in line)
    return re.split(r"\.(?=\s+[A-Z]|$)", words)[0]


def _show_specs(items: list[Item]) -> str:
    columns = (
        Column("name"),
        Column("params", right=True),
        Column("MACs", right=True),
        Column("what it is"),
    )
    room = console.room()
    longest = max((len(item["name"]) for item in items), default=0)
    left = 1000 if room is None else max(room - longest - 2 - 13 - 2 - 14 - 2, 20)
    rows = [
        Row(
            (
                item["name"],
                exact(item["params"]) if "params" in item else "",
                exact(item["macs"]) if "macs" in item else "",
                short(one_line(item.get("description", "it has errors")), left),
            )
        )
        for item in items
    ]
    return draw(columns, rows, color=console.colored())


# -- libraries of blocks ---------------------------------------------------------------------


def _blocks() -> list[Item]:
    return [_library(name, path) for name, path in shipped(Kind.LIBRARY).items()]


def _library(name: str, path: Path) -> Item:
    analysis = analyze(path)
    assert analysis.source is not None
    blocks = {
        block: {key: param.type for key, param in found.params.items()}
        for block, found in (analysis.library or {}).items()
        if found.name.span.source is analysis.source
    }
    about = _first_comment(analysis.source.text)
    return {"name": name, "path": str(path), "description": about, "blocks": blocks}


def _show_blocks(items: list[Item]) -> str:
    columns = (Column("library"), Column("block"), Column("parameters"))
    rows = [
        Row(("" if index else item["name"], block, ", ".join(params)))
        for item in items
        for index, (block, params) in enumerate(item["blocks"].items())
    ]
    return draw(columns, rows, color=console.colored())


# -- operations ------------------------------------------------------------------------------


def _operations() -> list[Item]:
    return [_operation(kind) for kind in ops.installed()]


def _operation(kind: type[Operation]) -> Item:
    from inceptgraph.spec.json_schema import argument_texts

    texts = argument_texts(kind)
    arguments = []
    fields = sorted(kind.model_fields.items(), key=lambda item: not item[1].is_required())
    for name, field in fields:
        required = field.is_required()
        default = {} if required else {"default": field.get_default(call_default_factory=True)}
        arguments.append(
            {"name": name, "required": required, **default, "description": texts.get(name, "")}
        )
    summary = " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split())
    for argument in arguments:
        if hasattr(argument.get("default"), "model_dump"):
            argument["default"] = argument["default"].model_dump(exclude_none=True)
    return {
        "name": kind.op,
        "family": kind.family.value,
        "description": summary.replace("``", "`"),
        "arguments": arguments,
    }


def _show_operations(items: list[Item]) -> str:
    columns = (Column("name"), Column("family"), Column("arguments (* required)"))
    room = console.room()
    names = max(len(item["name"]) for item in items)
    families = max(len(item["family"]) for item in items)
    left = 1000 if room is None else max(room - names - families - 4, 20)
    rows = []
    for item in items:
        lines = _wrapped([_argument(argument) for argument in item["arguments"]], left)
        rows.append(Row((item["name"], item["family"], lines[0])))
        rows += [Row(("", "", line)) for line in lines[1:]]
    return draw(columns, rows, color=console.colored())


def _argument(argument: Item) -> str:
    if argument["required"]:
        return f"{argument['name']}*"
    default = argument["default"]
    if isinstance(default, dict):  # how weights start: in a word where they start as a number
        default = default.get("value", "…")
    return f"{argument['name']}={value(default)}"


def _wrapped(words: list[str], most: int) -> list[str]:
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + 2 + len(word) > most:
            lines.append("")
        lines[-1] += f"{'  ' if lines[-1] else ''}{word}"
    return lines


# -- codes -----------------------------------------------------------------------------------


def _codes() -> list[Item]:
    return [
        {"code": code.value, "name": codes.name(code), "title": codes.title(code)}
        for code in codes.every_code()
    ]


def _show_codes(items: list[Item]) -> str:
    columns = (Column("code"), Column("name"), Column("what it says"))
    rows = [Row((item["code"], item["name"], item["title"])) for item in items]
    return draw(columns, rows, color=console.colored())


_LISTS: dict[str, tuple[Callable[[], list[Item]], Callable[[list[Item]], str]]] = {
    "specs": (_specs, _show_specs),
    "blocks": (_blocks, _show_blocks),
    "operations": (_operations, _show_operations),
    "recipes": (recipes, show_recipes),
    "passes": (installed.passes, installed.show_passes),
    "backends": (installed.backends, installed.show_backends),
    "engines": (installed.engines, installed.show_engines),
    "codes": (_codes, _show_codes),
}
