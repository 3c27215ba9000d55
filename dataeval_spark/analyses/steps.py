"""Registry of the steps: which function fills which table, in which order. A new analysis is a new line in STEPS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from xxhash import xxh3_128_hexdigest

from dataeval_spark.analyses.bias import (
    balance,
    contingency,
    coverage_gaps,
    diversity,
    factor_bins,
    factor_predictors,
    factor_tests,
    feature_value,
    parity,
    shortcuts,
)
from dataeval_spark.analyses.labels import (
    box_findings,
    box_heatmap,
    confident_learning,
    label_coverage,
    label_neighbors,
    label_reconciliation,
    label_stats,
    labelling_queue,
    object_label_errors,
    raters,
)
from dataeval_spark.analyses.profile import embedding_health, normalization
from dataeval_spark.analyses.quality import duplicate_evaluation, duplicates, image_findings, outliers
from dataeval_spark.analyses.shift import drift_univariate, feature_distance, label_parity, null_model
from dataeval_spark.analyses.similarity import (
    clusters,
    completeness,
    coverage,
    embedding_scores,
    image_values,
    neighbors,
    prioritization,
)
from dataeval_spark.analyses.splits import part_bias, split_differences, split_leakage
from dataeval_spark.errors import ConfigError
from dataeval_spark.kernels.storage.files import read_file
from dataeval_spark.tables.bias import (
    BALANCE,
    BIN_EDGES,
    CONTINGENCY,
    COVERAGE_GAPS,
    DIVERSITY,
    FACTOR_BINS,
    FACTOR_PREDICTORS,
    FACTOR_TESTS,
    FEATURE_VALUE,
    PARITY,
    SHORTCUTS,
)
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.images import FACTORS, IMAGES, TARGETS
from dataeval_spark.tables.labels import (
    BOX_FINDINGS,
    BOX_HEATMAP,
    CLASS_NOISE,
    CONFIDENT_JOINT,
    IMAGE_LABEL_QUALITY,
    LABEL_AGREEMENT,
    LABEL_CONSENSUS,
    LABEL_COVERAGE,
    LABEL_ERRORS,
    LABEL_RECONCILIATION,
    LABEL_SCORES,
    LABEL_STATS,
    LABELLING_QUEUE,
    OBJECT_LABEL_ERRORS,
    RATER_QUALITY,
)
from dataeval_spark.tables.predictions import ANNOTATIONS, PREDICTION_CLASSES, PREDICTIONS
from dataeval_spark.tables.profile import CHANNEL_STATS, EMBEDDINGS, HASHES, IMAGE_STATS, NORMALIZATION
from dataeval_spark.tables.quality import (
    DUPLICATE_EVALUATION,
    DUPLICATE_GROUPS,
    DUPLICATE_PAIRS,
    DUPLICATE_THRESHOLDS,
    IMAGE_FINDINGS,
    OUTLIERS,
)
from dataeval_spark.tables.runs import DATASET_FINDINGS
from dataeval_spark.tables.shift import DRIFT_METRICS, FEATURE_DISTANCE, LABEL_PARITY, NULL_MODEL
from dataeval_spark.tables.similarity import (
    CLUSTER_STATS,
    CLUSTERS,
    COMPLETENESS,
    COVERAGE,
    COVERAGE_STATS,
    EMBEDDING_SCORES,
    IMAGE_VALUES,
    NEIGHBORS,
    PRIORITIZATION,
    SPANNING_TREE,
)
from dataeval_spark.tables.splits import (
    PART_BIAS,
    SPLIT_ASSIGNMENTS,
    SPLIT_DIFFERENCES,
    SPLIT_LEAKAGE,
    SPLIT_REPAIRS,
    SPLITS,
)


@dataclass(frozen=True)
class Step:
    """``function(*frames of reads, *frames of uses, **options)`` returns one frame per table of ``writes``.

    ``version`` is raised when the function's results change, so that they are computed anew. ``uses`` are read where
    they exist, and are None where they do not; a step may use its own earlier result. A step that ``asks`` for options
    runs where one of them is given, or where it is named. ``files`` are options that name files, whose contents decide
    the result too. A step about ``labels`` needs a reason to read those of a hold-out; a step that makes or checks a
    split is not about labels, nor is a step whose result is the same without them.
    """

    function: Callable[..., Any]
    reads: tuple[Table, ...]
    writes: tuple[Table, ...]
    version: int = 1
    uses: tuple[Table, ...] = ()
    asks: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    labels: bool = False

    @property
    def name(self) -> str:
        return str(self.function.__name__)

    @property
    def inputs(self) -> tuple[Table, ...]:
        """Tables whose rows decide the result; the step's own earlier result is only a shortcut to it."""
        return tuple(table for table in (*self.reads, *self.uses) if table not in self.writes)


