"""The operations that a selection is made of; each takes a selection and returns another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.analyses.quality.image_findings import RULES
from dataeval_spark.analyses.quality.outliers import NUMBERS
from dataeval_spark.errors import OptionError, first_line
from dataeval_spark.frames.contract import literal_map
from dataeval_spark.option_checks.columns import value_for_column
from dataeval_spark.options import OPERATION_NAMES
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.contract import identifier
from dataeval_spark.tables.images import FACTORS
from dataeval_spark.tables.profile import IMAGE_STATS
from dataeval_spark.verbs.select.balance import balance  # noqa: F401  one of the operations
from dataeval_spark.verbs.select.readable import unreadable_images
from dataeval_spark.verbs.select.state import ORDER, Selection, hashed

MAX_INDEX = 10_000_000


def datasets(selection: Selection, *, names: Sequence[str]) -> Selection:
    """Images of these datasets, merged: in the order of their ids, which begin with the dataset's name."""
    images = selection.tables["images"]
    for name in names:
        _require("select.datasets.names", name, images, "dataset")
    return selection.among(images.where(F.col("dataset").isin(list(names))))


def where(selection: Selection, *, condition: str) -> Selection:
    """Images that meet a SQL condition on the columns of ``images``, on ``factors.NAME`` and on ``stats.NAME``."""
    joined = selection.tables["images"]
    for name, table in (("factors", "factors"), ("stats", "image_stats")):
        if f"{name}." in condition:
            rows = selection.table(table, f"a condition on {name}").where("target_index IS NULL")
            joined = joined.join(rows.select("image_id", F.struct("*").alias(name)), on="image_id", how="left")
    try:
        matches = _matching(joined, condition)
        matches.columns  # noqa: B018  under Connect nothing is checked before this
    except PySparkException as error:
        first = first_line(error, "")[:300]
        raise OptionError(
            f"select.where.condition {condition!r} cannot be used: {first}\n"
            "Hint: columns of images, factors.NAME and stats.NAME, such as dataset = 'a' AND stats.brightness < 30"
        ) from error
    return selection.among(matches)


def _matching(images: DataFrame, condition: str) -> DataFrame:
    if "->" not in condition:
        return images.where(F.expr(condition))
    # A filter goes down to the reader of the files, and the embedded engine's does not find columns beside a lambda
    # function. What is grouped stays above it; an image is one row.
    return images.groupBy("image_id").agg(F.max(F.expr(condition)).alias("is_met")).where("is_met")


def classes(selection: Selection, *, keep: Sequence[str], filter_targets: bool = True) -> Selection:
    """Images with a label of these classes; ``filter_targets`` leaves out their other labels."""
    for name in keep:
        _require("select.classes.keep", name, selection.labels, "class_name")
    labels = selection.labels.where(F.col("class_name").isin(list(keep)))
    chosen = selection.among(labels)
    return chosen.with_labels(labels) if filter_targets else chosen


def relabel(selection: Selection, *, classes: Mapping[str, str], unmatched: str = "keep") -> Selection:
    """Other names for classes; a label of any other class is kept, or dropped, with an image that has none left.

    ``unmatched="raise"`` refuses selections with other classes.
    """
    OptionError.unless_one_of("select.relabel.unmatched", unmatched, ["keep", "drop", "raise"])
    if not classes:
        raise OptionError("select.relabel.classes is empty.\nHint: classes = {car = 'vehicle'}")
    names = literal_map(classes)
    is_renamed = F.col("class_name").isin(list(classes))
    if unmatched == "raise":
        others = selection.labels.join(selection.members, on="image_id", how="left_semi").where(~is_renamed)
        unused = [
            row["class_name"] for row in bounded(others.select("class_name").distinct().limit(6), "names of classes")
        ]
        if unused:
            raise OptionError(
                f"select.relabel.classes has no new name for {', '.join(sorted(unused))}, and unmatched is 'raise'.\n"
                "Hint: add them to classes, or unmatched = 'keep' or 'drop'"
            )
    renamed = selection.labels.select(
        "image_id",
        "target_index",
        F.when(is_renamed, names[F.col("class_name")]).otherwise(F.col("class_name")).alias("class_name"),
        is_renamed.alias("known"),
    )
    if unmatched != "drop":
        return selection.with_labels(renamed)
    kept_labels = renamed.where("known")
    lost = selection.labels.select("image_id").distinct().join(kept_labels, on="image_id", how="left_anti")
    return selection.with_labels(kept_labels).without(lost)


