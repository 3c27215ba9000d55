"""The SQL behind a report: one text per query, executed as it is shown to the reader.

``{images}`` stands for the table ``images``: a DataFrame when the report runs the query, its SQL name when
the report shows it. Every query is bounded by a LIMIT, by a rank within a group, or by a number of bins.
"""

from __future__ import annotations

from collections.abc import Callable

from dataeval_spark.report import splits
from dataeval_spark.report.bias import (
    balance_query,
    diversity_query,
    feature_value_query,
    gaps_query,
    parity_query,
    shortcuts_query,
)
from dataeval_spark.report.clusters import cluster_map_query, clusters_query
from dataeval_spark.report.duplicates import evaluation_query
from dataeval_spark.report.histograms import statistics
from dataeval_spark.report.label_errors import label_errors_query

# What was skipped for these reasons has findings of its own; the account of all entries would count it again.
_TOLD_APART = "'unmatched', 'broken', 'not_read', 'repeated'"
NOT_AS_WRITTEN = (
    "coalesce(severity, 'error') != 'info'\n"
    f"  AND NOT (kind = 'skipped' AND split_part(location, ': ', 2) IN ({_TOLD_APART}))"
)
_KIND = "CASE WHEN kind = 'skipped' THEN split_part(location, ': ', 2) ELSE kind END"
EXACT_KINDS = "array('exact_file', 'exact_pixels')"


def live(table: str, present: frozenset[str], alias: str = "t") -> str:
    """FROM clause over the rows of live images; all rows where there is no table of images."""
    if "images" not in present:
        return f"{{{table}}} AS {alias}"
    return (
        f"{{{table}}} AS {alias} LEFT SEMI JOIN {{images}} AS live\n"
        f"    ON {alias}.image_id = live.image_id AND live.deleted_at IS NULL"
    )


def overview(present: frozenset[str]) -> str | None:
    """Headline numbers as rows (measure, item, value). Bounded: items are rules, kinds and statistics.

    One branch per table, whatever it counts: on small data the time goes with the number of scans.
    """
    branches = [text.replace("LIVE", live(table, present)) for table, text in _OVERVIEW.items() if table in present]
    inner = "\nUNION ALL\n".join(branches)
    return f"SELECT * FROM (\n{inner}\n) AS counts (measure, item, value)" if branches else None


_OVERVIEW = {
    "images": (
        "SELECT stack(2, 'live_images', '', count_if(deleted_at IS NULL),\n"
        "  'deleted_images', '', count_if(deleted_at IS NOT NULL)) FROM {images}"
    ),
    "image_stats": "SELECT 'readable_images', '', count(*) FROM LIVE\n  WHERE t.target_index IS NULL",
    "unreadable_images": "SELECT 'unreadable_images', '', count(*) FROM LIVE\n  WHERE t.stage != 'encode'",
    "targets": "SELECT stack(2, 'targets', '', count(*), 'classes', '', count(DISTINCT t.class_name)) FROM LIVE",
    "duplicate_groups": (
        "SELECT stack(2, 'duplicate_groups', kind, count(*), 'spanning_groups', kind, count_if(leaks)) FROM (\n"
        f"  SELECT group_id, CASE WHEN bool_or(arrays_overlap(kinds, {EXACT_KINDS})) THEN 'exact'\n"
        "    ELSE 'near' END AS kind, bool_or(spans_splits) AS leaks\n"
        "  FROM {duplicate_groups} GROUP BY group_id) GROUP BY kind"
    ),
    "duplicate_pairs": (
        "SELECT 'removable_images', '', count(DISTINCT image_id_b) FROM {duplicate_pairs}\n"
        "  WHERE kind IN ('exact_file', 'exact_pixels') AND target_index_b IS NULL"
    ),
    "outliers": (
        "SELECT if(grouping(statistic) = 1, 'outlier_images', 'outliers'), coalesce(statistic, ''),\n"
        "  if(grouping(statistic) = 1, count(DISTINCT image_id), count(*))\n"
        "  FROM {outliers} GROUP BY GROUPING SETS ((statistic), ())"
    ),
    "image_findings": "SELECT 'image_findings', rule, count(*) FROM {image_findings} GROUP BY rule",
    "split_leakage": (
        "SELECT 'split_leaks', split_name, count(*) FROM {split_leakage} WHERE repeat = 0 GROUP BY split_name"
    ),
    "ingest_findings": f"SELECT 'ingest_findings', {_KIND}, sum(coalesce(n, 1)) FROM {{ingest_findings}}\n"
    f"WHERE {NOT_AS_WRITTEN} GROUP BY ALL",
}


