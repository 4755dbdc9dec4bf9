"""Data of each form: what is found, in which order, and what is said where it is broken."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_images import COLOURS, folder_of_classes, jpeg, picture, ramp

from inceptgraph.diagnostics import SpecError
from inceptgraph_train import images
from inceptgraph_train.loading import BrokenImages, loader
from inceptgraph_train.opening import open_data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of_classes(tmp_path / "data")


def test_a_folder_of_classes(folder: Path) -> None:
    (folder / ".hidden").mkdir()
    (folder / "red" / "notes.txt").write_text("no image")
    (folder / "red" / ".0.jpg").write_bytes(b"no image")
    (folder / "red" / "more").mkdir()
    picture(COLOURS["red"]).save(folder / "red" / "more" / "UPPER.JPEG")
    data = open_data(folder)
    assert data.classes == ("blue", "green", "red")
    assert [(data.name(i), data[i][1]) for i in range(len(data))] == [
        ("blue/0.jpg", 0),
        ("blue/1.png", 0),
        ("green/0.jpg", 1),
        ("green/1.png", 1),
        ("red/0.jpg", 2),
        ("red/1.png", 2),
        ("red/more/UPPER.JPEG", 2),
    ]
    image, label = data[5]
    assert (image.dtype, image.shape, label) == (torch.uint8, (3, 20, 24), 2)
    assert image[:, 7, 9].tolist() == [*COLOURS["red"]]


def test_a_digest_tells_lists_apart(folder: Path) -> None:
    before = open_data(folder).digest()
    assert open_data(folder, 1).digest() == before
    (folder / "red" / "0.jpg").rename(folder / "green" / "2.jpg")
    assert open_data(folder).digest() != before


def test_pixels_are_those_of_the_file() -> None:
    image = ramp(40, 30)
    file = images.io.BytesIO()
    image.save(file, "PNG")
    found = images.decode(file.getvalue())
    assert np.array_equal(found.permute(1, 2, 0).numpy(), np.array(image))


def test_grey_deep_and_transparent_images() -> None:
    def saved(pixels: np.ndarray) -> bytes:
        file = images.io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        return file.getvalue()

    deep = saved(np.array([[0, 256, 65535]], np.uint16))
    assert images.decode(deep, 1).tolist() == [[[0, 1, 255]]]
    assert images.decode(deep, 3).tolist() == [[[0, 1, 255]]] * 3
    clear = saved(np.array([[[10, 20, 30, 0]]], np.uint8))
    assert images.decode(clear).flatten().tolist() == [10, 20, 30]
    colours = saved(np.array([[[255, 0, 0], [0, 255, 0]]], np.uint8))
    # ITU-R BT.601's luma
    assert images.decode(colours, 1).flatten().tolist() == [round(0.299 * 255), round(0.587 * 255)]


def test_a_picture_is_turned_upright() -> None:
    taken = Image.Exif()
    taken[0x0112] = 6  # EXIF's orientation: its top is to the right
    image = ramp(16, 8)
    assert images.decode(jpeg(image, exif=taken)).shape == (3, 16, 8)
    assert images.decode(jpeg(image)).shape == (3, 8, 16)


def test_torchcodec_gives_the_same_pixels() -> None:
    """Grey of colours is rounded in another way."""
    decoders = pytest.importorskip("torchcodec.decoders")
    turned = Image.Exif()
    turned[0x0112] = 6
    png = images.io.BytesIO()
    ramp(33, 20).convert("P").save(png, "PNG")
    grey, printed = (jpeg(ramp(50, 31).convert(mode)) for mode in ("L", "CMYK"))
    for file in (
        jpeg(ramp(50, 31)),
        jpeg(ramp(50, 31), exif=turned),
        png.getvalue(),
        printed,
        grey,
    ):
        wanted = images._by_pillow(file, 3)
        assert torch.equal(images._by_torchcodec(decoders, file, 3), wanted)
        apart = images._by_torchcodec(decoders, file, 1).int() - images._by_pillow(file, 1).int()
        assert apart.abs().max() <= 1


@pytest.mark.parametrize("decoder", ["torchcodec", "pillow"])
def test_broken_images_are_told_in_a_line(decoder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if decoder == "torchcodec":
        decoders = pytest.importorskip("torchcodec.decoders")
        by_torchcodec = partial(images._by_torchcodec, decoders)
        monkeypatch.setattr(images, "_decoder", lambda: by_torchcodec)
    whole = jpeg(ramp(90, 70))
    for file in (whole[: len(whole) // 2], whole[:20], b"\x89PNG\r\n\x1a\n", b"GIF89a", b""):
        with pytest.raises(images.BrokenImage) as caught:
            images.decode(file)
        told = str(caught.value)
        assert told and "\n" not in told and "/" not in told and "0x" not in told


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_image_is_named_and_fatal(folder: Path, workers: int) -> None:
    whole = (folder / "green" / "0.jpg").read_bytes()
    (folder / "green" / "0.jpg").write_bytes(whole[: len(whole) // 2])
    batches = loader(open_data(folder), batch_size=4, num_workers=workers)
    with pytest.raises(SpecError) as caught:
        list(BrokenImages().without(batches))
    (finding,) = caught.value.diagnostics
    assert finding.code == "IG816"
    assert finding.message.startswith("the image `green/0.jpg` cannot be read: ")


def test_broken_images_are_skipped_told_and_counted(folder: Path) -> None:
    (folder / "green" / "0.jpg").write_bytes(b"no image")
    (folder / "red" / "0.jpg").write_bytes(b"")
    (folder / "red" / "1.png").unlink()
    (folder / "red" / "1.png").symlink_to("nowhere.png")
    told: list[str] = []
    watch = BrokenImages(skip=True, tell=told.append)
    batches = list(watch.without(loader(open_data(folder), batch_size=2)))
    assert [batch.places.tolist() for batch in batches] == [[0, 1], [3]]
    assert [batch.labels.tolist() for batch in batches] == [[0, 0], [1]]
    assert [tuple(batch.images.shape) for batch in batches] == [(2, 3, 20, 24), (1, 3, 20, 24)]
    assert [each.name for each in watch.found] == ["green/0.jpg", "red/0.jpg", "red/1.png"]
    assert told[0] == "skipped: the image `green/0.jpg` cannot be read: it is no JPEG or PNG"
    assert told[2].endswith("No such file or directory")


def says(where: Path) -> tuple[str, str | None]:
    with pytest.raises(SpecError) as caught:
        open_data(where)
    (finding,) = caught.value.diagnostics
    assert finding.code == "IG816"
    return finding.message, finding.help


def test_without_a_decoder_nothing_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "find_spec", lambda name: None)
    assert says(folder) == (
        "images are decoded by Pillow or torchcodec, and neither is installed",
        'pip install "inceptgraph[train]"',
    )


def test_what_is_no_folder_of_classes_is_refused(folder: Path, tmp_path: Path) -> None:
    assert says(tmp_path / "nowhere")[0] == f"there is no data at `{tmp_path / 'nowhere'}`"
    assert says(folder / "red")[0] == f"`{folder / 'red'}` holds no folder of a class"
    (tmp_path / "empty").mkdir()
    assert says(tmp_path / "empty")[0] == f"`{tmp_path / 'empty'}` holds no images"
    (tmp_path / "empty" / "cat").mkdir()
    message, help = says(tmp_path / "empty")
    assert message == f"the folders of classes in `{tmp_path / 'empty'}` hold no images"
    assert help == "an image is a file whose name ends in .jpg, .jpeg, .png"


def test_parts_of_a_data_set_are_no_classes(tmp_path: Path) -> None:
    folder_of_classes(tmp_path / "set" / "train")
    folder_of_classes(tmp_path / "set" / "val")
    message, help = says(tmp_path / "set")
    assert message == f"`{tmp_path / 'set'}` holds the parts train, val, and no classes"
    assert help == f"name one of them: --data {tmp_path / 'set' / 'val'}"
    assert len(open_data(tmp_path / "set" / "val")) == 6
