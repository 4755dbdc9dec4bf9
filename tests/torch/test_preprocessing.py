"""Images made ready for a network: by its GraphModule, and by its ``model.py`` alone."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import generated
from PIL import Image
from written import built

from inceptgraph.graph import Graph
from inceptgraph.ops import Preprocessing
from inceptgraph.pipeline import compile
from inceptgraph_torch.preprocessing import prepared

SPEC = """
name: Prepared
input: {name: image, channels: 3, height: 20, width: 24, preprocess: {SAID}}
classes: [cat, dog]
stages:
  conv: {op: conv2d, out: 2, kernel: 3}
  pool: {op: global_avg_pool}
  flat: {op: flatten}
"""
BGR = "{range: [-1, 2], order: bgr, mean: [0.5, 0.25, 0.125], std: [0.2, 0.3, 0.4], resize: 26}"


def network(said: str = BGR) -> Graph:
    return built(SPEC.replace("{SAID}", said), head="")


def pixels(*shape: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(sum(shape)).integers(0, 256, shape, np.uint8)


numbers = st.floats(-10, 300, allow_subnormal=False)
each = st.tuples(*[st.floats(0.01, 300)] * 3)


@settings(deadline=None)
@given(
    st.tuples(numbers, numbers).filter(lambda ends: ends[0] != ends[1]),
    st.tuples(numbers, numbers, numbers),
    each,
    st.sampled_from(["rgb", "bgr"]),
)
def test_numbers_are_those_of_the_definition(
    range: tuple[float, float], mean: tuple[float, ...], std: tuple[float, ...], order: str
) -> None:
    """Against NumPy in float64, for an image of the crop's size, which is not resized."""
    image = pixels(5, 7, 3)
    said = Preprocessing(range=range, mean=mean, std=std, order=order, crop=(5, 7))
    made = prepared(image, **said.model_dump(), dtype=torch.float64).numpy()
    x = image.astype(np.float64)[..., :: -1 if order == "bgr" else 1]
    wanted = ((range[0] + x / 255 * (range[1] - range[0])) - np.array(mean)) / np.array(std)
    assert made.shape == (1, 3, 5, 7)
    size = (300 + abs(np.array(mean))) / np.array(std)  # of what is subtracted from one another
    assert (abs(made[0].transpose(1, 2, 0) - wanted) <= 1e-15 * 8 * size).all()


@pytest.mark.parametrize("size", [(40, 60), (60, 40), (26, 26), (21, 33), (301, 203)])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_an_image_is_resized_as_pillow_does(size: tuple[int, int], interpolation: str) -> None:
    """To one level of 255, which is how far two ways of rounding may differ."""
    image = pixels(*size, 3)
    said = Preprocessing(range=(0, 255), resize=26, crop=(20, 24), interpolation=interpolation)
    made = prepared(image, **said.over(3).model_dump())[0].permute(1, 2, 0).numpy()
    height, width = said.resized(*size)
    how = Image.Resampling[interpolation.upper()]
    theirs = np.array(Image.fromarray(image).resize((width, height), how)).astype(float)
    top, left, rows, columns = said.window(height, width)
    assert made.shape == (20, 24, 3)
    assert abs(made - theirs[top : top + rows, left : left + columns]).max() <= 1


def test_it_is_what_torchvision_does() -> None:
    transforms = pytest.importorskip("torchvision.transforms._presets")
    how = pytest.importorskip("torchvision.transforms.functional").InterpolationMode
    image = pixels(90, 50, 3)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    for name in ("bilinear", "bicubic"):
        theirs = transforms.ImageClassification(
            crop_size=32, resize_size=40, mean=mean, std=std, interpolation=how(name)
        )
        said = Preprocessing(
            range=(0, 1), mean=mean, std=std, resize=40, crop=32, interpolation=name
        )
        apart = abs(prepared(image, **said.model_dump())[0] - theirs(Image.fromarray(image))).max()
        assert apart <= 1.001 / 255 / 0.224, "a level"


