"""Tables, tar shards and datasets of others: the same images whatever their form."""

from __future__ import annotations

import csv
import io
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_images import COLOURS, folder_of_classes, jpeg, picture

from inceptgraph.diagnostics import SpecError
from inceptgraph.graph import Graph
from inceptgraph.pipeline import to_graph
from inceptgraph.training import Job, choose
from inceptgraph_train.data import Images, Others
from inceptgraph_train.inputs import open_samples
from inceptgraph_train.loading import Broken, BrokenImages, loader, read_sample
from inceptgraph_train.opening import open_data
from inceptgraph_train.shards import find_shards


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of_classes(tmp_path / "data")


def items(data: Images | Others) -> list[tuple[list[int], int]]:
    """A pixel of each image, and its label."""
    return [(image[:, 0, 0].tolist(), label) for image, label in map(data.__getitem__, range(6))]


def says(where: str | Path) -> str:
    with pytest.raises(SpecError) as caught:
        open_data(where)
    (finding,) = caught.value.diagnostics
    assert finding.code == "IG816"
    return f"{finding.message}; {finding.help}"


# -- tables ----------------------------------------------------------------------------------


def table(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def rows_of(folder: Path) -> list[list[str]]:
    found = sorted(folder.glob("*/*"))
    return [[str(path.relative_to(folder.parent)), path.parent.name] for path in found]


def test_a_table_names_the_same_images(folder: Path) -> None:
    path = table(folder.parent / "all.csv", [["path", "label"], *rows_of(folder)])
    data = open_data(path)
    assert data.classes == ("blue", "green", "red")
    assert items(data) == items(open_data(folder))
    assert data.name(0) == "data/blue/0.jpg"


def test_columns_have_other_names_and_order_and_labels_numbers(folder: Path) -> None:
    rows = [[str(2 - place // 2), "x", name] for place, (name, _) in enumerate(rows_of(folder))]
    data = open_data(table(folder.parent / "all.csv", [["Class", "note", " FileName"], *rows, []]))
    assert (data.classes, data.labels()) == (None, 3)
    assert [label for _, label in items(data)] == [2, 2, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("written", "classes", "read"),
    [
        (["2.0", "0.0", "1."], None, [2, 0, 1]),  # as pandas writes a column that lacks a number
        (["-1", "0", "cat"], ("-1", "0", "cat"), [0, 1, 2]),
        (["007", "+1", "0"], None, [7, 1, 0]),
        (["3-4", "1e3", "nan"], ("1e3", "3-4", "nan"), [1, 0, 2]),
    ],
)
def test_labels_are_numbers_where_all_are(
    tmp_path: Path, written: list[str], classes: tuple[str, ...] | None, read: list[int]
) -> None:
    rows = [[f"{place}.jpg", label] for place, label in enumerate(written)]
    data = open_data(table(tmp_path / "all.csv", [["path", "label"], *rows]))
    assert (data.classes, [each.label for each in data.samples]) == (classes, read)


def test_a_table_in_parquet(folder: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    paths, labels = zip(*rows_of(folder), strict=True)
    path = folder.parent / "all.parquet"
    parquet.write_table(arrow.table({"path": paths, "label": labels}), path)
    assert items(open_data(path)) == items(open_data(folder))
    path.write_bytes(b"no parquet")
    assert says(path).startswith(f"the table `{path}` is no Parquet: ")


def test_parquet_without_pyarrow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    path = folder.parent / "all.parquet"
    path.write_bytes(b"")
    wanted = f"Parquet needs pyarrow: `{path}`; pip install pyarrow, or write the table as CSV"
    assert says(path) == wanted


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([["path", "kind"], ["a.jpg", "cat"]], "has no column `label`; call it label or class or"),
        ([["cat"]], "has no column `path`; call it path or file or filename or image; its first"),
        ([["path", "label"]], "has no rows"),
        ([["path", "label"], ["a.jpg", ""]], "row 1 of the table"),
        (
            [["path", "label"], ["a.jpg", "1"], ["b.jpg", "-1"], ["c.jpg", "0"]],
            "all.csv` has the label -1, which is no class; labels count classes from 0",
        ),
        ([["path", "label"], ["a.jpg", "0.5"]], "has the label 0.5, which is no class"),
        (
            [["path", "label"], ["a.jpg", "cat", "dog"]],
            "3 cells, not 2; put what holds a comma",
        ),
        ([], "has no column `path`"),
    ],
)
def test_a_table_that_is_none_is_refused(rows: list[list[str]], told: str, tmp_path: Path) -> None:
    assert told in says(table(tmp_path / "all.csv", rows))


def test_a_table_of_bytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_bytes(b"\xff\xfe\x00")
    assert "is no CSV" in says(tmp_path / "all.csv")


def test_an_image_that_is_not_there_is_broken(tmp_path: Path) -> None:
    path = table(tmp_path / "all.csv", [["path", "label"], ["nowhere.jpg", "cat"]])
    watch = BrokenImages(skip=True)
    assert list(watch.without(loader(open_data(path)))) == []
    assert watch.found[0] == ("nowhere.jpg", "No such file or directory")


# -- tar shards ------------------------------------------------------------------------------


def shard(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def shards(tmp_path: Path, folder: Path) -> Path:
    """The same images in two shards, with labels of both forms."""
    paths = sorted(folder.glob("*/*"))
    for number, part in enumerate((paths[:4], paths[4:])):
        files: dict[str, bytes] = {"README": b"no sample", "dir/lone.txt": b"no image"}
        for place, path in enumerate(part):
            label = str(4 * number + place >> 1)
            files[f"dir/{place:04}{path.suffix.upper()}"] = path.read_bytes()
            record = f'{{"label": {label}, "other": 1}}'.encode()
            files |= {f"dir/{place:04}.json": record} if number else {}
            files |= {} if number else {f"dir/{place:04}.cls": f"{label}\n".encode()}
        shard(tmp_path / f"train-{number:03}.tar", files)
    return tmp_path


@pytest.mark.parametrize("where", ["", "train-*.tar", "train-{000..001}.tar"])
def test_shards_hold_the_same_images(shards: Path, folder: Path, where: str) -> None:
    data = open_data(shards / where)
    assert (data.classes, data.labels(), len(data)) == (None, 3, 6)
    assert items(data) == items(open_data(folder))
    assert data.name(4) == "train-001.tar/dir/0000.jpg"
    batches = loader(data, batch_size=3, num_workers=1)
    assert [batch.labels.tolist() for batch in batches] == [[0, 0, 1], [1, 2, 2]]


def test_labels_may_be_names(tmp_path: Path) -> None:
    red = jpeg(picture(COLOURS["red"]))
    files = {"a.jpg": red, "a.cls": b"red", "b.x.jpg": red, "b.cls": b"blue", "b.jpg": red}
    data = open_data(shard(tmp_path / "one.tar", files))
    assert (data.classes, [data[i][1] for i in range(2)]) == (("blue", "red"), [1, 0])


def test_what_is_no_shard_is_refused(tmp_path: Path) -> None:
    red = jpeg(picture(COLOURS["red"]))
    assert "has no label; a sample is an image and its label" in says(
        shard(tmp_path / "a.tar", {"a.jpg": red})
    )
    for broken in (b"{", b"[1]", b'{"kind": 1}'):
        assert "has no label" in says(shard(tmp_path / "a.tar", {"a.jpg": red, "a.json": broken}))
    files = {"a.jpg": red, "a.cls": b"-1", "b.jpg": red, "b.cls": b"1"}
    assert "the image `a.tar/a.jpg` has the label -1" in says(shard(tmp_path / "a.tar", files))
    assert "holds no image in its shards" in says(shard(tmp_path / "a.tar", {"a.cls": b"1"}))
    (tmp_path / "a.tar").write_bytes(b"no tar" * 200)
    assert "is no tar that can be read" in says(tmp_path / "a.tar")
    assert "there is no shard" in says(tmp_path / "b-{0..1}.tar")
    assert "there is no data at" in says(tmp_path / "c-*.tar")


def test_a_range_counts_with_zeros_in_front() -> None:
    found = [str(path) for path in find_shards("s/a-{008..011}.tar")]
    assert found == ["s/a-008.tar", "s/a-009.tar", "s/a-010.tar", "s/a-011.tar"]


# -- datasets of others ----------------------------------------------------------------------

MODULE = """
import io
import numpy as np, torch
from PIL import Image

class Own:
    def __init__(self, images, labels=(0, 1), classes=None):
        self.images, self.labels = images, labels
        if classes:
            self.classes = classes
    def __len__(self):
        return len(self.images)
    def __getitem__(self, index):
        return self.images[index], self.labels[index]

def pictures():
    return Own([Image.new("RGB", (4, 3), (9, 8, 7)), Image.new("L", (4, 3), 5)], classes=["a", "b"])

def arrays():
    last = np.zeros((5, 4, 3), np.uint8)
    return Own([last + np.uint8(7), torch.full((3, 3, 4), 6, dtype=torch.uint8)])

def finished():
    return Own([torch.full((1, 32, 32), 0.5)] * 2, (np.int64(3), 12))

class Cut(Own):
    def __getitem__(self, index):
        return Image.open(io.BytesIO(b"nothing")), 0

def cut():
    return Cut([0])

def stream():
    return iter([])

def fails():
    raise ValueError("no disk")

number = 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "own_data.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_data", raising=False)
    return "own_data"


def test_a_dataset_of_pictures_and_of_arrays(module: str) -> None:
    data = open_data(f"{module}:pictures")
    assert (data.classes, data.labels(), len(data)) == (("a", "b"), 2, 2)
    assert [(i.shape, i[:, 0, 0].tolist(), label) for i, label in (data[0], data[1])] == [
        ((3, 3, 4), [9, 8, 7], 0),
        ((3, 3, 4), [5, 5, 5], 1),
    ]
    data = open_data(f"{module}:arrays")
    assert (data.classes, data.labels()) == (None, None)
    assert [(i.shape, i[:, 0, 0].tolist()) for i, _ in (data[0], data[1])] == [
        ((3, 5, 4), [7, 7, 7]),
        ((3, 3, 4), [6, 6, 6]),
    ]
    assert data.name(1) == "own_data:arrays[1]"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("own_data:picture", "`own_data` has no `picture`; did you mean `pictures`?"),
        ("own_data:number", "`own_data:number` cannot be called"),
        ("own_data:fails", "`own_data:fails()` fails: ValueError: no disk"),
        ("own_data:stream", "`own_data:stream` gives a `list_iterator`, which has no `__len__`"),
        ("no_such_package:data", "`no_such_package` cannot be imported: ModuleNotFoundError"),
        ("no such:data", "there is no data at `no such:data`"),
    ],
)
def test_what_gives_no_dataset_is_refused(module: str, name: str, told: str) -> None:
    assert told in says(name)


# -- for a network ---------------------------------------------------------------------------


def opened(graph: Graph, where: str) -> Any:
    """What a training takes there."""
    recipe = choose("modern")
    job = Job(graph=graph, spec="", recipe=recipe, data=where, validation=where, out=Path())
    return open_samples(job, recipe)[1]


def test_finished_numbers_are_passed_on_and_labels_held_to_the_network(module: str) -> None:
    data = opened(to_graph("lenet5"), f"{module}:finished")
    image, label = data[0]
    assert (image.dtype, image[0, 0, 0].item(), label) == (torch.float32, 0.5, 3)
    watch = BrokenImages(skip=True)
    list(watch.without(loader(data)))
    assert watch.found == [("own_data:finished[1]", "its label is 12, of 10 classes")]


def test_what_others_cannot_read_is_a_broken_image(module: str) -> None:
    found = read_sample(open_data(f"{module}:cut"), 0)
    assert isinstance(found, Broken)
    assert found.name == "own_data:cut[0]"
    assert "cannot identify image file" in found.reason


def test_a_network_of_no_images_takes_a_dataset_as_it_is(module: str, folder: Path) -> None:
    graph = to_graph("inception_time")
    assert opened(graph, f"{module}:arrays")[1][0].dtype == torch.uint8
    with pytest.raises(SpecError, match="take a network of one image"):
        opened(graph, str(folder))


def test_labels_number_the_classes_of_the_network(folder: Path) -> None:
    """By their names: the folder has blue, green and red."""
    spec = folder.parent / "net.yaml"
    spec.write_text(
        "name: Net\ninput: {channels: 3, height: 8, width: 8}\nclasses: [red, blue, green]\n"
        "stages: {pool: {op: global_avg_pool}, flat: {op: flatten}, fc: {op: linear, out: 3}}\n"
    )
    data = opened(to_graph(spec), str(folder))
    assert [data[i][1] for i in range(6)] == [1, 1, 2, 2, 0, 0]
    assert data[0][0].shape == (3, 8, 8)
    assert np.allclose(data[1][0][:, 0, 0], np.array(COLOURS["blue"]) / 255)
