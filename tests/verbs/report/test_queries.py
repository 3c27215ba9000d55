from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from string import Formatter
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.images import IMAGES, INGEST_FINDINGS, TARGETS
from dataeval_spark.tables.labels import LABEL_STATS
from dataeval_spark.tables.profile import EMBEDDINGS, IMAGE_STATS, UNREADABLE_IMAGES
from dataeval_spark.tables.quality import DUPLICATE_GROUPS, DUPLICATE_PAIRS, IMAGE_FINDINGS, OUTLIERS
from dataeval_spark.tables.runs import DATASET_FINDINGS, RUNS
from dataeval_spark.tables.shift import DRIFT_METRICS
from dataeval_spark.tables.similarity import CLUSTERS
from dataeval_spark.verbs.report import ReportData, collect_report_data, render_report, write_report
from dataeval_spark.verbs.report.histograms import BINS
from dataeval_spark.verbs.report.queries import QUERIES
from tests.verbs.report.literals import WHEN, full_rows, jpeg, provenance, reader

NAIVE = datetime(2024, 6, 1)
QUOTED = 'it\'s {a} \\ "name"'
# 14 groups: sizes 2 to 15, the smallest one across splits.
GROUPS = {f"g{size:02}": size for size in range(2, 16)}


def image(name: str, **more: Any) -> dict[str, Any]:
    return {"image_id": name, "dataset": QUOTED, "content": jpeg(), "content_length": 900, **more}


def drift_row(column: str, run: str, pvalue: float, **more: Any) -> dict[str, Any]:
    return {
        "run_id": run,
        "window": (NAIVE, NAIVE),
        "column_name": column,
        "reference": f"dataset={QUOTED}",
        "current": "split=test",
        "ks_test": (0.5, pvalue),
        "adjusted_pvalue": pvalue,
        "threshold": 0.05,
        "drift_detected": pvalue < 0.05,
        **more,
    }


# What the query of an overlay asks about.
DRIFTED = {"drift": [drift_row("width", "r", 0.01, reference="dataset=a", current="dataset=b", slice_key=None)]}


def run_row(run: str, started: datetime) -> dict[str, Any]:
    return {"run_id": run, "started_at": started, "step": "drift"}


ROWS: dict[Table, list[dict[str, Any]]] = {
    IMAGES: [
        image("a", split="train"),
        image("b", split="test"),
        image("broken", content=b"no image"),
        image("gone", deleted_at=NAIVE),
    ],
    IMAGE_STATS: [
        {"image_id": "a", "width": 10.0, "mean": 1.0},
        {"image_id": "b", "width": 20.0, "mean": math.nan},
        {"image_id": "a", "target_index": 0, "width": 99.0},
        {"image_id": "gone", "width": 77.0},
    ],
    UNREADABLE_IMAGES: [
        {"image_id": name, "stage": "decode", "error_class": "E", "message": "m"} for name in ("broken", "gone")
    ],
    TARGETS: [
        {"image_id": "a", "target_index": 0, "class_name": "dog", "box": (1.0, 2.0, 30.0, 40.0)},
        {"image_id": "a", "target_index": 50, "class_name": "cat", "box": (1.0, 2.0, 30.0, 40.0)},
        {"image_id": "b", "target_index": 0, "class_name": "dog"},
        {"image_id": "gone", "target_index": 0, "class_name": "cow"},
    ],
    DUPLICATE_GROUPS: [
        {
            "group_id": group,
            "image_id": f"{group}-{member:02}",
            "kinds": ["exact_pixels"] if size % 2 else ["phash"],
            "is_kept": member == size - 1,
            "group_size": size,
            "spans_splits": size == 2,
        }
        for group, size in GROUPS.items()
        for member in range(size)
    ],
    DUPLICATE_PAIRS: [
        {"image_id_a": "a", "image_id_b": other, "kind": kind}
        for other, kind in (("b", "exact_file"), ("b", "exact_pixels"), ("c", "exact_pixels"), ("d", "phash"))
    ],
    IMAGE_FINDINGS: [
        {"image_id": "a", "rule": rule, "score": score / 10, "severity": "warning"}
        for rule in ("dark", "blurry")
        for score in range(7)
    ]
    + [{"image_id": "a", "target_index": 50, "rule": "invalid_box", "severity": "error"}],
    OUTLIERS: [
        {"image_id": name, "statistic": statistic, "score": score, "direction": "low"}
        for statistic in ("mean", "width")
        for name, score in (("a", 5.0), ("b", 9.0))
    ],
    LABEL_STATS: [
        {"label_count": 3, "class_count": 2, "imbalance_ratio": 2.0},
        {"class_name": "dog", "label_count": 2},
        {"class_name": "cat", "label_count": 1},
    ],
    INGEST_FINDINGS: [
        {"kind": kind, "location": f"{place:02}"} for kind in ("bad_time", "inverted_box") for place in range(10)
    ],
    DRIFT_METRICS: [
        drift_row("width", "z-old", 0.9),
        drift_row("width", "a-new", 0.01),
        drift_row("mean", "a-new", 0.5),
        drift_row("width", "a-new", 0.02, slice_key="split", slice_value="train"),
    ],
    DATASET_FINDINGS: [
        {"step": "s", "rule": "r", "subject": severity, "severity": severity} for severity in ("info", "error")
    ],
    RUNS: [run_row("z-old", NAIVE), run_row("a-new", NAIVE + timedelta(days=1))],
}