def latest_drift(present: frozenset[str]) -> str:
    """Rows of the newest comparison of each reference with each current data."""
    if "runs" not in present:
        newest = "SELECT reference, current, max(run_id) AS run_id\n      FROM {drift_metrics} GROUP BY ALL"
    else:
        newest = (
            "SELECT d.reference, d.current, max_by(d.run_id, struct(r.started_at, d.run_id)) AS run_id\n"
            "      FROM {drift_metrics} AS d LEFT JOIN (\n"
            "        SELECT run_id, max(started_at) AS started_at FROM {runs} GROUP BY run_id) AS r\n"
            "      ON d.run_id = r.run_id GROUP BY d.reference, d.current"
        )
    return f"{{drift_metrics}} NATURAL JOIN (\n      {newest}) AS newest"


def composition(present: frozenset[str]) -> str:
    return (
        "SELECT dataset, split, count(*) AS images FROM {images}\n"
        "WHERE deleted_at IS NULL GROUP BY dataset, split ORDER BY images DESC, dataset, split LIMIT 40"
    )


def unreadable(present: frozenset[str]) -> str:
    return (
        "SELECT t.image_id, t.stage, t.error_class, t.message, t.content_length\n"
        f"FROM {live('unreadable_images', present)}\nORDER BY t.stage, t.error_class, t.image_id LIMIT 50"
    )


def duplicates(present: frozenset[str]) -> str:
    """At most 12 groups of 6 members."""
    return (
        "WITH shown AS (\n  SELECT group_id, bool_or(spans_splits) AS leaks, max(group_size) AS members\n"
        "  FROM {duplicate_groups} GROUP BY group_id ORDER BY leaks DESC, members DESC, group_id LIMIT 12)\n"
        "SELECT group_id, image_id, target_index, kinds, is_kept, reason, group_size, spans_splits FROM (\n"
        "  SELECT g.*, row_number() OVER (\n"
        "    PARTITION BY g.group_id ORDER BY g.is_kept DESC, g.image_id, g.target_index) AS place\n"
        "  FROM {duplicate_groups} AS g JOIN shown ON g.group_id = shown.group_id)\n"
        "WHERE place <= 6 ORDER BY spans_splits DESC, group_size DESC, group_id, place"
    )


def image_findings(present: frozenset[str]) -> str:
    """At most 5 of each of the rules (8 at present)."""
    return (
        "SELECT rule, image_id, target_index, score, threshold, severity, message FROM (\n"
        "  SELECT *, row_number() OVER (PARTITION BY rule ORDER BY score, image_id, target_index) AS place\n"
        "  FROM {image_findings})\nWHERE place <= 5 ORDER BY rule, place LIMIT 60"
    )


def outliers(present: frozenset[str]) -> str:
    """The farthest of each statistic, then the next farthest, 12 in all."""
    return (
        "SELECT statistic, image_id, target_index, channel, method, group_name, value, score, threshold,\n"
        "  lower, upper, direction FROM (\n"
        "  SELECT *, row_number() OVER (PARTITION BY statistic\n"
        "    ORDER BY score DESC, image_id, target_index, channel, method, group_name) AS place\n"
        "  FROM {outliers})\nWHERE place <= 4 ORDER BY place, score DESC, statistic LIMIT 12"
    )


def labels(present: frozenset[str]) -> str:
    return (
        "SELECT class_name, label_count, image_count, label_share, image_share, labels_per_image,\n"
        "  max_labels_per_image, class_count, images_without_labels, imbalance_ratio\n"
        "FROM {label_stats} ORDER BY class_name IS NOT NULL, label_count DESC, class_name LIMIT 31"
    )


