"""Label sets as tables: coverage of an ontology, and what classes of one part are in another."""

from __future__ import annotations

from datetime import datetime

import pytest

from dataeval_spark.analyses.labels.label_sets import label_coverage, label_reconciliation
from dataeval_spark.errors import OntologyError, OptionError
from dataeval_spark.kernels.labels.ontology import Ontology
from dataeval_spark.tables.labels import LABEL_COVERAGE, LABEL_RECONCILIATION
from tests.analyses.bias.rows import image_labels

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


def test_classes_of_two_parts_are_reconciled_by_a_file_of_names(frame, tmp_path):
    (tmp_path / "names.toml").write_text('uhu = "owl"\n')
    old = image_labels(frame, {"a": "owl", "b": "hawk", "c": "eel"})
    new = image_labels(frame, {"d": "uhu", "e": "uhu", "f": "hawk", "g": "bird", "h": None})

    found = label_reconciliation(old, new, mapping=str(tmp_path / "names.toml"), ontology=BIRDS, **NAMES)

    assert [name for name, _ in found.dtypes] == list(LABEL_RECONCILIATION.result_names)
    rows = found.orderBy("current_class", "reference_class").collect()
    assert [(r.current_class, r.relation, r.reference_class, r.current_count, r.reference_count) for r in rows] == [
        (None, "vanished", "eel", 0, 1),
        ("bird", "broader", "hawk", 1, 1),
        ("bird", "broader", "owl", 1, 1),
        ("hawk", "same", "hawk", 1, 1),
        ("uhu", "mapped", "owl", 2, 1),
    ]


def test_a_mapping_is_of_names_to_names(frame):
    labels = image_labels(frame, {"a": "owl"})

    with pytest.raises(OptionError, match="expected a name for each name"):
        label_reconciliation(labels, labels, mapping={"owl": 3}, **NAMES)
