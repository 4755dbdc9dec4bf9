"""Images as networks take them, held to Pillow's resizing and to arithmetic in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from small_images import ramp

from inceptgraph.evaluation import views
from inceptgraph.ops import Preprocessing
from inceptgraph_train.images import from_pillow
from inceptgraph_train.preparing import Prepared, Shown, normalised, resized

IMAGENET = Preprocessing(
    range=(0.0, 1.0), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), resize=256, crop=224
)
RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def pixels(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def levels_apart(one: torch.Tensor, other: torch.Tensor) -> int:
    return int((one.int() - other.int()).abs().max())


@pytest.mark.parametrize("size", [(256, 341), (64, 48), (500, 700)])
@pytest.mark.parametrize("interpolation", RESAMPLING)
def test_resizing_is_pillows(interpolation: str, size: tuple[int, int]) -> None:
    image = ramp(500, 375)
    found = resized(from_pillow(image), *size, interpolation)
    wanted = pixels(image.resize(size[::-1], RESAMPLING[interpolation]))
    # both compute with rounded weights; nothing is computed for the nearest pixel
    assert levels_apart(found, wanted) <= (0 if interpolation == "nearest" else 1)


def test_an_area_is_the_mean_of_its_pixels() -> None:
    image = from_pillow(ramp(40, 30))
    means = image.double().reshape(3, 10, 3, 10, 4).mean((2, 4))
    assert torch.equal(resized(image, 10, 10, "area"), means.round().byte())


def test_numbers_are_those_of_the_preprocessing() -> None:
    image = from_pillow(ramp(256, 256))
    shares = image.double() / 255
    mean, std = (
        torch.tensor(each).double()[:, None, None] for each in (IMAGENET.mean, IMAGENET.std)
    )
    wanted = ((shares - mean) / std)[:, 16:240, 16:240]
    found = Prepared(IMAGENET)(image)
    assert (found.dtype, found.shape) == (torch.float32, (3, 224, 224))
    assert (found - wanted).abs().max() < 1e-6


def test_blue_may_come_first() -> None:
    """As in Caffe, whose mean is subtracted from 0 to 255."""
    how = Preprocessing(range=(0.0, 255.0), order="bgr", mean=(104.0, 117.0, 123.0)).over(3)
    image = torch.tensor([10, 20, 30], dtype=torch.uint8)[:, None, None]
    assert normalised(image, how).flatten().tolist() == [30 - 104, 20 - 117, 10 - 123]


@pytest.mark.parametrize("extents", [(500, 375), (375, 500)])
def test_views_are_cut_and_resized_as_the_paper_says(extents: tuple[int, int]) -> None:
    """By Pillow: the resized image, its square, the window of that or the square resized again."""
    image = ramp(*extents)
    wanted = []
    for shorter in (256, 288, 320, 352):
        longer = shorter * 500 // 375
        size = (longer, shorter) if extents[0] > extents[1] else (shorter, longer)
        scaled = image.resize(size, Image.Resampling.BILINEAR)
        for square in (0, round((longer - shorter) / 2), longer - shorter):
            left, top = (square, 0) if extents[0] > extents[1] else (0, square)
            part = scaled.crop((left, top, left + shorter, top + shorter))
            rest = shorter - 224
            corners = [(0, 0), (rest, 0), (0, rest), (rest, rest), (rest // 2, rest // 2)]
            patches = [part.crop((x, y, x + 224, y + 224)) for x, y in corners]
            patches.append(part.resize((224, 224), Image.Resampling.BILINEAR))
            for patch in patches:
                wanted += [patch, patch.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    (found,) = Shown([IMAGENET], [views(144, (224, 224))])(from_pillow(image))
    assert found.shape == (144, 3, 224, 224)
    for view, image_of_it in zip(found, wanted, strict=True):
        assert levels_apart(view, pixels(image_of_it)) <= 2  # resized twice


def test_views_of_several_networks_are_each_as_large_as_it_takes() -> None:
    small = IMAGENET.model_copy(update={"crop": (32, 32), "resize": 40})
    shown = Shown([IMAGENET, small], [views(10, (224, 224)), views(1, (32, 32))])
    large, little = shown(from_pillow(ramp(300, 260)))
    assert large.shape == (10, 3, 224, 224)
    assert little.shape == (1, 3, 32, 32)


def test_ten_views_are_torchvisions() -> None:
    transforms = pytest.importorskip("torchvision.transforms.v2")
    image = from_pillow(ramp(341, 256))
    (found,) = Shown([IMAGENET], [views(10, (224, 224))])(image)
    square = transforms.functional.center_crop(image, [256, 256])
    plain = transforms.functional.five_crop(square, [224, 224])
    wanted = [view for each in plain for view in (each, each.flip(-1))]
    theirs = transforms.functional.ten_crop(square, [224, 224])
    assert {tuple(each.flatten()[:224].tolist()) for each in theirs} == {
        tuple(each.flatten()[:224].tolist()) for each in wanted
    }
    assert torch.equal(found, torch.stack(wanted))
    (one,) = Shown([IMAGENET], [views(1, (224, 224))])(image)
    assert torch.equal(one[0], transforms.functional.center_crop(image, [224, 224]))