def shuffle(selection: Selection, *, seed: int = 0) -> Selection:
    """In the order of a hash of (seed, image)."""
    return selection.with_members(
        selection.members.select("image_id", "copy", hashed(seed, "image_id", "copy").alias("order_key"))
    )


def limit(selection: Selection, *, n: int) -> Selection:
    """The first n."""
    OptionError.unless_between("select.limit.n", n, 0, 2**31 - 1)
    return selection.with_members(selection.members.orderBy(*ORDER).limit(n))


def indices(selection: Selection, *, positions: Sequence[int]) -> Selection:
    """Those at these positions of the order, counted from 0; positions beyond the end are refused."""
    places = set(positions)
    if not places:
        raise OptionError("select.indices.positions is empty.\nHint: positions = [0, 1]")
    OptionError.unless_between("select.indices.positions", min(places), 0, MAX_INDEX)
    OptionError.unless_between("select.indices.positions", max(places), 0, MAX_INDEX)

    first = selection.members.select("image_id", "copy", "order_key").orderBy(*ORDER).limit(max(places) + 1)
    place = F.row_number().over(Window.partitionBy(F.lit(0)).orderBy(*ORDER)) - 1
    chosen_places = first.sparkSession.createDataFrame([(place,) for place in sorted(places)], "place int")
    rows = first.withColumn("place", place).join(F.broadcast(chosen_places), on="place", how="left_semi")
    chosen = selection.with_members(rows)
    count = chosen.members.count()
    if count < len(places):
        raise OptionError(
            f"select.indices.positions: {len(places) - count} of {len(places)} positions are beyond the last image.\n"
            "Hint: positions are counted from 0"
        )
    return chosen


def stratified_sample(selection: Selection, *, fraction: float, by: str = "class_name", seed: int = 0) -> Selection:
    """The same share of each class (or value of a metadata column), the images with the smallest hashes of each.

    An image of several classes counts as the first of them by name; one without counts among those without.
    """
    OptionError.unless_between("select.stratified_sample.fraction", fraction, 0.0, 1.0)
    if by == "class_name":
        strata = selection.classes().groupBy("image_id").agg(F.min("class_name").alias("stratum"))
    else:
        factors = selection.table("factors", f"a sample by {by}").where("target_index IS NULL")
        names = [name for name in factors.columns if name not in FACTORS.column_names]
        if by not in names and not selection.classes().where(F.col("class_name") == by).isEmpty():
            raise value_for_column("select.stratified_sample.by", by, "class_name")
        OptionError.unless_one_of("select.stratified_sample.by", by, ["class_name", *names])
        strata = factors.select("image_id", F.col(identifier(by)).cast("string").alias("stratum"))
    joined = selection.members.join(strata, on="image_id", how="left")
    of_stratum = Window.partitionBy("stratum")
    place = F.row_number().over(of_stratum.orderBy(hashed(seed, "image_id", "copy"), "image_id", "copy"))
    placed = joined.select("*", place.alias("place"), F.count("*").over(of_stratum).alias("n"))
    return selection.with_members(placed.where(F.col("place") <= F.floor(F.col("n") * F.lit(fraction) + 0.5)))


