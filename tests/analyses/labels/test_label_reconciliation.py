"""What classes of one part are in another, as a table."""

from __future__ import annotations

from datetime import datetime

import pytest

from dataeval_spark.analyses.labels.label_reconciliation import label_reconciliation
from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.labels.ontology import Ontology
from dataeval_spark.tables.labels import LABEL_RECONCILIATION
from tests.analyses.bias.rows import image_labels

NAMES = {
    "reference_name": "dataset=old",
    "current_name": "dataset=new",
    "window": (datetime(2024, 5, 1), datetime(2024, 6, 1)),
}
BIRDS = Ontology.from_hierarchy({"bird": ["owl", "hawk"], "fish": ["eel"]})


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

    with pytest.raises(OptionError, match="expected a class of the reference, as a text"):
        label_reconciliation(labels, labels, mapping={"owl": 3}, **NAMES)
