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
from dataeval_spark.frames.unions import union_of_all_columns
from dataeval_spark.kernels.formats.export import (
    NO_PART,
    OF_BOXES,
    WRITTEN_DDL,
    Layout,
    written_files,
    written_shards,
    written_table,
)
from dataeval_spark.kernels.formats.export_paths import safe_folder
from dataeval_spark.kernels.storage.uris import refuse_credentials
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.options import ExportOptions, changed
from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.session.settings import BYTES_SETTINGS, temporary_settings
from dataeval_spark.tables.images import FACTORS, IMAGES, INGEST_FINDINGS
from dataeval_spark.tables.profile import UNREADABLE_IMAGES
from dataeval_spark.tables.splits import SPLIT_ASSIGNMENTS, SPLITS
from dataeval_spark.verbs.export.account import BY_STEM, counts_of, message_of
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
from dataeval_spark.verbs.select.readable import unchecked_note, unreadable_images
from dataeval_spark.verbs.select.state import Selection
from dataeval_spark.workspace import holdout
from dataeval_spark.workspace.failures import known_cause
from dataeval_spark.workspace.locations import absolute
from dataeval_spark.workspace.runs import Run, StepRun
from dataeval_spark.workspace.workspace import Checkpoint, Workspace

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
    be written, which a trainer would take for background; `manifest.parquet` says why of each image, those in no part
    of the split included, and tells the image id of each path. Boxes are those of the upright image, clipped to it;
    those without area in it are left out. Both are counted per image. Files are written whole or not at all, and
    `export.json` last.

    Parameters
    ----------
    to : str
        Folder or URI, empty or holding an interrupted export.
    options : ExportOptions
        Images and format. ``folder``: ``[SPLIT/]CLASS/NAME``, one class per image, or ``unlabelled_folder`` for one
        without. ``coco``: ``images/`` and ``annotations.json``, and ``annotations_SPLIT.json`` where there are splits.
        ``yolo``: ``images/SPLIT/``, ``labels/SPLIT/`` and ``data.yaml``. ``voc``: ``JPEGImages/``, ``Annotations/``,
        and lists of the splits in ``ImageSets/Main/``. ``parquet``: as Hugging Face datasets. ``webdataset``: tar
        shards.

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
    samples, without_part, about = _samples(workspace, run.checkpoint, options)
    facts = facts_of(samples)
    _require_apart_from_classes(options, facts)
    _require_possible(format, facts, with_lost_labels=options.with_lost_labels)
    _require_apart(workspace, to)
    opened = holdout.open_among(run, samples, options.open_guarded)
    prepare(to, format, replace=options.replace)
    first = 1 if format == "coco" else 0
    classes = {name: number for number, name in enumerate(facts.classes, start=first)}
    layout = Layout(to, format, classes, options.samples_per_shard, options.with_lost_labels, options.unlabelled_folder)
    try:
        with temporary_settings(workspace.spark, BYTES_SETTINGS):
            written = _write_contents(workspace, run.checkpoint, samples, layout, facts)
    except PySparkException as error:
        known = known_cause(error, f"write {to}", workspace.location, select.READS, to)
        raise known or StepFailedError.from_error("export", ["images"], [to], error) from error
    manifest = run.checkpoint(
        samples.select("number", "image_id", "copy", "split").join(written, on="number"), "manifest"
    )
    counts = counts_of(manifest, by_stem=format in BY_STEM)
    write_documents(workspace, to, format, manifest, samples, facts)
    columns = ("number", "image_id", "copy", "path", "split", "width", "height", "bytes", *BOX_COUNTS, "error")
    listed = manifest.select(*columns)
    counts["without_part"] = 0
    if without_part is not None:
        listed = union_of_all_columns(listed, _in_no_part(without_part, facts.images, run.checkpoint, options))
        counts["without_part"] = without_part.count()
        counts["left_out"] += counts["without_part"]
    write_parquet(listed, f"{to}/manifest.parquet")
    message = message_of(options, facts, counts, opened)
    finish(to, {"format": format, **about, "classes": len(facts.classes), **counts, "notes": message})
    states = workspace.states(select.READS)
    recorded = {"to": to, **changed(options), "format": options.format, "version": about["version"]}
    total = counts["images"]
    note = unchecked_note(samples, select.tables_of(workspace), workspace.location)
    what, *left_out = message.split("; ")
    said = "; ".join(filter(None, [f"{what} in {to}", *left_out, note]))
    return run.finish("export", "done", started, said, options=recorded, inputs=states, rows=total)


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


