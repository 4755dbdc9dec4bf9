"""What a spec says of images in exports: as metadata, and as their first steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from command_line import runner
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator
from torch.nn import functional as F
from written import built

import inceptgraph
from inceptgraph import backend as backends
from inceptgraph.builder import build
from inceptgraph.diagnostics import Source, SpecError
from inceptgraph.graph import Graph, from_json, meaning, to_json
from inceptgraph.passes import from_pixels, optimize
from inceptgraph.pipeline import analyze, to_graph

SPEC = """
name: Pixels
input:
  name: image
  channels: 3
  height: 12
  width: 14
  preprocess: {range: [0, 1], order: bgr, mean: [0.406, 0.456, 0.485], std: [0.225, 0.224, 0.229]}
classes: [Katze, Hündin]
stages:
  conv: {op: conv2d, out: 4, kernel: 3, padding: PADDING}
  relu: {op: relu}
  pool: {op: global_avg_pool}
  flat: {op: flatten}
  fc:   {op: linear, out: 2}
"""
VALID, SAME = SPEC.replace("PADDING", "valid"), SPEC.replace("PADDING", "same")
Array = np.ndarray[Any, np.dtype[Any]]


def pixels(batch: int = 2) -> Array:
    return np.random.default_rng(batch).integers(0, 256, (batch, 3, 12, 14)).astype(np.float64)


def normalised(images: Array) -> Array:
    """The definition, in float64."""
    mean, std = np.array([0.406, 0.456, 0.485]), np.array([0.225, 0.224, 0.229])
    return (images[:, ::-1] / 255 - mean[:, None, None]) / std[:, None, None]


def weights(graph: Graph) -> dict[str, Array]:
    random = np.random.default_rng(7)
    return {n: random.standard_normal(each.shape) for n, each in graph.originals.items()}


def run(graph: Graph, tensors: dict[str, Array], image: Array) -> Array:
    """An ONNX model of it in float64, by the evaluator of ONNX itself."""
    model = backends.find("onnx").lower(graph, tensors=tensors, dtype="float64")
    (found,) = ReferenceEvaluator(model).run(None, {"image": image})
    return found


@pytest.mark.parametrize("text", [VALID, SAME], ids=["valid", "same"])
def test_a_network_over_pixels_computes_what_the_definition_makes_of_them(text: str) -> None:
    graph = built(text, head="")
    over = from_pixels(graph).verify()
    assert over.originals == graph.originals
    tensors = weights(graph)
    wanted = run(graph, tensors, normalised(pixels()))
    assert run(over, tensors, pixels()) == pytest.approx(wanted, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("text", [VALID, SAME], ids=["valid", "same"])
def test_passes_keep_what_a_network_over_pixels_computes(text: str) -> None:
    over = from_pixels(built(text, head=""))
    tensors = weights(over)
    wanted = run(over, tensors, pixels())
    assert run(optimize(over), tensors, pixels()) == pytest.approx(wanted, rel=1e-12, abs=1e-12)


def test_factors_are_folded_only_where_that_is_exact() -> None:
    valid, same = (optimize(from_pixels(built(text, head=""))) for text in (VALID, SAME))
    scales = [[n.name for n in each.nodes.values() if n.op.op == "scale"] for each in (valid, same)]
    assert scales == [[], ["image_scaled"]]


def test_behind_a_border_of_zeros_folding_would_be_inexact() -> None:
    """Zeros that a convolution adds are black before the numbers are scaled, and grey after."""
    over = from_pixels(built(SAME, head=""))
    scale = over.nodes["image_scaled"].op.model_dump()
    factor, offset = (torch.tensor(scale[n])[:, None, None].double() for n in ("factor", "offset"))
    images, weight = torch.from_numpy(pixels()), torch.randn(4, 3, 3, 3).double()
    right = F.conv2d(images * factor + offset, weight, padding=1)
    bias = (weight * offset).sum((1, 2, 3))
    folded = F.conv2d(images, weight * factor, bias, padding=1)
    inside = (..., slice(1, -1), slice(1, -1))
    assert torch.allclose(folded[inside], right[inside], rtol=0, atol=1e-12)
    assert abs(folded - right).max() > 0.1


def test_what_it_is_to_be_given_then_is_pixels() -> None:
    over = from_pixels(to_graph("inception_v4"))
    (said,) = over.preprocessing.values()
    assert (said.range, said.mean, said.std) == ((0, 255), (0, 0, 0), (1, 1, 1))
    assert (said.resize, said.crop, said.interpolation) == (341, (299, 299), "bicubic")
    assert from_pixels(over) is over
    assert from_json(to_json(over)) == over.with_nodes(over.nodes)


def test_a_network_of_which_nothing_is_said_stays_as_it_is() -> None:
    plain = built("stages: {conv: {op: conv2d, out: 2}}")
    assert from_pixels(plain) is plain


numbers = st.floats(-10, 300, allow_subnormal=False)


@settings(deadline=None, max_examples=30)
@drawn(
    st.tuples(numbers, numbers).filter(lambda ends: ends[0] != ends[1]),
    st.tuples(numbers, numbers, numbers),
    st.tuples(*[st.floats(0.01, 300)] * 3),
    st.booleans(),
)
def test_first_steps_are_exact(
    range: tuple[float, float], mean: tuple[float, ...], std: tuple[float, ...], bgr: bool
) -> None:
    said = (
        f"{{range: {[*range]}, mean: {[*mean]}, std: {[*std]}, order: {'bgr' if bgr else 'rgb'}}}"
    )
    head = (
        f"name: N\ninput: {{name: image, channels: 3, height: 3, width: 2, preprocess: {said}}}\n"
    )
    over = from_pixels(built(head + "stages: {it: {op: identity}}", head=""))
    given = np.random.default_rng(3).integers(0, 256, (1, 3, 3, 2)).astype(np.float64)
    spread = [np.array(each)[:, None, None] for each in (mean, std)]
    x = given[:, ::-1] if bgr else given
    wanted = (range[0] + x / 255 * (range[1] - range[0]) - spread[0]) / spread[1]
    size = (300 + abs(spread[0])) / spread[1]  # of what is subtracted from one another
    model = backends.find("onnx").lower(over, tensors={}, dtype="float64")
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (found,) = session.run(None, {"image": given})
    assert (abs(found - wanted) <= 1e-15 * 8 * size).all()


def test_exports_carry_it_as_metadata(tmp_path: Path) -> None:
    analysis = analyze(Source("p.yaml", VALID))
    out = build(analysis, tmp_path / "model", export=["onnx", "pt2"])
    graph = analysis.require_graph()
    wanted = {
        "preprocessing": {
            "image": {
                "range": [0, 1],
                "order": "bgr",
                "mean": [0.406, 0.456, 0.485],
                "std": [0.225, 0.224, 0.229],
                "resize": None,
                "crop": [12, 14],
                "interpolation": "bilinear",
            }
        },
        "classes": ["Katze", "Hündin"],
        "background": False,
    }
    assert meaning(graph) == wanted
    session = onnxruntime.InferenceSession(out / "exports/model.onnx")
    assert json.loads(session.get_modelmeta().custom_metadata_map["inceptgraph"]) == wanted
    for name in ("model.pt2", "model.train.pt2"):
        extra = {"inceptgraph.json": ""}
        torch.export.load(out / "exports" / name, extra_files=extra)
        assert json.loads(extra["inceptgraph.json"]) == wanted


@pytest.mark.slow
def test_machine_code_carries_it_as_metadata(tmp_path: Path) -> None:
    analysis = analyze(Source("p.yaml", VALID))
    out = build(analysis, tmp_path / "model", export=["aoti"])
    package = torch._inductor.aoti_load_package(str(out / "exports/model.aoti.pt2"))
    assert json.loads(package.get_metadata()["inceptgraph"]) == meaning(analysis.require_graph())


def test_exports_of_a_network_of_which_nothing_is_said_have_no_metadata() -> None:
    model = backends.find("onnx").lower(built("stages: {it: {op: relu}}"), tensors={})
    assert not model.metadata_props


@pytest.mark.parametrize("options", [(), ("--optimize",)])
def test_build_lets_exports_take_pixels(
    options: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, out = tmp_path / "p.yaml", tmp_path / "model"
    spec.write_text(SAME, encoding="utf-8")
    asked = ("--export", "onnx,pt2", "--preprocess", *options)
    done = runner(capsys)("build", spec, "-o", out, *asked)
    assert done.code == 0, done.err
    images = pixels().astype(np.uint8)
    net = inceptgraph.load(out).eval()
    wanted = net(net.preprocess(torch.from_numpy(images))).detach().numpy()
    given = images.astype(np.float32)
    session = onnxruntime.InferenceSession(out / "exports/model.onnx")
    (found,) = session.run(None, {"image": given})
    assert found == pytest.approx(wanted, rel=1e-4, abs=1e-5)
    program = torch.export.load(out / "exports/model.pt2").module()
    assert program(torch.from_numpy(given)).detach().numpy() == pytest.approx(
        wanted, rel=1e-4, abs=1e-5
    )
    about = json.loads(session.get_modelmeta().custom_metadata_map["inceptgraph"])
    assert about["preprocessing"]["image"]["range"] == [0, 255]


def test_build_says_what_it_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = analyze(Source("p.yaml", VALID.replace("  preprocess", "#")))
    with pytest.raises(SpecError, match="no input says so"):
        build(plain, tmp_path / "model", export=["onnx"], preprocess=True)
    assert not (tmp_path / "model").exists()
    done = runner(capsys)("build", "lenet5", "-o", tmp_path / "model", "--preprocess")
    assert done.code == 2
    assert "`--preprocess` is about exports" in done.err
