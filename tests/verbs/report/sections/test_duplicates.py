"""Duplicates in a report: where copies differ, and how good a threshold is."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from dataeval_spark.verbs.report import ReportData, Thumbnail, render_report
from dataeval_spark.verbs.report.sections.duplicates import GAIN, difference_of, duplicates
from tests.verbs.report.literals import provenance


def thumbnail(pixels):
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    height, width = pixels.shape[:2]
    return Thumbnail(file.getvalue(), "image/png", width, height, width, height)


def picture(source):
    with Image.open(BytesIO(base64.b64decode(source.partition(",")[2]))) as image:
        return np.asarray(image)


def test_differences_are_shown_brighter_where_they_are_larger():
    kept = np.full((8, 10, 3), 100, np.uint8)
    other = kept.copy()
    other[0, 0, 1] += 5
    other[7, 9] = 255

    source, mean = difference_of(thumbnail(kept), thumbnail(other))

    shown = picture(source)
    assert (shown[0, 0], shown[7, 9], np.count_nonzero(shown)) == (5 * GAIN, 255, 2)
    assert mean == pytest.approx((5 + 3 * 155) / (8 * 10 * 3))


def test_pictures_of_other_size_and_mode_are_compared_at_the_size_of_the_copy():
    kept, other = np.full((20, 20), 50, np.uint8), np.full((5, 10, 3), 50, np.uint8)

    source, mean = difference_of(thumbnail(kept), thumbnail(other))

    assert picture(source).shape == (5, 10)
    assert mean == 0.0


def test_without_a_picture_there_is_no_difference():
    assert difference_of(Thumbnail(None, reason="broken"), thumbnail(np.zeros((4, 4), np.uint8))) is None


def row(image_id, *, is_kept, target_index=None):
    given = {"group_id": "g", "kinds": ["phash"], "reason": "r", "group_size": 2, "spans_splits": False}
    return {**given, "image_id": image_id, "is_kept": is_kept, "target_index": target_index}


def test_each_copy_but_no_box_shows_its_difference_from_the_kept_image():
    pictures = {name: thumbnail(np.full((4, 4), value, np.uint8)) for name, value in (("a", 10), ("b", 12))}
    rows = [row("a", is_kept=True), row("b", is_kept=False)]
    boxes = [row("a", is_kept=True, target_index=0), row("b", is_kept=False, target_index=1)]

    ((whole,), (boxed,)) = (
        duplicates(ReportData(rows={"duplicates": found}, thumbnails=pictures))["groups"] for found in (rows, boxes)
    )

    kept, copy = whole["cards"]
    assert kept.difference == ""
    assert copy.difference.startswith("data:image/png;base64,")
    assert copy.lines[-1] == "mean difference 2 of 255"
    assert [card.difference for card in boxed["cards"]] == ["", ""]


def test_judged_pairs_give_a_chart_per_kind():
    def evaluated(kind, threshold, precision):
        ends = {f"{name}{end}": precision for name in ("precision", "recall") for end in ("_lower", "", "_upper")}
        return {"kind": kind, "threshold": threshold, "true_pairs": 39, **ends}

    rows = [evaluated("dhash", 0.0, 0.5), evaluated("phash", 0.0, None), evaluated("phash", 2.0, 0.25)]

    figures = duplicates(ReportData(rows={"duplicate_evaluation": rows}))["figures"]

    assert [figure["title"] for figure in figures] == ["Dhash", "Phash"]
    assert figures[0]["detail"].startswith("39 judged pairs")
    assert figures[0]["chart"].startswith("<svg")


def test_what_was_left_out_is_said_with_the_groups():
    told = [
        {
            "step": "duplicates",
            "message": "8 images are flat, or so smooth that noise decides their perceptual hashes.",
        },
        {"step": "clusters", "message": "of another step"},
    ]

    rows = {"duplicates": [], "dataset_findings": told}
    content = duplicates(ReportData(rows=rows))

    assert content["told"] == [
        told[0]["message"],
        "Not tested: near duplicates by embeddings. They need profile --encoder, then analyze.",
        "Not tested: duplicates across splits. They need two splits: ingest --split, or a folder of each.",
    ]
    counts = [{"measure": measure, "item": "", "value": 2} for measure in ("embedded_images", "splits")]
    assert duplicates(ReportData(rows={**rows, "overview": counts}))["told"] == [told[0]["message"]]


def test_twelve_groups_of_six_are_shown_leaks_first_then_the_largest(data: ReportData) -> None:
    groups = list(dict.fromkeys(row["group_id"] for row in data.rows_of("duplicates")))
    assert groups == ["g02", *(f"g{size:02}" for size in range(15, 4, -1))]
    largest = [row for row in data.rows_of("duplicates") if row["group_id"] == "g15"]
    assert [row["image_id"] for row in largest] == ["g15-14", *(f"g15-{member:02}" for member in range(5))]
    assert largest[0]["is_kept"]


def test_the_page_says_how_many_groups_and_members_are_shown(data: ReportData) -> None:
    html = render_report(data, provenance())
    assert "12 of 14 groups shown" in html
    assert "6 of 15 images shown" in html
