"""Lowering of a graph and its weights to an ``onnx.ModelProto``."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from typing import Any, cast

import numpy as np
import onnx
from onnx import helper, shape_inference

from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph.graph import Graph, meaning
from inceptgraph.infer import at_any_size
from inceptgraph.ops import Extent
from inceptgraph.types import Phase, Shape
from inceptgraph.weights.recipe_values import Array, arrays, checked
from inceptgraph_onnx.body import Body, Call, Step
from inceptgraph_onnx.rules import rule

__all__ = ["ABOUT", "OPSET", "lower"]

ABOUT = "inceptgraph"
"""The key of a model's metadata under which what the spec says of images and classes stands."""

OPSET = 18
"""The least version of the operators, which the rules are written for and most runtimes read."""


def lower(
    graph: Graph,
    *,
    tensors: Mapping[str, Any],
    dtype: str | None = None,
    opset: int = OPSET,
    phase: Phase | str = Phase.EVAL,
    avoid: Collection[str] = (),
    any_size: bool = True,
) -> onnx.ModelProto:
    """Make the model of a graph.

    What the spec says of images and classes stands in the metadata, as JSON under the key
    ``inceptgraph``.

    Inputs and outputs have the names of the spec, and as a first axis ``batch``, of any size.
    ``height`` and ``width`` of images may be of any size, too, where nothing that is written
    depends on them; the description of an input then says from which size on. The other axes are
    static. An initialiser has the name and the shape of the weight in the graph. Every
    value has a shape. A model of more than 2 GiB cannot be serialised: ``onnx.save`` writes it with
    ``save_as_external_data=True``.

    Args:
        graph: with shapes, both phases; of a graph that passes rewrote, too.
        tensors: the weights as NumPy arrays, or what becomes one, by their names in the graph, such
            as ``conv1.conv.weight``; of a rewritten graph, those of the original. More may be
            there.
        dtype: of weights, inputs and outputs: ``float16``, ``float32`` or ``float64`` (default:
            that of the tensors, float32 where there are none).
        opset: version of ONNX's operators, 18 or later.
        phase: ``train`` gives the auxiliary heads, too; all compute as in evaluation.
        avoid: operators that a runtime computes slower than their parts: ``LRN`` is all that is
            heeded.
        any_size: False for the height and width that are declared.

    Raises:
        SpecError: ONNX cannot hold the network: an input has the name of an output.
        ValueError: a tensor is missing or has another shape, or they differ in type, or there is no
            such opset or dtype.
        NotImplementedError: there is no rule for an operation.
    """
    if not OPSET <= opset <= onnx.defs.onnx_opset_version():
        known = f"{OPSET} to {onnx.defs.onnx_opset_version()}"
        raise ValueError(f"there is no opset {opset} here: known are {known}")
    given = checked(graph, tensors)
    network = graph.phase(phase)
    kind = _common_type(given.values()) if dtype is None else np.dtype(dtype)
    if kind not in (np.float16, np.float32, np.float64):
        raise ValueError(f"a model is of float16, float32 or float64, not {kind}")
    weights, avoided = dict(arrays(network, given, kind)), frozenset(avoid)
    if any_size and (free := at_any_size(network)):
        # what is no number fails in a rule or in ONNX, and in a package's rule in any way
        with suppress(Exception):
            return _model(free, _write(free, dict(weights), kind, avoided), kind, opset)
    return _model(network, _write(network, weights, kind, avoided), kind, opset)


def _common_type(tensors: Iterable[Array]) -> np.dtype[Any]:
    found = {array.dtype for array in tensors} or {np.dtype(np.float32)}
    if len(found) > 1:
        kinds = " and ".join(sorted(map(str, found)))
        raise ValueError(f"the tensors are of {kinds}: say which `dtype` the model is to have")
    return found.pop()