def _samples(
    workspace: Workspace, checkpoint: Checkpoint, options: ExportOptions
) -> tuple[DataFrame, DataFrame | None, dict[str, Any]]:
    """Samples, numbered in order, members in no part of the split where one is named, and the row of the selection."""
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
    parts, without_part = None, None
    if split is not None:
        rows = workspace.read(SPLIT_ASSIGNMENTS).where(F.col("split_name") == split)
        parts = rows.where("repeat = 0 AND fold IS NULL").select("image_id", "split")
        if parts.isEmpty():
            raise OptionError(
                f"export.split is {split!r}, which has folds over time: an image is in several of its parts.\n"
                "Hint: a split with fractions"
            )
        without_part = members.join(parts, on="image_id", how="left_anti")
    unreadable = _unreadable(tables) if options.drop_unreadable else None
    samples = samples_of(
        members,
        images,
        targets,
        factors=tables.get("factors"),
        parts=parts,
        lost=_lost_labels(workspace),
        unreadable=unreadable,
        prefix=_prefix(members, images),
    )
    if format in BY_STEM:
        folders = ("images", "JPEGImages") if format == "voc" else ("images",) if format == "yolo" else ()
        samples = with_shared_stems(samples, by_split=format != "voc", folders=folders)
    order = ("order_key", "image_id", "copy")
    return numbered(samples, order, checkpoint, weight="n_targets"), without_part, {**about, "split": split}


def _in_no_part(members: DataFrame, before: int, checkpoint: Checkpoint, options: ExportOptions) -> DataFrame:
    """Rows of the manifest for images in no part of the split, numbered after the others."""
    # The samples, which are numbered too, are read again after this.
    outside = numbered(
        members, ("order_key", "image_id", "copy"), lambda frame, name: checkpoint(frame, f"{name}_without_part")
    )
    error = F.lit(f"{NO_PART} of split {options.split}").alias("error")
    return outside.select((F.col("number") + before).alias("number"), "image_id", "copy", error)


def _lost_labels(workspace: Workspace) -> DataFrame | None:
    """Images with labels that could not be read or matched, and the reasons."""
    findings = workspace.read_or_none(INGEST_FINDINGS)
    if findings is None:
        return None
    is_error = F.coalesce("severity", severity_of_kind()) == "error"
    rows = findings.where(is_error & F.col("image_id").isNotNull())
    return rows.groupBy("image_id").agg(F.min(F.concat_ws(": ", "kind", "message")).alias("reason"))


def _unreadable(tables: Mapping[str, DataFrame]) -> DataFrame | None:
    """Images that the profile could not read."""
    if UNREADABLE_IMAGES.name not in tables:
        return None
    reason = F.concat_ws(": ", "stage", "error_class", "message")
    return unreadable_images(tables[UNREADABLE_IMAGES.name]).select("image_id", reason.alias("reason"))


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


def _require_apart_from_classes(options: ExportOptions, facts: Facts) -> None:
    """Refuse a folder for images without a class that is no name of one, or is that of a class."""
    name = options.unlabelled_folder
    if name is None:
        return
    if options.format != "folder":
        raise OptionError(
            f"export.unlabelled_folder is {name!r}, but {options.format!r} has no folder per class.\n"
            "Hint: --format folder"
        )
    if not name or safe_folder(name) != name:
        raise OptionError(
            f"export.unlabelled_folder is {name!r}; expected the name of one folder.\n"
            "Hint: --unlabelled-folder unlabelled"
        )
    for class_name in facts.classes:
        # Some file systems do not tell capitals from small letters.
        if safe_folder(class_name).casefold() == name.casefold():
            raise OptionError(
                f"export.unlabelled_folder is {name!r}, which is the folder of class {class_name!r}.\n"
                "Hint: --unlabelled-folder with another name"
            )
