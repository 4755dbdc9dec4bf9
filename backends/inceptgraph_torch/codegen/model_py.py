"""A graph to the text of a standalone ``model.py``: readable, on torch alone."""

from __future__ import annotations

import builtins
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from textwrap import wrap
from typing import Any

from inceptgraph.analysis import total
from inceptgraph.graph import Graph
from inceptgraph_torch.codegen.classes import ClassDefinition, Parameter, Variable, extract
from inceptgraph_torch.codegen.forward import write_forward
from inceptgraph_torch.codegen.pretty import WIDTH, Brackets, Expression, layout
from inceptgraph_torch.codegen.sources import IMPORTED, is_foreign, layer_sources
from inceptgraph_torch.losses import CRITERIA, total_loss
from inceptgraph_torch.names import class_name
from inceptgraph_torch.nesting import Call, Container, Part, Style, build
from inceptgraph_torch.preprocessing import prepared, settings

__all__ = ["write_module"]

_CHAIN = '''
class Chain(nn.Sequential):
    """Named layers, one after the other."""

    def __init__(self, layers):
        super().__init__(OrderedDict(layers))
'''
_CONCAT = '''
class Concat(nn.ModuleDict):
    """Named branches over one input, joined along the channels."""

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.values()], 1)
'''
_SUM = '''
class Sum(nn.ModuleDict):
    """Named branches over one input, added."""

    def forward(self, x):
        return reduce(operator.add, [branch(x) for branch in self.values()])
'''
_OPEN = '''
class Layers(nn.ModuleDict):
    """Named layers that are called from outside."""
'''
_CONTAINERS = {
    Style.CHAIN: ("Chain", _CHAIN),
    Style.CONCAT: ("Concat", _CONCAT),
    Style.SUM: ("Sum", _SUM),
    Style.OPEN: ("Layers", _OPEN),
}


# Names that a model.py has for itself, as far as a class could have them: with a capital
_GLOBALS = {
    *(
        "CLASSES",
        "CRITERIA",
        "Chain",
        "Concat",
        "HEADS",
        "INPUTS",
        "LOSS_WEIGHTS",
        "Layers",
        "OrderedDict",
        "PREPROCESS",
        "Path",
        "Sum",
    ),
    *IMPORTED,
    *(name for name in dir(builtins) if name[0].isupper()),
}


@dataclass(frozen=True)
class Ending:
    """The words of the functions at the end of a module that trains, and of one that does not.

    Attributes:
        head: of the docstring, after the network's name.
        counted: what its counts leave out.
        texts: the functions.
        words: that stand in them.
    """

    head: str
    counted: str
    texts: tuple[str, ...]
    words: Mapping[str, str]


_TRAINABLE = Ending(
    "compiled from its spec by InceptGraph.",
    " (without heads)",
    ("loss.py.txt", "load.py.txt", "main.py.txt"),
    {
        "mode": "training",
        "settled": "",
        "chosen": ".train(options.train)",
        "options": """\
    # batch norm over vectors cannot train on one sample
    parser.add_argument("--batch", type=int, default=2, help="samples in the batch (2)")
    parser.add_argument("--train", action="store_true", help="in training mode, with the heads")
""",
    },
)
_FOR_EVALUATION = Ending(
    "rewritten by InceptGraph to run fast. Not to be trained.",
    "",
    ("load.py.txt", "main.py.txt"),
    {
        "mode": "evaluation",
        "settled": "\n    model.eval().requires_grad_(False)",
        "chosen": "",
        "options": """\
    parser.add_argument("--batch", type=int, default=1, help="samples in the batch (1)")
""",
    },
)


