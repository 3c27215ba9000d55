"""Box findings: labelled boxes that are odd in themselves: double, of two classes, tiny, or without an inside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame

from dataeval_spark.analyses.labels.image_boxes import ImageBoxes, box_at, boxes_per_image, read_images
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.kernels.labels.object_label_quality import same_places
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.labels import BOX_FINDINGS

FOUND_DDL = BOX_FINDINGS.ddl_without()
FOUND_SCHEMA = arrow_schema(FOUND_DDL)


def box_findings(
    targets: DataFrame,
    *,
    duplicate_overlap: float = 0.9,
    conflict_overlap: float = 0.95,
    tiny_pixels: float = 16.0,
) -> DataFrame:
    """Find odd boxes without any model.

    * ``duplicate_box``: another box of the same class with a smaller number overlaps by ``duplicate_overlap`` or more
      (intersection over union, the score)
    * ``conflicting_box``: the same with another class, by ``conflict_overlap``
    * ``degenerate_box``: a box without an inside: x0 >= x1 or y0 >= y1 (score 0)
    * ``tiny_box``: an area of at most ``tiny_pixels`` (the score, in pixels)

    A crowd is neither duplicate nor conflict. Boxes are compared within their image, n^2 overlaps for n boxes.

    Parameters
    ----------
    targets : DataFrame
        Table ``targets``.
    duplicate_overlap, conflict_overlap : float in (0, 1]
        Intersection over union from which boxes of one class, or of two, are in the same place.
    tiny_pixels : float
        Largest area of a tiny box, in pixels.

    Returns
    -------
    DataFrame
        Table ``box_findings`` without ``run_id``.

    Raises
    ------
    OptionError
        An option is out of range.

    Examples
    --------
    >>> box_findings(targets).groupBy("rule").count().orderBy("rule").show()
    +--------------+-----+
    |          rule|count|
    +--------------+-----+
    |degenerate_box|    1|
    +--------------+-----+
    """
    for name, value in (("duplicate_overlap", duplicate_overlap), ("conflict_overlap", conflict_overlap)):
        within(f"box_findings.{name}", value)
    within("box_findings.tiny_pixels", tiny_pixels)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows = [
                row
                for image in read_images(batch)
                for row in (
                    *_doubled(image, duplicate_overlap, conflict_overlap),
                    *_small(image, tiny_pixels),
                )
            ]
            yield pa.RecordBatch.from_pylist(rows, schema=FOUND_SCHEMA)

    return map_batches(boxes_per_image(targets), run, FOUND_DDL)


def _doubled(image: ImageBoxes, duplicate: float, conflict: float) -> Iterator[dict[str, Any]]:
    firsts, seconds, shares = same_places(image.labelled, duplicate, conflict)
    seen: set[tuple[int, str]] = set()
    for first, second, share in zip(firsts.tolist(), seconds.tolist(), shares.tolist(), strict=True):
        classes = image.labelled.classes
        rule = "duplicate_box" if classes[first] == classes[second] else "conflicting_box"
        if (second, rule) in seen or image.is_crowd[first] or image.is_crowd[second]:
            continue
        seen.add((second, rule))
        other = image.names[classes[first]] if rule == "conflicting_box" else None
        yield _row(image, second, rule, share, duplicate if other is None else conflict, other)


def _small(image: ImageBoxes, tiny: float) -> Iterator[dict[str, Any]]:
    for place, (x0, y0, x1, y1) in enumerate(image.labelled.corners.tolist()):
        if x0 >= x1 or y0 >= y1:
            yield _row(image, place, "degenerate_box", 0.0, 0.0, None)
        elif (x1 - x0) * (y1 - y0) <= tiny:
            yield _row(image, place, "tiny_box", (x1 - x0) * (y1 - y0), tiny, None)


def _row(image: ImageBoxes, place: int, rule: str, score: float, limit: float, other: str | None) -> dict[str, Any]:
    return {
        "image_id": image.image_id,
        "target_index": int(image.targets[place]),
        "rule": rule,
        "class_name": image.names[image.labelled.classes[place]],
        "other_class": other,
        "box": box_at(image.labelled, place),
        "score": score,
        "threshold": limit,
    }
