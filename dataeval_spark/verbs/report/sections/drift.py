"""Section on drift: one table per pair of datasets, and histograms of the columns that drifted most."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dataeval_spark.tables.contract import sql_string
from dataeval_spark.tables.images import IMAGES
from dataeval_spark.tables.profile import IMAGE_STATS
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.tables.shift import DRIFT_METRICS
from dataeval_spark.verbs.report import charts
from dataeval_spark.verbs.report.data import ReportData, Row
from dataeval_spark.verbs.report.histograms import UNITS, binned, counts_of
from dataeval_spark.verbs.report.listing import Column, Listing, listing
from dataeval_spark.verbs.report.needs import MEASURED, Need
from dataeval_spark.verbs.report.pictures import card
from dataeval_spark.verbs.report.section import Content, Picture, Query, Rows, Section
from dataeval_spark.verbs.text import clean, listed, number, shorten, words

COMPARE = "dataeval-spark compare --workspace WORKSPACE --reference split=train --current split=test"
COMPARED = Need("two parts of the data that were compared", lambda data: bool(data.rows_of("drift")), COMPARE)
VERDICTS = {True: ("drifted", "pill warn"), False: ("same", "pill ok"), None: ("not tested", "pill calm")}
MAX_OVERLAYS = 4
EVIDENCE = 3
# What a smaller and a larger mean look like, where the name does not say it: `darkness` grows with brightness.
LOOKS = {
    **dict.fromkeys(("mean", "brightness", "darkness", "perceived_brightness"), ("darker", "brighter")),
    "std": ("flatter", "richer in contrast"),
    "contrast": ("flatter", "richer in contrast"),
    "sharpness": ("softer", "sharper"),
    "entropy": ("more uniform", "more varied"),
    "zeros": ("fewer black pixels", "more black pixels"),
    "width": ("narrower", "wider"),
    "height": ("lower", "taller"),
    "aspect_ratio": ("taller in shape", "wider in shape"),
}


def latest_drift(present: frozenset[str]) -> str:
    """Rows of the newest comparison of each reference with each current data."""
    if "runs" not in present:
        newest = (
            "SELECT reference, current, max(run_id) AS run_id\n      FROM {drift_metrics} GROUP BY reference, current"
        )
    else:
        newest = (
            "SELECT d.reference, d.current, max_by(d.run_id, struct(r.started_at, d.run_id)) AS run_id\n"
            "      FROM {drift_metrics} AS d LEFT JOIN (\n"
            "        SELECT run_id, max(started_at) AS started_at FROM {runs} GROUP BY run_id) AS r\n"
            "      ON d.run_id = r.run_id GROUP BY d.reference, d.current"
        )
    return f"{{drift_metrics}} NATURAL JOIN (\n      {newest}) AS newest"


def drift_query(present: frozenset[str]) -> str:
    return (
        "SELECT reference, current, slice_key, slice_value, column_name, ks_test.statistic AS ks_statistic,\n"
        "  wasserstein_distance, avg_delta, reference_count, current_count, adjusted_pvalue, threshold,\n"
        f"  drift_detected, slice(evidence, 1, {EVIDENCE}) AS evidence FROM {latest_drift(present)}\n"
        "ORDER BY drift_detected DESC NULLS LAST, adjusted_pvalue NULLS LAST, ks_statistic DESC, column_name,\n"
        "  reference, current, slice_key, slice_value LIMIT 200"
    )


def overlay_pairs(drift: Iterable[Row]) -> tuple[tuple[str, str, str], ...]:
    """The first drifted columns of whole datasets: (column, reference, current)."""
    return tuple((row["column_name"], row["reference"], row["current"]) for row in _drifted(drift))


def direction(column: str, change: float | None) -> str:
    """What the current data look like beside the reference, as in ``darker``; empty where the means are equal.

    Examples
    --------
    >>> direction("darkness", -64.8)
    'darker'
    """
    if not change or not math.isfinite(change):
        return ""
    return LOOKS.get(column, ("lower", "higher"))[change > 0]


def evidence_images(rows: Rows) -> Iterator[Picture]:
    """Images of the current data that lie farthest beyond the reference, of the statistics that drifted most."""
    for row in _drifted(rows.get("drift", ())):
        yield from (Picture(found["item_id"]) for found in row["evidence"] or ())


def _drifted(rows: Iterable[Row]) -> list[Row]:
    """The first drifted statistics of whole datasets."""
    return [row for row in rows if row["drift_detected"] and row["slice_key"] is None][:MAX_OVERLAYS]


def drift_overlay(pairs: Sequence[tuple[str, str, str]]) -> str | None:
    """Histograms of both sides of (column, reference, current), at most 4 x 2 x 30 rows.

    Sides that name a dataset or a split can be read from the workspace; a snapshot cannot.
    """
    structs = [
        f"    named_struct('place', {place}, 'side', '{side}', 'value', CAST(s.`{column}` AS DOUBLE),\n"
        f"      'is_in', {condition})"
        for place, (column, *names) in enumerate(pairs)
        for side, condition in zip(("reference", "current"), map(_side, names), strict=True)
        if column in IMAGE_STATS.column_names and all(map(_side, names))
    ]
    long = (
        "WITH every AS (\n  SELECT inline(array(\n" + ",\n".join(structs) + "))\n"
        "  FROM {image_stats} AS s JOIN {images} AS i ON s.image_id = i.image_id AND i.deleted_at IS NULL\n"
        "  WHERE s.target_index IS NULL),\nlong AS (SELECT place, side, value FROM every WHERE is_in),\n"
    )
    return long + binned("place", "side, ") if structs else None


def _side(side: str) -> str | None:
    column, equals, name = side.partition("=")
    if not equals or column not in ("dataset", "split"):
        return None
    literal = sql_string(name).replace("{", "{{").replace("}", "}}")
    return f"i.{column} = {literal}"


def drift(data: ReportData) -> Content:
    """Tables per comparison, and figures of the drifted statistics."""
    rows = data.rows_of("drift")
    pairs = dict.fromkeys((row["reference"], row["current"]) for row in rows)
    tables = [
        {
            "title": f"{shorten(current)} compared with {shorten(reference)}",
            "table": _table([row for row in rows if (row["reference"], row["current"]) == (reference, current)]),
        }
        for reference, current in pairs
    ]
    return {"comparisons": tables, "figures": _figures(data), "panels": _panels(data)}


def _panels(data: ReportData) -> list[Mapping[str, Any]]:
    """Pictures of the images that a statistic's drift shows best."""
    panels: list[Mapping[str, Any]] = []
    for row in _drifted(data.rows_of("drift")):
        cards = [
            card(data, found["item_id"], lines=[f"{number(found['score'])} standard deviations from the reference"])
            for found in row["evidence"] or ()
        ]
        if cards:
            title = ": ".join(filter(None, [words(row["column_name"]).capitalize(), _looks(row)]))
            note = f"mean change {number(row['avg_delta'])}; images of {shorten(row['current'], 40)}"
            panels.append({"title": title, "note": note, "cards": cards})
    return panels


