"""What ONNX's runtimes get wrong, and that nobody is handed it.

The first half builds each network with a fault in sight and holds engines and exported files to
float64. The second builds the plain form of each, which a rule avoids, and tells when a newer
version of the runtime gets it right.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from agreement import Array
from differential import Case, failures
from onnx import TensorProto, helper, numpy_helper
from onnx_readers import READERS
from torch.nn import functional as F

from inceptgraph.diagnostics import Source
from inceptgraph.engine import instruction_set
from inceptgraph.pipeline import compile, to_graph

WAYS = ["onnxruntime", "openvino", "onnx by onnxruntime", "onnx by openvino"]

CONV, POOL = "a: {op: conv2d, out: 8, kernel: 3}", "p: {op: max_pool, kernel: 2, stride: 2}"
WIDE = "a: {op: conv2d, out: 4, kernel: 3, padding: 1}"
NEGATIVE = "n: {op: relu}, m: {op: scale, factor: -1.0, offset: -1.0}"
MEAN = "g: {op: global_avg_pool}"
BORDER = "p: {op: pad, border: [1, 1, 1, 1]}"

BENT = ("silu", "mish", "gelu", "gelu, approximate: tanh", "hard_swish", "prelu")
BENT += (
    "abs",
    "leaky_relu, slope: -0.5",
    "elu, alpha: -0.5",
    "relu",
    "tanh",
    "softplus",
    "sigmoid",
)

IDLE = ("identity", "channels", "crop, border: [0, 0, 0, 0]", "pad, border: [0, 0, 0, 0]")
IDLE += ("concat, from: [p]", "leaky_relu, slope: 1.0")

STAGES = {
    "strided 1×1 with padding": f"{WIDE}, b: {{op: conv2d, out: 5, stride: 2, padding: 1}}, {MEAN}",
    "the same, its map": f"{WIDE}, b: {{op: conv2d, out: 5, stride: 2, padding: 1}}",
    "grouped, uneven": f"{WIDE}, b: {{op: conv2d, out: 4, groups: 2, stride: [3, 2], "
    f"padding: [1, 0, 2, 1]}}, {MEAN}",
    "behind a border": f"{WIDE}, {BORDER}, b: {{op: conv2d, out: 5, stride: 2}}, {MEAN}",
    "1×1 with padding": f"{WIDE}, b: {{op: conv2d, out: 5, padding: 1}}",
    "depthwise": f"{WIDE}, b: {{op: depthwise_conv2d, kernel: 1, stride: 2, padding: 1}}",
    "one channel, narrow kernel": "c: {op: channels, stop: 1}, "
    "a: {op: conv2d, out: 1, kernel: [3, 1], padding: [2, 1, 1, 2]}",
    "behind a border, narrow kernel": "c: {op: channels, stop: 1}, "
    "p: {op: pad, border: [0, 0, 0, 2]}, a: {op: conv2d, out: 1, kernel: [3, 1]}",
    **{
        f"one channel, one place, {each}": "c: {op: channels, stop: 1}, "
        f"a: {{op: conv2d, out: 4, kernel: 3, stride: [1, 8], padding: {each}}}"
        for each in ([1, 0, 1, 2], [0, 0, 2, 2], 0, [0, 3, 2, 0], [0, 0, 4, 0])
    },
    "one channel, one place, narrow kernel": "c: {op: channels, stop: 1}, "
    "d: {op: crop, border: [0, 0, 0, 7]}, "
    "a: {op: conv2d, out: 4, kernel: [3, 1], stride: [1, 3], padding: [0, 0, 0, 2]}",
    "one channel with itself": "c: {op: channels, stop: 1}, p: {op: avg_pool, kernel: 2}, "
    "r: {op: concat, from: [p, p, p]}, q: {op: avg_pool, kernel: 2, from: p}, "
    "s: {op: flatten}, t: {op: flatten, from: r}, u: {op: concat, from: [s, t]}",
    **{
        f"{op} of an average over uneven windows": "c: {op: channels, stop: 3}, "
        f"p: {{op: adaptive_avg_pool, size: [5, 3]}}, s: {{op: {op}}}"
        for op in ("prelu", "affine", "scale, offset: [1.0, 2.0, -3.0]", "batch_norm")
    },
    "strided 1×1 of slices": "c: {op: channels, stop: 2}, d: {op: channels, start: 2, from: x}, "
    "e: {op: relu, from: c}, s: {op: add, from: [e, d]}, a: {op: conv2d, out: 5, stride: [2, 3]}",
    "strided 1×1 of a window": "c: {op: channels, stop: 1}, n: {op: lrn, size: 2}, "
    "a: {op: conv2d, out: 5, stride: 2}",
    **{
        f"lrn of a cube, size {size}": "s: {op: multiply, from: [x, x, x]}, "
        f"n: {{op: lrn, size: {size}, alpha: 0.5}}"
        for size in (1, 3)
    },
    "one feature of one": "f: {op: flatten}, a: {op: linear, out: 1}, r: {op: relu}, "
    "b: {op: linear, out: 1}, c: {op: linear, out: 1, bias: false}",
    "silu of an adaptive pool": f"{CONV}, p: {{op: adaptive_max_pool, size: 3}}, m: {{op: silu}}",
    "silu by hand": f"{CONV}, {POOL}, s: {{op: sigmoid}}, m: {{op: multiply, from: [p, s]}}",
    **{f"silu past {each}": f"{CONV}, {POOL}, i: {{op: {each}}}, m: {{op: silu}}" for each in IDLE},
    **{
        f"1×1 behind a border and {each}": f"{WIDE}, {BORDER}, "
        f"i: {{op: {each}}}, b: {{op: conv2d, out: 5, stride: 2}}, {MEAN}"
        for each in IDLE
    },
    "border, max pool": f"{NEGATIVE}, {BORDER}, q: {{op: max_pool, kernel: 3}}",
    "border, same max pool": f"{NEGATIVE}, p: {{op: pad, border: [2, 2, 2, 2]}}, "
    "q: {op: max_pool, kernel: 3, padding: same}",
    "border, adaptive pool": f"{NEGATIVE}, {BORDER}, q: {{op: adaptive_max_pool, size: 5}}",
    "border, average": "p: {op: pad, border: [1, 0, 0, 2]}, "
    "q: {op: avg_pool, kernel: 3, padding: 1, count_include_pad: true}",
    "border, average with ceil": f"{BORDER}, q: {{op: avg_pool, kernel: 3, stride: 2, ceil: true}}",
    "uneven counted average": "q: {op: avg_pool, kernel: [3, 2], stride: 2, "
    "padding: [1, 0, 0, 1], count_include_pad: true, ceil: true}",
    **{f"lrn, k: {k}": f"n: {{op: lrn, alpha: 0.5, k: {k}}}" for k in (0.5, 1.0, 1.5, 2.0)},
    **{
        f"lrn, {each}": f"n: {{op: lrn, {each}}}"
        for each in ("alpha: 0", "alpha: -0.01, k: 9", "alpha: 1.0e-50", "beta: 0", "beta: -0.5")
    },
    **{
        f"{op} of numbers below {most}": f"m: {{op: tanh}}, "
        f"a: {{op: scale, factor: 5.0, offset: {most - 5.0}}}, s: {{op: {op}}}"
        for op, most in (("softplus", 0), ("softplus", -10), ("softplus", -40), ("mish", -5))
    },
    **{f"{each} behind a max pool": f"{CONV}, {POOL}, m: {{op: {each}}}" for each in BENT},
}
ONE = "inputs: {x: {channels: 4, height: 8, width: 8}}"
UNREAD = "inputs: {x: {channels: 1, height: 4, width: 4}, y: {channels: 2, height: 6, width: 6}}"
SPECS = {name: f"name: N\n{ONE}\nstages: {{{stages}}}" for name, stages in STAGES.items()}
for shape in ("length: 9", "frames: 3, height: 4, width: 5"):
    SPECS[f"lrn of {shape}"] = (
        f"name: N\ninput: {{channels: 4, {shape}}}\nstages: {{n: {{op: lrn}}}}"
    )
VIDEO = "input: {channels: 1, frames: 5, height: 6, width: 7}"
for each in ("2, dilation: [2, 1, 1]", "[3, 1, 3], dilation: [2, 1, 2], padding: same"):
    SPECS[f"dilated over time, {each}"] = (
        f"name: N\n{VIDEO}\nstages: {{a: {{op: conv, out: 1, kernel: {each}}}}}"
    )
SPECS["an input that nothing reads"] = f"name: N\n{UNREAD}\nstages: {{s: {{op: relu, from: y}}}}"


@pytest.mark.parametrize("number", [0, pytest.param(8, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", SPECS)
def test_engines_and_exported_files_give_the_right_numbers(name: str, number: int) -> None:
    """The network as it is, and rewritten by passes."""
    case = Case(to_graph(Source("n.yaml", SPECS[name])), number, scale=5.0)
    assert list(failures(case, WAYS)) == []


@pytest.mark.parametrize("then", ["batch_norm", "prelu"])
@pytest.mark.parametrize(
    "first",
    [
        "global_max_pool",
        "adaptive_avg_pool, size: 1",
        *(
            f"{each}, over: space"
            for each in ("mean", "sum", "max", "l2_norm", "dot, from: [x, x]")
        ),
    ],
)
def test_a_number_a_channel_behind_a_reduced_sequence(first: str, then: str) -> None:
    """In a batch of two."""
    text = f"stages: {{a: {{op: {first}}}, b: {{op: {then}}}}}"
    case = Case(to_graph(Source("n.yaml", f"name: N\ninputs: {{x: {SEQUENCE}}}\n{text}")), 1)
    assert list(failures(case, WAYS)) == []


SEQUENCE = "{channels: 6, length: 7}"


def test_one_feature_of_one_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)  # which engines ask
    case = Case(to_graph(Source("n.yaml", SPECS["one feature of one"])), 0)
    assert list(failures(case, ["openvino"])) == []


def test_an_affine_of_ones_hides_no_pool() -> None:
    stages = f"{CONV}, {POOL}, i: {{op: affine}}, m: {{op: silu}}"
    spec = Source("n.yaml", f"name: N\n{ONE}\nstages: {{{stages}}}")
    image = torch.from_numpy(IMAGE)
    with torch.no_grad():
        wanted = compile(spec, seed=0).eval().double()(image.double())
        found = compile(spec, seed=0, engine="openvino", optimize=False)(image)
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-5)


# -- forms that rules avoid ----------------------------------------------------------------------

IMAGE = 5 * np.random.default_rng(0).standard_normal((2, 4, 8, 8)).astype(np.float32)
KERNEL = np.random.default_rng(1).standard_normal((4, 4, 3, 3)).astype(np.float32)
NARROW = np.random.default_rng(2).standard_normal((5, 4, 1, 1)).astype(np.float32)
SQUARE = np.random.default_rng(3).standard_normal((8, 4)).astype(np.float32)
ZEROS = {"pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "zero": np.float32(0)}

BESIDE = [0, 0, 0, 2]
CONVOLVED = ("Conv", ["x", "kernel"], {"pads": [1] * 4})
POOLED = ("MaxPool", ["0"], {"kernel_shape": [2, 2], "strides": [2, 2]})

Call = tuple[str, list[str], dict[str, Any]]


def model_of(calls: list[Call], constants: dict[str, Any], shape: tuple[int, ...]) -> Any:
    """A model of ``x``; the value of a call is named by its place, the last ``y``."""
    nodes = [
        helper.make_node(op, reads, [str(at) if at + 1 < len(calls) else "y"], **attributes)
        for at, (op, reads, attributes) in enumerate(calls)
    ]
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, list(IMAGE.shape))
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, list(shape))
    held = [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()]
    opset = [helper.make_opsetid("", 18)]
    graph = helper.make_graph(nodes, "g", [image], [result], held)
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    onnx.checker.check_model(model)
    return model


def convolved(x: torch.Tensor) -> torch.Tensor:
    return F.conv2d(x, torch.from_numpy(KERNEL).double(), padding=1)


def pooled(x: torch.Tensor) -> torch.Tensor:
    return F.max_pool2d(convolved(x), 2)


def mean(x: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(x[:, :1], 2, 1)


def bent(*calls: Call, of: Callable[[torch.Tensor], torch.Tensor], **constants: Any) -> Any:
    """An activation behind a convolution and a max pool, for OpenVINO."""
    chain = [CONVOLVED, POOLED, *calls]
    return "openvino", "rules.py", chain, {"kernel": KERNEL, **constants}, lambda x: of(pooled(x))


FORMS: dict[str, Any] = {
    "strided 1×1 convolution with padding": (
        "openvino",
        "convolutions.py",
        [
            CONVOLVED,
            ("Conv", ["0", "narrow"], {"strides": [2, 2], "pads": [1] * 4}),
            ("GlobalAveragePool", ["1"], {}),
        ],
        {"kernel": KERNEL, "narrow": NARROW},
        lambda x: F.conv2d(
            convolved(x), torch.from_numpy(NARROW).double(), stride=2, padding=1
        ).mean((2, 3), keepdim=True),
    ),
    "narrow convolution of one channel with padding beside it": (
        "openvino",
        "convolutions.py",
        [("Slice", ["x", "zero", "one", "one"], {}), ("Conv", ["0", "narrow"], {"pads": BESIDE})],
        {"zero": [0], "one": [1], "narrow": KERNEL[:1, :1, :, :1]},
        lambda x: F.conv2d(
            F.pad(x[:, :1], (0, 2)), torch.from_numpy(KERNEL[:1, :1, :, :1]).double()
        ),
        "avx2",
    ),
    "convolution of one channel with a stride and one place in the width": (
        "openvino",
        "convolutions.py",
        [
            ("Slice", ["x", "zero", "one", "one"], {}),
            ("Conv", ["0", "one_of_four"], {"strides": [1, 8], "pads": [1, 0, 1, 0]}),
        ],
        {"zero": [0], "one": [1], "one_of_four": KERNEL[:, :1]},
        lambda x: F.conv2d(
            x[:, :1], torch.from_numpy(KERNEL[:, :1]).double(), stride=(1, 8), padding=(1, 0)
        ),
        "avx512f",
    ),
    "convolution of one channel dilated over time": (
        "openvino",
        "convolutions.py",
        [
            ("Unsqueeze", ["x", "one"], {}),
            ("Conv", ["0", "cube"], {"dilations": [2, 1, 1]}),
        ],
        {"one": [1], "cube": KERNEL[:1, :2, :2, :2].reshape(1, 1, 2, 2, 2)},
        lambda x: F.conv3d(
            x[:, None],
            torch.from_numpy(KERNEL[:1, :2, :2, :2].reshape(1, 1, 2, 2, 2)).double(),
            dilation=(2, 1, 1),
        ),
        "avx2",
    ),
    "one channel joined with itself": (
        "openvino",
        "rules.py",
        [
            ("Slice", ["x", "zero", "one", "one"], {}),
            ("AveragePool", ["0"], {"kernel_shape": [2, 2]}),
            ("MaxPool", ["1"], {"kernel_shape": [3, 3], "pads": [1] * 4}),
            ("Concat", ["1", "1"], {"axis": 1}),
            ("Concat", ["2", "3"], {"axis": 1}),
        ],
        {"zero": [0], "one": [1]},
        lambda x: torch.cat([F.max_pool2d(mean(x), 3, 1, 1), mean(x), mean(x)], 1),
    ),
    "a number a channel behind a reduced sequence": (
        "openvino",
        "body.py",
        [
            ("Reshape", ["x", "sequence"], {}),
            ("GlobalMaxPool", ["0"], {}),
            ("Mul", ["1", "factors"], {}),
        ],
        {"sequence": [2, 4, 64], "factors": np.float32([1, 2, 3, 4]).reshape(4, 1)},
        lambda x: x.flatten(2).amax(2, keepdim=True) * torch.arange(1.0, 5)[:, None],
    ),
    "absolute value behind a max pool": bent(("Abs", ["1"], {}), of=torch.abs),
    "SiLU behind a max pool": bent(("Sigmoid", ["1"], {}), ("Mul", ["1", "2"], {}), of=F.silu),
    "Mish behind a max pool": bent(("Mish", ["1"], {}), of=F.mish),
    "one feature of one": (
        "openvino",
        "rules.py",
        [
            ("Flatten", ["x"], {}),
            ("Gemm", ["0", "many"], {"transB": 1}),
            ("Gemm", ["1", "single"], {"transB": 1}),
        ],
        {"many": KERNEL[:1].reshape(1, -1).repeat(8, 1)[:, :256], "single": np.float32([[2.0]])},
        lambda x: (
            2
            * x.flatten(1)
            @ torch.from_numpy(KERNEL[:1].reshape(1, -1).repeat(8, 1)[:, :256].T).double()
        ),
    ),
    "Mish of numbers far below zero": (
        "openvino",
        "rules.py",
        [("Tanh", ["x"], {}), ("Sub", ["0", "far"], {}), ("Mish", ["1"], {})],
        {"far": np.float32(12)},
        lambda x: F.mish(torch.tanh(x) - 12),
    ),
    "softplus of numbers far below zero": (
        "openvino",
        "rules.py",
        [("Tanh", ["x"], {}), ("Sub", ["0", "far"], {}), ("Softplus", ["1"], {})],
        {"far": np.float32(12)},
        lambda x: F.softplus(torch.tanh(x) - 12),
    ),
    "HardSwish behind a max pool": bent(("HardSwish", ["1"], {}), of=F.hardswish),
    "GELU behind a max pool": bent(
        ("Div", ["1", "root"], {}),
        ("Erf", ["2"], {}),
        ("Add", ["3", "one"], {}),
        ("Mul", ["1", "4"], {}),
        ("Mul", ["5", "half"], {}),
        of=F.gelu,
        root=np.float32(np.sqrt(2)),
        one=np.float32(1),
        half=np.float32(0.5),
    ),
    "falling leaky ReLU behind a max pool": bent(
        ("LeakyRelu", ["1"], {"alpha": -0.5}), of=lambda x: F.leaky_relu(x, -0.5)
    ),
    "falling ELU behind a max pool": bent(
        ("Elu", ["1"], {"alpha": -0.5}),
        of=lambda x: torch.where(x > 0, x, -0.5 * torch.expm1(x)),
    ),
    "LRN with half a bias": (
        "openvino",
        "lrn.py",
        [("LRN", ["x"], {"size": 3, "alpha": 1e-4, "beta": 0.75, "bias": 1.5})],
        {},
        lambda x: F.local_response_norm(x, 3, 1e-4, 0.75, 1.5),
    ),
    "strided 1×1 convolution of slices": (
        "openvino",
        "convolutions.py",
        [
            ("Slice", ["x", "zero", "two", "one"], {}),
            ("Slice", ["x", "two", "four", "one"], {}),
            ("Add", ["0", "1"], {}),
            ("Conv", ["2", "narrow"], {"strides": [2, 2]}),
        ],
        {"zero": [0], "one": [1], "two": [2], "four": [4], "narrow": NARROW[:, :2]},
        lambda x: F.conv2d(x[:, :2] + x[:, 2:], torch.from_numpy(NARROW[:, :2]).double(), stride=2),
    ),
    "a number a channel behind a product": (
        "openvino",
        "pools.py",
        [("MatMul", ["x", "square"], {}), ("PRelu", ["0", "slopes"], {})],
        {"square": SQUARE, "slopes": np.float32([1, 2, 3, 4]).reshape(4, 1, 1)},
        lambda x: F.prelu(x @ torch.from_numpy(SQUARE).double(), torch.arange(1.0, 5).double()),
    ),
    "LRN of neighbours that are large": (
        "onnxruntime",
        "lrn.py",
        [
            ("Mul", ["x", "x"], {}),
            ("Mul", ["0", "x"], {}),
            ("LRN", ["1"], {"size": 1, "alpha": 0.5, "bias": 1.0}),
        ],
        {},
        lambda x: F.local_response_norm(x**3, 1, 0.5),
    ),
    "Pad before a max pool": (
        "onnxruntime",
        "pools.py",
        [
            ("Abs", ["x"], {}),
            ("Neg", ["0"], {}),
            ("Pad", ["1", "pads", "zero"], {}),
            ("MaxPool", ["2"], {"kernel_shape": [3, 3]}),
        ],
        ZEROS,
        lambda x: F.max_pool2d(F.pad(-x.abs(), (1, 1, 1, 1)), 3, 1),
    ),
}


def off(found: Array, wanted: Array) -> float:
    """How far something is off, of the largest value; infinite for another shape."""
    if found.shape != wanted.shape:
        return float("inf")
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def without_avx512(reader: str, model: Any, inputs: dict[str, Array]) -> dict[str, Array]:
    """What OpenVINO does on a processor that has AVX2 alone, which it must be told at its start."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("OV_CPU_MAX_ISA", "ONEDNN_MAX_CPU_ISA"):
            patch.setenv(variable, "AVX2")
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            return process.submit(READERS[reader], model, inputs).result()


