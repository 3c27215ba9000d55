"""Cases of the shared parity reference: coverage and completeness of its digits and blobs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dataeval_spark.analyses.similarity.completeness import completeness
from dataeval_spark.analyses.similarity.coverage import coverage
from dataeval_spark.analyses.similarity.neighbors import neighbors
from dataeval_spark.tables.profile import EMBEDDINGS
from tests.analyses.bias.rows import image_labels, table

# Name in the reference to the array, its neighbours and the share of adaptive coverage.
CASES = {"digits": ("digits300", 20, 0.05), "blobs_force": ("blobs", 10, 0.01)}


@pytest.fixture(scope="module")
def reference(shared):
    folder = shared / "reference"
    expected = json.loads((folder / "parity_reference.json").read_text())["expected"]
    with np.load(folder / "parity_inputs.npz") as inputs:
        return expected, {name: inputs[name] for name in ("digits300", "blobs")}


def embeddings(frame, vectors):
    common = {"encoder": "e", "encoder_version": "v", "fingerprint": "f"}
    rows = [{**common, "image_id": f"i{n:03}", "embedding": vector.tolist()} for n, vector in enumerate(vectors)]
    return table(frame, EMBEDDINGS, rows)


@pytest.mark.shared
@pytest.mark.parametrize("method", ["adaptive", "naive"])
@pytest.mark.parametrize("case", CASES)
def test_coverage_equals_dataeval(reference, frame, tmp_path, case, method):
    expected, arrays = reference
    name, k, percent = CASES[case]
    wanted = expected[f"coverage_{method}/{case}"]
    vectors = embeddings(frame, arrays[name])
    graph, _ = neighbors(vectors, k=k, metric="euclidean", method="exact", scratch=str(tmp_path / "s"))
    targets = image_labels(frame, {f"i{n:03}": "a" for n in range(len(arrays[name]))})

    uncovered, stats = coverage(graph, vectors, targets, method=method, observations=k, percent=percent)

    found = {row.image_id: row.radius for row in uncovered.collect()}
    assert set(found) == {f"i{n:03}" for n in wanted["uncovered_indices"]}
    radii = {f"i{n:03}": radius for n, radius in enumerate(wanted["critical_value_radii"])}
    assert found == pytest.approx({image: radii[image] for image in found}, rel=1e-5)
    assert stats.where("class_name IS NULL").first().coverage_radius == pytest.approx(
        wanted["coverage_radius"], rel=1e-5
    )


@pytest.mark.shared
@pytest.mark.parametrize(("case", "name", "n"), [("blobs", "blobs", 180), ("digits", "digits300", 100)])
def test_completeness_equals_dataeval(reference, frame, case, name, n):
    expected, arrays = reference
    vectors = embeddings(frame, arrays[name][:n])
    targets = image_labels(frame, {f"i{row:03}": "a" for row in range(n)})

    row = completeness(vectors, targets).where("class_name IS NULL").first()

    wanted = expected[f"completeness/{case}"]
    assert row.isotropy == pytest.approx(wanted["isotropy"], rel=1e-5)
    if case == "blobs":  # digits have equal values, which DataEval ranks by position
        assert row.completeness == pytest.approx(wanted["completeness"], rel=1e-5)