@pytest.fixture(scope="module")
def data(spark: SparkSession) -> ReportData:
    return collect_report_data(reader(spark, ROWS))


def test_each_shown_sql_returns_the_rows_that_were_collected(spark: SparkSession, data: ReportData) -> None:
    read = reader(spark, ROWS)
    names = {table.name: f"shown_{table.name}" for table in ROWS}
    for table in ROWS:
        read(table).createOrReplaceTempView(names[table.name])
    assert set(data.sql) == set(data.rows)
    for query, text in data.sql.items():
        again = [row.asDict(recursive=True) for row in spark.sql(text.format_map(names)).collect()]
        assert again == list(data.rows[query]) or query == "overview", query
        assert sorted(map(repr, again)) == sorted(map(repr, data.rows[query])), query


def test_deleted_images_count_nowhere(data: ReportData) -> None:
    assert {name: data.count(name) for name in ("live_images", "deleted_images", "readable_images")} == {
        "live_images": 3,
        "deleted_images": 1,
        "readable_images": 2,
    }
    assert [data.count(name) for name in ("unreadable_images", "targets", "classes")] == [1, 3, 2]
    assert [row["image_id"] for row in data.rows_of("unreadable")] == ["broken"]
    assert {row["class_name"] for row in data.rows_of("label_examples")} == {"dog", "cat"}
    assert max(row["high"] for row in data.rows_of("statistics") if row["statistic"] == "width") == 20.0


def test_findings_are_counted_by_kind(data: ReportData) -> None:
    assert data.counts("image_findings") == {"dark": 7, "blurry": 7, "invalid_box": 1}
    assert data.counts("ingest_findings") == {"bad_time": 10, "inverted_box": 10}
    assert data.counts("outliers") == {"mean": 2, "width": 2}
    assert data.count("outlier_images") == 2


def test_groups_of_duplicates_are_exact_or_near(data: ReportData) -> None:
    assert data.counts("duplicate_groups") == {"exact": 7, "near": 7}
    assert data.count("spanning_groups") == 1


def test_an_exact_copy_can_be_removed_once_however_many_ways_it_is_equal(data: ReportData) -> None:
    assert data.count("removable_images") == 2


def test_twelve_groups_of_six_are_shown_leaks_first_then_the_largest(data: ReportData) -> None:
    groups = list(dict.fromkeys(row["group_id"] for row in data.rows_of("duplicates")))
    assert groups == ["g02", *(f"g{size:02}" for size in range(15, 4, -1))]
    largest = [row for row in data.rows_of("duplicates") if row["group_id"] == "g15"]
    assert [row["image_id"] for row in largest] == ["g15-14", *(f"g15-{member:02}" for member in range(5))]
    assert largest[0]["is_kept"]


