"""Tables about label sets: how an ontology is covered, and what the classes of two parts are to one another."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import RUN_ID
from dataeval_spark.tables.shift import WINDOW_TYPE

LABEL_COVERAGE = Table(
    name="label_coverage",
    doc="Labels per class of an ontology and in all below it, and how many more there should be.",
    key=("kind", "concept"),
    columns=(
        Column("kind", "string", "concept; or unmatched, ambiguous: a label that is no class of it, or may be several"),
        Column("concept", "string", "Class of the ontology, or the label"),
        Column("parents", "array<string>", "Classes directly above; of an ambiguous label the classes it may be"),
        Column("depth", "int", "Steps of the longest way from the top", nullable=True),
        Column("direct_count", "bigint", "Labels of just this class", "labels"),
        Column("subtree_count", "bigint", "Labels of this class and all below", "labels", nullable=True),
        Column("leaves", "int", "Classes without others below, from here down", nullable=True),
        Column("covered_leaves", "int", "Of these with labels", nullable=True),
        Column("children", "int", "Classes directly below", nullable=True),
        Column("covered_children", "int", "Of these with labels, or with labels below", nullable=True),
        Column(
            "is_dark",
            "boolean",
            "The top of a branch that has no labels",
            "",
            "",
            True,
        ),
        Column("leaf_share", "double", "Share of the labels on leaves; null where not a leaf", "", "[0, 1]", True),
        Column("expected_share", "double", "Share of all labels that a leaf should have", "", "[0, 1]", True),
        Column("deficit", "bigint", "Labels that a leaf lacks for that share", "labels", nullable=True),
        RUN_ID,
    ),
)

LABEL_RECONCILIATION = Table(
    name="label_reconciliation",
    doc="What each class of the current labels is among the reference's, and which classes have gone.",
    key=("run_id", "reference", "current", "current_class", "reference_class"),
    columns=(
        Column("window", WINDOW_TYPE, "Capture times of the current data; where unknown the time of the run"),
        Column("reference", "string", "Whose classes are wanted: dataset=NAME, split=NAME or a snapshot"),
        Column("current", "string", "Whose classes are looked up"),
        Column("current_class", "string", "Class of the current labels; null for one that has vanished", nullable=True),
        Column("reference_class", "string", "What it is among the reference's; null where unknown", nullable=True),
        Column(
            "relation",
            "string",
            "same, mapped, equivalent, narrower (a kind of it), broader (it is a kind of this), unknown or vanished",
        ),
        Column("is_safe", "boolean", "The current label may be written as the reference's"),
        Column("current_count", "bigint", "Labels of the current class", "labels"),
        Column("reference_count", "bigint", "Labels of the reference's class", "labels"),
        RUN_ID,
    ),
    write="append",
)
