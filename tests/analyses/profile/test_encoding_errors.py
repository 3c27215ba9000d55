"""An image that an encoder cannot take is measured, and a row says why it has no vector; other encoders try it."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.analyses.profile import profile, worker
from dataeval_spark.analyses.profile.options import measures_of, version_of_encoder
from dataeval_spark.analyses.profile.worker import Task, measure_rows
from dataeval_spark.kernels.encoders.preprocessing import MOST_RESIZED, Preprocessing
from dataeval_spark.options import ProfileOptions
from dataeval_spark.tables.profile import CHANNEL_STATS, EMBEDDINGS, HASHES, IMAGE_STATS, UNREADABLE_IMAGES


class Picky:
    """Takes no image taller than four pixels."""

    name, version, dimension, batch_size = "picky", "v1", 1, 8

    def prepare(self, pixels, encoded=None):
        if pixels.shape[0] > 4:
            raise ValueError("too tall")
        return pixels

    def embed(self, prepared):
        return np.array([[float(pixels.mean())] for pixels in prepared], dtype=np.float32)


def row(name, height, boxes=()):
    data = b"P5 2 %d 255 " % height + bytes(2 * height)
    corners = ("x0", "y0", "x1", "y1")
    given = [{"target_index": n, "box": dict(zip(corners, box, strict=True))} for n, box in enumerate(boxes)]
    unknown = dict.fromkeys(("uri", "file_hash"))
    return {
        "image_id": name,
        "content": data,
        "content_length": len(data),
        "boxes": given,
        "fingerprint": "f",
    } | unknown


def test_the_image_is_measured_and_the_others_are_embedded(monkeypatch):
    monkeypatch.setattr(worker, "shared_encoder", lambda name, version, **options: Picky())
    options = ProfileOptions(encoder="thumbnail")
    rows = [row("low", 3), row("tall", 9, boxes=[(0, 0, 2, 2)])]

    (batch,) = measure_rows(
        iter(rows), Task(True, 1), options=options, measures=measures_of(options), encoder_version="v1"
    )
    low, tall, box = batch.to_pylist()

    assert (low["error"], len(low["embedding"])) == (None, 1)
    assert tall["stats"]["height"] == 9
    assert tall["hashes"]["content_hash"]
    assert tall["embedding"] is None
    assert {name: tall["error"][name] for name in ("stage", "error_class", "message")} == {
        "stage": "encode",
        "error_class": "ValueError",
        "message": "picky@v1: too tall",
    }
    assert len(box["embedding"]) == 1


@pytest.mark.parametrize(
    ("encoder", "is_done"), [("thumbnail", True), ("hog_color", False), (None, True)], ids=["same", "another", "none"]
)
def test_it_is_tried_again_by_another_encoder_only(frame, encoder, is_done):
    version = version_of_encoder(ProfileOptions(encoder="thumbnail"))
    keys = "image_id string, target_index int, fingerprint string"
    measured = frame(keys, [("a", None, "f")])
    tables = {
        IMAGE_STATS: measured,
        HASHES: measured,
        CHANNEL_STATS: frame(f"{keys}, channel int", [("a", None, "f", 0)]),
        EMBEDDINGS: frame(f"{keys}, encoder string, encoder_version string", []),
        UNREADABLE_IMAGES: frame(
            "image_id string, fingerprint string, stage string, error_class string, message string",
            [("a", "f", "encode", "ValueError", f"thumbnail@{version}: too tall")],
        ),
    }

    found = profile.profiled_images(tables, ProfileOptions(encoder=encoder))

    assert ([row["image_id"] for row in found.distinct().collect()] == ["a"]) is is_done


def test_an_image_that_lacked_an_extra_is_tried_again_once_it_is_there(frame, monkeypatch):
    keys = "image_id string, target_index int, fingerprint string"
    unreadable = frame(
        "image_id string, fingerprint string, stage string, error_class string, message string",
        [("a", "f", "header", "MissingExtraError", "pip install")],
    )
    nothing = frame(f"{keys}, channel int", [])
    tables = {IMAGE_STATS: nothing, HASHES: nothing, CHANNEL_STATS: nothing, UNREADABLE_IMAGES: unreadable}
    counts = []
    for is_installed in (False, True):
        monkeypatch.setattr(profile.tiff, "is_installed", lambda answer=is_installed: answer)
        counts.append(profile.profiled_images(tables).count())

    assert counts == [1, 0]


def test_of_a_strip_only_the_middle_is_resized_before_it_is_cropped():
    strip = np.zeros((1, 65_536, 3), dtype=np.uint8)
    strip[:, 32_000:33_500] = 200
    wanted = Preprocessing()
    assert np.prod(wanted.resized(1, 65_536)) > MOST_RESIZED

    assert wanted.pixels(strip).shape == (224, 224, 3)
    assert (wanted.pixels(strip) == 200).all()
    with pytest.raises(ValueError, match="16777216 x 256 pixels after the resize; without a crop the limit"):
        Preprocessing(crop=None).pixels(strip)


def test_the_middle_gives_the_crop_of_the_whole(monkeypatch):
    random = np.random.default_rng(0).integers(0, 256, (40, 3000, 3), dtype=np.uint8)
    whole = Preprocessing().pixels(random)
    monkeypatch.setattr("dataeval_spark.kernels.encoders.preprocessing.MOST_RESIZED", 1_000_000)

    middle = Preprocessing().pixels(random)

    assert np.abs(whole.astype(int) - middle).max() <= 1  # the filter's weights are rounded