def test_the_page_says_how_many_groups_and_members_are_shown(data: ReportData) -> None:
    html = render_report(data, provenance())
    assert "12 of 14 groups shown" in html
    assert "6 of 15 images shown" in html


def test_the_worst_of_each_rule_and_the_farthest_of_each_statistic_are_shown(data: ReportData) -> None:
    dark = [row["score"] for row in data.rows_of("image_findings") if row["rule"] == "dark"]
    assert dark == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert [(row["statistic"], row["image_id"]) for row in data.rows_of("outliers")] == [
        ("mean", "b"),
        ("width", "b"),
        ("mean", "a"),
        ("width", "a"),
    ]


def test_only_the_newest_comparison_counts_whatever_its_run_is_called(data: ReportData) -> None:
    assert [(row["column_name"], row["adjusted_pvalue"]) for row in data.rows_of("drift")] == [
        ("width", 0.01),
        ("width", 0.02),
        ("mean", 0.5),
    ]


def test_without_runs_the_last_run_id_is_the_newest(spark: SparkSession) -> None:
    only = collect_report_data(reader(spark, {DRIFT_METRICS: ROWS[DRIFT_METRICS]}))
    assert [row["adjusted_pvalue"] for row in only.rows_of("drift")] == [0.9]


def test_both_sides_of_a_drifted_statistic_are_binned_together(data: ReportData) -> None:
    bins = [(row["place"], row["side"], row["bin"], row["images"]) for row in data.rows_of("drift_overlay")]
    # The reference is the whole dataset (10 and 20), the current data the test split (20).
    assert bins == [(0, "current", 29, 1), (0, "reference", 0, 1), (0, "reference", 29, 1)]


def test_a_snapshot_has_no_overlay(spark: SparkSession) -> None:
    drifted = [drift_row("width", "r", 0.01, reference="last-week")]
    rows = {IMAGES: [], IMAGE_STATS: [], DRIFT_METRICS: drifted}
    assert "drift_overlay" not in collect_report_data(reader(spark, rows)).rows


def test_the_largest_clusters_are_shown_by_the_images_in_their_middle(spark: SparkSession) -> None:
    # Cluster 1 has five images, cluster 0 two; three are noise.
    clusters = [
        {"encoder": "e", "image_id": f"i{at}", "cluster_id": cluster, "centroid_distance": at / 10, "method": "hdbscan"}
        for at, cluster in enumerate([1, 1, 0, 1, -1, 1, 1, 0, -1, -1])
    ]
    embeddings = [{"encoder": "e", "image_id": f"i{at}", "embedding": [float(at), 1.0]} for at in range(10)]

    data = collect_report_data(reader(spark, {CLUSTERS: clusters, EMBEDDINGS: embeddings}))

    shown = [(row["cluster_id"], row["image_id"], row["members"]) for row in data.rows_of("clusters")]
    assert shown == [(1, f"i{at}", 5) for at in (0, 1, 3, 5)] + [(0, "i2", 2), (0, "i7", 2)]
    assert {(row["noise"], row["found"]) for row in data.rows_of("clusters")} == {(3, 2)}
    assert sorted(row["embedding"][0] for row in data.rows_of("cluster_map")) == list(range(10))
    assert "2 clusters, 3 images are in none" in render_report(data, provenance())


def test_pictures_and_reasons_come_from_one_job(data: ReportData) -> None:
    assert set(data.thumbnails) == {"a", "b"}
    assert data.thumbnails["a"].data is not None
    assert (data.thumbnails["a"].full_width, data.thumbnails["a"].full_height) == (80, 60)


def test_boxes_of_examples_are_drawn_and_those_that_findings_are_about(data: ReportData) -> None:
    # Target 50 lies beyond the boxes drawn for an example, but a finding is about it; b's label has no box.
    assert {name: [box.target_index for box in boxes] for name, boxes in data.boxes.items()} == {"a": [0, 50]}


