"""Labels in a report: a sentence on all classes, a row of each, and examples with all their boxes."""

from __future__ import annotations

import pytest

from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.tables.profile import UNREADABLE_IMAGES
from dataeval_spark.verbs.report import Box, ReportData, Thumbnail, collect_report_data
from dataeval_spark.verbs.report.section import Picture
from dataeval_spark.verbs.report.sections.labels import example_images, labels
from tests.verbs.report.literals import reader

EXAMPLE = {"class_name": "dog", "labels": 3, "image_a": "a", "image_b": "a"}


def row(name, count, **more):
    given = {"class_name": name, "label_count": count, "image_count": 4, "label_share": 0.5, "labels_per_image": 1.5}
    return {**given, "max_labels_per_image": 2, **more}


@pytest.mark.parametrize(
    ("ratio", "bare", "summary"),
    [
        (
            5.0,
            0,
            "; the most frequent class has 5 times as many labels as the rarest.",
        ),
        (1.0, 1, "; all classes are equally frequent; 1 image without any label."),
        (None, 0, "."),
    ],
)
def test_a_sentence_tells_how_even_the_classes_are(ratio, bare, summary):
    whole = row(None, 6, class_count=2, imbalance_ratio=ratio, images_without_labels=bare)

    content = labels(ReportData(rows={"labels": [whole, row("dog", 5), row("cat", 1)]}))

    assert content["summary"] == f"6 labels of 2 classes in 4 images{summary}"
    assert [[cell.text for cell in cells[:3]] for cells in content["tables"][0].rows] == [
        ["dog", "5", "50.0 %"],
        ["cat", "1", "50.0 %"],
    ]


def test_one_class_is_not_praised_as_even():
    whole = row(None, 101, class_count=1, imbalance_ratio=1.0, images_without_labels=0)
    content = labels(ReportData(rows={"labels": [whole, row("cat", 101)]}))
    assert content["summary"] == "101 labels of 1 class in 4 images; with one class no label can be doubted."


def test_an_example_is_shown_once_with_all_its_boxes_and_their_classes():
    boxes = {"a": (Box(0, "dog", 1, 1, 5, 5), Box(1, "dog", 6, 6, 9, 9), Box(2, "cat", 2, 2, 4, 4))}
    pictures = {"a": Thumbnail(b"png", "image/png", 80, 60, 80, 60)}

    content = labels(ReportData(rows={"label_examples": [EXAMPLE]}, thumbnails=pictures, boxes=boxes))

    (card,) = content["cards"]
    assert (card.badge, card.lines, len(card.marks)) == ("dog", ("2 × dog and cat",), 3)


def test_a_file_that_cannot_be_read_is_no_example_of_a_class(spark):
    truncated = [f"truncated{at}" for at in range(20)]
    names = ["a", "b", *truncated]
    broken = [{"image_id": name, "stage": "decode", "error_class": "E", "message": "m"} for name in truncated]
    rows = {
        IMAGES: [{"image_id": name} for name in names],
        TARGETS: [{"image_id": name, "target_index": 0, "class_name": "dog"} for name in names],
        # An encoder that failed says nothing about the file.
        UNREADABLE_IMAGES: [*broken, {"image_id": "b", "stage": "encode", "error_class": "E", "message": "m"}],
    }

    (example,) = collect_report_data(reader(spark, rows)).rows_of("label_examples")

    assert {example["image_a"], example["image_b"]} == {"a", "b"}


def test_pictures_of_examples_are_made_with_all_boxes():
    assert list(example_images({"label_examples": [{**EXAMPLE, "image_b": "b"}]})) == [
        Picture("a", all_boxes=True),
        Picture("b", all_boxes=True),
    ]
