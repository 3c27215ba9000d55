"""Factor bins: the factors of labelled things and images cut into bins; findings name those left out or mixed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

import pyarrow as pa
from pyspark.sql import DataFrame, Row

from dataeval_spark.analyses.bias.bin_edges import bins_of, edge_rows, stored_bins, unseen_values
from dataeval_spark.analyses.bias.factor_sources import SOURCES, Units, labelled_units
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.contract import rows_of
from dataeval_spark.kernels.factors.binning import Bins, is_increasing
from dataeval_spark.kernels.factors.factor_codes import as_maps, codes_of, factor_values, numbers_of
from dataeval_spark.kernels.factors.factor_summary import PARTIAL_DDL, partial_rows, summarize
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.bias import BIN_EDGES, FACTOR_BINS
from dataeval_spark.tables.runs import DATASET_FINDINGS

STEP = "factor_bins"
_REASONS = {
    "constant": "has one value only",
    "no_values": "has no values",
    "identifier": "names its rows: {distinct:,} values in {n:,} rows (factor_bins.keep keeps it)",
    "too_many_levels": "has {distinct:,} values or more, too many to count one by one",
}
_UNITS = {
    "percent_beside_share": "values are 100 times the others (percent beside shares?)",
    "8_bit_beside_unit_range": "values are 255 times the others (0..255 beside 0..1?)",
    "thousandfold": "values are 1000 times the others (milliseconds beside seconds?)",
    "degrees_beside_radians": "values are 57.3 times the others (degrees beside radians?)",
    "normalized_beside_pixel_boxes": "boxes are in pixels, the others are shares of the image",
}
_CLUSTERS = {"one_cluster": "one cluster only", "too_many_clusters": "more clusters than bins are allowed"}

Finding = tuple[str, str, str, float | None, float | None, str, str]

Rule = Literal["uniform_width", "uniform_count", "clusters"]
RULES = (*get_args(Rule), "discrete")
TIME_RULES = {"hour": "discrete", "month": "discrete"}
_SUMMARY = (
    "factor string, level string, rule string, edges array<double>, numbers array<double>, texts array<string>, "
    "n bigint, codes array<int>, counts array<bigint>, lows array<double>, highs array<double>, reason string, "
    "distinct bigint, note string, "
    "anomalies array<struct<kind: string, ratio: double, share: double, boundary: double>>"
)


def factor_bins(
    targets: DataFrame,
    images: DataFrame,
    image_stats: DataFrame | None = None,
    factors: DataFrame | None = None,
    bin_edges: DataFrame | None = None,
    *,
    rule: Rule = "uniform_width",
    rules: Mapping[str, str] | None = None,
    edges: Mapping[str, Sequence[float] | int] | None = None,
    sources: Sequence[str] = SOURCES,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    keep: Sequence[str] = (),
    timezone: str = "UTC",
    max_levels: int = 1_000,
    max_values: int = 50_000_000,
    stored_edges: bool = False,
) -> tuple[DataFrame, DataFrame, DataFrame]:
    """Cut every factor of every labelled thing into bins, by DataEval's automatic rule or by given rules.

    An image without labels has a row too, without class: its statistics, metadata and times are cut like those of the
    others, and measures of labels leave it out.

    A number is cut where it looks continuous or has more values than the larger of 20 and the square root of its
    rows; otherwise each value is a bin. A text has a bin per value. Missing values have a bin of their own. A factor
    of the image is judged on one row per image, one of the target on one per target.

    Left out, each with a row in ``dataset_findings``: constants, factors without values, texts with more than
    ``max_levels`` values, columns that are no number, text or time, and columns that name their rows. Those are texts
    of which more than half (and more than 20) of the values differ, and metadata of whole numbers, or of times, of
    which nine of ten (and more than 20) do: ids, counters, hashes. Measurements on a continuous scale stay, and
    so do all image statistics. A row there also says where values form no clusters, so that they are cut by uniform
    width instead, and where all of them are in one bin.

    Parameters
    ----------
    targets, images, image_stats, factors : DataFrame
        Tables of these names; of ``images`` the live rows. Targets of unknown class are left out; an image without
        others has a row all the same, as one without labels.
    bin_edges : DataFrame, optional
        Table ``bin_edges`` of an earlier run, for ``stored_edges``.
    rule : {"uniform_width", "uniform_count", "clusters"}
        Rule by which numbers are cut.
    rules : mapping of str to str
        Rule of single factors; also ``discrete``: each number is a bin.
    edges : mapping of str to sequence of float, or int
        Edges of single factors, increasing, or the number of equally wide bins.
    sources : sequence of str
        Some of ``metadata``, ``statistics``, ``boxes``, ``objects``, ``time`` (hour, weekday, month, northern season of
        ``captured_at``, from the EXIF data where the source gives none), ``origin`` (split and dataset).
    include, exclude : sequence of str
        Names of factors: only these, and not these.
    timezone : str
        Time zone of hours and weekdays.
    keep : sequence of str
        Factors that stay though their values look like names; those in ``include``, ``rules`` and ``edges`` stay too.
    max_levels : int
        Most bins of a factor.
    max_values : int
        Most values of one number: one task sorts them (about 30 bytes each).
    stored_edges : bool
        Use ``bin_edges`` as they are stored; levels unknown there, and values beyond the range seen there, are
        counted in ``dataset_findings``, which also names factors that have no stored bins. ``rule``, ``rules`` and
        ``edges`` play no role.

    Returns
    -------
    tuple of DataFrame
        Tables ``factor_bins``, ``bin_edges`` and ``dataset_findings`` without ``run_id``. The driver holds at most
        ``max_levels`` rows per factor.

    Raises
    ------
    OptionError
        An option is unknown, out of range, or names a column that is no factor; there are no stored edges to use.

    References
    ----------
    DataEval 1.1.4, ``Metadata``; it keeps constants and has no bound of levels.

    Examples
    --------
    >>> binned, edges, findings = factor_bins(targets, images, image_stats, factors, edges={"exposure": [-1, 0, 1]})
    >>> edges.where("factor = 'exposure'").orderBy("bin").select("bin", "label", "rule", "n").show()
    +---+-------+-----+---+
    |bin|  label| rule|  n|
    +---+-------+-----+---+
    |  0|   < -1|given|  0|
    |  1|[-1, 0)|given| 74|
    |  2| [0, 1)|given| 76|
    |  3|   >= 1|given|  0|
    |  4|missing|given| 22|
    +---+-------+-----+---+
    """
    _check(rule, rules or {}, edges or {}, sources, max_levels, max_values)
    units = labelled_units(
        targets,
        images,
        image_stats,
        factors,
        sources=sources,
        include=include,
        exclude=exclude,
        timezone=timezone,
    )
    for option, choices in (("rules", rules or {}), ("edges", edges or {}), ("keep", keep)):
        for name in choices:
            OptionError.unless_one_of(f"factor_bins.{option}", name, sorted({*units.numbers, *units.texts}))
    options: dict[str, Any] = {
        "rule": rule,
        "rules": {**TIME_RULES, **(rules or {})},
        "edges": dict(edges or {}),
        "most_levels": max_levels,
        "most_values": max_values,
        "measured": units.derived,
        "moments": units.moments,
        "kept_factors": frozenset((*keep, *include, *(rules or {}), *(edges or {}))),
    }
    summaries = _summaries(units, options)
    if stored_edges:
        if bin_edges is None:
            raise OptionError(
                "factor_bins.stored_edges is true and there are no stored edges: table bin_edges does not exist.\n"
                "Hint: dataeval-spark analyze factor_bins, without stored_edges"
            )
        bins, ranges = stored_bins(bin_edges)
        edge_frame = bin_edges.select(*BIN_EDGES.result_names)
        counts = bounded(unseen_values(units.frame, bins, ranges).orderBy("factor"), "one row per factor")
        findings = [*_findings_of_new_values(counts), *_findings_beside_stored_bins(summaries, frozenset(bins))]
    else:
        bins = {row["factor"]: bins_of(row) for row in summaries if row["reason"] is None}
        edge_frame = rows_of(targets, BIN_EDGES, edge_rows(summaries))
        findings = list(_findings(summaries, units.no_factors, units.derived, exclude))
    return _with_bins(units.frame, bins), edge_frame, rows_of(targets, DATASET_FINDINGS, findings)


def _with_bins(units: DataFrame, bins: Mapping[str, Bins]) -> DataFrame:
    """Table ``factor_bins`` without ``run_id``: the same value has the same bin in every dataset.

    A level that the bins do not have is -1; a value out of range is in the outermost bin.
    """
    bins = dict(bins)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            codes = codes_of(batch, bins)
            numeric = {name for name, of_factor in bins.items() if of_factor.rule != "categorical"}
            columns = {name: factor_values(batch, name, is_text=False) for name in numeric}
            numbers = {name: numbers_of(values) for name, values in sorted(columns.items()) if values is not None}
            yield pa.RecordBatch.from_arrays(
                [
                    *(batch.column(name) for name in ("image_id", "target_index", "class_name")),
                    as_maps(codes, batch.num_rows, pa.int32()),
                    as_maps(numbers, batch.num_rows, pa.float64()),
                ],
                names=["image_id", "target_index", "class_name", "bins", "numbers"],
            )

    return map_batches(units, run, FACTOR_BINS.nullable_ddl)


def _summaries(units: Units, options: dict[str, Any]) -> list[dict[str, Any]]:
    """One row per factor. Values travel as blocks of 8 bytes each, one shuffle for all factors."""
    names, of_targets = frozenset((*units.numbers, *units.texts)), units.of_targets
    schema = arrow_schema(_SUMMARY)

    def partials(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return partial_rows(batches, of_targets, names)

    def merged(partial: pa.Table) -> pa.Table:
        summary = summarize(partial, **options)
        codes = sorted(summary.counts)
        is_text = summary.bins.rule == "categorical"
        row = {
            "factor": summary.factor,
            "level": summary.level,
            "rule": summary.bins.rule,
            "edges": list(summary.bins.edges),
            "numbers": [] if is_text else list(summary.bins.levels),
            "texts": list(summary.bins.levels) if is_text else [],
            "n": summary.n,
            "codes": codes,
            "counts": [summary.counts[code] for code in codes],
            "lows": [summary.ranges.get(code, (None, None))[0] for code in codes],
            "highs": [summary.ranges.get(code, (None, None))[1] for code in codes],
            "reason": summary.reason,
            "distinct": summary.distinct,
            "note": summary.bins.note,
            "anomalies": list(summary.anomalies),
        }
        return pa.Table.from_pylist([row], schema=schema)

    columns = units.frame.select("is_first", "target_index", "numbers", "texts")
    rows = map_batches(columns, partials, PARTIAL_DDL).groupBy("factor").applyInArrow(merged, _SUMMARY)
    collected = bounded(rows, "one row per factor")
    return sorted((row.asDict(recursive=True) for row in collected), key=lambda row: str(row["factor"]))


def _check(
    rule: str,
    rules: Mapping[str, str],
    edges: Mapping[str, Sequence[float] | int],
    sources: Sequence[str],
    max_levels: int,
    max_values: int,
) -> None:
    OptionError.unless_one_of("factor_bins.rule", rule, get_args(Rule))
    for name, of_factor in rules.items():
        OptionError.unless_one_of(f"factor_bins.rules.{name}", of_factor, RULES)
    for name, edges_or_count in edges.items():
        fits = edges_or_count >= 1 if isinstance(edges_or_count, int) else is_increasing(list(edges_or_count))
        if not fits:
            raise OptionError(
                f"factor_bins.edges.{name} is {edges_or_count!r}; expected increasing numbers, or a number of bins.\n"
                f"Hint: --set 'factor_bins.edges={{\"{name}\" = [0, 18, 65, 120]}}'"
            )
    for source in sources:
        OptionError.unless_one_of("factor_bins.sources", source, SOURCES)
    within("factor_bins.max_levels", max_levels)
    within("factor_bins.max_values", max_values)


def _findings(
    summaries: Sequence[Mapping[str, Any]],
    no_factors: Sequence[tuple[str, str]],
    derived: frozenset[str],
    exclude: Sequence[str],
) -> Iterator[Finding]:
    """Rows of table ``dataset_findings`` without ``run_id``."""
    for row in summaries:
        name = row["factor"]
        # Where there are no boxes, say, nobody misses their width.
        if row["reason"] is not None and not (row["reason"] == "no_values" and name in derived):
            why = _REASONS[row["reason"]].format(**row)
            yield (STEP, "factor_left_out", name, float(row["distinct"]), None, "info", f"Factor {name} {why}")
        yield from _bins(row)
        yield from _anomalies(row)
    for name, type in no_factors:
        message = f"Factor {name} is {type}: only numbers, texts, booleans and times are factors"
        yield (STEP, "factor_left_out", name, None, None, "info", message)
    for name in exclude:
        yield (STEP, "factor_left_out", name, None, None, "info", f"Factor {name} is in factor_bins.exclude")


def _bins(row: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings about factors that could not be cut by their rule, and about those with one bin only."""
    name = row["factor"]
    if row["note"] is not None:
        message = f"Factor {name}: its values form {_CLUSTERS[row['note']]}, so they are cut by uniform width instead"
        yield (STEP, "clusters_not_used", name, None, None, "warning", message)
    missing = len(row["edges"]) + 1 if row["edges"] else len(row["numbers"]) + len(row["texts"])
    filled = [n for code, n in zip(row["codes"], row["counts"], strict=True) if code != missing]
    if row["reason"] is None and row["edges"] and len(filled) < 2:
        message = f"Factor {name}: all {sum(filled):,} of its values are in one bin, which tells nothing apart"
        yield (STEP, "one_bin", name, float(len(filled)), 2.0, "warning", message)


