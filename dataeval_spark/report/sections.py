"""The sections of a report, in order: what each answers, the tables it needs and the command that fills them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """One section: ``queries`` are names in `report.sql.QUERIES`; without ``tables`` it is always there.

    ``WORKSPACE`` in ``command`` stands for the location of the workspace.
    """

    id: str
    title: str
    intro: str
    tables: tuple[str, ...] = ()
    command: str = ""
    queries: tuple[str, ...] = ()


SECTIONS = (
    Section(
        "overview",
        "At a glance",
        "",
        ("images",),
        "dataeval-spark ingest --workspace WORKSPACE photos/",
        ("overview", "composition"),
    ),
    Section("attention", "What needs attention first", "The worst comes first; each line leads to its section."),
    Section(
        "demo",
        "Planted and found",
        "The demo plants faults into good data; this is what the analyses found. Some are weak on purpose, and "
        "expected to be missed: they show where the rules end.",
    ),
    Section(
        "unreadable",
        "Unreadable images",
        "Files that could not be read, with what the reader said. They are left out of every statistic.",
        ("unreadable_images",),
        "dataeval-spark profile --workspace WORKSPACE",
        ("unreadable",),
    ),
    Section(
        "duplicates",
        "Duplicates",
        "Groups that span splits come first, then the largest. One image of each group is kept by a fixed rule, and "
        "each of the others is a copy of it or near it; nothing has been deleted. The gray pictures show where they "
        "differ from it.",
        ("duplicate_groups",),
        "dataeval-spark analyze --workspace WORKSPACE",
        ("duplicates", "duplicate_evaluation"),
    ),
    Section(
        "findings",
        "Image findings",
        "Images with something odd to look at, worst first. A lower score is worse.",
        ("image_findings",),
        "dataeval-spark analyze --workspace WORKSPACE",
        ("image_findings",),
    ),
    Section(
        "outliers",
        "Outliers",
        "Images, or boxes, with a statistic far from that of the others. Far is not wrong: look at them.",
        ("outliers",),
        "dataeval-spark analyze --workspace WORKSPACE",
        ("outliers",),
    ),
    Section(
        "labels",
        "Labels",
        "How often each class is labelled, and two images of each of the most frequent classes.",
        ("label_stats",),
        "dataeval-spark analyze --workspace WORKSPACE",
        ("labels", "label_examples"),
    ),
    Section(
        "label-errors",
        "Labels that are likely wrong",
        "By the probabilities that a model predicts, or by the labels of the most similar images. Look before changing "
        "anything: hard examples are here too.",
        ("label_errors",),
        "dataeval-spark analyze --workspace WORKSPACE",
        ("label_errors",),
    ),
    Section(
        "clusters",
        "Clusters",
        "Images whose embeddings lie together. A cluster of one scene or one camera is worth knowing before data are "
        "split; so are images that belong to none.",
        ("clusters",),
        "dataeval-spark analyze --workspace WORKSPACE",
        ("clusters", "cluster_map"),
    ),
    Section(
        "bias",
        "Bias",
        "Which factors of an image tell its label, or one another: a model may learn them instead. 0 is no association "
        "beyond chance, 1 a complete one.",
        ("balance",),
        "dataeval-spark analyze --workspace WORKSPACE",
        ("balance", "shortcuts", "coverage_gaps", "parity", "feature_value", "diversity"),
    ),
    Section(
        "splits",
        "Splits",
        "Who is in which part, what ties parts together, and how far they are from one another. The split "
        "called given is the source's own.",
        ("split_leakage", "split_differences"),
        "dataeval-spark split --workspace WORKSPACE --name main --group-by patient",
        (
            *("split_parts", "split_strata", "split_leakage", "split_repairs", "split_differences"),
            *("split_representativeness", "part_bias"),
        ),
    ),
    Section(
        "annotations",
        "Annotation findings",
        "Annotations that could not be taken as written: up to eight of each kind.",
        ("ingest_findings",),
        "dataeval-spark ingest --workspace WORKSPACE photos/",
        ("annotations",),
    ),
    Section(
        "statistics",
        "Statistics",
        "How the images are distributed: one histogram per statistic, over all readable live images.",
        ("image_stats",),
        "dataeval-spark profile --workspace WORKSPACE",
        ("statistics",),
    ),
    Section(
        "drift",
        "Drift",
        "Does the current data look like the reference? Two-sample Kolmogorov-Smirnov test of each statistic, "
        "corrected for their number (Benjamini-Hochberg). Only the newest comparison of each pair is shown.",
        ("drift_metrics",),
        "dataeval-spark compare --workspace WORKSPACE --reference split=train --current split=test",
        ("drift", "drift_overlay"),
    ),
    Section(
        "dataset-findings",
        "Findings about the dataset",
        "What was found about the dataset as a whole.",
        ("dataset_findings",),
        "dataeval-spark analyze --workspace WORKSPACE",
        ("dataset_findings",),
    ),
    Section("provenance", "Where this report comes from", "Versions of the tables that were read, and the last runs."),
)
