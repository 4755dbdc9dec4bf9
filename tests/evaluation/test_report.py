"""What is told of many classes: the worst of them, top-5, and a picture without numbers."""

from __future__ import annotations

import csv
import io

import numpy as np

from inceptgraph.cli.evaluation_table import as_text
from inceptgraph.evaluation import FEW, Details, Errors, Model, Report, Row, draw
from inceptgraph.pipeline import to_graph

CLASSES = 70
LABELS = [f"c{index}" for index in range(CLASSES)]


def report() -> Report:
    """Of each class two images: those of the first 40 are taken for the next class at times, the
    likelier the smaller its number; class 69 has no image."""
    model = Model("net", to_graph("lenet5", set={"classes": CLASSES}))
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(CLASSES - 1), 2)
    shares = random.dirichlet(np.ones(CLASSES), size=len(labels)) / 2
    wrong = (labels < 40) & (np.arange(len(labels)) % 2 == 0)
    shares[np.arange(len(labels)), np.where(wrong, labels + 1, labels)] += 0.5
    rows, details = [], Details(np.zeros((CLASSES, CLASSES), np.int64))
    for crops, part in ((1, shares), (10, shares[:, ::-1]), (144, shares)):
        errors = Errors()
        errors.add(part, labels)
        rows.append(Row(1, crops, errors))
    details.add(np.arange(len(labels)), shares, labels)
    return Report([model], "there", "image {}".format, LABELS, 3, rows, "net", details)


def test_of_many_classes_the_worst_are_told() -> None:
    head, ways, classes = as_text(report()).split("\n\n")
    assert head.splitlines()[1:3] == [
        "138 images of 70 classes, there, 144 views of each",
        "left out, since they cannot be read: 3",
    ]
    assert head.splitlines()[3].startswith("top-1 71.01%, top-5 ")  # 98 of 138
    assert [line.split()[:3] for line in ways.splitlines()[2:]] == [
        ["1", "1", "1"],
        ["1", "10", "10"],
        ["1", "144", "144"],
    ]
    assert "top-5" in ways
    lines = classes.splitlines()[1:]  # the heading has two
    assert len(lines) == 1 + 30 + 1
    assert lines[1].split() == ["c0", "2", "50.0%", "100.0%", "c1", "(1)"]
    assert lines[-1] == "the 30 of the lowest recall; --json has all"


def test_a_class_without_images_has_no_recall() -> None:
    told = report().as_dict()
    assert told["classes"][-1] == {
        "index": 69,
        "label": "c69",
        "images": 0,
        "recall": None,
        "precision": None,
    }
    assert told["top1"] == 98 / 138
    assert [way["top5_error"] is None for way in told["ways"]] == [False] * 3


def test_predictions_are_five_of_each_image() -> None:
    rows = list(csv.DictReader(io.StringIO(report().predictions())))
    assert len(rows) == 138
    assert list(rows[0]) == [
        *("image", "label"),
        *(f"{what}_{i}" for i in range(1, FEW + 1) for what in ("class", "probability")),
    ]
    assert (rows[0]["image"], rows[0]["label"], rows[0]["class_1"]) == ("image 0", "c0", "c1")
    shares = [float(rows[0][f"probability_{i}"]) for i in range(1, FEW + 1)]
    assert shares == sorted(shares, reverse=True)


def test_a_picture_is_drawn_in_each_format() -> None:
    begins = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}
    assert all(draw(report(), format).startswith(start) for format, start in begins.items())
    assert draw(report(), "svg") == draw(report(), "svg")  # no date, and no name by chance