def _write(
    graph: Graph, weights: dict[str, Array], dtype: np.dtype[Any], avoid: frozenset[str]
) -> Body:
    """The body, with the values of outputs named as the spec names them."""
    inputs = {node.name for node in graph.inputs}
    outputs = {output.name for output in graph.outputs}
    if both := sorted(inputs & outputs):
        hint = f"give the output another name, such as `{both[0]}_out`"
        _refuse(f"`{both[0]}` is both an input and an output", hint)
    body = Body({*inputs, *outputs, *weights}, constants=weights, avoid=avoid)
    values: dict[str, str] = {}
    for node in graph.nodes.values():
        if node.name in inputs:
            values[node.name] = node.name
            continue
        owner = graph.owner(node.name)
        own = {name: f"{owner}.{name}" for name in graph.weights(node)}
        step = Step(node.name, tuple(values[name] for name in node.inputs), own, body, dtype)
        values[node.name] = rule(node.op, step, *graph.operands(node))
    _name(body, [(output.name, values[output.node]) for output in graph.outputs], values)
    return body


def _name(body: Body, outputs: list[tuple[str, str]], values: Mapping[str, str]) -> None:
    """Name the values of outputs as the spec does, copying one that has two names or is an input;
    and those of other nodes as the nodes, where that is free."""
    computed = {call.output for call in body.calls}
    names: dict[str, str] = {}
    for name, value in outputs:
        if value in computed and value not in names:
            names[value] = name
        else:
            body.calls.append(Call("Identity", (value,), name, {}))
    for node, value in values.items():
        if value in computed and value not in names:
            names[value] = body.unique(node)
            body.values[names[value]] = node
    body.calls[:] = [
        replace(
            call,
            inputs=tuple(names.get(value, value) for value in call.inputs),
            output=names.get(call.output, call.output),
        )
        for call in body.calls
    ]


def _model(graph: Graph, body: Body, dtype: np.dtype[Any], opset: int) -> onnx.ModelProto:
    kind = helper.np_dtype_to_tensor_dtype(dtype)

    def described(name: str, node: str, about: str = "") -> onnx.ValueInfoProto:
        shape = [each if isinstance(each, int) else str(each) for each in graph.shape(node)]
        return helper.make_tensor_value_info(name, kind, ["batch", *shape], about)

    nodes = [
        helper.make_node(each.operator, each.inputs, [each.output], each.output, **each.attributes)
        for each in body.calls
    ]
    contents = helper.make_graph(
        nodes,
        graph.name,
        [described(node.name, node.name, _least(graph.shape(node.name))) for node in graph.inputs],
        [described(output.name, output.node) for output in graph.outputs],
        value_info=[described(*each) for each in body.values.items()],
    )
    operators = [helper.make_opsetid("", opset)]
    model = helper.make_model(
        contents,
        opset_imports=operators,
        # the newest version of the format would shut out runtimes that know all of its operators
        ir_version=helper.find_min_ir_version_for(operators),
        producer_name="inceptgraph",
        producer_version=version("inceptgraph"),
    )
    if about := meaning(graph):
        helper.set_model_props(model, {ABOUT: json.dumps(about, ensure_ascii=False)})
    for name, array in body.constants.items():
        tensor = model.graph.initializer.add(name=name, dims=array.shape)
        tensor.data_type = helper.np_dtype_to_tensor_dtype(array.dtype)
        if array.dtype == np.int64:  # borders and axes, which shapes depend on
            tensor.raw_data = _raw(array)
    # weights come last: each step before them copies the model, and cannot copy 2 GiB
    model = shape_inference.infer_shapes(model)
    for tensor, array in zip(model.graph.initializer, body.constants.values(), strict=True):
        tensor.raw_data = _raw(array)
    return model


def _least(shape: Shape) -> str:
    """From which size on an input is taken, where it may be of any."""
    axes = [each.axis for each in cast("tuple[Any, ...]", shape) if isinstance(each, Extent)]
    return ", ".join(f"{axis.name} from {axis.least} on" for axis in axes)


def _raw(array: Array) -> bytes:
    """The numbers as ONNX keeps them."""
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def _refuse(reason: str, help: str) -> None:
    message = f"ONNX cannot hold this network: {reason}"
    raise SpecError([Diagnostic(Code.OUTPUT, message, help=help)])