def test_the_number_of_pictures_is_limited(spark: SparkSession) -> None:
    rows = {IMAGES: ROWS[IMAGES], TARGETS: ROWS[TARGETS]}
    limited = collect_report_data(reader(spark, rows), max_thumbnails=1)
    assert len(limited.thumbnails) == 1
    rows = dict(limited.rows, labels=full_rows("dog")["labels"])
    limited = replace(limited, present=limited.present | {"label_stats"}, rows=rows)
    assert "no picture was made" in render_report(limited, provenance())


def test_no_table_at_all_needs_no_spark() -> None:
    assert collect_report_data(lambda table: None) == ReportData()


def test_every_existing_table_may_be_empty(spark: SparkSession) -> None:
    empty = collect_report_data(reader(spark, {table: [] for table in ROWS}))
    assert "All is well" in render_report(empty, provenance())


@pytest.mark.parametrize("table", ROWS, ids=lambda table: table.name)
def test_no_query_asks_for_a_table_that_is_missing(table: Table) -> None:
    present = frozenset(other.name for other in ROWS) - {table.name}
    asked = [query.text(present, DRIFTED) or "" for query in QUERIES]
    assert {field for text in asked if text for _, field, _, _ in Formatter().parse(text) if field} <= present


def test_a_workspace_without_images_still_has_a_report(spark: SparkSession) -> None:
    found = collect_report_data(reader(spark, {table: rows for table, rows in ROWS.items() if table != IMAGES}))
    assert (found.count("readable_images"), found.count("targets"), found.thumbnails) == (3, 4, {})
    assert render_report(found, provenance()).startswith("<!doctype html>")


@pytest.mark.parametrize(
    "values",
    [
        [float(value) for value in range(101)],
        [0.1 * value for value in range(31)],
        [3.0] * 5,
        [-7.5],
        [1e16, 1e16],
        [1e-320, 5e-320, 3e-320],
        [-1e299, 0.0, 1e299],
        np.random.default_rng(1).normal(size=400).tolist(),
        np.linspace(-1, 1, 61).tolist(),
    ],
    ids=["whole", "tenths", "constant", "one", "huge constant", "subnormal", "far apart", "normal", "edges"],
)
def test_histograms_are_numpys(spark: SparkSession, values: list[float]) -> None:
    odd = [None, math.nan, math.inf, -math.inf]
    rows = [{"image_id": str(place), "sharpness": value} for place, value in enumerate([*values, *odd])]
    found = collect_report_data(reader(spark, {IMAGE_STATS: rows})).rows_of("statistics")
    counts = [0] * BINS
    for row in found:
        assert row["statistic"] == "sharpness"
        counts[row["bin"]] += row["images"]
    if min(values) == max(values) and min(values) - 0.5 == min(values):
        assert sum(counts) == len(values)  # numpy refuses: there is no room for bins
        return
    expected, edges = np.histogram(values, bins=BINS)
    assert counts == expected.tolist()
    assert (found[0]["low"], found[0]["high"]) == (edges[0], edges[-1])


def test_the_size_of_the_file_is_binned_too(spark: SparkSession) -> None:
    rows = {IMAGES: ROWS[IMAGES], IMAGE_STATS: ROWS[IMAGE_STATS]}
    found = collect_report_data(reader(spark, rows)).rows_of("statistics")
    assert [(row["low"], row["high"], row["images"]) for row in found if row["statistic"] == "file_size"] == [
        (899.5, 900.5, 2)
    ]


def test_a_report_is_written_whole(spark: SparkSession, tmp_path) -> None:
    target = tmp_path / "deep" / "report.html"
    target.parent.mkdir()
    target.write_text("old")
    written = write_report(reader(spark, {IMAGES: ROWS[IMAGES]}), provenance(generated_at=WHEN), target)
    assert written == target
    assert target.read_text(encoding="utf-8").endswith("</html>")
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_a_query_reads_only_tables_that_its_section_names(query) -> None:
    everything = frozenset(table.name for table in ALL_TABLES)
    text = query.text(everything, DRIFTED)
    fields = {field for _, field, _, _ in Formatter().parse(text) if field}
    assert fields
    assert fields <= {table.name for table in (*query.needs, *query.uses)}
