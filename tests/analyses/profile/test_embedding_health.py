"""Embedding health: what is wrong with vectors is a row, and what is right is a number."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dataeval_spark.analyses.profile.embedding_health import embedding_health
from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.vectors.embedding_moments import Moments, effective_rank, first_share, intrinsic_dimension
from dataeval_spark.tables.profile import EMBEDDINGS

RNG = np.random.default_rng(6)
DAMAGED = RNG.normal(size=(80, 6))
DAMAGED[:, 5] = 1.0
DAMAGED[3] = 0.0
DAMAGED[4, 2], DAMAGED[5, 0] = math.nan, math.inf
DAMAGED[6] = 1000.0
LINE = RNG.normal(size=(60, 1)) @ RNG.normal(size=(1, 5)) + RNG.normal(size=(60, 5)) / 1000


def rows_of(encoder, vectors, target_index=None, version="1"):
    return [
        (f"{n:03d}", target_index, encoder, [float(x) for x in vector], version, "f", "r")
        for n, vector in enumerate(vectors)
    ]


@pytest.fixture(scope="module")
def embeddings(frame):
    ragged = [[1.0, float(n)] for n in range(4)] + [[1.0]]
    rows = rows_of("damaged", DAMAGED) + rows_of("line", LINE) + rows_of("line", LINE[:5], target_index=0)
    rows += rows_of("ragged", ragged, version="1") + rows_of("ragged", [[3.0, 3.0]], target_index=None, version="2")
    return frame(EMBEDDINGS, rows)


def found_in(health):
    return {(row["subject"], row["rule"].removeprefix("embedding_")): row for row in health.collect()}


@pytest.fixture(scope="module")
def found(embeddings):
    return found_in(embedding_health(embeddings.repartition(5), sample_size=40))


@pytest.mark.parametrize(
    ("subject", "rule", "value", "severity"),
    [
        ("damaged", "version", 1, "info"),
        ("ragged", "version", 2, "error"),
        ("damaged", "dimension", 0, "info"),
        ("ragged", "dimension", 1, "error"),
        ("damaged", "not_finite", 2, "error"),
        ("line", "not_finite", 0, "info"),
        ("damaged", "zero_norm", 1, "warning"),
        ("damaged", "extreme_norm", 1, "warning"),
        ("line (boxes)", "zero_norm", 0, "info"),
    ],
)
def test_vectors_that_are_no_use_are_counted(found, subject, rule, value, severity):
    assert (found[subject, rule]["value"], found[subject, rule]["severity"]) == (value, severity)


def test_each_encoder_and_its_boxes_have_one_row_per_rule(found):
    assert len(found) == 4 * 9
    assert {row["step"] for row in found.values()} == {"embedding_health"}


def test_vectors_along_one_line_have_nearly_collapsed(found):
    variances = Moments.from_vectors(LINE.astype(np.float32)).variances()

    assert found["line", "first_component"]["value"] == pytest.approx(first_share(variances), rel=1e-6)
    assert found["line", "first_component"]["severity"] == "warning"
    assert found["line", "effective_rank"]["value"] == pytest.approx(effective_rank(variances), rel=1e-6)
    assert found["line", "effective_rank"]["severity"] == "warning"
    assert "lies along one axis" in found["line", "first_component"]["message"]


def test_few_vectors_have_no_spread(found):
    row = found["line (boxes)", "effective_rank"]

    assert (row["value"], row["severity"]) == (None, "info")
    assert "5 usable vectors are too few" in row["message"]


def test_the_result_depends_on_no_partition_and_the_sample_is_that_of_the_smallest_hashes(embeddings, found):
    one = found_in(embedding_health(embeddings.coalesce(1), sample_size=40))
    hashes = embeddings.where("encoder = 'line' AND target_index IS NULL").selectExpr(
        "xxhash64(0, image_id, target_index) AS hash", "embedding"
    )
    sample = np.array([row["embedding"] for row in hashes.orderBy("hash").limit(40).collect()])

    assert found["line", "intrinsic_dimension"]["value"] == pytest.approx(intrinsic_dimension(sample)[0])
    assert "from 40 distinct vectors" in found["line", "intrinsic_dimension"]["message"]
    assert set(one) == set(found)
    for key, row in found.items():
        expected = one[key]["value"]
        assert row["value"] == (None if expected is None else pytest.approx(expected, rel=1e-6)), key


def test_long_vectors_are_checked_for_their_length_only(embeddings):
    health = found_in(embedding_health(embeddings.where("encoder = 'damaged'"), max_dimension=5))

    assert health["damaged", "dimension"]["value"] == 0
    assert health["damaged", "effective_rank"]["value"] is None
    assert "dimension 6 is above max_dimension, 5" in health["damaged", "effective_rank"]["message"]


def test_without_vectors_there_is_no_finding(frame):
    assert embedding_health(frame(EMBEDDINGS, [])).count() == 0


@pytest.mark.parametrize(
    "option", [{"norm_factor": 1}, {"max_first_share": 2}, {"max_dimension": 0}, {"sample_size": -1}]
)
def test_an_option_out_of_range_is_an_error(embeddings, option):
    with pytest.raises(OptionError, match=rf"embedding_health\.{next(iter(option))} is"):
        embedding_health(embeddings, **option)