STEPS = (
    Step(normalization.normalization, (CHANNEL_STATS, IMAGE_STATS, IMAGES), (NORMALIZATION,), version=2),
    Step(
        duplicates.duplicates,
        (HASHES, IMAGE_STATS, IMAGES),
        (DUPLICATE_PAIRS, DUPLICATE_GROUPS, DUPLICATE_THRESHOLDS, DATASET_FINDINGS),
        version=4,
        uses=(TARGETS, NEIGHBORS, DUPLICATE_THRESHOLDS),
    ),
    Step(outliers.outliers, (IMAGE_STATS, TARGETS), (OUTLIERS,), version=2, uses=(CHANNEL_STATS,)),
    Step(
        duplicate_evaluation.duplicate_evaluation,
        (DUPLICATE_PAIRS, IMAGES),
        (DUPLICATE_EVALUATION, DATASET_FINDINGS),
        version=2,
        asks=("truth",),
        files=("truth",),
    ),
    Step(image_findings.image_findings, (IMAGE_STATS,), (IMAGE_FINDINGS,), version=2),
    Step(label_stats.label_stats, (TARGETS, IMAGES), (LABEL_STATS,), version=2, labels=True),
    Step(
        label_coverage.label_coverage,
        (LABEL_STATS,),
        (LABEL_COVERAGE,),
        asks=("ontology",),
        files=("ontology",),
        labels=True,
    ),
    Step(
        factor_bins.factor_bins,
        (TARGETS, IMAGES),
        (FACTOR_BINS, BIN_EDGES, DATASET_FINDINGS),
        version=3,
        uses=(IMAGE_STATS, FACTORS, BIN_EDGES),
    ),
    Step(contingency.contingency, (FACTOR_BINS, BIN_EDGES), (CONTINGENCY,), version=2, labels=True),
    Step(balance.balance, (CONTINGENCY, BIN_EDGES, FACTOR_BINS), (BALANCE,), version=4, labels=True),
    Step(diversity.diversity, (CONTINGENCY,), (DIVERSITY,), labels=True),
    Step(parity.parity, (CONTINGENCY,), (PARITY,), version=4, labels=True),
    Step(factor_tests.factor_tests, (FACTOR_BINS,), (FACTOR_TESTS,), labels=True),
    Step(
        coverage.coverage,
        (NEIGHBORS, EMBEDDINGS, TARGETS),
        (COVERAGE, COVERAGE_STATS),
        version=2,
        labels=True,
    ),
    Step(completeness.completeness, (EMBEDDINGS, TARGETS), (COMPLETENESS,), version=2, labels=True),
    Step(coverage_gaps.coverage_gaps, (FACTOR_BINS, BIN_EDGES), (COVERAGE_GAPS,), labels=True),
    Step(shortcuts.shortcuts, (FACTOR_BINS, BALANCE, BIN_EDGES), (SHORTCUTS,), version=3, labels=True),
    Step(feature_value.feature_value, (FACTOR_BINS, BALANCE), (FEATURE_VALUE,), labels=True),
    Step(factor_predictors.factor_predictors, (FACTOR_BINS, IMAGE_FINDINGS), (FACTOR_PREDICTORS,), version=4),
    Step(embedding_health.embedding_health, (EMBEDDINGS,), (DATASET_FINDINGS,), version=2),
    Step(neighbors.neighbors, (EMBEDDINGS,), (NEIGHBORS, DATASET_FINDINGS), uses=(NEIGHBORS,)),
    Step(
        clusters.clusters,
        (EMBEDDINGS,),
        (CLUSTERS, CLUSTER_STATS, SPANNING_TREE, DATASET_FINDINGS),
        version=3,
    ),
    Step(embedding_scores.embedding_scores, (NEIGHBORS,), (EMBEDDING_SCORES,), version=2),
    Step(image_values.image_values, (NEIGHBORS, TARGETS), (IMAGE_VALUES,), version=2, labels=True),
    Step(prioritization.prioritization, (NEIGHBORS, TARGETS), (PRIORITIZATION,), labels=True),
    Step(
        confident_learning.confident_learning,
        (TARGETS, PREDICTIONS, PREDICTION_CLASSES),
        (LABEL_ERRORS, LABEL_SCORES, CONFIDENT_JOINT, CLASS_NOISE, DATASET_FINDINGS),
        version=3,
        labels=True,
    ),
    Step(
        label_neighbors.label_neighbors,
        (TARGETS, NEIGHBORS),
        (LABEL_ERRORS, LABEL_SCORES, DATASET_FINDINGS),
        version=2,
        labels=True,
    ),
    Step(
        raters.raters,
        (ANNOTATIONS,),
        (LABEL_AGREEMENT, LABEL_CONSENSUS, RATER_QUALITY, DATASET_FINDINGS),
        uses=(TARGETS,),
        labels=True,
    ),
    Step(
        labelling_queue.labelling_queue,
        (IMAGES, TARGETS, PREDICTIONS),
        (LABELLING_QUEUE,),
        uses=(NEIGHBORS,),
        labels=True,
    ),
    Step(
        split_leakage.split_leakage,
        (IMAGES,),
        (SPLIT_LEAKAGE, SPLIT_REPAIRS),
        version=2,
        uses=(SPLIT_ASSIGNMENTS, DUPLICATE_PAIRS, DUPLICATE_GROUPS, FACTORS, SPLITS),
    ),
    Step(
        split_differences.split_differences,
        (IMAGES, TARGETS),
        (SPLIT_DIFFERENCES,),
        version=4,
        uses=(SPLIT_ASSIGNMENTS, FACTOR_BINS, BIN_EDGES, EMBEDDINGS, IMAGE_STATS),
    ),
    Step(
        part_bias.part_bias,
        (FACTOR_BINS, IMAGES),
        (PART_BIAS,),
        version=4,
        uses=(SPLIT_ASSIGNMENTS, SPLITS),
    ),
    Step(
        object_label_errors.object_label_errors,
        (TARGETS, PREDICTIONS),
        (OBJECT_LABEL_ERRORS, IMAGE_LABEL_QUALITY, DATASET_FINDINGS),
        version=2,
        labels=True,
    ),
    Step(box_findings.box_findings, (TARGETS,), (BOX_FINDINGS,), labels=True),
    Step(box_heatmap.box_heatmap, (TARGETS, IMAGES), (BOX_HEATMAP,), labels=True),
)
# These steps compare a reference with the current data; both are rows of the table that they read.
COMPARISONS = (
    Step(drift_univariate.drift_univariate, (IMAGE_STATS,), (DRIFT_METRICS,), version=2),
    Step(feature_distance.feature_distance, (FACTOR_BINS,), (FEATURE_DISTANCE,), version=2),
    Step(label_parity.label_parity, (TARGETS,), (LABEL_PARITY,), version=3, labels=True),
    Step(null_model.null_model, (TARGETS,), (NULL_MODEL,), labels=True),
    Step(
        label_reconciliation.label_reconciliation,
        (TARGETS,),
        (LABEL_RECONCILIATION,),
        asks=("mapping", "ontology"),
        files=("mapping", "ontology"),
        labels=True,
    ),
)