def drop_duplicates(selection: Selection, *, near: bool = False) -> Selection:
    """Without copies of which another one has the same bytes or pixels; with ``near`` one image of each group is left.

    Near duplicates show the same thing again, but not the same picture: look before you leave them out.
    """
    groups = selection.table("duplicate_groups", "drop_duplicates").where("target_index IS NULL")
    # Null is what an earlier version did not write.
    if not near and not groups.where("is_exact_copy IS NULL").isEmpty():
        raise OptionError(
            "select.drop_duplicates: the table duplicate_groups is of an earlier version and does not tell copies from "
            "near duplicates.\nHint: dataeval-spark analyze --workspace WS duplicates"
        )
    is_copy = F.coalesce("is_exact_copy", F.lit(False))
    reason = F.when(is_copy, "exact copy").otherwise(F.concat(F.lit("near duplicate: "), F.array_join("kinds", ", ")))
    return selection.without(groups.where("NOT is_kept" if near else "is_exact_copy"), F.min(reason))


def drop_outliers(selection: Selection, *, statistics: Sequence[str] = ()) -> Selection:
    """Without the images that are outliers, in these statistics or in any."""
    rows = _findings(selection, "outliers", "statistic", statistics)
    return selection.without(rows, F.min_by("statistic", "position"))


def drop_findings(selection: Selection, *, rules: Sequence[str] = ()) -> Selection:
    """Without the images that have a finding, of these rules or of any."""
    rows = _findings(selection, "image_findings", "rule", rules)
    return selection.without(rows, F.array_join(F.sort_array(F.collect_set("rule")), ", "))


def _findings(selection: Selection, table: str, column: str, kinds: Sequence[str]) -> DataFrame:
    rows = selection.table(table, f"dropping {table}").where("target_index IS NULL")
    return rows.where(F.col(column).isin(list(kinds))) if kinds else rows


def drop_unreadable(selection: Selection) -> Selection:
    """Without the images whose file or pixels could not be read, in part or at all."""
    rows = unreadable_images(selection.table("unreadable_images", "drop_unreadable"))
    return selection.without(rows, F.min(F.concat_ws(": ", "stage", "error_class")))


def split(selection: Selection, *, name: str, part: str) -> Selection:
    """Images of a part of a split, in its first repetition; ``given`` is the split of the source."""
    if name == "given":
        images = selection.tables["images"]
        _require("select.split.part", part, images, "split")
        return selection.among(images.where(F.col("split") == part))
    rows = selection.table("split_assignments", "a part of a split").where("repeat = 0")
    _require("select.split.name", name, rows, "split_name")
    of_split = rows.where(F.col("split_name") == name)
    if not of_split.where("fold IS NOT NULL").isEmpty():
        raise OptionError(
            f"select.split.name is {name!r}, whose parts differ from fold to fold over time.\n"
            "Hint: a split with fractions, or where with a condition on captured_at"
        )
    _require("select.split.part", part, of_split, "split")
    return selection.among(of_split.where(F.col("split") == part))


def _require(option: str, value: str, rows: DataFrame, column: str) -> None:
    """Raise OptionError where no row has the value; the message lists some that there are."""
    if rows.where(F.col(column) == value).isEmpty():
        names = bounded(
            rows.where(F.col(column).isNotNull()).select(column).distinct().orderBy(column).limit(50),
            "names for a message",
        )
        OptionError.unless_one_of(option, value, [row[column] for row in names])


# Values that are known without any table, but for statistics of one's own.
KNOWN_VALUES: dict[tuple[str, str], tuple[str, ...]] = {
    ("drop_findings", "rules"): RULES,
    ("drop_outliers", "statistics"): tuple(
        column.name for column in IMAGE_STATS.columns if column.type in NUMBERS and column.name != "target_index"
    ),
}
OPERATIONS: dict[str, Callable[..., Selection]] = {name: globals()[name] for name in OPERATION_NAMES}
LABEL_OPERATIONS = ("classes", "relabel")
"""Operations that change labels; the others choose images."""
