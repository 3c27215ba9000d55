"""Normalization: the moments of all pixels put together, whatever image they are in."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.analyses.profile.normalization import normalization
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.images import IMAGES
from dataeval_spark.tables.profile import CHANNEL_STATS, NORMALIZATION
from tests.analyses.profile.rows import image_stats

RANDOM = np.random.default_rng(0)
# Name, split, bit depth, pixels of (height, width, channels) in the range of that depth.
PICTURES = [
    ("a", "train", 8, RANDOM.integers(0, 256, (4, 6, 3))),
    ("b", "train", 8, RANDOM.integers(0, 100, (10, 3, 3))),
    ("c", "test", 12, RANDOM.integers(0, 4096, (4, 6, 3))),
    ("gray", None, 8, RANDOM.integers(0, 256, (5, 5, 1))),
    ("signed", "train", None, RANDOM.integers(-9, 9, (5, 5, 1))),
]


@pytest.fixture(scope="module")
def inputs(frame):
    stats, channels, images = [], [], []
    for name, split, depth, pixels in PICTURES:
        height, width, bands = pixels.shape
        size = {"width": float(width), "height": float(height), "channels": bands, "bit_depth": depth}
        stats.append({"image_id": name, **size})
        stats.append({"image_id": name, "target_index": 0, **size})  # a box is no part of it
        images.append((name, None, None, None, None, "h", None, split, "d", "s", None, "r"))
        for target in (None, 0):
            for band in range(bands):
                values = pixels[:, :, band].astype(float)
                row = {"image_id": name, "target_index": target, "channel": band, "mean": float(values.mean())}
                channels.append(row | {"var": float(values.var()), "missing": 0.0, "fingerprint": "f", "run_id": "r"})
    rows = [tuple(row.get(column) for column in CHANNEL_STATS.column_names) for row in channels]
    return frame(CHANNEL_STATS, rows), image_stats(frame, stats), frame(IMAGES, images)


@pytest.fixture(scope="module")
def found(inputs):
    return {(row["split"], row["colors"], row["channel"]): row for row in normalization(*inputs).collect()}


def pixels_of(names, band):
    pictures = [(p, depth) for name, _, depth, p in PICTURES if name in names]
    return np.concatenate([(p[:, :, min(band, p.shape[2] - 1)] / (2**depth - 1)).ravel() for p, depth in pictures])


@pytest.mark.parametrize("band", [0, 1, 2])
@pytest.mark.parametrize(
    ("split", "colors", "names"),
    [
        (None, "color", "abc"),
        ("train", "color", "ab"),
        ("test", "color", "c"),
        (None, "all as color", ("a", "b", "c", "gray")),
    ],
)
def test_mean_and_deviation_are_those_of_all_pixels(found, split, colors, names, band):
    row, pixels = found[split, colors, band], pixels_of(names, band)

    assert row["mean"] == pytest.approx(pixels.mean(), rel=1e-12)
    assert row["std"] == pytest.approx(pixels.std(), rel=1e-12)
    assert (row["image_count"], row["pixel_count"]) == (len(names), len(pixels))


def test_images_of_unknown_range_are_counted_and_left_out(found):
    row = found["train", "gray", 0]

    assert (row["unknown_range_count"], row["image_count"], row["pixel_count"], row["mean"]) == (1, 0, 0, None)
    assert found[None, "gray", 0]["mean"] == pytest.approx((PICTURES[3][3] / 255).mean(), rel=1e-12)


def test_common_sizes_come_with_the_most_common_first(found):
    sizes = [tuple(size) for size in found[None, "color", 1]["common_sizes"]]

    assert sizes == [(6, 4, 2), (3, 10, 1)]


def test_the_columns_are_those_of_the_contract(inputs):
    expected = [(c.name, c.type.replace(": ", ":").replace(", ", ",")) for c in NORMALIZATION.result_columns]

    assert normalization(*inputs).dtypes == expected


def test_the_partitions_do_not_matter(inputs, found):
    channels, stats, images = (frame.repartition(7) for frame in inputs)

    for row in normalization(channels, stats, images).collect():
        expected = found[row["split"], row["colors"], row["channel"]]
        assert row["common_sizes"] == expected["common_sizes"]
        for name in ("mean", "std"):
            assert row[name] == (expected[name] and pytest.approx(expected[name], rel=1e-12))


def test_the_range_that_was_declared_to_the_profile_is_declared_here_too(inputs):
    rows = normalization(*inputs, value_range=[-10, 10]).where("split IS NULL AND colors = 'gray'").collect()
    gray, signed = PICTURES[3][3] / 255, (PICTURES[4][3] + 10) / 20
    pixels = np.concatenate([gray.ravel(), signed.ravel()])

    assert (rows[0]["image_count"], rows[0]["unknown_range_count"]) == (2, 0)
    assert (rows[0]["mean"], rows[0]["std"]) == (pytest.approx(pixels.mean()), pytest.approx(pixels.std()))


def test_a_range_is_two_numbers(inputs):
    with pytest.raises(OptionError, match=r"normalization\.value_range is \[5, 1\]"):
        normalization(*inputs, value_range=[5, 1])


@pytest.mark.parametrize(("mean", "var"), [(1e305, None), (3.4e35, 1e73), (-1e305, None), (0.5, None)])
def test_an_image_with_no_data_values_beyond_the_range_is_counted_and_spoils_nothing(frame, mean, var):
    size = {"width": 2.0, "height": 2.0, "channels": 1}
    stats = image_stats(frame, [{"image_id": name, **size} for name in ("good", "no data")])
    rows = [
        {"image_id": name, "channel": 0, "mean": m, "var": v, "missing": 0.0, "fingerprint": "f", "run_id": "r"}
        for name, m, v in (("good", 0.25, 0.01), ("no data", mean, var))
    ]
    channels = frame(CHANNEL_STATS, [tuple(row.get(column) for column in CHANNEL_STATS.column_names) for row in rows])
    images = frame(
        IMAGES, [(n, None, None, None, None, "h", None, None, "d", "s", None, "r") for n in ("good", "no data")]
    )

    (found,) = normalization(channels, stats, images, value_range=[0.0, 1.0]).where("colors = 'gray'").collect()

    assert (found["image_count"], found["unknown_range_count"], found["pixel_count"]) == (1, 1, 4)
    assert (found["mean"], found["std"]) == (pytest.approx(0.25), pytest.approx(0.1))
