"""The verb `select`: save a selection of the images under a name, and do it again on new data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract import rows_of
from dataeval_spark.options import SelectOptions
from dataeval_spark.session.bounded import one_row
from dataeval_spark.tables.images import FACTORS, IMAGES, TARGETS
from dataeval_spark.tables.profile import IMAGE_STATS
from dataeval_spark.tables.quality import DUPLICATE_GROUPS, IMAGE_FINDINGS, OUTLIERS
from dataeval_spark.tables.selection import VIEW_MEMBERS, VIEWS
from dataeval_spark.tables.splits import SPLIT_ASSIGNMENTS
from dataeval_spark.verbs.select.recipe import Recipe, apply, check, parts_in, targets_of
from dataeval_spark.workspace import holdout
from dataeval_spark.workspace.runs import Run, StepRun, work_id
from dataeval_spark.workspace.workspace import Workspace

READS = (
    IMAGES,
    TARGETS,
    FACTORS,
    IMAGE_STATS,
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
        Operations in order; default those of the newest version, done again on the data there are now. Where recipe
        and images are as they were, there is no new version.
    options : SelectOptions
        Reason why a part that is a hold-out is selected.

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
            raise OptionError(f"There is no selection {name!r} to do again.\nHint: --recipe FILE")
        recipe = json.loads(before["recipe"])
    steps = check(recipe)
    opened = []
    for part in parts_in(steps):
        count = holdout.open_part(run, *part, options.open_guarded)
        if count is not None:
            opened.append(holdout.sentence(*part, count))
    states = workspace.states(READS)
    text = json.dumps(steps, sort_keys=True)
    members = run.stage(apply(steps, tables_of(workspace)).members, "view")
    # A sum of hashes does not depend on the order of rows.
    row = one_row(
        members,
        F.count("*").alias("n"),
        F.coalesce(F.sum(F.xxhash64("image_id", "copy", "order_key").cast("decimal(38,0)")), F.lit(0)).alias("digest"),
    )
    count, digest = int(row["n"]), str(row["digest"])
    if before is not None and (before["recipe"], before["digest"]) == (text, digest):
        message = f"selection {name}: version {before['version']} is as it was, {count:,} images"
        return StepRun.skipped("select", message)
    version = 1 if before is None else before["version"] + 1
    writer = run.writer("select", work_id("select", 1, {"name": name, "version": version, "recipe": text}, states))
    named = members.select(F.lit(name).alias("view_name"), F.lit(version).alias("version"), "*")
    outputs = {VIEW_MEMBERS.name: workspace.write(VIEW_MEMBERS, named, writer)}
    view = rows_of(members, VIEWS, [(name, version, text, count, digest, started)])
    # Last: a view is there once its members are.
    outputs[VIEWS.name] = workspace.write(VIEWS, view, writer)
    message = "; ".join([f"selection {name}: version {version}, {count:,} images", *opened])
    return run.finish("select", "done", started, message, inputs=states, outputs=outputs, rows=count)


def newest(workspace: Workspace, name: str, version: int | None = None) -> dict[str, Any] | None:
    """The row of a saved selection, its newest version where none is named."""
    columns = ("view_name", "version", "recipe", "members", "digest")
    rows = workspace.rows(VIEWS, columns, view_name=name)
    chosen = [row for row in rows if version is None or row["version"] == version]
    return max(chosen, key=lambda row: row["version"], default=None)


def tables_of(workspace: Workspace) -> dict[str, DataFrame]:
    """Tables that operations may read, those that exist; of the images the live ones, without their bytes."""
    states = workspace.states(READS)
    return {table.name: workspace.read_live(table) for table in READS if table.name in states}


def members_of(
    workspace: Workspace, name: str, version: int | None = None
) -> tuple[DataFrame, DataFrame, Mapping[str, Any]]:
    """Images of a saved selection that are still live, in no order, its targets, and its row of table ``views``.

    Raises
    ------
    OptionError
        There is no such selection.
    """
    view = newest(workspace, name, version)
    if view is None:
        known = sorted({row["view_name"] for row in workspace.rows(VIEWS, ("view_name",))})
        OptionError.unless_one_of("selection", name, known)
        raise OptionError(f"Selection {name!r} has no version {version}.")
    tables = tables_of(workspace)
    rows = workspace.read(VIEW_MEMBERS).where((F.col("view_name") == name) & (F.col("version") == view["version"]))
    members = rows.select("image_id", "copy", "order_key")
    members = members.join(tables["images"].select("image_id"), on="image_id", how="left_semi")
    return members, targets_of(json.loads(view["recipe"]), members, tables), view
