"""How labels cover an ontology, as a table."""

from __future__ import annotations

from datetime import datetime

import pytest

from dataeval_spark.analyses.labels.label_coverage import label_coverage
from dataeval_spark.errors import OntologyError, OptionError
from dataeval_spark.kernels.labels.ontology import Ontology
from dataeval_spark.tables.labels import LABEL_COVERAGE

NAMES = {
    "reference_name": "dataset=old",
    "current_name": "dataset=new",
    "window": (datetime(2024, 5, 1), datetime(2024, 6, 1)),
}
BIRDS = Ontology.from_hierarchy({"bird": ["owl", "hawk"], "fish": ["eel"]})


def test_counts_are_rolled_up_and_what_is_missing_is_counted(frame):
    stats = frame("class_name string, label_count bigint", [("owl", 6), ("crow", 3), (None, 9)])

    found = label_coverage(stats, ontology=BIRDS)

    assert [name for name, _ in found.dtypes] == list(LABEL_COVERAGE.result_names)
    rows = {row.concept: row for row in found.collect()}
    assert [rows[name].subtree_count for name in ("bird", "owl", "hawk", "fish")] == [6, 6, 0, 0]
    assert [rows[name].deficit for name in ("bird", "owl", "hawk", "eel")] == [None, 0, 3, 3]
    assert (rows["fish"].is_dark, rows["crow"].kind, rows["crow"].direct_count) == (True, "unmatched", 3)


def test_an_ontology_has_to_be_given_and_be_one(frame, tmp_path):
    stats = frame("class_name string, label_count bigint", [])

    with pytest.raises(OptionError, match=r"--set label_coverage.ontology"):
        label_coverage(stats)
    with pytest.raises(OntologyError, match=r"none.toml cannot be read: No such file"):
        label_coverage(stats, ontology=str(tmp_path / "none.toml"))
