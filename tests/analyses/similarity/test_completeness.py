"""Completeness equals the definition on the whole matrix, for any partitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from dataeval_spark.analyses.similarity.completeness import completeness
from dataeval_spark.tables.profile import EMBEDDINGS
from dataeval_spark.tables.similarity import COMPLETENESS
from tests.analyses.bias.rows import image_labels, table

R = np.random.default_rng(12)
POINTS = (R.normal(size=(60, 3)) @ R.normal(size=(3, 5))).astype(np.float32)
POINTS[:, 4] = np.round(POINTS[:, 4])


def effective(rows):
    """As DataEval: singular values of the centered rows."""
    values = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False) ** 2
    share = values / values.sum()
    share = share[share > 1e-15]
    return np.exp(-(share * np.log(share)).sum())


@pytest.mark.parametrize("block_bytes", [2**26, 400], ids=["one block", "many blocks"])
def test_both_measures_equal_the_definition(frame, monkeypatch, block_bytes):
    monkeypatch.setattr("dataeval_spark.frames.blocks.BLOCK_BYTES", block_bytes)
    common = {"encoder": "e", "encoder_version": "v", "fingerprint": "f"}
    rows = [{**common, "image_id": f"i{row:02}", "embedding": POINTS[row].tolist()} for row in range(60)]
    targets = image_labels(frame, {f"i{row:02}": "cat" if row < 20 else "dog" for row in range(60)})

    found = completeness(table(frame, EMBEDDINGS, rows).repartition(4), targets, per_class=True)

    assert [name for name, _ in found.dtypes] == list(COMPLETENESS.result_names)
    by_class = {row.class_name: row for row in found.collect()}
    points = POINTS.astype(float)
    ranks = rankdata(points, axis=0)
    assert by_class[None].completeness == pytest.approx(effective(ranks) / 5, rel=1e-9)
    assert by_class[None].isotropy == pytest.approx(effective(points) / by_class[None].rank, rel=1e-9)
    assert (by_class[None].n, by_class[None].dimensions) == (60, 5)
    assert by_class["cat"].isotropy == pytest.approx(effective(points[:20]) / by_class["cat"].rank, rel=1e-9)
    assert (by_class["cat"].n, by_class["cat"].completeness) == (20, None)
