"""The picture of a run, read back from its SVG."""

from __future__ import annotations

import math
from typing import Any
from xml.etree import ElementTree

import pytest

from inceptgraph_train.curves import draw

pytestmark = pytest.mark.fast

Points = list[tuple[float, float]]


class Picture:
    """What an SVG shows."""

    def __init__(self, svg: str) -> None:
        root = ElementTree.fromstring(svg)
        self.width, self.height = map(float, root.attrib["viewBox"].split()[2:])
        found = [(each.tag.rpartition("}")[2], each) for each in root.iter()]
        self.texts = [(each, "".join(each.itertext())) for tag, each in found if tag == "text"]
        self.lines = [each for tag, each in found if tag == "polyline"]
        self.dots = [each for tag, each in found if tag == "circle"]

    def points(self, line: int) -> Points:
        words = self.lines[line].attrib["points"].split()
        return [(float(x), float(y)) for x, y in (word.split(",") for word in words)]

    @property
    def said(self) -> list[str]:
        return [text for _, text in self.texts]


def steps(values: list[float], top1: float | None = None, **others: float) -> list[dict[str, Any]]:
    """Records of a loss that has these values."""
    return [
        {"epoch": place / 10, "losses": {"logits": value, **others}, "top1": top1}
        for place, value in enumerate(values)
    ]


def test_a_line_of_one_point_is_seen() -> None:
    assert len(Picture(draw(steps([2.0], 0.5), "One")).dots) == 2
    assert not Picture(draw(steps([2.0, 1.0]), "Two")).dots


def test_a_huge_first_loss_leaves_the_others_apart() -> None:
    losses = [9000.0, *(2 - place / 50 for place in range(99))]
    picture = Picture(draw(steps(losses), "Huge"))
    ys = [y for _, y in picture.points(0)]
    assert max(ys) - min(ys[1:]) > 100  # of the 240 that there are
    assert picture.said[0] == "loss, cut off: it goes up to 9,000"
    assert Picture(draw(steps(losses[1:]), "Usual")).said[0] == "loss"


def test_a_validation_that_is_far_above_is_not_cut_off() -> None:
    records = steps([0.5] * 200)
    records += [{"epoch": each, "validation": {"losses": {"logits": 9.0}}} for each in (10, 20)]
    assert Picture(draw(records, "Overfitted")).said[0] == "loss"


def test_what_is_no_number_is_left_out() -> None:
    svg = draw(steps([2.0, math.nan, 1.0, math.inf]), "Nan")
    assert "nan" not in svg
    assert len(Picture(svg).points(0)) == 2


def test_a_loss_below_zero_is_inside() -> None:
    picture = Picture(draw(steps([1.0, 0.0, -1.4]), "Negative"))
    ys = [y for _, y in picture.points(0)]
    assert ys == sorted(ys)
    assert "-1.5" in picture.said
    assert max(ys) < picture.height - 30


def test_validation_has_the_colour_of_its_loss_in_dashes() -> None:
    records = [*steps([2.0, 1.0], aux=3.0)]
    records += [{"epoch": 1, "validation": {"losses": {"logits": 1.0}, "top1": None}}]
    own, aux, validation = (each.attrib for each in Picture(draw(records, "Two")).lines)
    assert own["stroke"] == validation["stroke"] != aux["stroke"]
    assert ("stroke-dasharray" in own, "stroke-dasharray" in validation) == (False, True)


def test_many_long_names_stay_in_the_picture_and_beside_their_panel() -> None:
    names = {f"a_head_of_a_rather_long_name_{place:02}": 1.0 for place in range(20)}
    picture = Picture(draw(steps([1.0, 0.5], 0.5, **names), "Many & long"))
    rows = [float(each.attrib["y"]) for each, text in picture.texts if text in names]
    assert len(set(rows)) == len(names)
    below = next(float(each.attrib["y"]) for each, text in picture.texts if text == "top-1")
    assert max(rows) < below
    letters = max(float(each.attrib["x"]) + 6 * len(text) for each, text in picture.texts[-22:])
    assert letters <= picture.width


def test_axes_have_round_numbers() -> None:
    said = Picture(draw(steps([7.73, 3.1, 1.0], 0.25), "Round")).said
    assert [text for text in said if text.endswith("%")] == [
        "0%",
        "20%",
        "40%",
        "60%",
        "80%",
        "100%",
    ]
    assert said[1:6] == ["0", "2", "4", "6", "8"]


def test_nothing_yet_is_an_empty_panel() -> None:
    assert Picture(draw([], "Empty")).lines == []
