"""The factors of the reference, binned and counted once for all tests of this folder."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dataeval_spark.analyses.bias.contingency import contingency
from dataeval_spark.analyses.bias.factor_bins import factor_bins
from tests.analyses.bias.rows import image_labels, images
from tests.kernels.factor_reference import INPUTS, N

FACTORS = "image_id string, target_index int, dependent bigint, independent int, continuous double, skewed double, "


@pytest.fixture(scope="package")
def reference(spark, frame):
    """Tables of 400 labelled images with five factors of metadata."""
    ids = [f"i{row:03}" for row in range(N)]
    names = ("dependent", "independent", "continuous", "skewed", "rare")
    rows = [(ids[row], None, *(INPUTS[name][row].item() for name in names), "r") for row in range(N)]
    factors = frame(FACTORS + "rare int, run_id string", rows).repartition(3)
    targets = image_labels(frame, dict(zip(ids, INPUTS["label"].astype(str).tolist(), strict=True)))
    bins, edges, findings = factor_bins(targets, images(frame, ids), None, factors, sources=["metadata"])
    bins = bins.repartition(3).cache()
    counts = contingency(bins, edges).cache()
    yield SimpleNamespace(
        targets=targets, factors=factors, bins=bins, edges=edges, findings=findings, contingency=counts, ids=ids
    )
    bins.unpersist()
    counts.unpersist()