@pytest.mark.parametrize("name", FORMS)
def test_a_form_that_a_rule_avoids_is_still_read_wrongly(name: str) -> None:
    reader, file, calls, constants, exact, *isa = FORMS[name]
    wanted = exact(torch.from_numpy(IMAGE).double()).numpy()
    model = model_of(calls, constants, wanted.shape)
    version = pytest.importorskip(reader).__version__
    if isa == ["avx512f"] and instruction_set("float32") != "avx512f":
        pytest.skip("needs a processor with AVX-512")
    read = partial(without_avx512, reader) if isa == ["avx2"] else READERS[reader]
    told = f"{reader} {version} no longer needs the rule of {name} in inceptgraph_onnx/{file}"
    try:
        found = read(model, {"x": IMAGE})["y"]
    except BrokenExecutor:
        raise  # which tells nothing of the form
    except RuntimeError:
        return  # which is what this form gets
    assert off(found, wanted) > 1e-3, told


def test_right_forms_are_seen_to_be_right() -> None:
    """The measure of the test above, on what both runtimes read rightly."""
    wanted = convolved(torch.from_numpy(IMAGE).double()).numpy()
    for reader in READERS:
        model = model_of([CONVOLVED], {"kernel": KERNEL}, wanted.shape)
        assert off(READERS[reader](model, {"x": IMAGE})["y"], wanted) < 1e-5
