from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from dataeval_spark.verbs.report import charts
from tests.verbs.report.literals import HOSTILE, IMAGE, MATH, SCRIPT


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("text")]


def test_labels_are_text_and_never_mathematics() -> None:
    assert texts(charts.bars("c", "x", ["$a^2$", "b & <c>"], [3, 2])) == ["$a^2$", "b & <c>", "3", "2"]


@pytest.mark.parametrize("name", HOSTILE, ids=["script", "image", "math", "bidi", "long"])
def test_a_hostile_label_adds_no_element(name: str) -> None:
    svg = charts.bars("c", name, [name], [1])
    assert {element.tag for element in ElementTree.fromstring(svg).iter()} == {
        element.tag for element in ElementTree.fromstring(charts.bars("c", "a", ["a"], [1])).iter()
    }


def test_a_chart_names_nothing_outside_itself() -> None:
    for svg in (charts.histogram("c", SCRIPT, 0, 1, [1, 2]), charts.bars("c", IMAGE, [MATH], [1])):
        assert "http" not in svg
        assert "<style" not in svg
        assert set(re.findall(r'(?:href="|url\()(#[^")]+)', svg)) == {
            f"#{i}" for i in re.findall(r' id="([^"]+)"', svg)
        }


def test_sizes_of_files_have_few_ticks_because_they_are_long_words() -> None:
    svg = charts.histogram("c", "x", 720, 1100, [1, 2, 3], unit="bytes")
    assert [text for text in texts(svg) if "b" in text.lower()] == ["750 bytes", "900 bytes", "1.05 kB"]


def test_two_charts_share_no_id() -> None:
    first, second = (set(re.findall(r' id="([^"]+)"', charts.histogram(i, "x", 0, 1, [1, 2]))) for i in ("a", "b"))
    assert first
    assert not first & second


def test_colours_are_those_of_the_page() -> None:
    svg = charts.overlay("c", "x", 0, 1, [1, 2], [2, 1], unit="")
    assert set(re.findall(r"(?:fill|stroke): ([^;\"]+)", svg)) <= {
        "none", "var(--ink)", "var(--muted)", "var(--line)", "var(--chart-1)", "var(--chart-2)",
    }  # fmt: skip


def test_each_group_of_points_is_numbered_in_its_middle() -> None:
    places = np.array([[0, 0], [1, 1], [4, 4], [9, 0]], np.float64)
    svg = charts.scatter("c", "x", places, [0, 0, 7, -1], [0, 1, 1, -1])
    numbers = [element.text for element in ElementTree.fromstring(svg).iter("text") if element.text in {"0", "7", "-1"}]
    assert numbers.count("7") == 1
    assert "-1" not in numbers
    assert set(re.findall(r"fill: ([^;\"]+)", svg)) >= {"var(--hue-0)", "var(--hue-1)", "var(--muted)"}
    assert "var(--hue-2)" not in svg
    assert svg == charts.scatter("c", "x", places, [0, 0, 7, -1], [0, 1, 1, -1])
    assert set(re.findall(r'(?:href="|url\()(#[^")]+)', svg)) == {f"#{i}" for i in re.findall(r' id="([^"]+)"', svg)}


def test_the_same_data_give_the_same_chart() -> None:
    assert charts.histogram("c", "x", 0, 1, [1, 2]) == charts.histogram("c", "x", 0, 1, [1, 2])


def test_a_chart_of_nothing_is_still_a_chart() -> None:
    assert charts.overlay("c", "x", 0, 1, [0, 0], [0, 0], unit="bytes").startswith("<svg")
    assert charts.bars("c", "x", [], []).startswith("<svg")
