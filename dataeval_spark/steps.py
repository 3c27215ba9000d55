"""Which function fills which table, in which order. To add an analysis, add a line to STEPS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from xxhash import xxh3_128_hexdigest

from dataeval_spark import tables as t
from dataeval_spark.bias import (
    balance,
    completeness,
    contingency,
    coverage,
    coverage_gaps,
    diversity,
    factor_tests,
    factors,
    feature_value,
    flagged,
    label_parity,
    label_sets,
    labels,
    parity,
    shortcuts,
)
from dataeval_spark.errors import ConfigError
from dataeval_spark.kernels.files import read_file
from dataeval_spark.labels import (
    box_findings,
    confident_learning,
    label_neighbors,
    labelling_queue,
    object_label_errors,
    raters,
)
from dataeval_spark.quality import duplicate_evaluation, duplicates, image_findings, outliers
from dataeval_spark.shift import feature_distance, univariate
from dataeval_spark.similarity import clusters, embedding_scores, image_values, neighbors, prioritization
from dataeval_spark.splits import differences, leakage, part_bias
from dataeval_spark.stats import embedding_health, normalization


@dataclass(frozen=True)
class Step:
    """``function(*frames of reads, *frames of uses, **options)`` returns one frame per table of ``writes``.

    ``version`` is raised when the function's results change, so that they are computed anew. ``uses`` are read where
    they exist, and are None where they do not; a step may use what it wrote last time itself. A step that ``asks`` for
    options runs where one of them is given, or where it is named. ``files`` are options that name files, whose contents
    decide the result too. A step about ``labels`` reads those of a hold-out with a reason only. What finds the same in
    images without labels does not count as one, nor does what makes and checks a split.
    """

    function: Callable[..., Any]
    reads: tuple[t.Table, ...]
    writes: tuple[t.Table, ...]
    version: int = 1
    uses: tuple[t.Table, ...] = ()
    asks: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    labels: bool = False

    @property
    def name(self) -> str:
        return str(self.function.__name__)

    @property
    def inputs(self) -> tuple[t.Table, ...]:
        """Tables whose rows decide the result; what the step itself wrote is only a shortcut to it."""
        return tuple(table for table in (*self.reads, *self.uses) if table not in self.writes)


STEPS = (
    Step(normalization.normalization, (t.CHANNEL_STATS, t.IMAGE_STATS, t.IMAGES), (t.NORMALIZATION,), version=2),
    Step(
        duplicates.duplicates,
        (t.HASHES, t.IMAGE_STATS, t.IMAGES),
        (t.DUPLICATE_PAIRS, t.DUPLICATE_GROUPS, t.DUPLICATE_THRESHOLDS, t.DATASET_FINDINGS),
        version=4,
        uses=(t.TARGETS, t.NEIGHBORS, t.DUPLICATE_THRESHOLDS),
    ),
    Step(outliers.outliers, (t.IMAGE_STATS, t.TARGETS), (t.OUTLIERS,), version=2, uses=(t.CHANNEL_STATS,)),
    Step(
        duplicate_evaluation.duplicate_evaluation,
        (t.DUPLICATE_PAIRS, t.IMAGES),
        (t.DUPLICATE_EVALUATION, t.DATASET_FINDINGS),
        version=2,
        asks=("truth",),
        files=("truth",),
    ),
    Step(image_findings.image_findings, (t.IMAGE_STATS,), (t.IMAGE_FINDINGS,), version=2),
    Step(labels.label_stats, (t.TARGETS, t.IMAGES), (t.LABEL_STATS,), version=2, labels=True),
    Step(
        label_sets.label_coverage,
        (t.LABEL_STATS,),
        (t.LABEL_COVERAGE,),
        asks=("ontology",),
        files=("ontology",),
        labels=True,
    ),
    Step(
        factors.factor_bins,
        (t.TARGETS, t.IMAGES),
        (t.FACTOR_BINS, t.BIN_EDGES, t.DATASET_FINDINGS),
        version=3,
        uses=(t.IMAGE_STATS, t.FACTORS, t.BIN_EDGES),
    ),
    Step(contingency.contingency, (t.FACTOR_BINS, t.BIN_EDGES), (t.CONTINGENCY,), version=2, labels=True),
    Step(balance.balance, (t.CONTINGENCY, t.BIN_EDGES, t.FACTOR_BINS), (t.BALANCE,), version=3, labels=True),
    Step(diversity.diversity, (t.CONTINGENCY,), (t.DIVERSITY,), labels=True),
    Step(parity.parity, (t.CONTINGENCY,), (t.PARITY,), version=3, labels=True),
    Step(factor_tests.factor_tests, (t.FACTOR_BINS,), (t.FACTOR_TESTS,), labels=True),
    Step(
        coverage.coverage,
        (t.NEIGHBORS, t.EMBEDDINGS, t.TARGETS),
        (t.COVERAGE, t.COVERAGE_STATS),
        version=2,
        labels=True,
    ),
    Step(completeness.completeness, (t.EMBEDDINGS, t.TARGETS), (t.COMPLETENESS,), version=2, labels=True),
    Step(coverage_gaps.coverage_gaps, (t.FACTOR_BINS, t.BIN_EDGES), (t.COVERAGE_GAPS,), labels=True),
    Step(shortcuts.shortcuts, (t.FACTOR_BINS, t.BALANCE, t.BIN_EDGES), (t.SHORTCUTS,), version=3, labels=True),
    Step(feature_value.feature_value, (t.FACTOR_BINS, t.BALANCE), (t.FEATURE_VALUE,), labels=True),
    Step(flagged.factor_predictors, (t.FACTOR_BINS, t.IMAGE_FINDINGS), (t.FACTOR_PREDICTORS,), version=3),
    Step(embedding_health.embedding_health, (t.EMBEDDINGS,), (t.DATASET_FINDINGS,), version=2),
    Step(neighbors.neighbors, (t.EMBEDDINGS,), (t.NEIGHBORS, t.DATASET_FINDINGS), uses=(t.NEIGHBORS,)),
    Step(
        clusters.clusters,
        (t.EMBEDDINGS,),
        (t.CLUSTERS, t.CLUSTER_STATS, t.SPANNING_TREE, t.DATASET_FINDINGS),
        version=3,
    ),
    Step(embedding_scores.embedding_scores, (t.NEIGHBORS,), (t.EMBEDDING_SCORES,), version=2),
    Step(image_values.image_values, (t.NEIGHBORS, t.TARGETS), (t.IMAGE_VALUES,), version=2, labels=True),
    Step(prioritization.prioritization, (t.NEIGHBORS, t.TARGETS), (t.PRIORITIZATION,), labels=True),
    Step(
        confident_learning.confident_learning,
        (t.TARGETS, t.PREDICTIONS, t.PREDICTION_CLASSES),
        (t.LABEL_ERRORS, t.LABEL_SCORES, t.CONFIDENT_JOINT, t.CLASS_NOISE, t.DATASET_FINDINGS),
        version=3,
        labels=True,
    ),
    Step(
        label_neighbors.label_neighbors,
        (t.TARGETS, t.NEIGHBORS),
        (t.LABEL_ERRORS, t.LABEL_SCORES, t.DATASET_FINDINGS),
        version=2,
        labels=True,
    ),
    Step(
        raters.raters,
        (t.ANNOTATIONS,),
        (t.LABEL_AGREEMENT, t.LABEL_CONSENSUS, t.RATER_QUALITY, t.DATASET_FINDINGS),
        uses=(t.TARGETS,),
        labels=True,
    ),
    Step(
        labelling_queue.labelling_queue,
        (t.IMAGES, t.TARGETS, t.PREDICTIONS),
        (t.LABELLING_QUEUE,),
        uses=(t.NEIGHBORS,),
        labels=True,
    ),
    Step(
        leakage.split_leakage,
        (t.IMAGES,),
        (t.SPLIT_LEAKAGE, t.SPLIT_REPAIRS),
        version=2,
        uses=(t.SPLIT_ASSIGNMENTS, t.DUPLICATE_PAIRS, t.DUPLICATE_GROUPS, t.FACTORS, t.SPLITS),
    ),
    Step(
        differences.split_differences,
        (t.IMAGES, t.TARGETS),
        (t.SPLIT_DIFFERENCES,),
        version=3,
        uses=(t.SPLIT_ASSIGNMENTS, t.FACTOR_BINS, t.BIN_EDGES, t.EMBEDDINGS, t.IMAGE_STATS),
    ),
    Step(
        part_bias.part_bias,
        (t.FACTOR_BINS, t.IMAGES),
        (t.PART_BIAS,),
        version=3,
        uses=(t.SPLIT_ASSIGNMENTS, t.SPLITS),
    ),
    Step(
        object_label_errors.object_label_errors,
        (t.TARGETS, t.PREDICTIONS),
        (t.OBJECT_LABEL_ERRORS, t.IMAGE_LABEL_QUALITY, t.DATASET_FINDINGS),
        version=2,
        labels=True,
    ),
    Step(box_findings.box_findings, (t.TARGETS,), (t.OBJECT_LABEL_ERRORS,), labels=True),
)
# These compare a reference with the current data; both are rows of the table they read.
COMPARISONS = (
    Step(univariate.drift_univariate, (t.IMAGE_STATS,), (t.DRIFT_METRICS,), version=2),
    Step(feature_distance.feature_distance, (t.FACTOR_BINS,), (t.FEATURE_DISTANCE,), version=2),
    Step(label_parity.label_parity, (t.TARGETS,), (t.LABEL_PARITY,), version=2, labels=True),
    Step(label_parity.null_model, (t.TARGETS,), (t.NULL_MODEL,), labels=True),
    Step(
        label_sets.label_reconciliation,
        (t.TARGETS,),
        (t.LABEL_RECONCILIATION,),
        asks=("mapping", "ontology"),
        files=("mapping", "ontology"),
        labels=True,
    ),
)


def unasked(step: Step, options: Mapping[str, Any], only: Sequence[str]) -> str | None:
    """Why a step that asks for options is left out; None where it is not."""
    if not step.asks or step.name in only or any(options.get(option) is not None for option in step.asks):
        return None
    return f"no {' or '.join(step.asks)} is given"


def decisive(step: Step, options: Mapping[str, Any]) -> dict[str, Any]:
    """All that decides a step's result besides its tables: its options, and what is in the files that they name."""
    return {**options, **{f"{name} content": _content_hash(options[name]) for name in step.files if name in options}}


def _content_hash(path: Any) -> str:
    try:
        return xxh3_128_hexdigest(read_file(path)) if isinstance(path, str) else ""
    except OSError:  # the step says so
        return "unreadable"


def levels(steps: Sequence[Step]) -> Iterator[tuple[Step, ...]]:
    """Steps in an order in which each comes after those that write what it reads.

    Raises
    ------
    ConfigError
        Two steps read what the other writes.
    """
    writer = {table: step for step in steps for table in step.writes if table.scope is None}
    sorter = TopologicalSorter({step: {writer[r] for r in step.inputs if r in writer} - {step} for step in steps})
    try:
        sorter.prepare()
    except CycleError as error:
        names = " -> ".join(step.name for step in error.args[1])
        raise ConfigError(f"These steps read what the others write: {names}.") from None
    while sorter.is_active():
        ready = tuple(sorter.get_ready())
        yield ready
        sorter.done(*ready)


def chosen(names: Sequence[str], steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps of these names, all where none is named.

    Raises
    ------
    ConfigError
        There is no such step.
    """
    known = {step.name: step for step in steps}
    for name in names:
        if name not in known:
            raise ConfigError.unknown("step", name, known, "steps")
    return tuple(step for step in steps if not names or step.name in names)
