"""Kernels of images in networks of videos: repeated over the frames, and divided by how many."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import inceptgraph
from inceptgraph.diagnostics import Source, SpecError
from inceptgraph.pipeline import to_graph
from inceptgraph.weights import WeightsFile, fit_file, to_json

IMAGES = """
name: Images
input: {channels: 3, height: 25, width: 25}
stages:
  a:    {op: conv2d, out: 6, kernel: 5, stride: 2}
  norm: {op: batch_norm}
  act:  {op: relu}
  b:    {op: conv2d, out: 8, kernel: [1, 3], groups: 2}
  c:    {op: depthwise_conv2d, kernel: 3}
  pool: {op: max_pool, kernel: 2, stride: 2}
  d:    {op: conv2d, out: 4}
  gap:  {op: global_avg_pool}
  flat: {op: flatten}
  fc:   {op: linear, out: 10}
"""


def videos(frames: int, kernel: str = "", text: str = IMAGES) -> Source:
    inflate = f"inflate: {{frames: {frames}{kernel}}}\n"
    return Source("videos.yaml", text.replace("stages:", f"{inflate}stages:"))


def trained(folder: Path, text: str = IMAGES) -> tuple[torch.nn.Module, Path]:
    """A network of images in evaluation, and the file of its weights."""
    images = inceptgraph.compile(Source("images.yaml", text), dtype="float64", seed=3).eval()
    with torch.no_grad():
        for name, tensor in images.state_dict().items():
            if "running" in name:
                tensor.uniform_(0.5, 2)
    path = folder / "images.pth"
    torch.save(images.state_dict(), path)
    return images, path


def image(size: int = 25, channels: int = 3) -> Tensor:
    seeded = torch.Generator().manual_seed(1)
    return torch.randn(2, channels, size, size, dtype=torch.float64, generator=seeded)


def still(x: Tensor, frames: int) -> Tensor:
    """The video of one image."""
    return x.unsqueeze(2).expand(-1, -1, frames, -1, -1)


# Carreira & Zisserman 2017, section 2.4: "the boring-video fixed point".
@pytest.mark.parametrize(
    ("frames", "kernel"), [(25, ""), (64, ""), (31, ", kernel: 3"), (7, ", kernel: 1")]
)
def test_a_still_video_gives_what_its_image_gives(frames: int, kernel: str, tmp_path: Path) -> None:
    images, path = trained(tmp_path)
    network = inceptgraph.compile(videos(frames, kernel), weights=path, dtype="float64").eval()
    torch.testing.assert_close(
        network(still(image(), frames)), images(image()), rtol=1e-12, atol=1e-14
    )


def test_it_does_at_every_frame_whose_field_is_within_the_video(tmp_path: Path) -> None:
    """With padding, the frames near the ends see what is not there."""
    text = """
name: Padded
input: {channels: 3, height: 9, width: 9}
stages:
  a:   {op: conv2d, out: 6, kernel: 3, padding: same}
  act: {op: relu}
  b:   {op: conv2d, out: 8, kernel: 5, stride: 2, padding: same}
  c:   {op: conv2d, out: 3, kernel: 3, padding: same}
"""
    images, path = trained(tmp_path, text)
    network = inceptgraph.compile(videos(17, "", text), weights=path, dtype="float64").eval()
    found, wanted = network(still(image(9), 17)), images(image(9))
    alike = [
        torch.allclose(found[:, :, frame], wanted, rtol=1e-12) for frame in range(found.shape[2])
    ]
    # c reads a frame of b on each side, b two of a, one in two, and a one of 17
    assert alike == [3 <= frame <= 5 for frame in range(9)]


def test_frames_by_themselves(tmp_path: Path) -> None:
    """With kernels of one frame a video is its images."""
    text = IMAGES.replace("stride: 2", "stride: 1").partition("  gap:")[0]
    images, path = trained(tmp_path, text)
    network = inceptgraph.compile(videos(3, ", kernel: 1", text), weights=path, dtype="float64")
    video = torch.stack([image() * factor for factor in (1, -2, 3)], 2)
    one_by_one = torch.stack([images(video[:, :, frame]) for frame in range(3)], 2)
    torch.testing.assert_close(network.eval()(video), one_by_one, rtol=1e-12, atol=1e-14)


def test_what_is_told(tmp_path: Path) -> None:
    _, path = trained(tmp_path)
    fitted = fit_file(to_graph(videos(25)), path)
    assert fitted.verdict == "fits"
    lines = [line for line in fitted.lines() if line.startswith("frames:")]
    assert lines == [
        "frames: none in the file, 5 here: 1 kernel repeated, times 1/5",
        "frames: none in the file, 3 here: 2 kernels repeated, times 1/3",
    ]
    assert to_json(fitted)["inflated"] == ["a.weight", "b.weight", "c.weight"]
    assert fitted.kin == ()


def test_weights_of_videos_load_as_they_are(tmp_path: Path) -> None:
    network = inceptgraph.compile(videos(25), seed=5)
    torch.save(network.state_dict(), tmp_path / "videos.pth")
    fitted = fit_file(to_graph(videos(25)), tmp_path / "videos.pth")
    assert fitted.fits
    assert to_json(fitted)["inflated"] == []
    with pytest.raises(SpecError, match="do not fit"):
        fit_file(to_graph(Source("images.yaml", IMAGES)), tmp_path / "videos.pth").require()


def test_other_kernels_and_channels_do_not_fit(tmp_path: Path) -> None:
    _, path = trained(tmp_path)
    for old, new in (("kernel: 5", "kernel: 3"), ("out: 6", "out: 12")):
        fitted = fit_file(to_graph(videos(25, "", IMAGES.replace(old, new))), path)
        assert "a.weight" in {pair.slot.name for pair in fitted.fit.mismatched}


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_of_other_channels_as_well(channels: int, tmp_path: Path) -> None:
    """Optical flow has two: the weights are those of images of two channels, inflated."""
    text = IMAGES.replace("channels: 3", f"channels: {channels}")
    _, path = trained(tmp_path)
    graph = to_graph(videos(25, "", text))
    with pytest.raises(SpecError, match="--adapt-input"):
        fit_file(graph, path).require()
    file = WeightsFile(path, adapt_input=True)
    images = inceptgraph.compile(Source("a.yaml", text), weights=file, dtype="float64").eval()
    network = inceptgraph.compile(graph, weights=file, dtype="float64").eval()
    x = image(channels=channels)
    torch.testing.assert_close(network(still(x, 25)), images(x), rtol=1e-12, atol=1e-14)