def write_module(
    graph: Graph,
    description: str = "",
    *,
    weights: str = "model.safetensors",
    training: bool = True,
) -> str:
    """The source of a module that equals the graph, with the same names of weights.

    Args:
        graph: with shapes; both phases, or evaluation alone.
        description: a sentence for the module's docstring.
        weights: the file beside the module that it loads.
        training: whether the network can be trained: it then has a loss.

    Returns:
        Python source. It imports torch and the standard library only, unless a plug-in's layer
        needs more.
    """
    root = build(graph)
    parts = [child for c in root.walk() for child in c.children.values()]
    kinds = [part.kind for part in parts if isinstance(part, Call)]
    prepare = settings(graph)
    functions = [*([total_loss] if training else []), *([prepared] if prepare else [])]
    carried = layer_sources(functions)
    layers = layer_sources([*kinds, *functions])
    taken = {*_GLOBALS, *layers}
    name = class_name(graph.name, taken)
    definitions = extract(root, taken)
    blocks = [*map(_block, definitions), _network(root, name, graph)]
    used = {c.style for body in (root, *(d.body for d in definitions)) for c in body.walk()}
    containers = [text for style, (_, text) in _CONTAINERS.items() if style in used]
    ending = _TRAINABLE if training else _FOR_EVALUATION
    criteria = {o.name: f"F.{CRITERIA[o.loss].__name__}" for o in graph.outputs}
    alone, *others = {*criteria.values()}
    words = {
        **ending.words,
        "class_name": name,
        "weights": weights,
        "output": _literal(graph.outputs[0].name),
        "criterion": "CRITERIA" if others else alone,
        "input": _literal(next(iter(prepare), "")),
    }
    ends = [*(["preprocess.py.txt"] if prepare else []), *ending.texts]
    end = [Template(_text(each)).substitute(words) for each in ends]
    own = [text for name, text in layers.items() if name not in carried]
    texts = [*own, *containers, *blocks, *carried.values(), *end]
    rest = "\n\n\n".join(text.strip("\n") for text in texts)
    constants = [*_constants_of_data(graph, prepare)]
    constants += _constants_of_training(graph, criteria if others else {}) if training else []
    body = "\n".join([*constants, "", "", rest, ""])
    return "\n".join([*_head(graph, description, ending, body), body])


def _constants_of_data(graph: Graph, prepare: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What goes in, what images are made into for it, and what comes out."""
    yield from layout("INPUTS = ", _mapping({node.name: node.shape for node in graph.inputs}), 0)
    if prepare:
        items = tuple((f'"{name}": ', _mapping(each)) for name, each in prepare.items())
        yield from layout("PREPROCESS = ", Brackets("{", items, "}"), 0)
    if graph.classes is not None:
        names = tuple(("", _literal(name)) for name in graph.classes)
        yield from layout("CLASSES = ", Brackets("[", names, "]"), 0)


def _constants_of_training(graph: Graph, criteria: Mapping[str, str]) -> Iterator[str]:
    """What losses weigh, what they are where they differ, and which are of heads."""
    rates = {o.name: o.loss_weight for o in graph.outputs}
    yield from layout("LOSS_WEIGHTS = ", _mapping(rates), 0)
    if criteria:
        named = tuple((f'"{name}": ', function) for name, function in criteria.items())
        yield from layout("CRITERIA = ", Brackets("{", named, "}"), 0)
    heads = (("", _literal(o.name)) for o in graph.outputs if o.training_only)
    yield from layout("HEADS = ", Brackets("[", tuple(heads), "]"), 0)


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _head(graph: Graph, description: str, ending: Ending, body: str) -> list[str]:
    counts = total(graph.phase("eval"))
    lines = [f'"""{_quoted(graph.name)}, {ending.head}', ""]
    for line in _quoted(description).split("\n") if description else []:
        lines += wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False) or [""]
    lines += [""] if description else []
    lines += [
        f"{counts.params:,} parameters, {counts.macs:,} multiply-adds a sample{ending.counted}.",
        "Needs torch only, 2.3 or newer. From the command line, times a forward pass.",
        '"""',
        "",
        "import argparse",
        "import json",
    ]
    lines += ["import operator"] if "operator." in body else []
    lines += ["import time"]
    lines += ["from collections import OrderedDict"] if "OrderedDict(" in body else []
    types = [name for name in ("Callable", "Iterable", "Mapping") if f"{name}[" in body]
    lines += [f"from collections.abc import {', '.join(types)}"] if types else []
    lines += ["from functools import reduce"] if "reduce(" in body else []
    lines += ["from pathlib import Path"]
    lines += ["from typing import Any"] if "Any" in body else []
    lines += ["", "import torch"]
    lines += [f"from torch import {'Tensor, ' if 'Tensor' in body else ''}nn"]
    lines += ["from torch.nn import functional as F"] if "F." in body else []
    return [*lines, ""]