def unasked(step: Step, options: Mapping[str, Any], only: Sequence[str]) -> str | None:
    """Reason why a step that asks for options is left out; None where it is not."""
    if not step.asks or step.name in only or any(options.get(option) is not None for option in step.asks):
        return None
    return f"no {' or '.join(step.asks)} is given"


def decisive(step: Step, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options that decide a step's result besides its tables, with the contents of the files that they name."""
    return {**options, **{f"{name} content": _content_hash(options[name]) for name in step.files if name in options}}


def _content_hash(path: Any) -> str:
    try:
        return xxh3_128_hexdigest(read_file(path)) if isinstance(path, str) else ""
    except OSError:  # the step reports it
        return "unreadable"


def levels(steps: Sequence[Step]) -> Iterator[tuple[Step, ...]]:
    """Steps in an order in which each comes after the writers of the tables that it reads.

    Raises
    ------
    ConfigError
        Two steps each read a table that the other writes.
    """
    writer = {table: step for step in steps for table in step.writes if table.scope is None}
    sorter = TopologicalSorter({step: {writer[r] for r in step.inputs if r in writer} - {step} for step in steps})
    try:
        sorter.prepare()
    except CycleError as error:
        names = " -> ".join(step.name for step in error.args[1])
        raise ConfigError(f"Each of these steps reads a table that another one writes, in a circle: {names}.") from None
    while sorter.is_active():
        ready = tuple(sorter.get_ready())
        yield ready
        sorter.done(*ready)


def chosen(names: Sequence[str], steps: Sequence[Step]) -> tuple[Step, ...]:
    """Steps of these names; all where none is named.

    Raises
    ------
    ConfigError
        There is no such step.
    """
    steps_by_name = {step.name: step for step in steps}
    for name in names:
        if name not in steps_by_name:
            raise ConfigError.unknown("step", name, steps_by_name, "steps")
    return tuple(step for step in steps if not names or step.name in names)