def label_examples(present: frozenset[str]) -> str:
    """Two images of each of the 10 most frequent classes, drawn by hash: the same ones every time."""
    return (
        "SELECT t.class_name, count(*) AS labels, min_by(t.image_id, xxhash64(t.class_name, t.image_id)) AS image_a,\n"
        "  max_by(t.image_id, xxhash64(t.class_name, t.image_id)) AS image_b\n"
        f"FROM {live('targets', present)}\n"
        "WHERE t.class_name IS NOT NULL GROUP BY t.class_name ORDER BY labels DESC, t.class_name LIMIT 10"
    )


def ingest_findings(present: frozenset[str]) -> str:
    """At most 8 of each kind."""
    return (
        "SELECT kind, dataset, source_file, location, image_id, target_index, message, found, expected FROM (\n"
        "  SELECT *, row_number() OVER (PARTITION BY kind ORDER BY dataset, source_file, location) AS place FROM (\n"
        f"    SELECT * EXCEPT (kind), {_KIND} AS kind\n"
        f"    FROM {{ingest_findings}} WHERE {NOT_AS_WRITTEN}))\n"
        "WHERE place <= 8 ORDER BY kind, place LIMIT 200"
    )


def dataset_findings(present: frozenset[str]) -> str:
    return (
        "SELECT severity, step, rule, subject, value, threshold, message FROM {dataset_findings}\n"
        "ORDER BY array_position(array('error', 'warning', 'info'), severity), step, rule, subject LIMIT 200"
    )


def drift(present: frozenset[str]) -> str:
    return (
        "SELECT reference, current, slice_key, slice_value, column_name, ks_test.statistic AS ks_statistic,\n"
        "  wasserstein_distance, avg_delta, reference_count, current_count, adjusted_pvalue, threshold,\n"
        f"  drift_detected FROM {latest_drift(present)}\n"
        "ORDER BY drift_detected DESC NULLS LAST, adjusted_pvalue NULLS LAST, ks_statistic DESC, column_name,\n"
        "  reference, current, slice_key, slice_value LIMIT 200"
    )


# (query, tables it cannot do without, SQL)
QUERIES: tuple[tuple[str, tuple[str, ...], Callable[[frozenset[str]], str | None]], ...] = (
    ("overview", (), overview),
    ("statistics", ("image_stats",), statistics),
    ("drift", ("drift_metrics",), drift),
    ("duplicates", ("duplicate_groups",), duplicates),
    ("duplicate_evaluation", ("duplicate_evaluation",), evaluation_query),
    ("image_findings", ("image_findings",), image_findings),
    ("outliers", ("outliers",), outliers),
    ("label_examples", ("targets",), label_examples),
    ("labels", ("label_stats",), labels),
    ("annotations", ("ingest_findings",), ingest_findings),
    ("unreadable", ("unreadable_images",), unreadable),
    ("dataset_findings", ("dataset_findings",), dataset_findings),
    ("composition", ("images",), composition),
    ("balance", ("balance",), balance_query),
    ("coverage_gaps", ("coverage_gaps",), gaps_query),
    ("shortcuts", ("shortcuts",), shortcuts_query),
    ("parity", ("parity",), parity_query),
    ("feature_value", ("feature_value",), feature_value_query),
    ("diversity", ("diversity",), diversity_query),
    ("label_errors", ("label_errors",), label_errors_query),
    ("clusters", ("clusters",), clusters_query),
    ("split_parts", ("images", "split_leakage"), splits.parts_query),
    ("split_leakage", ("split_leakage",), splits.leakage_query),
    ("split_repairs", ("split_repairs",), splits.repairs_query),
    ("split_differences", ("split_differences",), splits.differences_query),
    ("part_bias", ("part_bias",), splits.part_bias_query),
    ("split_strata", ("split_strata",), splits.strata_query),
    ("split_representativeness", ("split_representativeness",), splits.representativeness_query),
    ("cluster_map", ("clusters", "embeddings"), cluster_map_query),
)