def test_arrays_tensors_and_batches_are_read_alike() -> None:
    net = compile(network())
    images = pixels(2, 30, 31, 3)
    batch = net.preprocess(images)
    assert batch.shape == (2, 3, 20, 24)
    assert batch.equal(net.preprocess(torch.from_numpy(images).movedim(-1, -3)))
    for image, made in zip(images, batch, strict=True):
        assert made.equal(net.preprocess(image)[0])
    assert net.preprocess(images, dtype=torch.float64).dtype == torch.float64
    assert net(batch).shape == (2, 2)


def test_model_py_prepares_images_by_itself() -> None:
    net, module = compile(network()), generated(network())
    image = pixels(40, 30, 3)
    assert module["preprocess"](image).equal(net.preprocess(image))
    assert tuple(module["CLASSES"]) == net.class_names == ("cat", "dog")


def test_a_network_of_which_nothing_is_said_says_so() -> None:
    plain = built("stages: {conv: {op: conv2d, out: 2}}")
    net, module = compile(plain), generated(plain)
    assert "preprocess" not in module
    assert "CLASSES" not in module
    assert net.class_names is None
    with pytest.raises(ValueError, match="of nothing: none is an input"):
        net.preprocess(pixels(8, 8, 3))


def test_several_inputs_are_named() -> None:
    said = "{channels: 3, height: 8, width: 8, preprocess: {range: [0, 1]}}"
    text = f"name: Two\ninputs:\n  one: {said}\n  two: {said.replace('1]', '2]')}\n"
    two = built(text + "stages: {sum: {op: add, from: [one, two]}}", head="")
    net, module = compile(two), generated(two)
    image = pixels(8, 8, 3)
    assert net.preprocess(image, "two").equal(2 * net.preprocess(image, "one"))
    assert module["preprocess"](image, "two").equal(net.preprocess(image, "two"))
    with pytest.raises(ValueError, match="say which input, of `one`, `two`"):
        net.preprocess(image)


def test_grey_images_have_one_channel() -> None:
    text = "input: {channels: 1, height: 8, width: 8, preprocess: {range: [-0.1, 1.175]}}\n"
    grey = built(text + "stages: {conv: {op: conv2d, out: 2}}", head="name: Grey\n")
    made = compile(grey).preprocess(np.full((8, 8, 1), 255, np.uint8))
    assert made.shape == (1, 1, 8, 8)
    assert made == pytest.approx(1.175)


def test_a_video_has_its_frames_behind_the_channels() -> None:
    video = built(SPEC.replace("{SAID}", BGR) + "inflate: {frames: 5}\n", head="")
    net, module = compile(video), generated(video)
    frames = pixels(5, 30, 31, 3)
    made = net.preprocess(frames)
    assert made.shape == (1, 3, 5, 20, 24)
    images = compile(network()).preprocess(frames)
    assert made[0].transpose(0, 1).equal(images)
    assert net.preprocess(frames[None]).equal(made)
    assert module["preprocess"](frames).equal(made)
    with pytest.raises(ValueError, match="frames, height, width, channels"):
        net.preprocess(frames[0])


@pytest.mark.parametrize(
    ("image", "error", "told"),
    [
        (np.zeros((8, 8, 3), np.float32), TypeError, "0 to 255 in uint8, not torch.float32"),
        (np.zeros((3, 8, 8), np.uint8), ValueError, r"not \(…, height, width, channels\) with 3"),
        (torch.zeros(8, 8, 3, dtype=torch.uint8), ValueError, r"\(…, channels, height, width\)"),
    ],
)
def test_what_is_no_image_is_refused(image: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        compile(network()).preprocess(image)


def test_copies_and_pickles_go_on_knowing() -> None:
    net = compile(network())
    image = pixels(40, 30, 3)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert other.preprocess(image).equal(net.preprocess(image))
        assert other.class_names == net.class_names
