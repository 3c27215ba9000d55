"""Ingestion of labels for known images: predictions of models, and labels of several people."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.labels.object_label_errors import of_unknown_classes
from dataeval_spark.errors import IngestError, OptionError
from dataeval_spark.kernels.formats.text import decode_text
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.options import PredictionOptions, RatingOptions
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.images import IMAGES, INGEST_FINDINGS, TARGETS
from dataeval_spark.tables.predictions import ANNOTATIONS, PREDICTION_CLASSES, PREDICTIONS
from dataeval_spark.verbs.ingest.readers.file_matching import matched_findings
from dataeval_spark.verbs.ingest.readers.predictions import check_predictions, prediction_findings, read_predictions
from dataeval_spark.verbs.ingest.readers.ratings import check_ratings, matched_to_labels, rating_findings, read_ratings
from dataeval_spark.verbs.ingest.readers.rows_of_images import good_rows, with_image, with_likely_image
from dataeval_spark.verbs.ingest.readers.source import finding_rows
from dataeval_spark.workspace.runs import Run, StepRun
from dataeval_spark.workspace.workspace import Workspace


def ingest_predictions(run: Run, source: str, options: PredictionOptions) -> StepRun:
    """Bring in the predictions of one model; its earlier ones are replaced.

    Rows that cannot be used are left out, counted in the message, and named in `ingest_findings`.

    Parameters
    ----------
    run : Run
        The run that this is part of.
    source : str
        See :func:`dataeval_spark.verbs.ingest.readers.predictions.read_predictions`.
    options : PredictionOptions
        Name of the model, and options of the reader.

    Returns
    -------
    StepRun
        What was taken and what was left out.

    Raises
    ------
    IngestError
        The file cannot be read, no row of it can be used, or the order of its classes is unknown.
    OptionError
        An option is out of range.
    """
    workspace = run.workspace
    started = datetime.now(UTC)
    model, ids, dataset = options.model, options.ids, options.dataset
    if not model:
        raise OptionError("ingest.model is empty; expected the name of the model.\nHint: --model NAME")
    within("ingest.tolerance", options.tolerance)
    images = _live_images(workspace)
    ids = _absolute(ids) if ids else None
    predictions = read_predictions(workspace.spark, _absolute(source), ids=ids, timezone=options.timezone)
    resolved = run.checkpoint(with_image(predictions.rows, images, dataset), "given_predictions")
    resolved, likely_ids = with_likely_image(resolved, images, dataset, run.checkpoint)
    names, how = _order_of_classes(workspace, resolved, options.class_names, predictions.class_names, source)
    checked = run.checkpoint(check_predictions(predictions, resolved, names, options.tolerance), "checked_predictions")
    how = "; ".join(filter(None, (how, _unknown_classes(workspace, checked))))
    counts = _counts(checked, "prediction", source)
    classes = workspace.spark.createDataFrame(
        [(model, number, name) for number, name in enumerate(names)], "model string, class_index int, class_name string"
    )
    _write(run, {PREDICTIONS: good_rows(checked, PREDICTIONS, model=model), PREDICTION_CLASSES: classes}, model)
    findings = prediction_findings(checked, model, source)
    _write_findings(run, findings, likely_ids, source, f"predictions of {model}")
    written = (PREDICTIONS, PREDICTION_CLASSES, INGEST_FINDINGS)
    return _report(run, started, written, f"model {model}", "predictions", counts, how)


def ingest_ratings(run: Run, source: str, options: RatingOptions) -> StepRun:
    """Bring in labels of several people for the same things; earlier ones of the same file are replaced.

    Parameters
    ----------
    run
        As for :func:`ingest_predictions`.
    source : str
        See :func:`dataeval_spark.verbs.ingest.readers.ratings.read_ratings`.
    options : RatingOptions
        Options of the reader.

    Returns
    -------
    StepRun
        What was taken and what was left out.

    Raises
    ------
    IngestError
        The file cannot be read, or no row of it can be used.
    """
    workspace = run.workspace
    started = datetime.now(UTC)
    images = _live_images(workspace)
    raters = options.raters.split(",") if isinstance(options.raters, str) else options.raters
    rows = read_ratings(workspace.spark, _absolute(source), raters=raters, timezone=options.timezone)
    ratings = run.checkpoint(with_image(rows, images, options.dataset), "given_ratings")
    ratings, likely_ids = with_likely_image(ratings, images, options.dataset, run.checkpoint)
    resolved = matched_to_labels(ratings, workspace.read(TARGETS))
    checked = run.checkpoint(check_ratings(resolved), "checked_ratings")
    counts = _counts(checked, "rating", source)
    _write(run, {ANNOTATIONS: good_rows(checked, ANNOTATIONS, source=source)}, source)
    _write_findings(run, rating_findings(checked, source), likely_ids, source, f"ratings of {source}")
    return _report(run, started, (ANNOTATIONS, INGEST_FINDINGS), source, "ratings", counts, "")


def _order_of_classes(
    workspace: Workspace,
    resolved: DataFrame,
    option: Sequence[str] | str | None,
    of_file: tuple[str, ...] | None,
    source: str,
) -> tuple[tuple[str, ...], str]:
    # One length: that of most rows.
    lengths = resolved.where("probabilities IS NOT NULL").groupBy(F.size("probabilities").alias("length")).count()
    usual = bounded(lengths.orderBy(F.desc("count"), "length").limit(1), "one length")
    names, how = _named_classes(option, of_file)
    if not usual:
        return names, how
    length = usual[0]["length"]
    if not names:
        classes = workspace.read(TARGETS).select("class_name").where("class_name IS NOT NULL").distinct()
        rows = bounded(classes.orderBy("class_name").limit(length + 1), "names of classes")
        names, how = tuple(row["class_name"] for row in rows), "classes in the order of their names: none was given"
    if len(names) != length or len(set(names)) != length:
        raise IngestError(
            f"{source} has {length:,} probabilities per row and {len(names):,} classes are known"
            f" ({', '.join(names[:3])} ...); expected one class for each probability, and no class twice.\n"
            "Hint: --class-names FILE, one name per line in the order of the probabilities"
        )
    return names, how


def _unknown_classes(workspace: Workspace, checked: DataFrame) -> str:
    """Sentence on predicted classes that no label has; empty where there are none, or no labels."""
    targets = workspace.read(TARGETS)
    if targets.where("class_name IS NOT NULL").isEmpty():
        return ""
    unknown = of_unknown_classes(checked.where("kind IS NULL").select("label").distinct(), targets)
    names = [row["label"] for row in bounded(unknown.orderBy("label").limit(4), "names of classes")]
    if not names:
        return ""
    listed = ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
    return f"predicted classes that no label has: {listed} (--class-names FILE names them)"


def _named_classes(option: Sequence[str] | str | None, of_file: tuple[str, ...] | None) -> tuple[tuple[str, ...], str]:
    if isinstance(option, str):
        try:
            return tuple(decode_text(Path(option).read_bytes())[0].splitlines()), ""
        except (OSError, ValueError) as error:
            raise IngestError(
                f"File {option} with the names of the classes cannot be read: {error}\n"
                "Hint: --class-names FILE, one name per line"
            ) from error
    return tuple(option or of_file or ()), ""


def _absolute(path: str) -> str:
    return os.path.abspath(path) if os.path.exists(path) else path


def _live_images(workspace: Workspace) -> DataFrame:
    if not workspace.exists(IMAGES):
        raise IngestError(
            f"Workspace {workspace.location} has no images yet; predictions and ratings are about images.\n"
            "Hint: dataeval-spark ingest --workspace WS SOURCE"
        )
    return workspace.read_live(IMAGES).select("image_id", "dataset")


def _counts(checked: DataFrame, subject: str, source: str) -> dict[str, int]:
    """Number of rows by kind of finding, the good ones under an empty text.

    Raises
    ------
    IngestError
        No row is good.
    """
    rows = bounded(checked.groupBy(F.coalesce("kind", F.lit("")).alias("kind")).count(), "one row per kind of finding")
    counts = {row["kind"]: row["count"] for row in rows}
    if not counts.get("", 0):
        reasons = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items())) or "no rows"
        raise IngestError(
            f"No {subject} in {source} can be used: {reasons}.\n"
            "Hint: give ids of table images, or with --dataset NAME what follows NAME/ in them"
        )
    return counts


def _write(run: Run, tables: dict[Table, DataFrame], scope: str) -> None:
    workspace = run.workspace
    for table, frame in tables.items():
        workspace.write(table, frame, run.writer("ingest", f"{run.run_id}:{table.name}:{scope}"), scope=scope)


def _write_findings(run: Run, findings: DataFrame, likely_ids: DataFrame | None, source: str, scope: str) -> None:
    """Write findings, with those about ids that are spelled differently from those of the images."""
    if likely_ids is not None:
        findings = findings.unionByName(finding_rows(matched_findings(likely_ids, source, "Ids"), scope))
    _write(run, {INGEST_FINDINGS: findings}, scope)


def _report(
    run: Run, started: datetime, tables: Sequence[Table], subject: str, what: str, counts: dict[str, int], note: str
) -> StepRun:
    n_rows = counts.get("", 0)
    left_out = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items()) if kind)
    message = f"{subject}: {n_rows:,} {what}" + (f" (left out: {left_out})" if left_out else "")
    message += f"; {note}" if note else ""
    return run.finish("ingest", "done", started, message, outputs=run.workspace.states(list(tables)), rows=n_rows)
