"""The ``README.md`` of a built directory."""

from __future__ import annotations

import shlex
from collections.abc import Container, Iterable
from string import Template

from inceptgraph.analysis import free_axes, free_sizes, total
from inceptgraph.backend import Exported
from inceptgraph.graph import Graph, Node, Output
from inceptgraph.ops import LOSSES
from inceptgraph.types import format_shape

__all__ = ["readme"]

_WHAT = {
    "spec.yaml": "the network",
    "spec.lock.json": "versions, counts and the hashes of these files",
    "model.py": "the network as Python",
    "model.safetensors": "its weights",
    "optimized.py": "the network in evaluation, rewritten to run fast",
    "optimized.safetensors": "its weights",
    "model.svg": "its diagram",
    "model.dot": "its diagram, for Graphviz to draw",
}

_OPTIMIZED = """
In evaluation, faster:

```python
import optimized

net = optimized.load()        # the same outputs, to rounding; not to be trained
```
"""


_PREPARED = "    # an image of 8 bits becomes an input by model.preprocess(image)"


def readme(
    graph: Graph, folder: str, files: Container[str], exports: str, exported: Iterable[Exported]
) -> str:
    """The text.

    Args:
        graph: of the network, both phases.
        folder: the name of the built directory.
        files: what it holds, by paths in it.
        exports: the directory in it that exports are in.
        exported: what they are.
    """
    exported = tuple(exported)
    counts = total(graph.phase("eval"))
    present = {name: what for name, what in _WHAT.items() if name in files}
    present |= {f"{exports}/{each.name}": each.what for each in exported}
    table = "\n".join(f"| `{name}` | {what} |" for name, what in present.items())
    usages = "".join(_usage(each, f"{folder}/{exports}") for each in exported if each.usage)
    names = (node.name for node in graph.inputs)
    arguments = ", ".join(name if name.isidentifier() else "…" for name in names)
    return f"""# {graph.name}

Compiled from `spec.yaml` by InceptGraph.

{_interface(graph)}
- {counts.params:,} parameters, {counts.macs:,} multiply-adds a sample (without heads)

Run it (needs torch only):

```console
$ python {shlex.quote(folder)}/model.py
```

Use it:

```python
import sys; sys.path.insert(0, "{folder}")
import model

net = model.load()            # a torch.nn.Module in training mode, with these weights
outputs = net({arguments}){_PREPARED if graph.preprocessing else ""}
loss = model.loss(outputs, {_target(graph)})
```
{_OPTIMIZED if "optimized.py" in files else ""}
or, with InceptGraph, `net = inceptgraph.load("{folder}")`, a `torch.fx.GraphModule`.

| file | what it is |
| --- | --- |
{table}
{usages}"""


def _interface(graph: Graph) -> str:
    """What the network takes and gives."""
    inputs = ", ".join(_input(graph, node) for node in graph.inputs)
    results = ", ".join(
        f"`{o.name}` {format_shape(graph.shape(o.node))}"
        for o in graph.outputs
        if not o.training_only
    )
    heads = "".join(f"\n- in training also `{o.name}`" for o in graph.outputs if o.training_only)
    losses = "".join(f"\n- {_loss(output)}" for output in graph.outputs)
    prepared = "".join(
        f"\n- `{name}` is made of images of 8 bits: {made.words()}"
        for name, made in graph.preprocessing.items()
    )
    return f"- takes {inputs}{prepared}\n- gives {results}{heads}{losses}"


def _input(graph: Graph, node: Node) -> str:
    """The shape of an input, or those that it may have."""
    free, size = free_axes(node), format_shape(graph.shape(node.name))
    return f"`{node.name}` {size}" + (f", or with {free_sizes(free)}" if free else "")


def _loss(output: Output) -> str:
    """What an output is compared with in training, and by what."""
    weight = "" if output.loss_weight == 1 else f", weight {output.loss_weight:g}"
    target = LOSSES[output.loss].target
    return f"the loss of `{output.name}` is `{output.loss}`{weight}, against {target}"


def _target(graph: Graph) -> str:
    """What the loss is measured against."""
    if sum(not output.training_only for output in graph.outputs) == 1:
        return "labels"
    targets = ", ".join(f'"{output.name}": …' for output in graph.outputs)
    return f"{{{targets}}}"


def _usage(exported: Exported, folder: str) -> str:
    """How a file is loaded."""
    words = {"folder": folder, "path": f"{folder}/{exported.name}"}
    lines = Template(exported.usage).substitute(words)
    return f"\nLoad `{exported.name}`:\n\n```python\n{lines}```\n"
