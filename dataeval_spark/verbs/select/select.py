"""The verb `select`: save a selection of the images under a name, and repeat it on new data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError, TableMissingError, filling_command
from dataeval_spark.frames.contract import rows_of, rows_of_dicts
from dataeval_spark.options import SelectOptions
from dataeval_spark.session.bounded import one_row
from dataeval_spark.tables.images import FACTORS, IMAGES, TARGETS
from dataeval_spark.tables.profile import IMAGE_STATS, UNREADABLE_IMAGES
from dataeval_spark.tables.quality import DUPLICATE_GROUPS, IMAGE_FINDINGS, OUTLIERS
from dataeval_spark.tables.selections import SELECTION_MEMBERS, SELECTION_REMOVALS, SELECTIONS
from dataeval_spark.tables.splits import SPLIT_ASSIGNMENTS
from dataeval_spark.verbs.select.readable import unchecked_note, unreadable_note
from dataeval_spark.verbs.select.recipe import Recipe, apply, check, parts_in, targets_of
from dataeval_spark.verbs.select.removals import COLUMNS, lines_of, removals_of
from dataeval_spark.verbs.text import plural
from dataeval_spark.workspace import holdout
from dataeval_spark.workspace.runs import Run, StepRun, work_id
from dataeval_spark.workspace.workspace import Workspace

READS = (
    IMAGES,
    TARGETS,
    FACTORS,
    IMAGE_STATS,
    UNREADABLE_IMAGES,
    DUPLICATE_GROUPS,
    OUTLIERS,
    IMAGE_FINDINGS,
    SPLIT_ASSIGNMENTS,
)


def select(
    run: Run,
    name: str,
    recipe: Recipe | None,
    options: SelectOptions,
) -> StepRun:
    """Select images by a recipe and save them under a name.

    Parameters
    ----------
    name : str
        Name of the selection.
    recipe : sequence of mappings, optional
        Operations in order; default those of the newest version, applied to the present data. If recipe and
        images are unchanged, there is no new version.
    options : SelectOptions
        Reason for selecting a part that is a hold-out.

    Raises
    ------
    ConfigError, OptionError
        The recipe cannot be used, or there is none.
    HoldoutError
        The recipe takes a hold-out, and there is no reason to open it.
    """
    workspace = run.workspace
    started = datetime.now(UTC)
    before = newest(workspace, name)
    if recipe is None:
        if before is None:
            raise OptionError(
                f"There is no selection {name!r} to repeat.\nHint: --recipe FILE, or --operation NAME OPTION=VALUE"
            )
        recipe = json.loads(before["recipe"])
    steps = check(recipe)
    notes = []
    for part in parts_in(steps):
        count = holdout.open_part(run, *part, options.open_guarded)
        if count is not None:
            notes.append(holdout.sentence(*part, count))
    states = workspace.states(READS)
    text = json.dumps(steps, sort_keys=True)
    tables = tables_of(workspace)
    selections = apply(steps, tables, run.checkpoint)
    members = selections[-1].members
    # A sum of hashes does not depend on the order of rows.
    row = one_row(
        members,
        F.count("*").alias("n"),
        F.coalesce(F.sum(F.xxhash64("image_id", "copy", "order_key").cast("decimal(38,0)")), F.lit(0)).alias("digest"),
    )
    count, digest = int(row["n"]), str(row["digest"])
    if before is not None and (before["recipe"], before["digest"]) == (text, digest):
        message = f"selection {name}: version {before['version']} is as it was, {plural(count, 'image')}"
        kept = workspace.rows(SELECTION_REMOVALS, COLUMNS, selection_name=name, version=before["version"])
        return StepRun.skipped("select", message).with_details(lines_of(kept))
    version = 1 if before is None else before["version"] + 1
    work = work_id("select", 1, {"name": name, "version": version, "recipe": text}, states)
    writer = run.writer("select", f"{work}-{run.run_id}")  # what a killed run wrote of the version is removed
    _remove_killed(run, name, version)
    rows = members.select(F.lit(name).alias("selection_name"), F.lit(version).alias("version"), "*")
    outputs = {SELECTION_MEMBERS.name: workspace.write(SELECTION_MEMBERS, rows, writer)}
    removals = removals_of(steps, selections)
    named = [{"selection_name": name, "version": version, **row} for row in removals]
    outputs[SELECTION_REMOVALS.name] = workspace.write(
        SELECTION_REMOVALS, rows_of_dicts(members, SELECTION_REMOVALS, named), writer
    )
    saved = rows_of(members, SELECTIONS, [(name, version, text, count, digest, started)])
    # Last: a selection is there once its members are.
    outputs[SELECTIONS.name] = workspace.write(SELECTIONS, saved, writer)
    drops_unreadable = any(step["operation"] == "drop_unreadable" for step in steps)
    note = unchecked_note(members, tables, workspace.location) if drops_unreadable else unreadable_note(members, tables)
    notes += [note] if note else []
    message = "; ".join([f"selection {name}: version {version}, {plural(count, 'image')}", *notes])
    finished = run.finish("select", "done", started, message, inputs=states, outputs=outputs, rows=count)
    return finished.with_details(lines_of(removals))


def _remove_killed(run: Run, name: str, version: int) -> None:
    """Remove what a run that was killed has written of a version, perhaps by another recipe or of other images."""
    workspace, of_version = run.workspace, {"selection_name": name, "version": version}
    for table in (SELECTION_MEMBERS, SELECTION_REMOVALS):
        rows = workspace.read_or_none(table)
        is_it = (F.col("selection_name") == name) & (F.col("version") == version)
        if rows is not None and not rows.where(is_it).isEmpty():
            workspace.replace_rows(table, [], run.writer("select", f"{run.run_id}:removal"), **of_version)


def newest(workspace: Workspace, name: str, version: int | None = None) -> dict[str, Any] | None:
    """The row of a saved selection, its newest version where none is named."""
    columns = ("selection_name", "version", "recipe", "members", "digest")
    rows = workspace.rows(SELECTIONS, columns, selection_name=name)
    chosen = [row for row in rows if version is None or row["version"] == version]
    return max(chosen, key=lambda row: row["version"], default=None)


def tables_of(workspace: Workspace) -> dict[str, DataFrame]:
    """Existing tables that operations may read; of the images only the live ones, without their bytes.

    Raises
    ------
    TableMissingError
        There are no images.
    """
    states = workspace.states(READS)
    if IMAGES.name not in states:
        command = filling_command(IMAGES.name, workspace.location)
        raise TableMissingError.from_table(IMAGES.name, workspace.location, command)
    return {table.name: workspace.read_live(table) for table in READS if table.name in states}


def members_of(
    workspace: Workspace, name: str, version: int | None = None
) -> tuple[DataFrame, DataFrame, Mapping[str, Any]]:
    """Images of a saved selection that are still live, in no order, its targets, and its row of table ``selections``.

    Raises
    ------
    OptionError
        There is no such selection.
    """
    saved = newest(workspace, name, version)
    if saved is None:
        names = sorted({row["selection_name"] for row in workspace.rows(SELECTIONS, ("selection_name",))})
        OptionError.unless_one_of("selection", name, names)
        raise OptionError(f"Selection {name!r} has no version {version}.\nHint: leave out --version for the newest")
    tables = tables_of(workspace)
    is_member = (F.col("selection_name") == name) & (F.col("version") == saved["version"])
    members = workspace.read(SELECTION_MEMBERS).where(is_member).select("image_id", "copy", "order_key")
    members = members.join(tables["images"].select("image_id"), on="image_id", how="left_semi")
    return members, targets_of(json.loads(saved["recipe"]), members, tables), saved
