"""``inflate``: networks of images as networks of videos."""

from __future__ import annotations

import pytest
from examples import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from operations_strategy import arguments, operands
from specs_strategy import specs
from yaml import safe_dump, safe_load

from inceptgraph.analysis import total
from inceptgraph.diagnostics import ShapeError, Source
from inceptgraph.graph import Graph
from inceptgraph.ops import BUILT_IN
from inceptgraph.pipeline import analyze, to_graph


def graph(text: str, **changes: object) -> Graph:
    paths = {name.replace("_", "."): value for name, value in changes.items()}
    return to_graph(Source("net.yaml", text), set=paths)


def network(stages: str, inflate: str = "{frames: 12}", size: int = 12) -> str:
    image = f"{{channels: 3, height: {size}, width: {size}}}"
    rest = f"inflate: {inflate}\n" if inflate else ""
    return f"name: net\ninput: {image}\n{rest}stages:\n{stages}"


VIDEO = "input: {channels: 3, frames: 12, height: 12, width: 12}"


def of_volumes(stages: str) -> Graph:
    """The same network as one writes it for volumes."""
    return graph(f"name: net\n{VIDEO}\nstages:\n{stages}")


@pytest.mark.parametrize(
    ("written", "meant", "inflate"),
    [
        ("conv2d, out: 4, kernel: 3", "conv, out: 4, kernel: 3", ""),
        ("conv2d, out: 4, kernel: 7", "conv, out: 4, kernel: [3, 7, 7]", "kernel: 3"),
        ("conv2d, out: 4", "conv, out: 4", "kernel: 3"),
        ("conv2d, out: 4, kernel: [1, 5]", "conv, out: 4, kernel: [5, 1, 5]", ""),
        ("conv2d, out: 4, kernel: [5, 1]", "conv, out: 4, kernel: [3, 5, 1]", "kernel: 3"),
        ("conv, out: 4, kernel: 3, stride: 2", "conv, out: 4, kernel: 3, stride: 2", ""),
        (
            "conv2d, out: 4, kernel: [3, 5], stride: [1, 2], dilation: [2, 1]",
            "conv, out: 4, kernel: [5, 3, 5], stride: [2, 1, 2], dilation: [1, 2, 1]",
            "",
        ),
        (
            "conv2d, out: 4, kernel: 7, padding: 3",
            "conv, out: 4, kernel: [3, 7, 7], padding: [1, 3, 3]",
            "kernel: 3",
        ),
        (
            "conv2d, out: 4, kernel: [3, 5], padding: [0, 1, 2, 3]",
            "conv, out: 4, kernel: [5, 3, 5], padding: [2, 3, 0, 1, 2, 3]",
            "",
        ),
        (
            "conv2d, out: 4, kernel: 3, padding: 1, stride: 2",
            "conv, out: 4, kernel: [1, 3, 3], padding: [0, 1, 1], stride: 2",
            "kernel: 1",
        ),
        (
            "conv2d, out: 4, kernel: [1, 3, 3], padding: 1",
            "conv, out: 4, kernel: [1, 3, 3], padding: [0, 1, 1]",
            "kernel: 5",
        ),
        ("depthwise_conv2d, kernel: 3", "depthwise_conv, kernel: 3", ""),
        ("max_pool, kernel: 3, stride: 2", "max_pool, kernel: 3, stride: 2", ""),
        ("max_pool, kernel: 5, ceil: true", "max_pool, kernel: [2, 5, 5], ceil: true", "kernel: 2"),
        ("avg_pool, kernel: 12", "avg_pool, kernel: [12, 12, 12]", "kernel: 3"),
        ("avg_pool, kernel: [2, 12, 12]", "avg_pool, kernel: [2, 12, 12]", ""),
        ("adaptive_avg_pool, size: [4, 3]", "adaptive_avg_pool, size: [1, 4, 3]", ""),
        ("adaptive_max_pool, size: 4", "adaptive_max_pool, size: [1, 4, 4]", ""),
        (
            "conv_transpose, out: 4, kernel: 4, stride: 2, padding: 1",
            "conv_transpose, out: 4, kernel: 4, stride: 2, padding: 1",
            "",
        ),
        (
            "conv_transpose, out: 4, kernel: [5, 3], padding: [2, 1], output_padding: [1, 0],"
            " stride: 2",
            "conv_transpose, out: 4, kernel: [3, 5, 3], padding: [1, 2, 1],"
            " output_padding: [1, 1, 0], stride: 2",
            "kernel: 3",
        ),
        ("resize, factor: 2", "resize, factor: 2", ""),
        ("resize, factor: [1, 3]", "resize, factor: [3, 1, 3]", ""),
        ("resize, size: 6, mode: bilinear", "resize, size: [12, 6, 6], mode: trilinear", ""),
        ("pad, border: [1, 1, 2, 3]", "pad, border: [2, 3, 1, 1, 2, 3]", ""),
        ("crop, border: [2, 0, 0, 2]", "crop, border: [2, 0, 2, 0, 0, 2]", ""),
        ("crop, border: [0, 0, 1, 1, 1, 1]", "crop, border: [0, 0, 1, 1, 1, 1]", ""),
        ("mean, over: space", "mean, over: space", ""),
        ("lrn, size: 3", "lrn, size: 3", ""),
    ],
)
def test_an_operation_on_videos(written: str, meant: str, inflate: str) -> None:
    given = f"{{frames: 12, {inflate}}}"
    found = graph(network(f"  a: {{op: {written}}}", given))
    assert found.nodes == of_volumes(f"  a: {{op: {meant}}}").nodes


