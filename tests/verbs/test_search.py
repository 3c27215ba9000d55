"""Searching a workspace for an image of it, a file, bytes or a vector."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from pyspark.sql import functions as F

from dataeval_spark.audit import Audit
from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.encoders import load_encoder
from dataeval_spark.kernels.images.decoding.decode import decode
from dataeval_spark.tables.images import IMAGES
from dataeval_spark.tables.profile import EMBEDDINGS
from dataeval_spark.workspace.delta import Writer
from tests.kernels.s3_server import ENVIRONMENT, serve


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Five files, each with its thumbnail vector."""
    folder = tmp_path_factory.mktemp("pictures")
    encoder = load_encoder("thumbnail")
    found = {}
    for number in range(5):
        pixels = np.random.default_rng(number).integers(0, 256, size=(16, 16, 3), dtype=np.uint8)
        path = folder / f"{number}.png"
        Image.fromarray(pixels).save(path)
        found[path] = encoder.embed([encoder.prepare(decode(path.read_bytes()).pixels)])[0]
    return found


@pytest.fixture(scope="module")
def audit(spark, pictures, tmp_path_factory):
    made = Audit(str(tmp_path_factory.mktemp("searched")), spark, echo=lambda line: None)
    version, writer = load_encoder("thumbnail").version, Writer("run", "test", "work", "0")
    vectors = [
        (path.name, None, "thumbnail", [float(x) for x in vector], version, "f", "run")
        for path, vector in pictures.items()
    ]
    ddl = "image_id string, uri string, deleted_at timestamp"
    images = spark.createDataFrame([(path.name, str(path), None) for path in pictures], ddl)
    absent = {c.name: f"CAST(NULL AS {c.type}) AS {c.name}" for c in IMAGES.columns if c.name not in images.columns}
    absent |= {name: f"'x' AS {name}" for name in ("dataset", "source", "run_id")}
    for table, rows in (
        (EMBEDDINGS, spark.createDataFrame(vectors, EMBEDDINGS.ddl(comments=False))),
        (IMAGES, images.selectExpr("*", *absent.values())),
    ):
        made.workspace.write(table, rows, writer, images=rows.select("image_id"))
    return made


def test_an_image_of_the_workspace_is_not_found_itself(audit):
    found = audit.search("2.png", k=10).collect()

    assert [row["rank"] for row in found] == [1, 2, 3, 4]
    assert {row["image_id"] for row in found} == {"0.png", "1.png", "3.png", "4.png"}
    assert all(row["uri"].endswith(row["image_id"]) for row in found)


def test_a_file_its_bytes_and_its_vector_find_the_image_first(audit, pictures, tmp_path):
    path, vector = list(pictures.items())[3]
    np.save(tmp_path / "vector.npy", vector)

    for query in (str(path), path.read_bytes(), vector, str(tmp_path / "vector.npy")):
        first = audit.search(query, k=1, metric="euclidean").collect()[0]
        assert (first["image_id"], first["distance"]) == ("3.png", 0.0)


def test_what_is_no_image_and_no_file_is_refused(audit):
    with pytest.raises(OptionError, match="no image with this id has a vector of encoder 'thumbnail'"):
        audit.search("nothing")
    with pytest.raises(OptionError, match=r"search\.encoder is 'clip'"):
        audit.search("nothing", encoder="clip")


def test_an_object_of_storage_is_looked_for_by_its_uri(audit, pictures, tmp_path, monkeypatch):
    path = list(pictures)[3]
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "query.png").write_bytes(path.read_bytes())
    with serve(tmp_path) as running:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": running.endpoint}.items():
            monkeypatch.setenv(name, value)
        (found,) = audit.search("s3://box/query.png", k=1).collect()
        with pytest.raises(OptionError, match=r"search\.query is 's3://box/none\.png', which cannot be read"):
            audit.search("s3://box/none.png")

    assert found["image_id"] == path.name


def test_several_encoders_are_named_with_the_option_that_chooses(audit, spark, tmp_path):
    other = Audit(str(tmp_path / "audit"), spark, echo=lambda line: None)
    rows = audit.workspace.read(EMBEDDINGS)
    both = rows.unionByName(rows.withColumn("encoder", F.lit("hog_color")))
    other.workspace.write(EMBEDDINGS, both, Writer("r", "t", "w", "0"), images=rows.select("image_id"))

    with pytest.raises(OptionError, match=r"2 encoders: hog_color, thumbnail\.\nHint: --set search\.encoder=hog_color"):
        other.search("2.png")
