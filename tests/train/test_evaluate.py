"""``evaluate`` and ``predict`` at the command line, on networks whose answers are known by hand."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from command_line import Run, runner
from PIL import Image
from safetensors.numpy import save_file
from small_images import COLOURS, folder_of_classes, picture, ramp

from inceptgraph.builder import build
from inceptgraph.evaluation import views
from inceptgraph.pipeline import analyze

SPEC = """
name: Colours
input: {name: image, channels: 3, height: 16, width: 16%s}
stages:
  pool: {op: global_avg_pool}
  flat: {op: flatten}
  fc: {op: linear, out: 3}
%s"""
CLASSES = ("blue", "green", "red")
BY_COLOUR = np.eye(3, dtype=np.float32)[::-1].copy()
"""Of blue, green and red the mean over the image; colours come as red, green and blue."""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return runner(capsys)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return folder_of_classes(tmp_path / "data")


def spec(folder: Path, name: str = "colours.yaml", *, preprocess: str = "", more: str = "") -> str:
    (folder / name).write_text(SPEC % (preprocess, more))
    return name


def weights(folder: Path, name: str, matrix: np.ndarray) -> str:
    tensors = {"fc.weight": matrix.astype(np.float32), "fc.bias": np.zeros(3, np.float32)}
    save_file(tensors, folder / name)
    return name


def softmax(numbers: np.ndarray) -> np.ndarray:
    shares = np.exp(numbers)
    return shares / shares.sum()


def test_every_colour_is_found(run: Run, data: Path, tmp_path: Path) -> None:
    file = weights(tmp_path, "w.safetensors", 10 * BY_COLOUR)
    found = run("evaluate", spec(tmp_path), "--weights", file, "--data", data, "--workers", "0")
    assert found.code == 0
    assert found.out.splitlines()[:3] == [
        "colours.yaml (w.safetensors)",
        f"6 images of 3 classes, {data}",
        found.out.splitlines()[2],
    ]
    assert found.out.splitlines()[2].startswith("top-1 100.00%, loss 0.00")
    assert "green       2  100.0%     100.0%" in found.out


def test_figures_and_files(run: Run, data: Path, tmp_path: Path) -> None:
    """Blue is taken for red, and nothing for blue."""
    (data / "blue" / "1.png").unlink()
    matrix = BY_COLOUR[[2, 1, 0]]
    file = weights(tmp_path, "w.safetensors", matrix)
    options = ["--weights", file, "--data", data, "--workers", "1", "--batch", "2", "--json"]
    files = ["--confusion", "c.svg", "--predictions", "p.csv"]
    found = run("evaluate", spec(tmp_path), *options, *files)
    assert found.code == 0
    report = json.loads(found.out)
    assert report["images"] == 5
    assert report["confusion"] == [[0, 0, 1], [0, 2, 0], [2, 0, 0]]
    assert report["top1"] == 2 / 5
    assert report["top5"] is None
    assert report["classes"][0] == {
        "index": 0,
        "label": "blue",
        "images": 1,
        "recall": 0.0,
        "precision": 0.0,
    }
    assert report["classes"][1]["recall"] == report["classes"][1]["precision"] == 1.0
    rows = list(csv.DictReader((tmp_path / "p.csv").open()))
    assert [row["image"] for row in rows] == [
        *("blue/0.jpg", "green/0.jpg", "green/1.png", "red/0.jpg", "red/1.png")
    ]
    shares = softmax(matrix @ np.array(COLOURS["red"]) / 255)  # a PNG: no pixel is changed
    assert (rows[4]["label"], rows[4]["class_1"]) == ("red", "blue")
    assert float(rows[4]["probability_1"]) == pytest.approx(shares[0], rel=1e-5)
    own = [
        float(next(row[f"probability_{i}"] for i in (1, 2, 3) if row[f"class_{i}"] == row["label"]))
        for row in rows
    ]
    assert report["loss"] == pytest.approx(-np.log(own).mean(), rel=1e-5)
    assert (tmp_path / "c.svg").read_text().startswith("<?xml")


def test_several_models_answer_as_one(run: Run, data: Path, tmp_path: Path) -> None:
    """The mean of their probabilities; the table is that of the paper, table 3."""
    name, parts = spec(tmp_path), (3 * BY_COLOUR, -2 * BY_COLOUR, np.zeros((3, 3)))
    files = [weights(tmp_path, f"{i}.safetensors", each) for i, each in enumerate(parts)]
    options = [word for file in files for word in ("--weights", file)]
    options += ["--data", data, "--workers", "0", "--crops", "10"]
    found = run("evaluate", name, *options, "--json", "--predictions", "p.csv")
    rows = list(csv.DictReader((tmp_path / "p.csv").open()))
    colour = np.array(COLOURS["green"]) / 255
    wanted = np.mean([softmax(each @ colour) for each in parts], axis=0)
    assert (rows[3]["image"], rows[3]["class_1"]) == ("green/1.png", "green")
    assert float(rows[3]["probability_1"]) == pytest.approx(wanted[1], rel=1e-5)
    report = json.loads(found.out)
    assert report["single_model"] == f"{name} (0.safetensors)"
    assert [(way["models"], way["crops"], way["cost"]) for way in report["ways"]] == [
        *((1, 1, 1), (1, 10, 10), (3, 1, 3), (3, 10, 30))
    ]
    table = run("evaluate", name, *options).out.split("\n\n")[1]
    assert table.splitlines() == [
        "                     top-1  compared",
        "models  crops  cost  error   to base",
        "     1      1     1  0.00%      base",
        "     1     10    10  0.00%   +0.00 %",
        "     3      1     3  0.00%   +0.00 %",
        "     3     10    30  0.00%   +0.00 %",
        "the one model: colours.yaml (0.safetensors), the best of them at one view",
    ]


def test_views_are_averaged(run: Run, tmp_path: Path) -> None:
    """The mean of the softmax over 144 views, each made by Pillow."""
    image = ramp(300, 200)
    (tmp_path / "data" / "red").mkdir(parents=True)
    for other in ("blue", "green"):
        (tmp_path / "data" / other).mkdir()
    image.save(tmp_path / "data" / "red" / "ramp.png")
    matrix = 8 * BY_COLOUR
    name = spec(tmp_path)
    file = weights(tmp_path, "w.safetensors", matrix)
    options = ["--weights", file, "--workers", "0"]
    found = run("predict", name, *options, "data/red/ramp.png", "--crops", "144", "--json")
    (classes,) = (each["classes"] for each in json.loads(found.out))
    said = {each["index"]: each["probability"] for each in classes}
    shares = []
    for view in views(144, (16, 16)):
        assert view.shorter is not None
        scaled = image.resize((view.shorter * 300 // 200, view.shorter), Image.Resampling.BILINEAR)
        top, left, height, width = view.box(scaled.height, scaled.width, (16, 16))
        part = scaled.crop((left, top, left + width, top + height))
        means = np.array(part.resize((16, 16), Image.Resampling.BILINEAR)).mean((0, 1)) / 255
        shares.append(softmax(matrix @ means))
    for index, share in enumerate(np.mean(shares, axis=0)):
        assert said[index] == pytest.approx(share, abs=2e-3)  # a level of 256 of some pixels
    one = json.loads(run("predict", name, *options, "data/red/ramp.png", "--json").out)
    first = {each["index"]: each["probability"] for each in one[0]["classes"]}
    assert abs(first[0] - said[0]) > 0.004


def test_predict_names_the_likeliest(run: Run, tmp_path: Path) -> None:
    picture(COLOURS["blue"]).save(tmp_path / "sea.png")
    name = spec(tmp_path, more="classes: [blue, green, red]\n")
    file = weights(tmp_path, "w.safetensors", 10 * BY_COLOUR)
    found = run("predict", name, "--weights", file, "sea.png", "--top", "2")
    assert found.code == 0
    first, second = sorted(softmax(10 * BY_COLOUR @ np.array(COLOURS["blue"]) / 255))[:0:-1]
    assert found.out == f"sea.png\n   {100 * first:.1f} %  blue\n    {100 * second:.1f} %  green\n"


def test_preprocessing_is_the_networks(run: Run, tmp_path: Path) -> None:
    picture((10, 20, 30)).save(tmp_path / "dark.png")
    how = ", preprocess: {range: [0, 255], order: bgr, mean: [28, 19, 8]}"
    name = spec(tmp_path, preprocess=how)
    file = weights(tmp_path, "w.safetensors", np.eye(3))
    found = run("predict", name, "--weights", file, "dark.png", "--json")
    shares = {each["index"]: each["probability"] for each in json.loads(found.out)[0]["classes"]}
    assert [shares[i] for i in range(3)] == pytest.approx(softmax(np.array([2.0, 1.0, 2.0])))


@pytest.mark.parametrize(
    "engine",
    [
        "onnxruntime",
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in ("inductor", "native", "openvino")
        ),
    ],
)
def test_any_engine_evaluates(run: Run, data: Path, tmp_path: Path, engine: str) -> None:
    file = weights(tmp_path, "w.safetensors", 2 * BY_COLOUR)
    options = ["--weights", file, "--data", data, "--workers", "0", "--batch", "4", "--json"]
    plain = json.loads(run("evaluate", spec(tmp_path), *options).out)
    other = json.loads(run("evaluate", "colours.yaml", *options, "--engine", engine).out)
    assert other["loss"] == pytest.approx(plain["loss"], rel=1e-5)
    assert other["confusion"] == plain["confusion"]


def test_a_built_directory_is_a_model(run: Run, data: Path, tmp_path: Path) -> None:
    build(analyze(spec(tmp_path)), tmp_path / "model", seed=0)
    found = run("evaluate", "model", "--data", data, "--workers", "0", "--json")
    assert json.loads(found.out)["models"] == ["model"]


def softmax_of_logs(kind: str) -> str:
    return SPEC.replace("out: 3}", f"out: 3}}\n  last: {{op: {kind}}}") % ("", "")


@pytest.mark.parametrize("kind", ["softmax", "log_softmax"])
def test_what_are_probabilities_is_taken_as_it_is(
    run: Run, data: Path, tmp_path: Path, kind: str
) -> None:
    file = weights(tmp_path, "w.safetensors", 2 * BY_COLOUR)
    options = ["--weights", file, "--data", data, "--workers", "0", "--json"]
    plain = json.loads(run("evaluate", spec(tmp_path), *options).out)
    (tmp_path / "last.yaml").write_text(softmax_of_logs(kind))
    other = json.loads(run("evaluate", "last.yaml", *options).out)
    assert other["loss"] == pytest.approx(plain["loss"], rel=1e-5)


def test_broken_images_end_it_or_are_counted(run: Run, data: Path, tmp_path: Path) -> None:
    (data / "red" / "0.jpg").write_bytes(b"no image")
    file = weights(tmp_path, "w.safetensors", 10 * BY_COLOUR)
    options = ["evaluate", spec(tmp_path), "--weights", file, "--data", data, "--workers", "0"]
    found = run(*options)
    assert found.code == 1
    assert "error[IG816]: the image `red/0.jpg` cannot be read: it is no JPEG or PNG" in found.err
    assert "--skip-broken" in found.err
    found = run(*options, "--skip-broken")
    assert found.code == 0
    assert "skipped: the image `red/0.jpg`" in found.err
    assert "5 images of 3 classes" in found.out
    assert "left out, since they cannot be read: 1" in found.out
    for each in data.glob("*/*"):
        each.write_bytes(b"no image")
    found = run(*options, "--skip-broken")
    assert (found.code, found.out) == (1, "")
    assert f"no image of `{data}` can be read" in found.err


def refusals(tmp_path: Path) -> Mapping[str, tuple[list[str | Path], str]]:
    """Command lines, and what is said to them."""
    file = weights(tmp_path, "w.safetensors", BY_COLOUR)
    two = {"cat": (0, 0, 0), "dog": (9, 9, 9)}
    own = folder_of_classes(tmp_path / "two", classes=two)
    name = spec(tmp_path)
    other = spec(tmp_path, "named.yaml", more="classes: [blue, green, red]\n")
    wide = SPEC.replace("width: 16", "width: 20") % ("", "")
    (tmp_path / "wide.yaml").write_text(wide)
    numbers = SPEC % ("", "outputs: {age: {from: fc, loss: mse}}\n")
    (tmp_path / "numbers.yaml").write_text(numbers)
    return {
        "no weights": ([name], f"`{name}` is a spec, and has no weights"),
        "no directory": (["nowhere"], "there is no file and no shipped spec `nowhere`"),
        "other classes": (
            [name, "--weights", file, "--data", own],
            "the data has 2 classes, and `Colours` tells 3 apart",
        ),
        "one of them named": (
            [name, other, "--weights", file, "--weights", file],
            "the networks have different names of classes",
        ),
        "weights of nothing": (
            [name, other, *["--weights", file] * 3],
            "3 files of weights for 2 specs: a directory has its own",
        ),
        "no square": (
            ["wide.yaml", "--weights", file, "--crops", "10"],
            "10 views are of squares, and the window is 16×20",
        ),
        "no classes": (
            ["numbers.yaml", "--weights", file],
            "`numbers.yaml (w.safetensors)` tells no classes apart",
        ),
        "no picture": ([name, "--weights", file, "--confusion", "c.txt"], "ends in .svg, .png"),
        "no folder": (
            [name, "--weights", file, "--predictions", "nowhere/p.csv"],
            "there is no folder",
        ),
        "no data": ([name, "--weights", file, "--data", "nowhere"], "no data at `nowhere`"),
    }


REFUSALS = (
    *("no weights", "no directory", "other classes", "one of them named", "weights of nothing"),
    *("no square", "no classes", "no picture", "no folder", "no data"),
)


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_evaluated_is_refused(
    run: Run, data: Path, tmp_path: Path, case: str
) -> None:
    words, told = refusals(tmp_path)[case]
    given = [] if "--data" in words else ["--data", data]
    found = run("evaluate", *words, *given, "--workers", "0")
    assert found.code in (1, 2)
    assert told in found.err
    assert "defect" not in found.err


def test_a_dataset_of_finished_numbers_is_shown_as_it_is(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_numbers.py").write_text(
        "import torch\n"
        "def data():\n"
        "    return [(torch.tensor(colour)[:, None, None].expand(3, 16, 16), label)\n"
        "            for colour, label in (([0.0, 0.0, 1.0], 0), ([1.0, 0.0, 0.0], 2))]\n"
        "def wrong():\n"
        "    return [(data()[0][0], 3)]\n"
        "def negative():\n"
        "    return [(data()[0][0], 0), (data()[0][0], -1)]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    file = weights(tmp_path, "w.safetensors", BY_COLOUR)
    options = ["evaluate", spec(tmp_path), "--weights", file, "--workers", "0"]
    found = json.loads(run(*options, "--data", "own_numbers:data", "--json").out)
    assert found["confusion"] == [[1, 0, 0], [0, 0, 0], [0, 0, 1]]
    assert found["loss"] == pytest.approx(-np.log(softmax(np.array([1.0, 0.0, 0.0]))[0]))
    several = run(*options, "--data", "own_numbers:data", "--crops", "10")
    assert "it is of finished numbers, of which there is but one view" in several.err
    wrong = run(*options, "--data", "own_numbers:wrong")
    assert (wrong.code, wrong.out) == (1, "")
    assert "a label of the data is 3, of 3 classes" in wrong.err
    wrong = run(*options, "--data", "own_numbers:negative")
    assert (wrong.code, wrong.out) == (1, "")
    assert "a label of the data is -1, of 3 classes" in wrong.err


def test_data_is_looked_at_before_anything_is_compiled(run: Run, tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"no weights")
    words = ["evaluate", spec(tmp_path), "--weights", "w.safetensors", "--data"]
    assert "there is no data at `nowhere`" in run(*words, "nowhere").err
    found = run(*words, folder_of_classes(tmp_path / "data"))
    assert (found.code, found.out) == (1, "")
    assert "w.safetensors" in found.err


@pytest.mark.parametrize("verb", ["evaluate", "predict"])
@pytest.mark.parametrize(
    ("option", "told"),
    [
        (("--engine", "inducter"), "there is no engine `inducter`"),
        (("--device", "banana"), "the device `banana` cannot be used"),
        (("--dtype", "float99"), "no engine computes in `float99`"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_is_prepared(
    run: Run, tmp_path: Path, verb: str, option: tuple[str, str], told: str
) -> None:
    file = weights(tmp_path, "w.safetensors", BY_COLOUR)
    data = folder_of_classes(tmp_path / "data")
    given = ["--data", data] if verb == "evaluate" else [data / "red" / "0.jpg"]
    found = run(verb, spec(tmp_path), "--weights", file, *given, *option)
    assert (found.code, found.out) == (1, "")
    assert told in found.err
    assert "preparing" not in found.err


def test_a_picture_that_is_not_there_is_refused(run: Run, tmp_path: Path) -> None:
    file = weights(tmp_path, "w.safetensors", BY_COLOUR)
    found = run("predict", spec(tmp_path), "--weights", file, "nowhere.jpg")
    assert found.code == 1
    assert "there is no image `nowhere.jpg`" in found.err
    folder = folder_of_classes(tmp_path / "data") / "red"
    found = run("predict", spec(tmp_path), "--weights", file, folder)
    assert f"`{folder}` is a directory, not an image" in found.err
    found = run("predict", spec(tmp_path), "--weights", file, folder / "0.jpeg")
    assert "did you mean `0.jpg`?" in found.err
