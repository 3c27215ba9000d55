"""The functions for SQL: the values of the kernels, null for what cannot be read."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.sql_functions import register_functions
from dataeval_spark.kernels.encoders import load_encoder
from dataeval_spark.kernels.images.profile import profile_image

README = Path(__file__).resolve().parents[2] / "README.md"


def photograph(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x8769] = {0x9003: "2024:05:01 10:00:00"}
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", exif=exif)
    return file.getvalue()


PHOTOS = [photograph(seed) for seed in range(3)]
CONTENTS = [("a", PHOTOS[0]), ("b", PHOTOS[1]), ("c", PHOTOS[2]), ("text", b"no image"), ("null", None)]


@pytest.fixture(scope="module")
def files(spark, frame):
    register_functions(spark, batch_size=2)
    return frame("name string, content binary", CONTENTS)


def asked(files, expression):
    return {row["name"]: row["found"] for row in files.selectExpr("name", f"{expression} AS found").collect()}


def test_de_image_stats_gives_the_columns_of_image_stats_or_the_error(files):
    found = asked(files, "de_image_stats(content)")
    expected = profile_image(PHOTOS[1]).image.stats

    assert found["b"]["error"] is None
    assert {
        name: found["b"][name] for name in ("mean", "width", "format", "percentiles", "has_alpha", "bit_depth")
    } == {name: expected[name] for name in ("mean", "width", "format", "percentiles", "has_alpha", "bit_depth")}
    assert found["text"]["error"].startswith("header: PlainText: ")
    assert found["null"]["error"] == "there are no bytes"
    assert found["text"]["mean"] is None


def test_a_capture_time_does_not_depend_on_the_session_time_zone(files):
    found = asked(files, "unix_seconds(de_image_stats(content).captured_at)")

    assert found["a"] == int(datetime(2024, 5, 1, 10, tzinfo=UTC).timestamp())
    assert found["text"] is None


@pytest.mark.parametrize("name", ["phash", "dhash"])
def test_the_hashes_are_those_of_the_profile(files, name):
    found = asked(files, f"de_{name}(content)")

    assert found == {
        **{key: profile_image(content).image.hashes[name] for key, content in CONTENTS[:3]},
        "text": None,
        "null": None,
    }


def test_de_embed_gives_the_vectors_of_the_encoder(files):
    encoder = load_encoder("hog_color")
    found = asked(files, "de_embed(content)")

    expected = encoder.embed([encoder.prepare(np.asarray(Image.open(io.BytesIO(photo)))) for photo in PHOTOS])
    assert [found[name] for name in "abc"] == [pytest.approx(list(vector)) for vector in expected]
    assert (found["text"], found["null"]) == (None, None)


def test_the_functions_can_be_called_from_the_dataframe_api(files):
    found = files.select(F.call_function("de_phash", "content").alias("phash")).where("phash IS NOT NULL")

    assert found.count() == 3


def test_de_hamming_counts_the_bits_that_differ(files, frame):
    numbers = np.random.default_rng(0).integers(0, 2**64, (50, 2), dtype=np.uint64)
    pairs = [tuple(f"{number:016x}" for number in pair) for pair in numbers.tolist()]
    rows = [(n, *pair) for n, pair in enumerate([*pairs, ("f" * 16, "0" * 16), ("F" * 16, "f" * 16), (None, "0" * 16)])]
    found = frame("n int, a string, b string", rows).selectExpr("n", "de_hamming(a, b) AS bits").orderBy("n")

    assert [row["bits"] for row in found.collect()] == [
        None if a is None else (int(a, 16) ^ int(b, 16)).bit_count() for _, a, b in rows
    ]


@pytest.mark.parametrize("other", ["12", "g" * 16, ""])
def test_de_hamming_of_what_is_no_hash_is_an_error(spark, files, other):
    with pytest.raises(Exception, match=f"found {'0' * 16} and {other}; expected 16 hexadecimal digits"):
        spark.sql(f"SELECT de_hamming('{'0' * 16}', '{other}')").collect()


def test_the_example_of_the_readme_runs(spark, files, tmp_path, capsys):
    (example,) = re.findall(
        r"```python\n(from dataeval_spark import register_functions.*?)```", README.read_text(), flags=re.DOTALL
    )
    for number, photo in enumerate(PHOTOS[:2]):
        (tmp_path / f"{number}.png").write_bytes(photo)

    exec(example.replace("/lake/photos", str(tmp_path)), {"spark": spark})

    expected = profile_image(PHOTOS[0]).image.hashes["phash"], profile_image(PHOTOS[1]).image.hashes["phash"]
    bits = (int(expected[0], 16) ^ int(expected[1], 16)).bit_count()
    assert re.search(rf"\|\s*{bits}\|\n", capsys.readouterr().out)


def test_a_wrong_encoder_is_an_error_before_anything_is_registered(spark):
    with pytest.raises(OptionError, match=r"profile\.encoder is 'hog'"):
        register_functions(spark, encoder="hog")
