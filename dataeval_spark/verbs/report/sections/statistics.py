"""Section on statistics: a histogram of each."""

from __future__ import annotations

from dataeval_spark.tables.images import IMAGES
from dataeval_spark.tables.profile import IMAGE_STATS
from dataeval_spark.verbs.report import charts
from dataeval_spark.verbs.report.data import ReportData
from dataeval_spark.verbs.report.histograms import UNITS, binned, counts_of
from dataeval_spark.verbs.report.needs import MEASURED, PROFILE
from dataeval_spark.verbs.report.section import Content, Query, Section
from dataeval_spark.verbs.text import number, size, slug, words

STATISTICS = ("mean", "brightness", "contrast", "sharpness", "entropy", "width", "height", "aspect_ratio", "file_size")
MEANINGS = {column.name: column.doc for column in IMAGE_STATS.columns} | {"file_size": "Size of the file"}


def statistics_query(present: frozenset[str]) -> str:
    """Histograms of all statistics together, at most 9 x 30 rows; the bins are numpy's."""
    with_size = "images" in present
    size = "CAST(i.content_length AS DOUBLE)" if with_size else "CAST(NULL AS DOUBLE)"
    pairs = ", ".join(f"'{name}', {size if name == 'file_size' else f's.{name}'}" for name in STATISTICS)
    join = "JOIN {images} AS i\n    ON s.image_id = i.image_id AND i.deleted_at IS NULL\n  " if with_size else ""
    long = (
        f"  SELECT stack({len(STATISTICS)}, {pairs}) AS (statistic, value)\n"
        f"  FROM {{image_stats}} AS s {join}WHERE s.target_index IS NULL"
    )
    return f"WITH long AS (\n{long}),\n{binned('statistic', '')}"


def statistics(data: ReportData) -> Content:
    figures = []
    for bins in data.groups_of("statistics", "statistic"):
        name = bins[0]["statistic"]
        low, high, total = bins[0]["low"], bins[0]["high"], sum(row["images"] for row in bins)
        show = size if UNITS[name] == "bytes" else number
        unit = f" [{UNITS[name]}]" if UNITS[name] not in ("", "bytes") else ""
        mean = show(sum(row["total"] for row in bins) / total)
        chart = charts.histogram(
            f"chart-{slug(name)}", f"Histogram of {words(name)}", low, high, counts_of(bins), unit=UNITS[name]
        )
        # A constant statistic is drawn in bins around its value.
        constant = len(bins) == 1
        span = f"all {mean}" if constant else f"{show(low)} to {show(high)}, mean {mean}"
        figures.append(
            {"title": words(name).capitalize(), "detail": MEANINGS[name] + unit, "note": span, "chart": chart}
        )
    return {"figures": figures}


SECTION = Section(
    140,
    "statistics",
    "Statistics",
    intro="One histogram per statistic, over all readable images that have not been deleted.",
    tables=(IMAGE_STATS,),
    command=PROFILE,
    needs=(MEASURED,),
    queries=(Query("statistics", statistics_query, (IMAGE_STATS,), (IMAGES,)),),
    content=statistics,
)
