"""Preprocessing and classes: how they are written, and what a graph knows of them."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import facts
import networkx
import pytest
from command_line import runner
from hypothesis import given
from hypothesis import strategies as st
from written import built

from inceptgraph.analysis import outline, to_text
from inceptgraph.analysis import to_json as outline_json
from inceptgraph.compare import Change, diff
from inceptgraph.compare import to_json as diff_json
from inceptgraph.compare import to_text as diff_text
from inceptgraph.diagnostics import Code, Source
from inceptgraph.graph import Graph, InvalidGraph, from_json, to_json
from inceptgraph.ops import Preprocessing
from inceptgraph.passes import optimize
from inceptgraph.pipeline import analyze, to_graph

TELLING = """
name: Telling
input:
  name: image
  channels: 3
  height: 24
  width: 32
  preprocess:
    {range: [0, 1], order: bgr, mean: [0.5, $m, 0.25], std: 1 / $n, resize: 40,
     interpolation: bicubic}
params: {m: 0.4, n: 4}
classes: {names: [cat, dog, 7], background: nothing}
stages:
  conv: {op: conv2d, out: 4, kernel: 3}
  pool: {op: global_avg_pool}
  flat: {op: flatten}
aux_heads:
  aux: {from: conv, loss_weight: 0.3, op: conv2d, out: 4}
