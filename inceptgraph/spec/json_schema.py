"""The JSON Schema of the language, for editors: completion, hover texts, errors while typing.

Generated from the operations that are installed and from the keys that the front end knows. It
accepts every spec that compiles; what only compiling can tell, it leaves to ``check``.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from pydantic import BaseModel

from inceptgraph import ops
from inceptgraph.ops import Operation, Preprocessing
from inceptgraph.spec._expect_form import COUNTS
from inceptgraph.spec._library import NAMES_SUFFIX
from inceptgraph.spec._load import BLOCK_KEYS, INPUT_KEYS, KEYS
from inceptgraph.spec._resolve import LIBRARY_KEYS
from inceptgraph.spec._sections import MAP_KEYS
from inceptgraph.spec._structure import NAME, RESERVED
from inceptgraph.spec._values import TYPES
from inceptgraph.types import Family

__all__ = ["argument_texts", "language"]

Schema = dict[str, Any]

EXPRESSION = {"$ref": "#/$defs/expression"}
HAS_BODY: Schema = {"anyOf": [{"required": ["steps"]}, {"required": ["branches", "merge"]}]}
OUTPUT = {"$ref": "#/$defs/output"}
STEP = {"$ref": "#/$defs/step"}
STEPS = {"$ref": "#/$defs/steps"}
PARAMS = {"$ref": "#/$defs/params"}
TEXT = {"type": "string"}
WORD = {"type": ["string", "number", "boolean"]}
"""YAML reads ``1`` as a number; where a name is due it counts as one."""


def language() -> Schema:
    """The schema of a spec."""
    kinds = {name: kind for name in ops.names() if (kind := ops.find(name)) is not None}
    described = _root(kinds)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "InceptGraph spec",
        "description": "A network: its input, its blocks and its stages.",
        "type": "object",
        "properties": {key: described[key] for key in KEYS},
        "additionalProperties": False,
        **_required(),
        "$defs": _definitions(kinds),
    }


def _required() -> Schema:
    """What a spec must have; one that extends another inherits it."""
    complete: Schema = {
        "required": ["name", "stages"],
        "anyOf": [{"required": ["input"]}, {"required": ["inputs"]}],
    }
    extending: Schema = {"required": ["extends"], "not": {"required": ["stages"]}}
    library: Schema = {"required": ["blocks"], "propertyNames": {"enum": list(LIBRARY_KEYS)}}
    return {"anyOf": [extending, complete, library]}


def _root(kinds: dict[str, type[Operation]]) -> Schema:
    heads, blocks = _named({"$ref": "#/$defs/head"}), _named({"$ref": "#/$defs/block"})
    described: dict[str, tuple[str, Schema]] = {
        "name": ("The network's name.", WORD),
        "description": ("What it is, in a sentence.", TEXT),
        "source": ("Where it comes from: a paper, a repository.", TEXT),
        "extends": ("The spec that this one changes: a shipped one, or a .yaml file.", WORD),
        "include": ("Libraries of blocks: shipped ones, or .yaml files.", _one_or_several(WORD)),
        "input": ("What the network reads.", {"$ref": "#/$defs/input"}),
        "inputs": ("What the network reads, by name.", _named({"$ref": "#/$defs/input"})),
        "inflate": ("What makes videos of images: {frames: 64, kernel: 3}.", _inflate()),
        "classes": ("The classes that it tells apart, in the order of its outputs.", _classes()),
        "params": ("Values that stages use as $name and `--set name=…` replaces.", PARAMS),
        "defaults": ("Arguments of operations, where a step does not give them.", _defaults(kinds)),
        "blocks": ("Bodies with parameters, used like operations.", blocks),
        "stages": ("The network: each stage feeds the next unless it says `from`.", STEPS),
        "edit": ("Changes to the steps of the spec that this one extends.", _edits()),
        "outputs": ("Which steps the network returns, by name.", _named(OUTPUT)),
        "aux_heads": ("Classifiers that exist in training alone.", heads),
        "sections": ("Runs of stages under one title: `stem: conv1 .. pool2`.", _sections()),
        "expect": ("What the network is held to by `check`.", _expect()),
    }
    return {key: {"description": text, **schema} for key, (text, schema) in described.items()}


# -- structure -------------------------------------------------------------------------------


def _object(properties: Schema, **more: Any) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


def _named(value: Schema, *keys: str) -> Schema:
    names = {"pattern": f"^{NAME}$", "not": {"enum": [k for k in RESERVED if k not in keys]}}
    return {"type": "object", "propertyNames": names, "additionalProperties": value}


def _or_expression(schema: Schema) -> Schema:
    return {"anyOf": [schema, EXPRESSION]}


def _one_or_several(value: Schema) -> Schema:
    return {"anyOf": [value, {"type": "array", "items": value, "minItems": 1}]}


def _edits() -> Schema:
    """Changes by the path of a step, of which `*` may be a part."""
    changes: dict[str, Schema] = {
        "set": {"description": "Arguments, or `from`, to replace.", "type": "object"},
        "replace": {"description": "A step in its place, or several.", "type": "object"},
        "before": {"description": "Steps to insert before it, by name.", "type": "object"},
        "after": {"description": "Steps to insert after it, by name.", "type": "object"},
    }
    change = {"anyOf": [{"const": "remove"}, _object(changes, minProperties=1)]}
    return {"type": "object", "additionalProperties": change}


def _inflate() -> Schema:
    size = _or_expression({"type": "integer", "minimum": 1})
    return _object({"frames": _axis(size), "kernel": size}, required=["frames"])


def _classes() -> Schema:
    """Names, or a file of them; and the background, which no label has, in front of them."""
    several = {"type": "array", "items": WORD, "uniqueItems": True}
    file = {"type": "string", "pattern": rf"{re.escape(NAMES_SUFFIX)}$"}
    names = {"anyOf": [several | {"minItems": 1}, file]}
    both = _object({"names": names, "background": WORD}, required=["names"])
    return {"anyOf": [several | {"minItems": 2}, file, both]}


def _axis(size: Schema) -> Schema:
    """An extent of an input, which may be any."""
    return {"anyOf": [*size["anyOf"], {"type": "string", "pattern": r"^\s*free\s*(=.*)?$"}]}


def _sections() -> Schema:
    return _named({"type": "string", "pattern": r"\S\s*\.\.\s*\S"})


def _expect() -> Schema:
    count = {"type": "integer", "minimum": 0}
    shape = {"type": "array", "items": {"type": "integer", "minimum": 1}}
    return _object({**dict.fromkeys(COUNTS, count), "shapes": {"additionalProperties": shape}})


def _defaults(kinds: dict[str, type[Operation]]) -> Schema:
    return _object(
        {
            name: {"$ref": f"#/$defs/{name}", "propertyNames": {"enum": list(kind.model_fields)}}
            for name, kind in kinds.items()
        }
    )


def _definitions(kinds: dict[str, type[Operation]]) -> Schema:
    found: Schema = {}
    for name, kind in kinds.items():
        found[name] = _operation(kind, found)
    size = _or_expression({"type": "integer", "minimum": 1})
    inputs = {key: _axis(size) if key in MAP_KEYS[1:] else size for key in INPUT_KEYS}
    inputs |= {"name": WORD, "preprocess": _preprocess()}
    block = {key: {} for key in BLOCK_KEYS} | {
        "description": TEXT,
        "params": PARAMS,
        "inputs": {"type": "array", "items": WORD, "minItems": 1},
        **_body(kinds),
    }
    wiring = {
        "from": {
            "description": "What it reads, where that is not the step before.",
            **_one_or_several(WORD),
        },
        "repeat": {
            "description": "How often it is chained.",
            **_or_expression({"type": "integer", "minimum": 0}),
        },
        "when": _when(),
    }
    weighs = _or_expression({"type": "number", "minimum": 0})
    weight = {"description": "What its loss weighs.", **weighs}
    losses = _or_expression({"enum": [*ops.LOSSES]})
    loss = {"description": "What it is compared by in training.", **losses}
    output = {"from": WORD, "loss": loss, "loss_weight": weight}
    head_wiring = {**wiring, "loss": loss, "loss_weight": weight}
    return found | {
        "expression": {
            "description": "A $parameter, or arithmetic over parameters.",
            "type": "string",
            "pattern": r"\$",
        },
        "input": _object(inputs),
        "params": {
            "type": "object",
            "propertyNames": {"pattern": "^[A-Za-z0-9_]+$"},
            "additionalProperties": _param(),
        },
        "block": _object(block, **HAS_BODY),
        "output": {"anyOf": [WORD, _object(output, required=["from"])]},
        "steps": {**_named(STEP), "minProperties": 1},
        "branch": _branch(),
        "step": _step(kinds, wiring),
        "head": {**_step(kinds, head_wiring), "required": ["from", "loss_weight"]},
    }


def _param() -> Schema:
    words = "|".join(TYPES)
    return {
        "description": "A type (`int`), a type with a default (`int = 3`), or a default.",
        "anyOf": [
            {"type": "string", "pattern": rf"^\s*(({words})\s*(=.*)?|=.*)$"},
            {"enum": list(TYPES)},
            {"type": ["number", "boolean", "array"]},
        ],
    }


def _body(kinds: dict[str, type[Operation]]) -> Schema:
    joins = [name for name, kind in kinds.items() if kind.family is Family.MERGE]
    join = {"anyOf": [{"enum": joins}, EXPRESSION]}
    merge = {
        "description": "How the branches are joined.",
        "anyOf": [join, {"type": "object", "properties": {"op": join}, "required": ["op"]}],
    }
    branches = _named({"$ref": "#/$defs/branch"})
    return {
        "steps": {"description": "Steps, each feeding the next.", **STEPS},
        "branches": {"description": "Paths over one input, joined in this order.", **branches},
        "merge": merge,
    }


def _branch() -> Schema:
    """A lone step, or steps by name; an empty one passes the input on."""
    lone = {"anyOf": [{"required": [key]} for key in ("op", "share", "steps", "branches")]}
    several = {**_named(STEP, "when"), "properties": {"when": _when()}}
    return {"type": "object", "if": lone, "then": STEP, "else": several}


def _when() -> Schema:
    text = "Whether it is there. What reads a step that is not, reads what that one reads."
    return {"description": text, **_or_expression({"type": "boolean"})}


def _step(kinds: dict[str, type[Operation]], wiring: Schema) -> Schema:
    """A use of an operation or a block, a body of its own, or another step once more."""
    inline = _object({**wiring, **_body(kinds)}, **HAS_BODY)
    share = {"description": "The step that it is once more, with the same weights.", **WORD}
    once_more = _object({**wiring, "share": share}, required=["share"])
    other = {"if": {"required": ["share"]}, "then": once_more, "else": inline}
    use = _use(kinds, wiring)
    return {"type": "object", "if": {"required": ["op"]}, "then": use, "else": other}


def _use(kinds: dict[str, type[Operation]], wiring: Schema) -> Schema:
    """A step that uses an operation, or a block with whatever arguments that has."""
    known = ("op", *wiring)
    operation = {
        "description": "An operation, or a block of this spec.",
        "anyOf": [{"enum": list(kinds)}, WORD],
    }
    rules = [
        {
            "if": {"properties": {"op": {"const": name}}, "required": ["op"]},
            "then": {
                "$ref": f"#/$defs/{name}",
                "propertyNames": {"enum": [*known, *kind.model_fields]},
            },
        }
        for name, kind in kinds.items()
        if not kind.hideable  # or it may be a block of this name, which takes what it says
    ]
    properties = {"op": operation, **wiring}
    return {"type": "object", "properties": properties, "required": ["op"], "allOf": rules}


# -- operations ------------------------------------------------------------------------------


def _operation(kind: type[Operation], definitions: Schema) -> Schema:
    """The arguments of an operation; any of them may be an expression."""
    template = f"#/$defs/{kind.op}.{{model}}"
    schema = kind.model_json_schema(ref_template=template)
    for name, definition in schema.pop("$defs", {}).items():
        definitions[f"{kind.op}.{name}"] = definition
    return _model(kind, schema)


def _preprocess() -> Schema:
    schema = _model(Preprocessing, Preprocessing.model_json_schema())
    return {**schema, "additionalProperties": False, "required": ["range"]}


def _model(kind: type[BaseModel], schema: Schema) -> Schema:
    """Pydantic's schema of a model with the texts of its docstring."""
    texts = argument_texts(kind)
    arguments: Schema = {}
    for name, argument in schema.get("properties", {}).items():
        described = {"description": texts[name]} if name in texts else {}
        default = {"default": argument["default"]} if "default" in argument else {}
        arguments[name] = described | default | _or_expression(_plain(argument))
    return {"description": _first_paragraph(kind), "type": "object", "properties": arguments}


def _plain(schema: Schema) -> Schema:
    """A value's schema without what is said of the argument; lists may hold expressions."""
    kept = {k: v for k, v in schema.items() if k not in ("title", "default", "description")}
    if "anyOf" in kept:
        kept["anyOf"] = [_plain(option) for option in kept["anyOf"]]
    if isinstance(kept.get("items"), dict):
        kept["items"] = _or_expression(_plain(kept["items"]))
    return kept


def argument_texts(kind: type[BaseModel]) -> dict[str, str]:
    """The docstring's text on each argument of an operation, or of another model."""
    _, _, section = (inspect.getdoc(kind) or "").partition("Args:\n")
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        match = re.match(r"    (\w+): (.*)", line)
        if match:
            name, found[match[1]] = match[1], match[2]
        elif name and line.startswith("        "):
            found[name] += " " + line.strip()
        elif line.strip():
            break
    return {name: text.replace("``", "`") for name, text in found.items()}


def _first_paragraph(kind: type[BaseModel]) -> str:
    text = (inspect.getdoc(kind) or "").partition("\n\n")[0]
    return " ".join(text.replace("``", "`").split())
