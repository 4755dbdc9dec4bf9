"""Images changed at random: where windows lie, and what becomes of colours."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest
import torch

from inceptgraph.ops import Preprocessing
from inceptgraph.training import Area, Augment, Window
from inceptgraph_train.augmenting import Augmented, recolored
from inceptgraph_train.drawing import Drawing, Drawn

HOW = Preprocessing(range=(0.0, 255.0), crop=(8, 8), resize=12).over(3)


def places(height: int, width: int) -> torch.Tensor:
    """An image whose first two channels are the row and the column of each pixel."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([rows, columns, rows * 0]).to(torch.uint8)


def test_windows_lie_anywhere_in_the_resized_image() -> None:
    torch.manual_seed(0)
    change, image = Augmented(HOW, Augment(crop=Window())), places(12, 20)
    tops, lefts = set(), set()
    for _ in range(300):
        part = change(image)
        top, left = int(part[0, 0, 0]), int(part[1, 0, 0])
        assert torch.equal(part, image[:, top : top + 8, left : left + 8].float())
        tops.add(top)
        lefts.add(left)
    assert tops == set(range(5))
    assert lefts == set(range(13))


def test_windows_have_the_area_and_the_aspect_that_are_asked_for() -> None:
    """Their area is even between its bounds, and their aspect as often above 1 as below."""
    from inceptgraph_train.augmenting import _window

    torch.manual_seed(0)
    crop = Area(area=(0.08, 0.5), aspect=(3 / 4, 4 / 3))
    areas, wide = [], 0
    for _ in range(2000):
        top, left, height, width = _window(300, 400, crop)
        assert 0 <= top <= 300 - height
        assert 0 <= left <= 400 - width
        assert 3 / 4 - 0.02 < width / height < 4 / 3 + 0.02
        areas.append(height * width / (300 * 400))
        wide += width > height
    assert min(areas) > 0.078
    assert max(areas) < 0.505
    assert sum(areas) / len(areas) == pytest.approx(0.29, abs=3 * 0.121 / math.sqrt(2000))
    assert abs(wide - 1000) < 3 * math.sqrt(500)


def test_a_window_that_fits_nowhere_is_the_largest_in_the_middle() -> None:
    from inceptgraph_train.augmenting import _window

    assert _window(10, 100, Area(area=(1.0, 1.0))) == (0, 43, 10, 13)
    assert _window(100, 10, Area(area=(1.0, 1.0))) == (43, 0, 13, 10)


def test_every_second_image_is_mirrored() -> None:
    torch.manual_seed(0)
    change, image = Augmented(HOW, Augment(mirror=True)), places(12, 12)
    straight = image[:, 2:10, 2:10].float()
    found = [change(image) for _ in range(200)]
    mirrored = sum(torch.equal(each, straight.flip(-1)) for each in found)
    assert mirrored + sum(torch.equal(each, straight) for each in found) == 200
    assert abs(mirrored - 100) < 3 * math.sqrt(50)


def test_colours_change_by_no_more_than_is_asked_for() -> None:
    torch.manual_seed(0)
    grey = torch.full((3, 4, 4), 100, dtype=torch.uint8)
    seen = [int(recolored(grey, 0.5)[0, 0, 0]) for _ in range(300)]
    assert 50 <= min(seen) < 60  # of one grey alone brightness changes
    assert 140 < max(seen) <= 150
    image = places(12, 12) * 10
    assert recolored(image, 0.3).shape == image.shape
    assert torch.equal(recolored(image, 0.0), image)
    assert recolored(image[:1], 0.3).shape == (1, 12, 12)


def test_a_sample_is_changed_as_its_place_in_the_training_says() -> None:
    """Whatever was drawn before, and by whom; and the generator is left as it was."""
    image = places(12, 20)
    data = [(Augmented(HOW, Augment(crop=Window())), place) for place in range(8)]

    class Cut:
        def __len__(self) -> int:
            return len(data)

        def __getitem__(self, place: int) -> tuple[torch.Tensor, int]:
            change, label = data[place]
            return change(image), label

    def drawn(epoch: int, places: Iterable[int]) -> list[torch.Tensor]:
        samples = Drawing(Cut(), seed=0).__getitems__([Drawn(epoch, each) for each in places])
        return [image for image, _, _ in samples]

    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = drawn(0, range(8))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(drawn(0, [5])[0], first[5])
    again = zip(drawn(1, range(8)), first, strict=True)
    assert not all(torch.equal(*pair) for pair in again)
    assert not all(torch.equal(each, first[0]) for each in first)


def test_colours_become_torchvisions() -> None:
    transforms = pytest.importorskip("torchvision.transforms.v2.functional")
    changes = [getattr(transforms, f"adjust_{n}") for n in ("brightness", "contrast", "saturation")]
    image = torch.randint(256, (3, 9, 7), dtype=torch.uint8)
    for seed in range(20):
        torch.manual_seed(seed)
        found = recolored(image, 0.5)
        torch.manual_seed(seed)
        wanted = image.float() / 255
        for which in torch.randperm(3).tolist():
            factor = 1 + 0.5 * (2 * float(torch.rand(())) - 1)
            wanted = changes[which](wanted, factor)
        # ours is rounded, and has 0.299 for their 0.2989: of 255 that is 0.0255, of which contrast
        # and saturation take half each, and what follows makes 1.5 times as much
        assert (found - 255 * wanted).abs().max() <= 0.5 + 0.0255 / 2 * (1.5**2 + 1.5)
