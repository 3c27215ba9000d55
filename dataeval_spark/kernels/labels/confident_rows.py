"""Rows of a block of probabilities whose label is, or may be, doubted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dataeval_spark.kernels.labels.confident_counting import MISPREDICTED, contested_entries, flag_rows
from dataeval_spark.kernels.labels.confident_learning import Selection
from dataeval_spark.tables.arrow import arrow_schema

STAGED_DDL = (
    "image_id string, target_index int, given int, suggested int, score double, flags int, "
    "contested array<struct<class_index: int, value: double, slots: bigint>>"
)
STAGED_SCHEMA = arrow_schema(STAGED_DDL)
_CONTESTED = STAGED_SCHEMA.field("contested").type


def doubtful_rows(
    ids: pa.Table,
    labels: NDArray[np.int32],
    probabilities: NDArray[np.float64],
    lowered: NDArray[np.float64],
    half: int,
    chosen: Selection,
    required_flags: int,
) -> Iterator[pa.RecordBatch]:
    """Rows of a block that have the required flags, or lie in a bin through which a cut goes.

    Parameters
    ----------
    ids : pyarrow.Table
        ``image_id`` and ``target_index`` of the rows.
    labels : ndarray of int32, (n,)
        Given class of each row.
    probabilities : ndarray, (n, C)
        Predicted probabilities.
    lowered : ndarray, (C,)
        Confident thresholds less the tolerance.
    half : int
        Half the number of bins.
    chosen : Selection
        Bins that are selected, and those through which a cut goes.
    required_flags : int
        Flags that a row must have, all of them.

    Yields
    ------
    pyarrow.RecordBatch
        `STAGED_SCHEMA`; ``score`` is the probability of the given class.
    """
    n = len(labels)
    flags, suggested, counts = np.zeros(n, np.uint8), np.zeros(n, np.int32), np.zeros(n, np.int32)
    flag_rows(probabilities, labels, lowered, half, chosen.sure, chosen.contested, flags, suggested, counts)
    # A row whose label is the most probable class is never an error, but may hold a place in a contested bin.
    rows = np.flatnonzero((counts > 0) | ((flags & MISPREDICTED > 0) & (flags & required_flags == required_flags)))
    if len(rows) == 0:
        return
    total = int(counts[rows].sum())
    classes, values = np.zeros(total, np.int32), np.zeros(total)
    contested_entries(probabilities, labels, half, chosen.contested, rows, classes, values)
    slots = chosen.slots[np.repeat(labels[rows], counts[rows]), classes]
    entries = pa.StructArray.from_arrays(
        [pa.array(classes), pa.array(values), pa.array(slots)], fields=list(_CONTESTED.value_type)
    )
    offsets = np.r_[0, np.cumsum(counts[rows])].astype(np.int32)
    row_ids = ids.take(pa.array(rows)).combine_chunks()
    columns = [
        row_ids["image_id"].cast(pa.string()),
        row_ids["target_index"].cast(pa.int32()),
        pa.array(labels[rows]),
        pa.array(suggested[rows]),
        pa.array(probabilities[rows, labels[rows]]),
        pa.array(flags[rows].astype(np.int32)),
        pa.ListArray.from_arrays(pa.array(offsets), entries, type=_CONTESTED),
    ]
    yield from pa.Table.from_arrays(columns, schema=STAGED_SCHEMA).combine_chunks().to_batches()
