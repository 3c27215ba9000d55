"""How labels cover an ontology, and label sets against one another."""

from __future__ import annotations

import json

import pytest

from dataeval_spark.kernels.labels.label_sets import label_coverage, reconcile_labels
from dataeval_spark.kernels.labels.ontology import Ontology
from tests.kernels.labels.hierarchies import HIERARCHY


@pytest.fixture
def reference(shared):
    """DataEval's own results."""
    return json.loads((shared / "reference" / "parity_reference.json").read_text())["expected"]["ontology"]["cov"]


@pytest.mark.shared
def test_coverage_is_that_of_dataeval(reference):
    rows = label_coverage({"sedan": 5, "cat": 2, "blimp": 1}, Ontology.from_hierarchy(HIERARCHY))

    concepts = {row["concept"]: row for row in rows if row["kind"] == "concept"}
    assert {name: row["direct_count"] for name, row in concepts.items()} == reference["direct_count"]
    assert {name: row["subtree_count"] for name, row in concepts.items()} == reference["subtree_count"]
    for pair, of in (("covered_leaves", "leaves"), ("covered_children", "children")):
        assert {name: [row[pair], row[of]] for name, row in concepts.items()} == reference[pair]
    shares = {name: row["leaf_share"] for name, row in concepts.items() if row["leaf_share"] is not None}
    assert shares == reference["leaf_distribution"]
    assert [(row["concept"], row["direct_count"]) for row in rows if row["kind"] == "unmatched"] == [("blimp", 1)]


def test_a_leaf_lacks_what_is_missing_of_an_even_or_an_expected_share():
    ontology = Ontology.from_hierarchy(HIERARCHY, expected={"truck": 0.05})

    rows = label_coverage({"sedan": 60, "cat": 40}, ontology)

    assert {row["concept"]: row["deficit"] for row in rows if row["deficit"] is not None} == {
        "sedan": 0,
        "suv": 20,
        "truck": 5,
        "cat": 0,
        "dog": 20,
    }


def test_a_branch_without_labels_is_dark_at_its_top_only():
    ontology = Ontology.from_hierarchy({"a": {"b": {"c": ["d"]}}, "e": ["f"]})

    assert [row["concept"] for row in label_coverage({"f": 1}, ontology) if row["is_dark"]] == ["a"]


def test_a_label_that_may_be_several_classes_counts_for_none():
    rows = label_coverage({"car": 4}, Ontology.from_hierarchy(HIERARCHY, synonyms={"sedan": ["car"]}))

    (ambiguous,) = [row for row in rows if row["kind"] == "ambiguous"]
    assert (ambiguous["concept"], ambiguous["parents"], ambiguous["direct_count"]) == ("car", ["car", "sedan"], 4)
    assert not any(row["subtree_count"] for row in rows)


def test_classes_are_the_same_mapped_or_related_by_the_ontology():
    ontology = Ontology.from_hierarchy(HIERARCHY, synonyms={"dog": ["hound"]})
    before = {"car": 1, "cat": 2, "dog": 3, "boat": 4, "truck": 5}
    now = {"cat": 1, "suv": 1, "hound": 1, "lorry": 1, "blimp": 1, "vehicle": 9}

    rows = reconcile_labels(before, now, mapping={"lorry": "truck"}, ontology=ontology)

    assert [(row["current_class"], row["relation"], row["reference_class"], row["is_safe"]) for row in rows] == [
        ("blimp", "unknown", None, False),
        ("cat", "same", "cat", True),
        ("hound", "equivalent", "dog", True),
        ("lorry", "mapped", "truck", True),
        ("suv", "narrower", "car", True),
        ("vehicle", "broader", "car", False),
        ("vehicle", "broader", "truck", False),
        (None, "vanished", "boat", False),
    ]


def test_without_mapping_and_ontology_only_names_count():
    rows = reconcile_labels({"a": 1}, {"b": 2})

    assert [(row["current_class"], row["relation"], row["reference_class"]) for row in rows] == [
        ("b", "unknown", None),
        (None, "vanished", "a"),
    ]


def test_a_mapping_to_a_class_that_is_not_there_is_not_safe():
    (row, _) = reconcile_labels({"car": 5}, {"auto": 3}, mapping={"auto": "cra"})

    assert (row["relation"], row["is_safe"]) == ("mapped", False)