"""


def graph() -> Graph:
    return built(TELLING, head="")


def meaning(graph: Graph) -> tuple[object, ...]:
    return graph.preprocessing, graph.classes, graph.background


def test_a_spec_says_what_its_images_are_made_into() -> None:
    (found,) = graph().preprocessing.values()
    assert found == Preprocessing(
        range=(0, 1),
        order="bgr",
        mean=(0.5, 0.4, 0.25),
        std=(0.25, 0.25, 0.25),
        resize=40,
        crop=(24, 32),
        interpolation="bicubic",
    )
    assert [*graph().preprocessing] == ["image"]


def test_the_background_is_the_first_of_the_classes() -> None:
    assert graph().classes == ("nothing", "cat", "dog", "7")
    assert graph().background
    plain = built(
        TELLING.replace("{names: [cat, dog, 7], background: nothing}", "[a, b, c, d]"), head=""
    )
    assert (plain.classes, plain.background) == (("a", "b", "c", "d"), False)
    none = built("stages: {conv: {op: conv2d, out: 4}}")
    assert meaning(none) == ({}, None, False)


def test_what_inputs_and_classes_mean_survives_phases_passes_and_files() -> None:
    said = meaning(graph())
    assert meaning(graph().phase("eval")) == said
    assert meaning(optimize(graph())) == said
    assert meaning(from_json(json.loads(json.dumps(to_json(graph()))))) == said
    networkx.node_link_graph(to_json(graph()), edges="edges")


def test_it_changes_nothing_that_is_computed() -> None:
    plain = TELLING[: TELLING.index("  preprocess")] + TELLING[TELLING.index("stages") :]
    assert graph().same_as(built(plain, head=""))


def test_classes_stand_in_a_file_beside_the_spec(tmp_path: Path) -> None:
    text = TELLING.replace("[cat, dog, 7]", "names.txt")
    (tmp_path / "net.yaml").write_text(text)
    (tmp_path / "names.txt").write_text("\ufeffcat\r\ndog \r\n7\r\n\r\n")
    assert to_graph(tmp_path / "net.yaml").classes == graph().classes
    (tmp_path / "variant.yaml").write_text("extends: net.yaml\nname: Variant\n")
    analysis = analyze(tmp_path / "variant.yaml")
    assert analysis.require_graph().classes == graph().classes
    whole = Source("elsewhere.yaml", analysis.text())
    assert analyze(whole).require_graph().classes == graph().classes


def test_a_copy_of_a_spec_goes_on_finding_its_file_of_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, inner = tmp_path / "net.yaml", tmp_path / "inner"
    inner.mkdir()
    spec.write_text(TELLING.replace("[cat, dog, 7]", "names.txt"))
    (tmp_path / "names.txt").write_text("cat\ndog\n7\n")
    init = ("init", "copy", "--from", spec, "-o")
    refused = runner(capsys)(*init, inner / "copy.yaml")
    assert refused.code == 2
    assert "names `names.txt`, a path from its own folder" in refused.err
    assert runner(capsys)(*init, inner / "copy.yaml", "--flat").code == 0
    assert to_graph(inner / "copy.yaml").classes == graph().classes
    assert runner(capsys)(*init, tmp_path / "copy.yaml").code == 0
    assert to_graph(tmp_path / "copy.yaml").classes == graph().classes


@pytest.mark.parametrize(
    ("lines", "code", "line"),
    [
        ("cat\n\ndog\n", Code.WRONG_TYPE, 2),
        ("cat\ndog\ncat\n", Code.NAME_CLASH, 3),
        ("\n", Code.EMPTY_BODY, 1),
    ],
)
def test_what_is_wrong_in_a_file_of_classes_is_told_there(
    lines: str, code: Code, line: int, tmp_path: Path
) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(TELLING.replace("{names: [cat, dog, 7], background: nothing}", "names.txt"))
    (tmp_path / "names.txt").write_text(lines)
    (finding,) = analyze(spec).findings
    assert finding.code is code
    assert finding.span is not None
    assert (Path(finding.span.source.name).name, finding.span.line + 1) == ("names.txt", line)


def test_a_video_is_prepared_frame_by_frame() -> None:
    video = TELLING.replace("classes:", "inflate: {frames: 8}\nclasses:")
    assert built(video, head="").preprocessing == graph().preprocessing


def test_the_crop_of_an_input_of_any_size_is_that_of_its_figures() -> None:
    text = "\n".join(
        (
            "input: {channels: 3, height: free, width: free, preprocess: {range: [0, 1]}}",
            "stages: {conv: {op: conv2d, out: 4, kernel: 7, stride: 2}}",
        )
    )
    free = built(text, head="name: Free\n")
    assert free.preprocessing["input"].crop == free.shape("input")[1:]
    larger = built(text.replace("[0, 1]", "[0, 1], crop: [300, 200]"), head="name: Free\n")
    assert larger.preprocessing["input"].crop == (300, 200)


def test_a_graph_prepares_inputs_alone() -> None:
    strange = replace(graph(), preprocessing={"conv": Preprocessing(range=(0, 1))})
    with pytest.raises(InvalidGraph, match="conv, which is no input"):
        strange.verify()


def test_a_summary_tells_what_images_are_made_into_and_what_is_told_apart() -> None:
    found = outline(graph())
    *_, images, classes, _ = to_text(found).splitlines()
    assert images == (
        "image takes images of 8 bits, resized to 40 (bicubic), cropped to 24×32, bgr,"
        " 0…255 made 0…1, less 0.5, 0.4, 0.25, divided by 0.25."
    )
    assert classes == "Its classes are nothing (the background), cat, dog, 7."
    data = outline_json(found)
    assert data["inputs"][0]["preprocess"]["mean"] == [0.5, 0.4, 0.25]
    assert data["classes"] == ["nothing", "cat", "dog", "7"]
    assert data["background"] is True


def test_of_many_classes_the_first_and_the_last_are_named() -> None:
    names = ", ".join(f"c{number}" for number in range(20))
    text = f"classes: [{names}]\nstages: {{conv: {{op: conv2d, out: 20}}}}"
    assert to_text(outline(built(text))).endswith("are c0, c1, c2, c3, c4, c5, c6, …, c19.")


def test_a_comparison_tells_what_changed() -> None:
    other = TELLING.replace("[0, 1]", "[0, 2]").replace("[cat,", "[lion,")
    found = diff(Source("a.yaml", TELLING), Source("b.yaml", other))
    assert not found.equal
    assert found.preprocessing["image"].after.range == (0, 2)
    assert dict(found.classes) == {"1": Change("cat", "lion")}
    told = diff_text(found)
    assert "0…255 made 0…1, less 0.5, 0.4, 0.25, divided by 0.25 → resized" in told
    assert "1: cat → lion" in told
    data = diff_json(found)
    assert data["preprocessing"]["image"]["before"]["range"] == [0, 1]
    assert data["classes"] == {"1": {"before": "cat", "after": "lion"}}


def test_of_many_classes_that_changed_the_first_are_told() -> None:
    spec = "name: Net\ninput: {{channels: 3, height: 8, width: 8}}\nclasses: [{}]\n{}"
    stages = "stages: {conv: {op: conv2d, out: 20}}\n"
    one, other = (
        Source(f"{letter}.yaml", spec.format(", ".join(f"{letter}{i}" for i in range(20)), stages))
        for letter in "ab"
    )
    assert "7: a7 → b7, and 12 more" in diff_text(diff(one, other))


ends = st.floats(-300, 300).map(lambda x: round(x, 3))


@given(st.tuples(ends, ends).filter(lambda r: r[0] != r[1]), ends, st.floats(1e-3, 300))
def test_factor_and_offset_do_what_is_said(
    range: tuple[float, float], mean: float, std: float
) -> None:
    """Against the definition over fractions: one rounding each."""
    said = Preprocessing(range=range, mean=mean, std=std)
    (factor,), (offset,) = said.factors, said.offsets
    low, high = map(Fraction, range)
    for value in (0, 1, 128, 255):
        exact = (low + Fraction(value) * (high - low) / 255 - Fraction(mean)) / Fraction(std)
        size = value * abs(Fraction(factor)) + abs(Fraction(offset))
        assert abs(Fraction(factor) * value + Fraction(offset) - exact) <= size * Fraction(2) ** -53


@pytest.mark.parametrize(
    ("image", "resized", "window"),
    [
        # by hand: 500×375 to a shorter side of 256 is 341×256; the rest of 117 and 32 halved
        ((375, 500), (256, 341), (16, 58, 224, 224)),
        ((500, 375), (341, 256), (58, 16, 224, 224)),
        ((256, 256), (256, 256), (16, 16, 224, 224)),
        ((100, 1000), (256, 2560), (16, 1168, 224, 224)),
    ],
)
def test_an_image_is_resized_and_its_middle_cut_out(
    image: tuple[int, int], resized: tuple[int, int], window: tuple[int, int, int, int]
) -> None:
    said = Preprocessing(range=(0, 1), resize=256, crop=224)
    assert said.resized(*image) == resized
    assert said.window(*resized) == window


def test_an_image_of_the_inputs_size_is_left_alone_where_no_size_is_said() -> None:
    said = Preprocessing(range=(0, 1), crop=(24, 24))
    assert said.resized(24, 24) == (24, 24)
    assert said.window(24, 24) == (0, 0, 24, 24)
    wide = Preprocessing(range=(0, 1), crop=(24, 32))
    assert wide.resized(24, 32) == (24, 32)
    assert wide.resized(48, 48) == (32, 32)
    assert wide.resized(10, 40) == (24, 96)


SILENT = ("alexnet_caffe", "naive_inception", "nin_cifar10")
"""Their images are less a mean image, are none, or are whitened."""


@pytest.mark.parametrize("name", [*SILENT, "googlenet", "bn_inception_96"])
def test_a_shipped_spec_says_nothing_that_nobody_knows(name: str) -> None:
    assert to_graph(name).preprocessing == {}


@pytest.mark.parametrize("name", sorted({*facts.architectures()} - {*SILENT, "googlenet_paper"}))
def test_a_shipped_spec_says_what_its_source_does(name: str) -> None:
    known = facts.load(name)["input"]
    known = known | known.get("torchvision", {})
    (said,) = to_graph(name).preprocessing.values()
    channels, size = known["channels"], known["size"]
    if name == "lenet5":  # in words: "background -0.1, foreground 1.175"
        known = {"range": [-0.1, 1.175]}
    if name == "inception_resnet_v1":  # in words: "(x - 127.5)/128"
        known = {"range": [0, 255], "mean": [127.5] * 3, "std": [128] * 3}
    assert said.order == known.get("channel_order", "RGB").lower()
    mean, std = known.get("mean", [0] * channels), known.get("std", [1] * channels)
    low, high = known["range"]
    for value in (0, 51, 255):
        wanted = [
            (low + (high - low) * value / 255 - m) / s for m, s in zip(mean, std, strict=True)
        ]
        pairs = zip(said.factors, said.offsets, strict=True)
        assert [value * factor + offset for factor, offset in pairs] == pytest.approx(wanted)
    part = known.get("crop_pct")
    assert said.crop == (size, size)
    if part or "resize" in known:
        assert said.resize == known.get("resize") or int(size / part)


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("alexnet_torchvision", "AlexNet"),
        ("densenet121", "DenseNet121"),
        ("efficientnet_b0", "EfficientNet_B0"),
        ("googlenet_torchvision", "GoogLeNet"),
        ("inception_v3", "Inception_V3"),
        ("mobilenet_v2", "MobileNet_V2"),
        ("resnet18", "ResNet18"),
        ("shufflenet_v2_x1_0", "ShuffleNet_V2_X1_0"),
        ("squeezenet1_1", "SqueezeNet1_1"),
        ("vgg16", "VGG16"),
    ],
)
def test_a_spec_of_torchvisions_says_what_torchvision_does(name: str, weights: str) -> None:
    models = pytest.importorskip("torchvision.models")
    theirs = getattr(models, f"{weights}_Weights").IMAGENET1K_V1.transforms()
    (said,) = to_graph(name).preprocessing.values()
    assert said == Preprocessing(
        range=(0, 1),
        mean=tuple(theirs.mean),
        std=tuple(theirs.std),
        resize=theirs.resize_size[0],
        crop=theirs.crop_size[0],
        interpolation=theirs.interpolation.value,
    )
