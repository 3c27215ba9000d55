"""Rows that name only the columns a test is about."""

from __future__ import annotations

from dataeval_spark.tables.bias import FACTOR_BINS
from dataeval_spark.tables.images import IMAGES, TARGETS


def table(frame, contract, rows):
    """A frame of a table: rows are dicts, what they do not name is null."""
    filled = [{"run_id": "r", **row} for row in rows]
    return frame(contract, [tuple(row.get(name) for name in contract.column_names) for row in filled])


def images(frame, ids, **columns):
    """Live images; columns are sequences as long as the ids."""
    rows = [{name: values[i] for name, values in columns.items()} for i in range(len(ids))]
    return table(
        frame, IMAGES, [{"dataset": "d", "source": "s", **row, "image_id": i} for i, row in zip(ids, rows, strict=True)]
    )


def image_labels(frame, labels):
    """One target per image: labels is a mapping from image to class."""
    return table(frame, TARGETS, [{"image_id": i, "target_index": 0, "class_name": name} for i, name in labels.items()])


def binned(frame, classes, codes, numbers=None):
    """A frame of `factor_bins`: a class, a code and a number per row and factor."""
    rows = [
        {
            "image_id": f"i{row:04}",
            "target_index": 0,
            "class_name": name,
            "bins": {factor: int(of[row]) for factor, of in codes.items()},
            "numbers": {factor: float(of[row]) for factor, of in (numbers or {}).items() if of[row] is not None},
        }
        for row, name in enumerate(classes)
    ]
    return table(frame, FACTOR_BINS, rows)


def by_factor(edges):
    """Per factor its labels with counts, in order."""
    found = {}
    for row in edges.orderBy("factor", "bin").collect():
        found.setdefault(row.factor, {})[row.label] = row.n
    return found
