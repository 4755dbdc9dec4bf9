"""Training recipes by name or path: texts to :class:`Recipe`, and back."""

from __future__ import annotations

import os
from collections.abc import Mapping as MappingType
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import yaml

from inceptgraph.diagnostics import (
    Code,
    Diagnostic,
    Findings,
    Source,
    Span,
    SpecError,
    TooManyFindings,
    did_you_mean,
)
from inceptgraph.source import Entry, Kind, Mapping, Node, Scalar, parse, read
from inceptgraph.training._forms import FAILED, read_form
from inceptgraph.training._recipe import Area, Duration, Recipe, Sgd

__all__ = ["choose", "parse_recipe", "shipped", "to_yaml"]

RECIPE = Kind(
    "training recipe",
    "`inceptgraph list recipes` shows those to start from",
    "say a shipped one's name: `inceptgraph list recipes`",
)


@cache
def shipped() -> dict[str, Path]:
    """Shipped training recipes by name."""
    folder = Path(__file__).resolve().parent / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def choose(recipe: str | Path, values: MappingType[str, str] | None = None) -> Recipe:
    """The training recipe that a user means.

    Args:
        recipe: a shipped one's name, or a path.
        values: to replace, by path: ``{"optimizer.lr": "0.1"}``.

    Raises:
        SpecError: there is none, or it is wrong; every mistake with its place.

    >>> str(choose("googlenet_caffe_quick", {"batch": "64"}).length)
    '2400000 steps'
    """
    text, path = str(recipe), Path(recipe)
    is_path = isinstance(recipe, Path) or path.suffix in (".yaml", ".yml") or "/" in text
    if not is_path and not os.path.exists(path):
        known = shipped()
        if text not in known:
            message = f"there is no training recipe `{text}`"
            hint = did_you_mean(text, known) or f"shipped are {', '.join(known)}"
            hint = f"{hint}, and a recipe of your own is named by its file, `{text}.yaml`"
            raise SpecError([Diagnostic(Code.UNKNOWN_RECIPE, message, help=hint)])
        path = known[text]
    elif path.stem in shipped() and not path.exists():
        hint = f"the shipped one is called `{path.stem}`, without a folder and `{path.suffix}`"
        message = f"there is no file `{text}`"
        raise SpecError([Diagnostic(Code.UNKNOWN_RECIPE, message, help=hint)])
    findings = Findings()
    source = read(path, findings, RECIPE)
    if source is None:
        raise SpecError(findings.ordered())
    return parse_recipe(source, values)


def parse_recipe(source: Source, values: MappingType[str, str] | None = None) -> Recipe:
    """Read a training recipe.

    Args:
        source: its text.
        values: to replace, by path.

    Raises:
        SpecError: every mistake in it, with its place.
    """
    findings = Findings()
    recipe: Recipe = FAILED
    try:
        tree = parse(source, findings, RECIPE)
        for path, value in (values or {}).items():
            tree = _replaced(tree, path, value, findings)
        if tree is not None:
            recipe = read_form(Recipe, tree, "a training recipe", findings)
        if tree is not None and recipe is not FAILED:
            _check(recipe, tree, findings)
    except TooManyFindings:
        pass
    if recipe is FAILED or findings.errors:
        raise SpecError(findings.ordered())
    return recipe


def _replaced(tree: Node | None, path: str, text: str, findings: Findings) -> Node | None:
    """The tree with one value replaced; sections on the way to it may be new."""
    source = Source(f"--with {path}={text}", text)
    value = parse(source, findings) if text.strip() else None
    if not text.strip():
        hint = f"write `--with {path}=…`; `null` is the empty value"
        message = f"`--with {path}=` gives no value"
        findings.add(Code.BAD_OVERRIDE, message, Span(source, 0, 0, 0, 0), help=hint)
    if value is None or not isinstance(tree, Mapping):
        return tree
    if places := _places().get(path):
        hint = f"say where: {' or '.join(f'`--with {place}={text}`' for place in places)}"
        message = f"a training recipe has no key `{path}`"
        findings.add(Code.UNKNOWN_KEY, message, Span(source, 0, 0, 0, 0), help=hint)
        return tree
    return _with(tree, path.split("."), value, Span(source, 0, 0, 0, 0))


@cache
def _places() -> dict[str, list[str]]:
    """The paths of what sections hold, by the name that they have there and a recipe itself not."""
    found: dict[str, dict[str, None]] = {}
    types = get_type_hints(Recipe)
    for section, kind in types.items():
        for each in get_args(kind) or (kind,):
            if get_origin(kind) is not tuple and is_dataclass(each) and each is not Duration:
                for field in fields(each):
                    found.setdefault(field.name, {})[f"{section}.{field.name}"] = None
    return {name: [*places] for name, places in found.items() if name not in types}


def _with(node: Node | None, keys: list[str], value: Node, place: Span) -> Node:
    if not keys:
        return value
    key, *rest = keys
    items = dict(node.items) if isinstance(node, Mapping) else {}
    old = items.get(key)
    name = old.key if old else Scalar(key, key, place)
    items[key] = Entry(name, _with(old.value if old else None, rest, value, place))
    return Mapping(items, node.span if isinstance(node, Mapping) else place)


def _check(recipe: Recipe, tree: Node, findings: Findings) -> None:
    """Find what is wrong with values together that are right one by one."""
    optimizer = recipe.optimizer
    if isinstance(optimizer, Sgd) and optimizer.nesterov and not optimizer.momentum:
        span = _at(tree, "optimizer", "nesterov")
        hint = "write `momentum: 0.9`, or leave `nesterov` out"
        findings.add(Code.BAD_ARGUMENT, "`nesterov` needs a `momentum`", span, help=hint)
    crop = recipe.augment.crop
    if isinstance(crop, Area):
        for name, (least, most) in (("area", crop.area), ("aspect", crop.aspect)):
            if least > most:
                message = f"`{name}` goes from the least to the most, but {least:g} > {most:g}"
                findings.add(Code.BAD_ARGUMENT, message, _at(tree, "augment", "crop", name))
    for index, rule in enumerate(recipe.rules):
        if not rule.parameters and rule.kind is None:
            hint = "write `kind: biases`, or `parameters: [classifier]`"
            message = f"rule {index + 1} says of no parameters that it is theirs"
            findings.add(Code.MISSING_KEY, message, _at(tree, "rules"), help=hint)


def _at(node: Node, *keys: str) -> Span:
    """The place of a value; that of its section where it is not written."""
    for key in keys:
        if not isinstance(node, Mapping) or key not in node.items:
            break
        node = node.items[key].value
    return node.span.first_line()


def to_yaml(recipe: Recipe) -> str:
    """A training recipe in whole, what it leaves out as well; it reads back as the same.

    >>> recipe = choose("modern")
    >>> parse_recipe(Source("again.yaml", to_yaml(recipe))) == recipe
    True
    """
    return yaml.safe_dump(plain(recipe), sort_keys=False, allow_unicode=True, width=100)


def plain(value: Any) -> Any:
    """A recipe, or a part of one, as plain dicts, lists and scalars."""
    if isinstance(value, Duration):
        return str(value)
    if is_dataclass(value):
        word = getattr(value, "word", None)
        said = {each.name: plain(getattr(value, each.name)) for each in fields(value)}
        named = {"name": word} if word else {}
        return named | {name: each for name, each in said.items() if each != ""}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return value
