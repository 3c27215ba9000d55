"""Where factors come from: boxes, statistics, metadata of images and targets, and times."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dataeval_spark.analyses.bias.factor_bins import factor_bins
from dataeval_spark.tables.images import TARGETS
from dataeval_spark.tables.profile import IMAGE_STATS
from tests.analyses.bias.rows import by_factor, image_labels, images, table
from tests.analyses.profile.rows import image_stats


@pytest.fixture(scope="module")
def boxes(frame):
    """Two images of 100 x 50 with three boxes, and metadata of image and box."""
    box = [(0.0, 0.0, 10.0, 5.0), (20.0, 10.0, 60.0, 30.0), (0.0, 0.0, 10.0, 10.0)]
    targets = [
        {"image_id": name, "target_index": index, "class_name": "cat", "box": box[row]}
        for row, (name, index) in enumerate([("a", 1), ("a", 2), ("b", 0)])
    ]
    stats = [{"image_id": name, "fingerprint": "f", "width": 100.0, "height": 50.0, "mean": 7.0} for name in "ab"]
    factors = frame(
        "image_id string, target_index int, weather string, pose string, run_id string",
        [("a", None, "sun", "left", "r"), ("b", None, "rain", None, "r"), ("a", 2, None, "right", "r")],
    )
    return {
        "targets": table(frame, TARGETS, targets),
        "images": images(frame, ["a", "b"]),
        "image_stats": table(frame, IMAGE_STATS, stats),
        "factors": factors,
    }


def test_boxes_give_sizes_and_places_and_images_their_statistics(boxes):
    binned, _, _ = factor_bins(**boxes, rules={"box_width": "discrete"})
    numbers = {(row.image_id, row.target_index): row.numbers for row in binned.collect()}

    assert numbers["a", 2] == {
        "box_width": 40.0,
        "box_height": 20.0,
        "box_area": 800.0,
        "box_aspect_ratio": 2.0,
        "box_area_share": 0.16,
        "box_center_x": 0.4,
        "box_center_y": 0.4,
        "objects_per_image": 2.0,
    }
    assert numbers["b", 0]["objects_per_image"] == 1.0


def test_a_factor_of_the_image_counts_once_per_image_and_one_of_the_target_once_per_target(boxes):
    _, edges, _ = factor_bins(
        **boxes, sources=["metadata", "objects", "boxes"], include=["weather", "pose", "box_area"]
    )

    assert by_factor(edges) == {
        "weather": {"rain": 1, "sun": 1, "missing": 0},
        "pose": {"left": 1, "right": 1, "missing": 1},
        "box_area": {"50": 1, "100": 1, "800": 1, "missing": 0},
    }


def test_times_are_read_in_the_zone_that_is_given(frame):
    captured = [datetime(2024, month, 2, 23, 30, tzinfo=UTC) for month in (1, 3, 6, 9, 12, 12, 1)]
    timed = image_labels(frame, dict.fromkeys("abcdef", "cat")), images(frame, "abcdefg", captured_at=captured)

    _, edges, _ = factor_bins(*timed, sources=["time"], timezone="Europe/Berlin", include=["hour", "weekday", "season"])

    # 23:30 in London is half past midnight in Berlin, and half past one in summer.
    assert by_factor(edges) == {
        "hour": {"0": 5, "1": 2, "missing": 0},
        "weekday": {"Monday": 1, "Sunday": 1, "Tuesday": 3, "Wednesday": 2, "missing": 0},
        "season": {"autumn": 1, "spring": 1, "summer": 1, "winter": 4, "missing": 0},
    }


def test_a_time_that_the_source_does_not_give_is_that_of_the_file(frame):
    times = [datetime(2024, 7, 1, 5, tzinfo=UTC), datetime(2024, 7, 1, 17, tzinfo=UTC)]
    given = images(frame, "ab", captured_at=[times[0], None])
    stats = image_stats(frame, [{"image_id": i, "captured_at": times[1]} for i in "ab"])

    _, edges, _ = factor_bins(
        image_labels(frame, dict.fromkeys("abcdef", "cat")), given, stats, sources=["time"], include=["hour"]
    )

    assert by_factor(edges) == {"hour": {"5": 1, "17": 1, "missing": 0}}