def _anomalies(row: Mapping[str, Any]) -> Iterator[Finding]:
    name = row["factor"]
    for anomaly in row["anomalies"]:
        share = f"{100 * anomaly['share']:.1f} %"
        message = f"Factor {name}: {share} of its {_UNITS[anomaly['kind']]}, from {anomaly['boundary']:g} on"
        yield (STEP, anomaly["kind"], name, anomaly["ratio"], None, "warning", message)


def _findings_beside_stored_bins(summaries: Sequence[Mapping[str, Any]], stored: frozenset[str]) -> Iterator[Finding]:
    """Findings beside given bins: factors that have none though they could, and two units in one factor."""
    for row in summaries:
        name = row["factor"]
        if name not in stored and row["reason"] is None:
            message = f"Factor {name} has no stored bins: it was no factor when they were made"
            yield (STEP, "factor_without_bins", name, float(row["distinct"]), None, "info", message)
        yield from _anomalies(row)


def _findings_of_new_values(counts: Sequence[Row]) -> Iterator[Finding]:
    """Findings from the rows of `unseen_values`."""
    for row in counts:
        name, n, outside = row["factor"], row["n"], row["below"] + row["above"]
        if row["unseen"]:
            message = f"Factor {name}: {row['unseen']:,} of {n:,} values are in none of the stored bins"
            yield (STEP, "unseen_levels", name, row["unseen"] / n, 0.0, "warning", message)
        if outside:
            message = (
                f"Factor {name}: {row['below']:,} values below and {row['above']:,} above all stored ones, of {n:,}"
            )
            yield (STEP, "values_out_of_range", name, outside / n, 0.0, "warning", message)