@pytest.mark.parametrize("height", ["free = 12", "free"])
def test_what_goes_by_the_image_leaves_the_frames_where_the_height_is_free(height: str) -> None:
    """The convolution fits at no height that stands for one that is not written yet."""
    stages = "  a: {op: conv2d, out: 3, kernel: 9}\n  b: {op: resize, size: 5}\n"
    text = network(stages + "  c: {op: adaptive_avg_pool, size: 2}", "{frames: 20, kernel: 3}")
    found = graph(text.replace("height: 12", f"height: {height}"))
    assert [found.shape(name)[1:] for name in "bc"] == [(18, 5, 5), (1, 2, 2)]


OF_IMAGES = {"pixel_shuffle", "pixel_unshuffle", "reshape", "transpose"}
"""Operations of which nobody can tell what they are to do to frames: they are refused."""


@pytest.mark.heavy
@pytest.mark.parametrize("name", sorted(BUILT_IN.keys() - OF_IMAGES))
@settings(max_examples=examples(30))
@given(data=st.data(), kernel=st.sampled_from([None, 1, 2, 3]))
def test_every_operation_does_to_height_and_width_what_it_did(
    name: str, data: st.DataObject, kernel: int | None
) -> None:
    shapes = data.draw(operands(name, ranks=[2]))
    given = data.draw(arguments(name, shapes))
    assume(given.get("mode") != "bicubic")
    kind = BUILT_IN[name]
    try:
        wanted = kind(**given).infer(*shapes)
    except ShapeError:
        assume(False)
    videos = [(shape[0], 32, *shape[1:]) if len(shape) == 3 else shape for shape in shapes]
    video = videos[0] if len(videos[0]) == 4 else None
    inflated = (kind.any_rank or kind)(**given).inflated(kernel, video)
    channels, *extents = inflated.infer(*videos)
    if name != "flatten":
        assert (channels, *(extents[1:] if video else extents)) == wanted


def test_what_joins_and_what_is_shared() -> None:
    stages = """
  a: {op: conv2d, out: 3, kernel: [1, 3], padding: same}
  b: {share: a, from: input}
  c: {op: add, from: [a, b]}
  d: {op: global_avg_pool}
  e: {op: flatten}
  f: {op: linear, out: 2}
"""
    meant = stages.replace("conv2d", "conv").replace("[1, 3]", "[3, 1, 3]")
    assert graph(network(stages)) == of_volumes(meant)


# The heights of the maps are then the frames: along both, windows do the same.
@pytest.mark.heavy
@given(specs())
def test_along_time_windows_do_what_they_do_along_height(text: str) -> None:
    spec = safe_load(text)
    for image in spec["inputs"].values() if "inputs" in spec else [spec["input"]]:
        image["height"] = 16
    flat = graph(safe_dump(spec, sort_keys=False))
    inflated = graph(safe_dump(spec | {"inflate": {"frames": 16}}, sort_keys=False))
    assert flat.nodes.keys() == inflated.nodes.keys()
    for name in flat.nodes:
        channels, *extents = flat.shape(name)
        assert inflated.shape(name) == (channels, *extents[:1], *extents)


@pytest.mark.heavy
@given(specs())
def test_a_kernel_of_one_frame_adds_no_weights(text: str) -> None:
    spec = safe_load(text) | {"inflate": {"frames": 5, "kernel": 1}}
    assert total(graph(safe_dump(spec, sort_keys=False))).params == total(graph(text)).params


