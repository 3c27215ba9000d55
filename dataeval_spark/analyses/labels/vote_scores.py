"""Probability of each label by the labels of its neighbours, and the end of a list of the least probable ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.batches import map_batches
from dataeval_spark.kernels.labels.flipped_labels import Cut, cut_of_flips
from dataeval_spark.kernels.labels.label_votes import (
    TEMPERATURES,
    VoteModel,
    flipped_classes,
    judged,
    losses,
    vote_model,
)
from dataeval_spark.session.bounded import bounded, bounded_arrow
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.labels import LABEL_ERRORS

MAX_CLASSES = 200_000
MAX_PAIRS = 2_000_000
"""Pairs of classes whose votes are counted; where there are more, each class is compared with all others together."""
FITTED_LABELS = 100_000
BINS_PER_E = 64
SMALLEST = 1e-12
SUGGESTED, AMBIGUOUS = 0.4, 0.5
"""Probability from which the best other class is suggested, and share of it from which a second one is named."""
SCORED_DDL = (
    LABEL_ERRORS.ddl_of("source", "image_id", "target_index", "class_name", "suggested_class", "second_class", "score")
    + ", flipped double"
)
_SCORED = arrow_schema(SCORED_DDL)

_LOSS_DDL = "source string, losses array<bigint>"
_LOSS = arrow_schema(_LOSS_DDL)


@dataclass(frozen=True)
class OfSource:
    """Classes of one encoder's labels, sorted, and the model of their neighbours' votes."""

    classes: tuple[str, ...]
    model: VoteModel


@dataclass(frozen=True)
class ListEnd:
    """End of the list of one source: ``first_bin`` is the bin of the lowest score; ``cut`` begins there."""

    labels: int
    listed: int
    first_bin: int
    cut: Cut


def vote_scores(lists: DataFrame, k: int) -> DataFrame:
    """Score each label by the votes of its neighbours, and once more with another class in its place.

    Jobs run at once: they count the votes by pairs of classes, and choose the temperature under which the labels of at
    most about 100,000 rows, taken by the hash of their ids, are the most probable.

    The first ``k`` neighbours of each list vote; the lists are read three times. The result is ``SCORED_DDL``: the
    score is the probability of the given class; ``flipped`` is that of another class, drawn by the hash of the ids,
    null where there is no other.
    """
    voting = lists.select(
        "source", "image_id", "target_index", "class_name", F.slice("names", 1, k).alias("names"), _draw().alias("draw")
    )
    sources = _fitted(voting, _sources(voting))

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for source, rows in _of_sources(batch):
                yield _scored(rows, sources[source])

    return map_batches(voting, run, SCORED_DDL)


def score_bin(score: str) -> Column:
    """Bin of a score: 1/64 wide in its logarithm, one for all below 1e-12."""
    return F.floor(F.ln(F.greatest(F.col(score), F.lit(SMALLEST))) * BINS_PER_E)


def list_ends(scored: DataFrame, precision: float) -> dict[str, ListEnd]:
    """End of the list of each source, from the counts of each bin: at most 1,800 rows per source come here."""
    bins = F.array(
        F.struct(score_bin("score").alias("bin"), F.lit(1).alias("given")),
        F.struct(score_bin("flipped").alias("bin"), F.lit(0).alias("given")),
    )
    entries = scored.select("source", F.inline(bins)).where("bin IS NOT NULL")
    counts = entries.groupBy("source", "bin").agg(F.count("*").alias("n"), F.sum("given").alias("given"))
    by_source: dict[str, list[Any]] = {}
    for row in bounded(counts, "1,800 bins per source"):
        by_source.setdefault(row["source"], []).append(row)
    return {source: _list_end(rows, precision) for source, rows in sorted(by_source.items())}


def _list_end(rows: list[Any], precision: float) -> ListEnd:
    first = min(row["bin"] for row in rows)
    size = max(row["bin"] for row in rows) - first + 1
    given_votes, flipped = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for row in rows:
        given_votes[row["bin"] - first] = row["given"]
        flipped[row["bin"] - first] = row["n"] - row["given"]
    cut = cut_of_flips(given_votes, flipped, precision)
    return ListEnd(int(given_votes.sum()), int(given_votes[: cut.listed].sum()), first, cut)


def _draw() -> Column:
    """A number in [0, 1) that depends on the ids alone."""
    size = 2**52
    return F.pmod(F.xxhash64("image_id", "target_index"), F.lit(size)).cast("double") / F.lit(float(size))


def _sources(voting: DataFrame) -> dict[str, OfSource]:
    """The votes of each source by pairs of classes: at most 2 million pairs, or three rows per class, come here."""
    # A null vote counts the label itself.
    votes = F.explode(F.concat(F.array(F.lit(None).cast("string")), F.filter("names", lambda name: name.isNotNull())))
    keys = ("source", "class_name", "vote")
    counted = voting.select("source", "class_name", votes.alias("vote")).groupBy(*keys).agg(F.count("*").alias("n"))
    pairs = bounded_arrow(counted.limit(MAX_PAIRS + 1), "pairs of classes")
    if pairs.num_rows > MAX_PAIRS:
        is_own = F.col("vote").isNull() | (F.col("vote") == F.col("class_name"))
        merged = counted.select("source", F.when(is_own, F.col("class_name")).alias("class_name"), "vote", "n")
        pairs = bounded_arrow(
            merged.groupBy(*keys).agg(F.sum("n").alias("n")).limit(3 * MAX_CLASSES), "three rows per class"
        )
    names = sorted(pc.unique(pairs["source"]).to_pylist())
    return {source: _of_source(pairs.filter(pc.equal(pairs["source"], source))) for source in names}


def _of_source(rows: pa.Table) -> OfSource:
    labels = rows.filter(pc.is_null(rows["vote"]))
    votes = rows.filter(pc.is_valid(rows["vote"]))
    classes = pa.array(sorted({*labels["class_name"].to_pylist(), *votes["vote"].to_pylist()}), pa.string())
    size = len(classes)
    class_counts = np.bincount(_codes(labels["class_name"], classes), labels["n"].to_numpy(), size).astype(np.int64)
    own, voter = _codes(votes["class_name"], classes), _codes(votes["vote"], classes)
    n = votes["n"].to_numpy()
    vote_counts = np.bincount(voter, n, size).astype(np.int64)
    # Rows without a class hold the votes of all that are not of the voter's own.
    pairs = (own, voter, n) if (own >= 0).all() else (own[:0], voter[:0], n[:0])
    model = vote_model(class_counts, vote_counts, int(n[own == voter].sum()), *pairs)
    return OfSource(tuple(classes.to_pylist()), model)


def _codes(names: Any, classes: pa.Array) -> NDArray[np.int64]:
    indices: NDArray[np.int64] = pc.fill_null(pc.index_in(names, classes), -1).to_numpy().astype(np.int64)
    return indices


def _fitted(voting: DataFrame, sources: Mapping[str, OfSource]) -> dict[str, OfSource]:
    """Choose the temperature of each source: one row per source comes here."""
    labels = sum(int(of_source.model.class_counts.sum()) for of_source in sources.values())
    share = min(1.0, FITTED_LABELS * max(len(sources), 1) / max(labels, 1))

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for source, rows in _of_sources(batch):
                own, votes = _coded(rows, sources[source])
                row = {"source": source, "losses": losses(sources[source].model, own, votes).tolist()}
                yield pa.RecordBatch.from_pylist([row], schema=_LOSS)

    parts = map_batches(voting.where(F.col("draw") <= share), run, _LOSS_DDL)
    sums = parts.groupBy("source").agg(
        F.array(*(F.sum(F.get("losses", F.lit(place))) for place in range(len(TEMPERATURES)))).alias("losses")
    )
    best = {row["source"]: TEMPERATURES[int(np.argmin(row["losses"]))] for row in bounded(sums, "one row per source")}
    return {
        source: OfSource(of_source.classes, of_source.model.with_temperature(best.get(source, 1.0)))
        for source, of_source in sources.items()
    }


def _of_sources(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.Table]]:
    rows = pa.Table.from_batches([batch])
    for source in sorted(pc.unique(rows["source"]).to_pylist()):
        yield source, rows.filter(pc.equal(rows["source"], source)).combine_chunks()


def _coded(rows: pa.Table, of_source: OfSource) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Codes of the labels (n,) and of the votes (n, longest list), -1 where there is none."""
    classes = pa.array(of_source.classes, pa.string())
    lists = rows["names"].combine_chunks()
    lengths = pc.list_value_length(lists).to_numpy()
    votes = np.full((len(lengths), max(int(lengths.max(initial=0)), 1)), -1)
    votes[np.arange(votes.shape[1]) < lengths[:, None]] = _codes(lists.flatten(), classes)
    return _codes(rows["class_name"], classes), votes


def _scored(rows: pa.Table, of_source: OfSource) -> pa.RecordBatch:
    own, votes = _coded(rows, of_source)
    other = flipped_classes(of_source.model, own, rows["draw"].to_numpy())
    judgement = judged(of_source.model, own, votes, other)
    is_clear = judgement.first_probability >= SUGGESTED
    is_close = is_clear & (judgement.second_probability >= AMBIGUOUS * judgement.first_probability)
    classes = pa.array(of_source.classes, pa.string())
    columns = [
        *(rows[name].combine_chunks() for name in ("source", "image_id", "target_index", "class_name")),
        *(
            classes.take(pa.array(np.maximum(codes, 0), mask=~is_named))
            for codes, is_named in ((judgement.first, is_clear), (judgement.second, is_close))
        ),
        pa.array(judgement.own_probability),
        pa.array(judgement.flipped, mask=np.isnan(judgement.flipped)),  # to Spark, NaN is the largest number
    ]
    return pa.RecordBatch.from_arrays(columns, schema=_SCORED)
