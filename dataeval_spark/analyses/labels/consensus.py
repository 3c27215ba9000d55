"""One label per thing from what several raters said."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.sparse import csr_array

from dataeval_spark.analyses.labels.rating_blocks import KEYS, VALUES_AT_ONCE, RatingBlocks
from dataeval_spark.kernels.labels.dawid_skene import Model, Ratings, posteriors
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.labels import LABEL_CONSENSUS

DDL = LABEL_CONSENSUS.ddl_without("given_class", "differs")
SCHEMA = arrow_schema(DDL)


def consensus(given: RatingBlocks, model: Model, totals: NDArray[np.float64], targets: DataFrame | None) -> DataFrame:
    """Table ``label_consensus`` without ``run_id``.

    Parameters
    ----------
    given : RatingBlocks
        What was said.
    model : Model
        Fitted to it.
    totals : ndarray, (C,)
        Ratings of each class: of classes chosen equally often for a thing the one with more is the majority's, then the
        one of the smaller name.
    targets : DataFrame, optional
        Table ``targets``, for the given class.
    """
    names, columns = given.classes, len(given.raters) * len(given.classes)
    # Larger is better: more ratings over all, then the smaller name.
    order = np.lexsort((-np.arange(len(names)), totals))
    preference = np.empty(len(names), np.int64)
    preference[order] = np.arange(len(names))

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            longest = pc.max(pc.list_value_length(batch.column("codes"))).as_py() or 1
            step = max(1, VALUES_AT_ONCE // (len(names) * longest))
            for start in range(0, batch.num_rows, step):
                yield _decided(batch.slice(start, step), names, columns, model, preference)

    decided = given.things.mapInArrow(run, DDL)
    nothing = F.lit(None).cast("string")
    if targets is None:
        joined = decided.withColumn("given_class", nothing)
    else:
        labels = targets.select(*KEYS, F.col("class_name").alias("given_class"))
        joined = decided.join(labels, on=list(KEYS), how="left")  # a target is one row
    differs = (F.col("given_class") != F.col("consensus_class")).alias("differs")
    return joined.select("*", differs).select(*LABEL_CONSENSUS.result_names)


def _decided(
    batch: pa.RecordBatch, names: tuple[str, ...], columns: int, model: Model, preference: NDArray[np.int64]
) -> pa.RecordBatch:
    lengths = pc.list_value_length(batch.column("codes")).to_numpy()
    codes = pc.list_flatten(batch.column("codes")).to_numpy()
    offsets = np.r_[0, np.cumsum(lengths)]
    said = csr_array((np.ones(len(codes)), codes, offsets), shape=(batch.num_rows, columns))
    ratings = Ratings(said, np.ones(batch.num_rows), len(names))
    votes = ratings.votes.astype(np.int64)
    most = votes.max(axis=1)
    majority = (votes * len(names) + preference).argmax(axis=1)
    probabilities, _ = posteriors(ratings, model)
    best = probabilities.argmax(axis=1)
    vocabulary = pa.array(names, pa.string())
    arrays = [
        batch.column("image_id"),
        batch.column("target_index"),
        pa.array(lengths, pa.int32()),
        vocabulary.take(pa.array(majority)),
        pa.array(most / lengths),
        pa.array((votes == most[:, None]).sum(axis=1) > 1),
        vocabulary.take(pa.array(best)),
        pa.array(probabilities[np.arange(len(best)), best]),
        pa.array(most < lengths),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
