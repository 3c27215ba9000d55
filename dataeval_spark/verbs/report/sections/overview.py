"""First section of a report: headline numbers, and the images of each dataset and split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.images import IMAGES, INGEST_FINDINGS, TARGETS
from dataeval_spark.tables.labels import LABEL_SCORES
from dataeval_spark.tables.profile import EMBEDDINGS, IMAGE_STATS, UNREADABLE_IMAGES
from dataeval_spark.tables.quality import DUPLICATE_GROUPS, DUPLICATE_PAIRS, IMAGE_FINDINGS, OUTLIERS
from dataeval_spark.tables.splits import SPLIT_LEAKAGE
from dataeval_spark.verbs.report.data import ReportData
from dataeval_spark.verbs.report.listing import Column, Listing, listing
from dataeval_spark.verbs.report.needs import INGEST, LABELS, Need, counted, untested
from dataeval_spark.verbs.report.section import Content, Query, Section, live
from dataeval_spark.verbs.report.sections.annotations import ANNOTATED, KIND, NOT_AS_WRITTEN, with_odd_boxes
from dataeval_spark.verbs.text import number, plural

SPLITS = counted("splits", "two splits", INGEST, least=2)
EXACT_KINDS = "array('exact_file', 'exact_pixels')"


# Measures, by the table that is counted.
_COUNTS: Mapping[Table, str] = {
    IMAGES: (
        "SELECT stack(3, 'live_images', '', live, 'deleted_images', '', deleted, 'splits', '', splits) FROM (\n"
        "  SELECT count_if(deleted_at IS NULL) AS live, count_if(deleted_at IS NOT NULL) AS deleted,\n"
        "    count(DISTINCT if(deleted_at IS NULL, split, NULL)) AS splits FROM {images})"
    ),
    IMAGE_STATS: "SELECT 'readable_images', '', count(*) FROM LIVE\n  WHERE t.target_index IS NULL",
    UNREADABLE_IMAGES: "SELECT 'unreadable_images', '', count(*) FROM LIVE\n  WHERE t.stage != 'encode'",
    TARGETS: (
        "SELECT stack(3, 'targets', '', targets, 'classes', '', classes, 'boxes', '', boxes) FROM (\n"
        "  SELECT count(*) AS targets, count(DISTINCT t.class_name) AS classes, count(t.box) AS boxes FROM LIVE)"
    ),
    EMBEDDINGS: (
        "SELECT 'embedded_images', encoder, count(*) FROM LIVE\n  WHERE t.target_index IS NULL GROUP BY encoder"
    ),
    LABEL_SCORES: (
        "SELECT 'scored_labels', concat_ws(' with ', step, source), count(*) FROM {label_scores} GROUP BY step, source"
    ),
    DUPLICATE_GROUPS: (
        "SELECT stack(2, 'duplicate_groups', kind, n, 'spanning_groups', kind, spanning) FROM (\n"
        "  SELECT kind, count(*) AS n, count_if(leaks) AS spanning FROM (\n"
        f"  SELECT group_id, CASE WHEN bool_or(arrays_overlap(kinds, {EXACT_KINDS})) THEN 'exact'\n"
        "    ELSE 'near' END AS kind, bool_or(spans_splits) AS leaks\n"
        "  FROM {duplicate_groups} GROUP BY group_id) GROUP BY kind)"
    ),
    DUPLICATE_PAIRS: (
        "SELECT 'removable_images', '', count(DISTINCT image_id_b) FROM {duplicate_pairs}\n"
        "  WHERE kind IN ('exact_file', 'exact_pixels') AND target_index_b IS NULL"
    ),
    OUTLIERS: (
        "SELECT if(grouping(statistic) = 1, 'outlier_images', 'outliers'), coalesce(statistic, ''),\n"
        "  if(grouping(statistic) = 1, count(DISTINCT image_id), count(*))\n"
        "  FROM {outliers} GROUP BY GROUPING SETS ((statistic), ())"
    ),
    IMAGE_FINDINGS: "SELECT 'image_findings', rule, count(*) FROM {image_findings} GROUP BY rule",
    SPLIT_LEAKAGE: (
        "SELECT 'split_leaks', split_name, count(*) FROM (\n"
        "  SELECT DISTINCT split_name, fold, least(image_id_a, image_id_b) AS a,\n"
        "    greatest(image_id_a, image_id_b) AS b FROM {split_leakage} WHERE repeat = 0) GROUP BY split_name"
    ),
    INGEST_FINDINGS: (
        f"SELECT if(is_odd_box, 'odd_boxes_as_written', 'ingest_findings'), {KIND}, sum(coalesce(n, 1))\n"
        f"FROM WITH_ODD_BOXES WHERE {NOT_AS_WRITTEN} GROUP BY is_odd_box, {KIND}"
    ),
}


@dataclass(frozen=True)
class Tile:
    """A headline number; ``value`` is a dash where nothing was analysed yet."""

    label: str
    value: str
    section: str
    note: str = ""
    tone: str = ""


def overview_query(present: frozenset[str]) -> str | None:
    """Headline numbers as rows (measure, item, value). Bounded: items are rules, kinds and statistics.

    One branch per table, whatever it counts: on small data the time goes with the number of scans.
    """
    branches = [
        text.replace("LIVE", live(table.name, present)).replace("WITH_ODD_BOXES", with_odd_boxes(present))
        for table, text in _COUNTS.items()
        if table.name in present
    ]
    inner = "\nUNION ALL\n".join(branches)
    return f"SELECT * FROM (\n{inner}\n) AS counts (measure, item, value)" if branches else None


COMPOSITION_QUERY = """\
SELECT dataset, split, count(*) AS images FROM {images}
WHERE deleted_at IS NULL GROUP BY dataset, split ORDER BY images DESC, dataset, split LIMIT 40"""


def overview(data: ReportData) -> Content:
    """The headline numbers, and the number of images of each dataset and split."""
    return {"tiles": tiles(data), "composition": _composition(data)}


def tiles(data: ReportData) -> list[Tile]:
    """The headline numbers."""
    groups, compared = data.counts("duplicate_groups"), data.rows_of("drift")
    removable, leaks = data.count("removable_images"), data.count("spanning_groups")
    deleted = data.count("deleted_images")

    def tile(
        table: str, label: str, count: int, section: str, note: str = "", bad: str = "", *, needs: tuple[Need, ...] = ()
    ) -> Tile:
        lacking = untested(data, needs, "", is_missing=table not in data.present)
        if lacking:
            return Tile(label, "–", section, "not tested" if bad else "not computed")
        return Tile(label, f"{count:,}", section, note, (bad if count else "ok") if bad else "")

    gone = f"and {deleted:,} deleted" if deleted else ""
    return [
        tile("images", "Images", data.count("live_images"), "overview", gone),
        tile("image_stats", "Readable", data.count("readable_images"), "statistics"),
        tile("unreadable_images", "Unreadable", data.count("unreadable_images"), "unreadable", "", "bad"),
        tile("targets", "Labels", data.count("targets"), "labels", needs=(LABELS,)),
        tile("targets", "Classes", data.count("classes"), "labels", needs=(LABELS,)),
        tile(
            "duplicate_groups",
            "Exact duplicate groups",
            groups.get("exact", 0),
            "duplicates",
            f"{plural(removable, 'image')} could be removed" if removable else "",
            "warn",
        ),
        tile("duplicate_groups", "Near-duplicate groups", groups.get("near", 0), "duplicates", "", "calm"),
        tile("duplicate_groups", "Groups across splits", leaks, "duplicates", "", "bad", needs=(SPLITS,)),
        tile("outliers", "Outlier images", data.count("outlier_images"), "outliers", "", "calm"),
        tile("image_findings", "Image findings", data.count("image_findings"), "findings", "", "warn"),
        tile(
            "ingest_findings",
            "Annotation findings",
            data.count("ingest_findings"),
            "annotations",
            "",
            "bad",
            needs=(ANNOTATED,),
        ),
        tile(
            "drift_metrics",
            "Drifted statistics",
            sum(bool(row["drift_detected"]) for row in compared),
            "drift",
            f"of {len(compared):,} compared",
            "warn",
        ),
    ]


def _composition(data: ReportData) -> Listing | None:
    rows = data.rows_of("composition")
    columns = (
        Column("Dataset", "dataset", most=60),
        Column("Split", "split", most=40),
        Column("Images", "images", number),
    )
    return listing(rows, columns, caption="Images per dataset and split") if rows else None


SECTION = Section(
    10,
    "overview",
    "At a glance",
    tables=(IMAGES,),
    command=INGEST,
    queries=(
        Query("overview", overview_query, uses=tuple(_COUNTS)),
        Query("composition", COMPOSITION_QUERY, (IMAGES,)),
    ),
    content=overview,
    template="sections/overview.html.j2",
)