_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]")


def _quoted(text: str) -> str:
    """Text for a docstring: a spec's words stay words."""
    text = _CONTROL.sub(" ", text).replace("\\", "\\\\")
    return text.replace('"""', '\\"\\"\\"')


def _mapping(values: Mapping[str, Any]) -> Brackets:
    return Brackets(
        "{", tuple((f'"{key}": ', _literal(value)) for key, value in values.items()), "}"
    )


# -- classes -----------------------------------------------------------------------------------


def _block(definition: ClassDefinition) -> str:
    body = definition.body
    own = body.style is Style.OWN
    arguments = ["self", *map(_declared, definition.parameters)]
    signature = Brackets("", tuple(("", argument) for argument in arguments), "):")
    lines = [f"class {definition.name}({'nn.Module' if own else _CONTAINERS[body.style][0]}):"]
    lines += layout("def __init__(", signature, 4)
    if own:
        lines += ["        super().__init__()", *_attributes(body), "", *write_forward(body)]
    else:
        lines += layout("super().__init__(", Brackets("", (("", _children(body)),), ")"), 8)
    return "\n".join(lines)


def _declared(parameter: Parameter) -> str:
    default = f"={_literal(parameter.default)}" if parameter.has_default else ""
    return f"{parameter.name}{default}"


def _network(root: Container, class_name: str, graph: Graph) -> str:
    shapes = ", ".join(
        f"{node.name} (batch, {', '.join(map(str, node.shape or ()))})" for node in graph.inputs
    )
    lines = [f"class {class_name}(nn.Module):", f'    """Takes {shapes}.']
    if any(output.training_only for output in graph.outputs):
        heads = [output.name for output in graph.outputs if output.training_only]
        lines += [
            "",
            f"    In training returns a dict that holds {', '.join(heads)} as well.",
            '    """',
        ]
    else:
        lines[-1] += '"""'
    lines += ["", "    def __init__(self):", "        super().__init__()", *_attributes(root), ""]
    return "\n".join([*lines, *write_forward(root, graph)])


def _attributes(container: Container) -> list[str]:
    lines = []
    for name, child in container.children.items():
        if name.isidentifier() and not name.startswith("__"):  # which Python would mangle
            lines += layout(f"self.{name} = ", _expression(child), 8)
        else:
            call = Brackets("self.add_module(", (("", repr(name)), ("", _expression(child))), ")")
            lines += layout("", call, 8)
    return lines


def _expression(part: Part) -> Expression:
    if isinstance(part, Container):
        name = _CONTAINERS[part.style][0]
        return Brackets(f"{name}(", (("", _children(part)),), ")")
    if isinstance(part.kind, ClassDefinition):
        name = part.kind.name
    else:
        name = f"{'' if is_foreign(part.kind) else 'nn.'}{part.kind.__name__}"
    items = [("", _literal(value)) for value in part.args]
    items += [(f"{key}=", _literal(value)) for key, value in part.kwargs.items()]
    return Brackets(f"{name}(", tuple(items), ")")


def _children(container: Container) -> Expression:
    items = ((f'"{name}": ', _expression(child)) for name, child in container.children.items())
    return Brackets("{", tuple(items), "}")


def _literal(value: Any) -> str:
    if isinstance(value, Variable):
        return value.name
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return json.dumps(value) if isinstance(value, str) else repr(value)