BASE = "extends: googlenet\nname: Videos\ninflate: {frames: 64, kernel: 3}\n"


def test_inception_v1_in_three_dimensions() -> None:
    found, images = graph(BASE), to_graph("googlenet")
    assert found.shape("pool5") == (1024, 1, 1, 1)
    for node in images.nodes.values():
        for name, weight in images.own_weights(images.nodes[node.name]).items():
            other = found.own_weights(found.nodes[node.name])[name].shape
            if len(weight.shape) == 4:
                frames = 1 if weight.shape[2] == 1 else 3
                assert other == (*weight.shape[:2], frames, *weight.shape[2:])


def test_values_of_a_run_and_parameters() -> None:
    assert graph(BASE, inflate_frames=48).shape("conv1.conv") == (64, 24, 112, 112)
    text = network("  a: {op: conv2d, out: 2, kernel: 3}", "{frames: 2 * $n, kernel: $n}")
    text = text.replace("stages:", "params: {n: 4}\nstages:")
    assert graph(text).shape("a") == (2, 5, 10, 10)
    assert graph(text, n=3).shape("a") == (2, 4, 10, 10)


def test_extents_may_be_asked_for() -> None:
    text = network("  a: {op: conv2d, out: $in.frames}\n  b: {op: conv2d, out: $a.height}")
    assert graph(text).shape("b") == (12, 12, 12, 12)


def test_a_variant_is_inflated_too() -> None:
    """As its base, unless it says otherwise; its own input is one of images."""
    name = "name: Variant\nextends: i3d\n"
    assert graph(name).inputs[0].op == to_graph("i3d").inputs[0].op
    smaller = f"{name}input: {{channels: 2, height: 193, width: 200}}\n"
    assert graph(smaller).shape("input") == (2, 64, 193, 200)
    fewer = f"{name}inflate: {{frames: 32, kernel: 1}}\n"
    assert graph(fewer).shape("conv2.3x3.conv") == (192, 16, 56, 56)
    assert graph(fewer).own_weights(graph(fewer).nodes["conv1.conv"])["weight"].shape[2] == 1


@pytest.mark.parametrize("text", ["name: I3D\nextends: i3d\n", BASE])
def test_one_file_says_the_same(text: str) -> None:
    analysis = analyze(Source("net.yaml", text))
    assert graph(analysis.text()) == analysis.require_graph()
    assert graph(analysis.text({"inflate.frames": 64})) == analysis.require_graph()


def test_several_images_and_a_vector() -> None:
    text = """
name: TwoStreams
inputs:
  rgb: {channels: 3, height: 8, width: 8}
  flow: {channels: 2, height: 8, width: 8}
  speed: {features: 4}
inflate: {frames: 6}
stages:
  a: {op: conv2d, out: 4, kernel: 3, from: rgb}
  b: {op: conv2d, out: 4, kernel: 3, from: flow}
  c: {op: add, from: [a, b]}
  d: {op: global_avg_pool}
  e: {op: flatten}
  f: {op: concat, from: [e, speed]}
"""
    assert graph(text).shape("c") == (4, 4, 6, 6)
    assert graph(text).shape("f") == (8,)


def test_any_number_of_frames() -> None:
    stages = "  a: {op: conv2d, out: 4, kernel: 3}\n  b: {op: global_avg_pool}"
    (entry,) = graph(network(stages, "{frames: free}")).inputs
    assert entry.op.model_dump()["free"] == ("frames",)
    assert entry.op.model_dump()["least"] == (3,)


def test_what_does_not_fit_one_frame_is_known_at_more() -> None:
    """A width asked for behind a pool that needs three of the frames."""
    stages = "  a: {op: max_pool, kernel: 3}\n  b: {op: conv2d, out: $a.channels * 2}"
    found = graph(network(stages, "{frames: free}"))
    assert found.shape("b")[0] == 6
    assert found.inputs[0].op.model_dump()["least"] == (3,)


@pytest.mark.parametrize("kernel", [10**6, 10**15, "99999 * 99999 * 99999"])
def test_a_kernel_of_any_number_of_frames_is_answered(kernel: object) -> None:
    """By counting: nothing goes through the pixels of a window."""
    stages = "  a: {op: conv2d, out: 4, kernel: 3, padding: same}"
    found = analyze(Source("net.yaml", network(stages, f"{{frames: 1, kernel: {kernel}}}")))
    assert found.graph is not None