def _looks(row: Row) -> str:
    return direction(row["column_name"], row["avg_delta"])


def _table(rows: list[Row]) -> Listing:
    sliced = any(row["slice_key"] is not None for row in rows)
    shown_rows = [
        {
            **row,
            "verdict": VERDICTS[row["drift_detected"]][0],
            "slice": _slice(row),
            "statistic": row["column_name"],
            "looks": _looks(row) if row["drift_detected"] else "",
        }
        for row in rows
    ]
    columns = [
        Column("Statistic", "statistic", words),
        *([Column("Slice", "slice", most=40)] if sliced else []),
        Column("Result", "verdict", style=lambda row: VERDICTS[row["drift_detected"]][1]),
        Column("Current is", "looks"),
        Column("KS statistic", "ks_statistic", number, bar=True),
        Column("Adjusted p", "adjusted_pvalue", number),
        Column("Mean change", "avg_delta", number),
        Column("Wasserstein", "wasserstein_distance", number),
        Column("Reference", "reference_count", number),
        Column("Current", "current_count", number),
    ]
    limits = listed(dict.fromkeys(number(row["threshold"]) for row in rows))
    return listing(shown_rows, columns, caption="Drift per statistic", note=f"drifted: adjusted p below {limits}")


def _slice(row: Row) -> str:
    return "all" if row["slice_key"] is None else f"{clean(row['slice_key'])} = {clean(row['slice_value'])}"


def _figures(data: ReportData) -> list[dict[str, str]]:
    pairs = overlay_pairs(data.rows_of("drift"))
    figures = []
    for bins in data.groups_of("drift_overlay", "place"):
        place = bins[0]["place"]
        column, reference, current = pairs[place]
        unit = UNITS.get(column, "")
        sides = [counts_of([row for row in bins if row["side"] == side]) for side in ("reference", "current")]
        label = f"{words(column)}: {shorten(current)} compared with {shorten(reference)}"
        low, high = bins[0]["low"], bins[0]["high"]
        chart = charts.overlay(f"chart-drift-{place}", label, low, high, *sides, unit=unit)
        figures.append(
            {
                "title": words(column).capitalize() + (f" [{unit}]" if unit not in ("", "bytes") else ""),
                "reference": f"{shorten(reference, 40)} ({sum(sides[0]):,})",
                "current": f"{shorten(current, 40)} ({sum(sides[1]):,})",
                "chart": chart,
            }
        )
    return figures


SECTION = Section(
    150,
    "drift",
    "Drift",
    intro=(
        "Statistics that differ between the reference and the current data, by a two-sample Kolmogorov-Smirnov test "
        "of each, corrected for the number of tests (Benjamini-Hochberg). Only the newest comparison of each pair is "
        "shown."
    ),
    tables=(DRIFT_METRICS,),
    command=COMPARE,
    queries=(
        Query("drift", drift_query, (DRIFT_METRICS,), (RUNS,)),
        Query(
            "drift_overlay",
            lambda present, rows: drift_overlay(overlay_pairs(rows)),
            (IMAGE_STATS, IMAGES),
            after="drift",
        ),
    ),
    content=drift,
    template="sections/drift.html.j2",
    needs=(MEASURED, COMPARED),
    tests="drift",
    pictures=evidence_images,
    pictures_order=2,
)
