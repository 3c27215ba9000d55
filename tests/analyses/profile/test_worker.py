"""A task measures the same in its own process and in children; vectors stand in the rows of their images."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from dataeval_spark.analyses.profile import worker
from dataeval_spark.analyses.profile.options import measures_of, version_of_encoder
from dataeval_spark.analyses.profile.worker import Task
from dataeval_spark.kernels.encoders.thumbnail import Thumbnail
from dataeval_spark.options import ProfileOptions
from dataeval_spark.tables.arrow import with_validity_of_parents


def png(seed, height=20, width=30):
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def row(name, content):
    box = {"target_index": 0, "box": {"x0": 1.0, "y0": 2.0, "x1": 12.0, "y1": 14.0}}
    unknown = {"uri": None, "file_hash": None, "content_length": len(content)}
    return {"image_id": name, "content": content, "boxes": [box], "fingerprint": "f", **unknown}


FILES = [png(seed) for seed in range(70)]
FILES[40] = b"no image"
FILES[41] = png(41, 40, 60)


def measured(*, is_own, files=FILES, **values):
    options = ProfileOptions(encoder="thumbnail", per_target=True, **values)
    given = {"measures": measures_of(options), "encoder_version": version_of_encoder(options)}
    rows = (row(f"{number:02}", data) for number, data in enumerate(files))
    batches = list(worker.measure_rows(rows, Task(may_end=is_own, children=1), options=options, **given))
    return [each for batch in batches for each in with_validity_of_parents(batch).to_pylist()]


def test_children_measure_what_this_process_does():
    own, other = (measured(is_own=is_own) for is_own in (True, False))

    assert len(own) == 139
    assert own == other


def test_a_vector_is_that_of_its_image_or_box():
    rows = measured(is_own=False)
    encoder = Thumbnail()
    pixels = np.asarray(Image.open(io.BytesIO(FILES[50])))

    (whole, box) = (each for each in rows if each["image_id"] == "50")

    assert np.array_equal(whole["embedding"], encoder.embed([encoder.prepare(pixels)])[0])
    assert np.array_equal(box["embedding"], encoder.embed([encoder.prepare(pixels[2:14, 1:12])])[0])
    assert [each["image_id"] for each in rows if each["embedding"] is None] == ["40"]


@pytest.mark.parametrize("is_own", [True, False])
def test_without_images_there_are_no_rows(is_own):
    assert measured(is_own=is_own, files=[]) == []


def test_an_image_too_large_for_a_process_without_limits_is_measured_in_a_child(monkeypatch):
    expected = measured(is_own=False)
    calls = []
    real = worker._in_children
    monkeypatch.setattr(worker, "_in_children", lambda lists, *rest: calls.extend(lists) or real(lists, *rest))
    monkeypatch.setattr("dataeval_spark.analyses.profile.measuring.BYTES_PER_PIXEL", 2 * 2**30 // 1000)

    rows = measured(is_own=True)

    assert [item[0]["image_id"] for items in calls for item in items] == ["41"]
    assert rows == expected


def test_an_image_beyond_the_limit_of_the_options_is_unreadable():
    for is_own in (True, False):
        rows = measured(is_own=is_own, files=FILES[41:43], max_pixels=1000)

        assert rows[0]["error"]["message"] == "60 x 40 pixels; the limit is 1000 (max_pixels)"


def test_the_work_of_a_task_needs_no_spark():
    program = (
        "import sys; sys.modules['pyspark'] = None; sys.modules['pysail'] = None\n"
        "from tests.analyses.profile.test_worker import measured\n"
        "print(len(measured(is_own=False)), len(measured(is_own=True)))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)

    assert done.stdout.split() == ["139", "139"], done.stderr
