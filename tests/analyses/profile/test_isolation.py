"""An image whose decoding kills or stops the worker is a row, and the job goes on."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from dataeval_spark.analyses.profile.profile import fingerprints, profile, profiled_images, tables_of
from dataeval_spark.options import ProfileOptions
from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.tables.profile import IMAGE_STATS, UNREADABLE_IMAGES

OPTIONS = ProfileOptions(
    statistics=("tests.analyses.profile.misbehaving_statistics:act",), image_timeout=6.0, image_memory=64 * 2**20
)
SHADES = {"dark": 10, "crashes": 66, "eats": 5, "hangs": 77, "light": 200}
SIDES = {"eats": (13_000, 13_000)}  # a file of 200 kB that needs over 160 MB at once


def png(name):
    file = io.BytesIO()
    Image.new("L", SIDES.get(name, (16, 12)), SHADES[name]).save(file, "PNG")
    return bytearray(file.getvalue())


@pytest.fixture(scope="module")
def tables(frame, request):
    if request.config.getoption("--spark") == "connect":
        pytest.skip("the Connect server of the tests tries a task once")
    rows = [(name, None, png(name), None, None, "h", None, None, "d", "s", None, "r") for name in SHADES]
    images = frame(IMAGES, rows)
    wanted = fingerprints(images, frame(TARGETS, []), OPTIONS)
    pending = wanted.join(images.select("image_id", "content"), on="image_id", how="left")
    staged = profile(pending.coalesce(1), OPTIONS).localCheckpoint()
    return tables_of(staged, OPTIONS, ["custom_act"])


def test_images_that_crash_or_hang_are_unreadable_and_the_others_of_their_task_are_measured(tables):
    lost = {row["image_id"]: tuple(row)[1:4] for row in tables[UNREADABLE_IMAGES].collect()}
    measured = {row["image_id"]: row["mean"] for row in tables[IMAGE_STATS].collect()}

    assert lost == {
        "crashes": ("decode", "DecoderCrashed", "the decoder died of SIGSEGV"),
        "eats": ("decode", "MemoryLimit", "more than 64 MB are needed (image_memory)"),
        "hangs": ("decode", "DecoderTimeout", "not decoded and measured in 6 s (image_timeout)"),
    }
    assert measured == {"dark": 10.0, "light": 200.0}


def test_a_timeout_is_tried_again_with_another_limit_and_not_with_the_same(tables):
    def names(**options):
        asked = ProfileOptions(**{"statistics": OPTIONS.statistics, "image_memory": OPTIONS.image_memory} | options)
        return {row["image_id"] for row in profiled_images(tables, asked).collect()}

    assert names(image_timeout=6.0) == set(SHADES)
    assert names(image_timeout=60.0) == set(SHADES) - {"hangs"}
