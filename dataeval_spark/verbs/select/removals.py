"""What each operation of a selection removed, and why: as rows of a table, and as lines for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from itertools import groupby
from typing import Any

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.session.bounded import bounded
from dataeval_spark.verbs.select.state import Selection
from dataeval_spark.verbs.text import plural, shorten

MOST_REASONS = 20
EXAMPLES = 3
OTHERS = "others"
NOTHING = "nothing removed"
# They number the copies of an image anew, so that only an image itself can be found again.
WITH_COPIES = ("balance",)
MOST_SHOWN = 5
COLUMNS = ("place", "operation", "reason", "images", "remaining", "examples")


def removals_of(recipe: Sequence[Mapping[str, Any]], selections: Sequence[Selection]) -> list[dict[str, Any]]:
    """Images that each operation removed, by reason, the most frequent first.

    An image that an operation removes counts once. The reasons after the 20 most frequent ones of an operation are
    counted together.

    Parameters
    ----------
    recipe : sequence of mappings
        Operations, checked.
    selections : sequence of Selection
        The selection before the first operation, and after each; their members are read twice.

    Returns
    -------
    list of dict
        ``place``, ``operation``, ``reason``, ``images``, ``remaining`` and ``examples``.
    """
    if not recipe:
        return []
    steps = list(enumerate(zip(recipe, selections[:-1], selections[1:], strict=True), start=1))
    removed = reduce(DataFrame.unionByName, (_removed(place, *step) for place, step in steps))
    remaining = reduce(
        DataFrame.unionByName,
        (
            after.members.agg(F.count("*").alias("n")).select(F.lit(place).alias("place"), "n")
            for place, (*_, after) in steps
        ),
    )
    left = {row["place"]: row["n"] for row in bounded(remaining, "one row per operation")}
    found = bounded(_by_reason(removed), "21 reasons per operation")
    rows = []
    for place, (step, *_) in steps:
        of_step = [row.asDict() for row in found if row["place"] == place]
        of_step.sort(key=lambda row: (row["reason"] == OTHERS, -row["images"], row["reason"]))
        nothing = {"place": place, "reason": NOTHING, "images": 0, "examples": []}
        more = {"operation": step["operation"], "remaining": left[place]}
        rows += [{**row, **more} for row in of_step or [nothing]]
    return rows


def _removed(place: int, step: Mapping[str, Any], before: Selection, after: Selection) -> DataFrame:
    """``place``, ``reason``, ``image_id`` and ``copy`` of what one operation removed."""
    keys = ["image_id"] if step["operation"] in WITH_COPIES else ["image_id", "copy"]
    gone = before.members.join(after.members.select(*keys), on=keys, how="left_anti")
    options = ", ".join(
        f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in step.items() if name != "operation"
    )
    reason = F.lit(shorten(options, 200) or step["operation"])
    if after.reasons is not None:
        # image_id is unique among the reasons.
        gone = gone.join(after.reasons, on="image_id", how="left")
        reason = F.coalesce("reason", reason)
    return gone.select(F.lit(place).alias("place"), reason.alias("reason"), "image_id", "copy")


def _by_reason(removed: DataFrame) -> DataFrame:
    """Counts and the first ids of each reason."""
    order = Window.partitionBy("place", "reason").orderBy("image_id", "copy")
    ranked = removed.withColumn("rank", F.row_number().over(order))
    first = F.when(F.col("rank") <= EXAMPLES, F.col("image_id"))
    by_reason = ranked.groupBy("place", "reason").agg(
        F.count("*").alias("images"), F.collect_set(first).alias("examples")
    )
    by_frequency = Window.partitionBy("place").orderBy(F.desc("images"), "reason")
    is_frequent = F.row_number().over(by_frequency) <= MOST_REASONS
    named = by_reason.withColumn("is_frequent", is_frequent).select(
        "place", "images", "examples", F.when(F.col("is_frequent"), F.col("reason")).otherwise(OTHERS).alias("reason")
    )
    examples = F.slice(F.sort_array(F.flatten(F.collect_list("examples"))), 1, EXAMPLES)
    return named.groupBy("place", "reason").agg(F.sum("images").alias("images"), examples.alias("examples"))


def lines_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """One line for each operation: how many images it removed and left, the reasons, and examples.

    Examples
    --------
    >>> row = {"place": 1, "operation": "limit", "reason": "n = 3", "images": 1, "remaining": 3, "examples": ["a"]}
    >>> lines_of([row])
    ['limit: 1 image removed, 3 left (n = 3: a)']
    """
    lines = []
    for _, of_place in groupby(sorted(rows, key=lambda row: row["place"]), key=lambda row: row["place"]):
        of_step = list(of_place)
        images, first = sum(row["images"] for row in of_step), of_step[0]
        counts = f"{plural(images, 'image') if images else 'no image'} removed, {first['remaining']:,} left"
        copies = " with copies" if first["operation"] in WITH_COPIES else ""
        reasons = [_text_of(row) for row in of_step[:MOST_SHOWN] if row["images"]]
        if len(of_step) > MOST_SHOWN:
            reasons.append(f"{len(of_step) - MOST_SHOWN} more reasons in selection_removals")
        why = f" ({'; '.join(reasons)})" if reasons else ""
        lines.append(f"{first['operation']}: {counts}{copies}{why}")
    return lines


def _text_of(row: Mapping[str, Any]) -> str:
    examples = ", ".join(shorten(image_id) for image_id in row["examples"])
    is_whole = row["images"] <= len(row["examples"])
    return f"{row['reason']}: {examples}" if is_whole else f"{row['reason']}: {row['images']:,}, such as {examples}"
