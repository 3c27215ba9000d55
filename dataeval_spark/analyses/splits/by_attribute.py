"""Splits by attribute: all images with a value are held out, such as another site, camera or season."""

from __future__ import annotations

import math
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.splits.assign import DEFAULT_FRACTIONS, Assigned, Fractions, assign, assignment_rows
from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.splits.explanation import Cell, Explanation
from dataeval_spark.kernels.splits.time_parts import EXCLUDED
from dataeval_spark.session.bounded import one_row


def assign_by_attribute(
    members: DataFrame,
    held_out: DataFrame,
    *,
    fractions: Fractions | None = None,
    **options: Any,
) -> Assigned:
    """Make the last part of the images that are held out, and split the others.

    Parameters
    ----------
    members : DataFrame
        Result of `members_of`.
    held_out : DataFrame
        ``image_id`` of the images that are held out. Images of one unit with them are in no part: they are neither
        of the held-out value, nor may they be trained on.
    fractions : mapping of str to float, optional
        Part to its share: the last part is the held-out one, whatever its share; those of the others are scaled to a
        sum of 1.
    options
        Options of `assign`, for the others.

    Raises
    ------
    OptionError
        No image is held out, or all are.
    """
    *rest, last = (fractions or DEFAULT_FRACTIONS).items()
    total = math.fsum(share for _, share in rest)
    rest = [(part, share / total) for part, share in rest]
    marks = held_out.select("image_id", F.lit(True).alias("is_held_out")).distinct()
    with_marks = members.join(marks, on="image_id", how="left")
    units = with_marks.where("is_held_out").select("unit_id", F.lit(True).alias("is_tied")).distinct()
    # unit_id and image_id are unique on the right.
    with_marks = with_marks.join(units, on="unit_id", how="left")
    counts = one_row(
        with_marks, F.count("is_held_out").alias("held_out"), F.count_if(F.col("is_tied").isNull()).alias("others")
    )
    if counts["held_out"] == 0 or counts["others"] == 0:
        subject = "no image has" if counts["held_out"] == 0 else "all images have (or are tied to one that has)"
        raise OptionError(
            f"split.test_value: {subject} the value that is to be held out.\n"
            "Hint: --test-value FACTOR=VALUE with a value that some images have and others lack"
        )
    others = with_marks.where("is_tied IS NULL").drop("is_held_out", "is_tied")
    if len(rest) > 1:
        assignment = assign(others, fractions=dict(rest), **options)
    else:
        part, images = rest[0][0], int(counts["others"])
        cell = Cell(part, None, float(images), images, 0.0, None, None)
        rows = assignment_rows(others, F.lit(part), F.lit("not held out"))
        assignment = Assigned(rows, (Explanation(0, None, (cell,), ()),))
    is_held = F.coalesce("is_held_out", F.lit(False))
    tied = assignment_rows(
        with_marks.where("is_tied"),
        F.when(is_held, last[0]).otherwise(EXCLUDED),
        F.when(is_held, "held out").otherwise("of one unit with a held-out image"),
    )
    n = int(counts["held_out"])
    cell = Cell(last[0], None, float(n), n, 0.0, None, None)
    explanations = tuple(Explanation(e.repeat, e.fold, (*e.cells, cell), e.notes) for e in assignment.explanations)
    return Assigned(assignment.rows.unionByName(tied), explanations)
