"""The verb `export`: write a selection as a dataset that other tools read, and that `ingest` reads again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.profile.profile import tasks_for
from dataeval_spark.errors import ExportError, OptionError, StepFailedError
from dataeval_spark.frames.batches import map_batches, map_rows
from dataeval_spark.frames.sorted_groups import PLACE, sorted_groups
from dataeval_spark.kernels.formats.export import (
    LOST,
    OF_BOXES,
    WRITTEN_DDL,
    Layout,
    written_files,
    written_shards,
    written_table,
)
from dataeval_spark.kernels.storage.uris import refuse_credentials
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.options import ExportOptions, changed
from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.session.settings import BYTES_SETTINGS, temporary_settings
from dataeval_spark.tables.images import FACTORS, IMAGES, INGEST_FINDINGS
from dataeval_spark.tables.profile import UNREADABLE_IMAGES
from dataeval_spark.tables.splits import SPLIT_ASSIGNMENTS, SPLITS
from dataeval_spark.verbs.export.documents import finish, prepare, write_documents, write_parquet
from dataeval_spark.verbs.export.numbering import numbered
from dataeval_spark.verbs.export.samples import (
    Facts,
    factor_columns,
    factor_names,
    facts_of,
    samples_of,
    with_shared_stems,
)
from dataeval_spark.verbs.ingest.readers.source import severity_of_kind
from dataeval_spark.verbs.select import select
from dataeval_spark.verbs.select.state import Selection
from dataeval_spark.verbs.text import plural
from dataeval_spark.workspace import holdout
from dataeval_spark.workspace.locations import absolute
from dataeval_spark.workspace.runs import Run, StepRun
from dataeval_spark.workspace.workspace import Checkpoint, Workspace

# Formats in which a label file or a key has an image's path without its extension.
BY_STEM = ("yolo", "voc", "webdataset")
# Columns of the manifest.
BOX_COUNTS = ("boxes_clipped", "boxes_left_out", "is_turned")
# So many ids are broadcast, so that bytes kept in the table stay where they are; 20 MB.
BROADCAST_ROWS = 200_000
MOST_TASKS = 10_000
# Columns of a sample that the kernel of a table sees.
SEEN = ("number", "name", "copy", "split", "uri", "content", "targets", "unlabelled", "lost", "unreadable")


def export(run: Run, to: str, options: ExportOptions) -> StepRun:
    """Write images with their labels, splits and metadata to a folder or to object storage.

    Bytes are copied as they are. An image that cannot be read is not written, nor one that has labels none of which can
    be written, which a trainer would take for background; `manifest.parquet` says why, and tells the image id of each
    path. Boxes are those of the upright image, clipped to it; those without area in it are left out. Both are counted
    per image. Files are written whole or not at all, and `export.json` last.

    Parameters
    ----------
    to : str
        Folder or URI, empty or holding an interrupted export.
    options : ExportOptions
        Images and format. ``folder``: ``[SPLIT/]CLASS/NAME``, one class per image. ``coco``: ``images/``
        and ``annotations.json``, and ``annotations_SPLIT.json`` where there are splits. ``yolo``: ``images/SPLIT/``,
        ``labels/SPLIT/`` and ``data.yaml``. ``voc``: ``JPEGImages/``, ``Annotations/``, and lists of the splits in
        ``ImageSets/Main/``. ``parquet``: as Hugging Face datasets. ``webdataset``: tar shards.

    Raises
    ------
    OptionError
        The format cannot hold what is to be exported, the folder holds something else, or there is no such selection
        or split.
    HoldoutError
        Images of a hold-out are among those to export, and there is no reason to open it.
    ExportError
        There is nothing to export, or two images would have one path.
    """
    workspace = run.workspace
    started = datetime.now(UTC)
    refuse_credentials(to)
    format, split = options.format, options.split
    within("export.samples_per_shard", options.samples_per_shard)
    to = absolute(to)
    if split is not None:
        split_names = [row["split_name"] for row in workspace.rows(SPLITS, ("split_name",))]
        OptionError.unless_one_of("export.split", split, sorted(split_names))
    samples, about = _samples(workspace, run.checkpoint, options)
    facts = facts_of(samples)
    _require_possible(format, facts, with_lost_labels=options.with_lost_labels)
    _require_apart(workspace, to)
    opened = holdout.open_among(run, samples, options.open_guarded)
    prepare(to, format, replace=options.replace)
    first = 1 if format == "coco" else 0
    classes = {name: number for number, name in enumerate(facts.classes, start=first)}
    layout = Layout(to, format, classes, options.samples_per_shard, options.with_lost_labels)
    try:
        with temporary_settings(workspace.spark, BYTES_SETTINGS):
            written = _write_contents(workspace, run.checkpoint, samples, layout, facts)
    except PySparkException as error:
        raise StepFailedError.from_error("export", ["images"], [to], error) from error
    manifest = run.checkpoint(
        samples.select("number", "image_id", "copy", "split").join(written, on="number"), "manifest"
    )
    counts = _counts(manifest, format)
    write_documents(workspace, to, format, manifest, samples, facts)
    columns = ("number", "image_id", "copy", "path", "split", "width", "height", "bytes", *BOX_COUNTS, "error")
    write_parquet(manifest.select(*columns), f"{to}/manifest.parquet")
    if about["without_part"]:
        opened.append(f"left out: {plural(about['without_part'], 'image')} in no part of {split}")
    message = _message(format, facts, counts, opened)
    finish(to, {"format": format, **about, "classes": len(facts.classes), **counts, "notes": message})
    states = workspace.states(select.READS)
    recorded = {"to": to, **changed(options), "format": options.format, "version": about["version"]}
    total = counts["images"]
    return run.finish("export", "done", started, f"{message} in {to}", options=recorded, inputs=states, rows=total)


def _write_contents(
    workspace: Workspace, checkpoint: Checkpoint, samples: DataFrame, layout: Layout, facts: Facts
) -> DataFrame:
    """Write the images; return the outcome of each, in columns of `WRITTEN_DDL`, stored."""
    count = facts.images
    if layout.format == "parquet":
        names, samples = _with_factors(workspace, samples)
        shards = _in_shards(_with_content(workspace, samples, count), layout, count)
        is_plain = facts.most_targets <= 1 and not facts.boxes and not facts.attributes
        writing = partial(written_table, layout=layout, is_plain=is_plain)
        sample = F.struct(*_columns_of_sample(names, is_plain)).alias("shown")
        return checkpoint(map_batches(shards.select(*SEEN, PLACE, sample), writing, WRITTEN_DDL), "written")
    if layout.format == "webdataset":
        rows = _in_shards(_with_content(workspace, samples, count), layout, count)
        return checkpoint(map_rows(rows, partial(written_shards, layout=layout), WRITTEN_DDL), "written")
    rows = _with_content(workspace, samples.repartition(tasks_for(count)), count)
    return checkpoint(map_rows(rows, partial(written_files, layout=layout), WRITTEN_DDL), "written")


def _in_shards(rows: DataFrame, layout: Layout, count: int) -> DataFrame:
    """Put each shard whole into one task, in the order of the numbers. Nothing may be joined after this."""
    tasks = min(-(-count // layout.samples_per_shard), MOST_TASKS)
    shards = rows.withColumn("_shard", F.floor(F.col("number") / F.lit(layout.samples_per_shard)))
    return sorted_groups(shards.repartitionByRange(tasks, "_shard"), ["_shard"], ["number"])


def _with_content(workspace: Workspace, samples: DataFrame, count: int) -> DataFrame:
    contents = workspace.read(IMAGES).where("content IS NOT NULL").select("image_id", "content")
    if contents.isEmpty():
        return samples.withColumn("content", F.lit(None).cast("binary"))
    small_samples = F.broadcast(samples) if count <= BROADCAST_ROWS else samples
    # image_id is unique among the images.
    with_bytes = contents.join(small_samples, on="image_id", how="inner")
    by_path = samples.join(contents.select("image_id"), on="image_id", how="left_anti")
    by_path = by_path.withColumn("content", F.lit(None).cast("binary"))
    return by_path.unionByName(with_bytes)


def _with_factors(workspace: Workspace, samples: DataFrame) -> tuple[list[str], DataFrame]:
    """Names of the metadata in the export, and the samples with them in a struct ``factors_of``."""
    factors = workspace.read_or_none(FACTORS)
    names = [] if factors is None else list(factor_names(factors).values())
    if factors is None or not names:
        return [], samples
    values = F.struct(*factor_columns(factors)).alias("factors_of")
    # image_id is unique among the rows of images.
    of_images = factors.where("target_index IS NULL").select("image_id", values)
    return names, samples.join(of_images, on="image_id", how="left")


def _columns_of_sample(names: Sequence[str], is_plain: bool) -> list[Column]:
    """Columns of a parquet export besides image and objects."""
    copy = F.when(F.col("copy") > 0, F.concat(F.lit("#copy"), F.col("copy"))).otherwise(F.lit(""))
    label = [F.get("targets", F.lit(0))["class_name"].alias("class_name")] if is_plain else []
    return [
        F.concat("image_id", copy).alias("image_id"),
        F.col("split"),
        F.timestamp_micros("captured_us").alias("captured_at"),
        *label,
        *(F.col("factors_of")[name].alias(name) for name in names),
    ]


def _require_apart(workspace: Workspace, to: str) -> None:
    """Refuse a folder that contains images of this workspace: an earlier export there would be removed with them."""
    below = f"{to.rstrip('/')}/"
    inside = F.startswith("uri", F.lit(below)) | F.startswith("uri", F.lit(f"file:{below}"))
    inside |= F.startswith("uri", F.lit(f"file://{below}"))
    images = workspace.read_live(IMAGES).where(F.coalesce(inside, F.lit(False)))
    for row in bounded(images.select("image_id", "uri").limit(1), "one row"):
        raise OptionError(
            f"{to} holds images of this workspace, such as {row['uri']}: an export there would replace them.\n"
            "Hint: --to another folder"
        )


def _samples(workspace: Workspace, checkpoint: Checkpoint, options: ExportOptions) -> tuple[DataFrame, dict[str, Any]]:
    """Samples, numbered in order, and the row of their selection."""
    about: dict[str, Any]
    selection, format, split = options.selection, options.format, options.split
    tables = select.tables_of(workspace)
    images = tables["images"]
    if selection is None:
        members, targets = Selection.of_everything(tables).members, tables["targets"]
        about = {"selection": None, "version": None, "recipe": None}
    else:
        members, targets, row = select.members_of(workspace, selection, options.version)
        about = {"selection": selection, "version": row["version"], "recipe": json.loads(row["recipe"])}
    parts, without_part = None, 0
    if split is not None:
        rows = workspace.read(SPLIT_ASSIGNMENTS).where(F.col("split_name") == split)
        parts = rows.where("repeat = 0 AND fold IS NULL").select("image_id", "split")
        if parts.isEmpty():
            raise OptionError(
                f"export.split is {split!r}, which has folds over time: an image is in several of its parts.\n"
                "Hint: a split with fractions"
            )
        without_part = members.join(parts, on="image_id", how="left_anti").count()
    samples = samples_of(
        members,
        images,
        targets,
        factors=tables.get("factors"),
        parts=parts,
        lost=_lost_labels(workspace),
        unreadable=_unreadable(workspace),
        prefix=_prefix(members, images),
    )
    if format in BY_STEM:
        folders = ("images", "JPEGImages") if format == "voc" else ("images",) if format == "yolo" else ()
        samples = with_shared_stems(samples, by_split=format != "voc", folders=folders)
    order = ("order_key", "image_id", "copy")
    return numbered(samples, order, checkpoint, weight="n_targets"), {
        **about,
        "split": split,
        "without_part": without_part,
    }


def _lost_labels(workspace: Workspace) -> DataFrame | None:
    """Images with labels that could not be read or matched, and the reasons."""
    findings = workspace.read_or_none(INGEST_FINDINGS)
    if findings is None:
        return None
    is_error = F.coalesce("severity", severity_of_kind()) == "error"
    rows = findings.where(is_error & F.col("image_id").isNotNull())
    return rows.groupBy("image_id").agg(F.min(F.concat_ws(": ", "kind", "message")).alias("reason"))


def _unreadable(workspace: Workspace) -> DataFrame | None:
    """Images whose pixels the profile could not read; whether a file can be opened shows only when it is copied."""
    unreadable = workspace.read_or_none(UNREADABLE_IMAGES)
    if unreadable is None:
        return None
    reason = F.concat_ws(": ", "error_class", "message")
    return unreadable.where("stage IN ('header', 'decode', 'statistics')").select("image_id", reason.alias("reason"))


def _prefix(members: DataFrame, images: DataFrame) -> str:
    """Prefix ``DATASET/`` if all images are of one dataset and their ids begin with it; else empty."""
    chosen_images = images.join(members.select("image_id"), on="image_id", how="left_semi")
    starts = F.startswith("image_id", F.concat("dataset", F.lit("/")))
    row = one_row(chosen_images, F.min("dataset").alias("a"), F.max("dataset").alias("b"), F.every(starts).alias("all"))
    return f"{row['a']}/" if row["a"] is not None and row["a"] == row["b"] and row["all"] else ""


def _require_possible(format: str, facts: Facts, *, with_lost_labels: bool) -> None:
    if facts.images == 0:
        raise ExportError("There are no images to export: the selection or the split is empty.")
    if format == "folder" and (facts.boxes or facts.most_targets > 1):
        labels = f"{facts.boxes:,} boxes" if facts.boxes else f"images with up to {facts.most_targets} labels"
        raise OptionError(
            f"export.format is 'folder', which holds one class per image, and there are {labels}.\nHint: --format coco"
        )
    if format in OF_BOXES and facts.labels and not facts.boxes and not with_lost_labels:
        raise OptionError(
            f"export.format is {format!r}, which holds boxes, and no label has a box: all images would be background.\n"
            "Hint: --format folder, or --with-lost-labels writes the images without labels"
        )


def _counts(manifest: DataFrame, format: str) -> dict[str, int]:
    """Numbers of images that were written, and that were not.

    Raises
    ------
    ExportError
        Two images have one path.
    """
    key = F.regexp_replace("path", r"\.[^./]*$", "") if format in BY_STEM else F.col("path")
    by_key = manifest.where("path IS NOT NULL").groupBy(key.alias("key"))
    for row in bounded(
        by_key.agg(F.count("*").alias("n"), F.min("image_id").alias("one")).where("n > 1").limit(1), "one row"
    ):
        raise ExportError(
            f"{row['n']} images would be written as {row['key']}, one of them {row['one']}.\n"
            "Hint: rename one at its source, or leave it out of the selection."
        )
    row = one_row(
        manifest,
        F.count("path").alias("images"),
        F.count("error").alias("left_out"),
        F.coalesce(F.sum("bytes"), F.lit(0)).alias("bytes"),
        F.count_if(F.startswith("error", F.lit(LOST))).alias("lost_labels"),
        *(F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in ("boxes_clipped", "boxes_left_out")),
        F.count_if(F.col("is_turned")).alias("turned_by_exif"),
    )
    return dict(row.asDict())


def _message(format: str, facts: Facts, counts: Mapping[str, int], opened: Sequence[str]) -> str:
    parts = [f"{plural(counts['images'], 'image')} as {format}"]
    others = counts["left_out"] - counts["lost_labels"]
    if others:
        why = "that cannot be read or have no class" if format == "folder" else "that cannot be read"
        parts.append(f"left out: {plural(others, 'image')} {why} (see manifest.parquet)")
    if counts["lost_labels"]:
        lost = plural(counts["lost_labels"], "image")
        parts.append(f"left out: {lost} whose labels are lost (with_lost_labels writes them, without labels)")
    if counts["boxes_clipped"]:
        parts.append(f"{plural(counts['boxes_clipped'], 'box', 'boxes')} clipped to the image")
    if counts["boxes_left_out"]:
        parts.append(f"left out: {plural(counts['boxes_left_out'], 'box', 'boxes')} without area in the image")
    if counts["turned_by_exif"] and facts.boxes:
        turned = plural(counts["turned_by_exif"], "image")
        parts.append(f"{turned} turned by EXIF: the boxes fit the upright picture, so the reader must turn it")
    if facts.unlabelled:
        parts.append(f"left out: {plural(facts.unlabelled, 'label')} without a class")
    if format in OF_BOXES and facts.labels > facts.boxes:
        parts.append(f"left out: {plural(facts.labels - facts.boxes, 'label')} without a box")
    if format == "yolo" and facts.unheld:
        parts.append(f"left out: attributes of {plural(facts.unheld, 'label')} that YOLO's files cannot hold")
    return "; ".join([*parts, *opened])
