"""Labels whose images lie nearer to other classes than to their own: DataEval's rule."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.kernels.labels.label_neighborhood import neighborhoods
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.labels import LABEL_ERRORS

SCORED_DDL = (
    LABEL_ERRORS.ddl_of("source", "image_id", "target_index", "class_name", "suggested_class", "second_class", "score")
    + ", is_bound boolean, is_open boolean"
)
SCORED_SCHEMA = arrow_schema(SCORED_DDL)
VALUES_PER_SLICE = 2_000_000


def distance_ratios(lists: DataFrame, k: int) -> DataFrame:
    """Mean distance to the k nearest of the same class over that to the k nearest of all others, for each label.

    k is lowered to the number of others of the class, and of the rest. The suggested class has at least 0.4 of the
    votes of the k nearest of other classes, nearer ones weighing more; a second one that is less than 0.2 behind is
    named too.

    Exact where the lists hold k of either kind. Where they hold k of other classes and fewer of the own, those missing
    lie beyond the list: the score is a lower bound, and is given where the bound is 1 or more. Other labels have none.

    Parameters
    ----------
    lists : DataFrame
        Of `labelled_lists`.
    k : int
        Neighbours of either kind.

    Returns
    -------
    DataFrame
        ``SCORED_DDL``; ``is_open`` marks labels with too few neighbours for a score.

    References
    ----------
    DataEval 1.1.4, ``core.label_errors``, whose distances are Euclidean, and whose k is one for all classes: the
    smallest one's size less 1. Classes of one image, which it cannot take, have no score here.
    """
    sizes = lists.groupBy("source", "class_name").agg(F.count("*").alias("of_class"))
    totals = sizes.groupBy("source").agg(F.sum("of_class").alias("of_all"))
    # Classes are few.
    counted = lists.join(F.broadcast(sizes), on=["source", "class_name"], how="inner")
    rows = counted.join(F.broadcast(totals), on="source", how="inner").select(
        "source",
        "image_id",
        "target_index",
        "class_name",
        F.least(F.lit(k), F.col("of_class") - 1, F.col("of_all") - F.col("of_class")).cast("bigint").alias("wanted"),
        "names",
        "distances",
    )
    return rows.mapInArrow(_score, SCORED_DDL)


def _score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        longest = max(pc.max(pc.list_value_length(batch.column("distances"))).as_py() or 1, 1)
        step = max(1, VALUES_PER_SLICE // longest)
        for start in range(0, batch.num_rows, step):
            yield _score_slice(pa.Table.from_batches([batch.slice(start, step)]))


def _score_slice(rows: pa.Table) -> pa.RecordBatch:
    listed = rows["names"].combine_chunks()
    lengths = pc.list_value_length(listed).to_numpy()
    vocabulary = pa.array(
        sorted({*rows["class_name"].to_pylist(), *pc.unique(listed.flatten()).drop_null().to_pylist()})
    )
    codes = pc.fill_null(pc.index_in(listed.flatten(), vocabulary), -1).to_numpy().astype(np.int64)
    filled = np.arange(max(int(lengths.max()), 1)) < lengths[:, None]
    classes = np.full(filled.shape, -1)
    distances = np.full(filled.shape, np.inf)
    classes[filled] = codes
    distances[filled] = rows["distances"].combine_chunks().flatten().to_numpy()
    reach = distances[np.arange(len(lengths)), np.maximum(lengths - 1, 0)]
    own = pc.index_in(rows["class_name"], vocabulary).to_numpy().astype(np.int64)
    found = neighborhoods(own, classes, np.where(filled, distances, 0.0), rows["wanted"].to_numpy(), reach)
    columns = [
        *(rows[name].combine_chunks() for name in ("source", "image_id", "target_index", "class_name")),
        _names(vocabulary, found.first),
        _names(vocabulary, found.second),
        pa.array(found.score, mask=np.isnan(found.score)),  # to Spark, NaN is the largest number
        pa.array(found.is_bound),
        pa.array(found.is_open),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCORED_SCHEMA)


def _names(vocabulary: pa.Array, codes: NDArray[np.int64]) -> pa.Array:
    return vocabulary.take(pa.array(codes, mask=codes < 0))
