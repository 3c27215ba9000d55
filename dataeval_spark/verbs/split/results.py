"""Results of a split: rows of its tables, and one sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.splits.assign import Assigned
from dataeval_spark.analyses.splits.parts import label_counts
from dataeval_spark.analyses.splits.split_differences import split_representativeness
from dataeval_spark.frames.contract import rows_of
from dataeval_spark.kernels.splits.time_parts import EXCLUDED
from dataeval_spark.options import SplitOptions
from dataeval_spark.tables.bias import BIN_EDGES, FACTOR_BINS
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.images import TARGETS
from dataeval_spark.tables.profile import EMBEDDINGS
from dataeval_spark.tables.splits import SPLIT_ASSIGNMENTS, SPLIT_REPRESENTATIVENESS, SPLIT_STRATA, SPLITS
from dataeval_spark.workspace.delta import TableState, Writer
from dataeval_spark.workspace.workspace import Workspace


def write(
    workspace: Workspace,
    writer: Writer,
    name: str,
    request: SplitOptions,
    options: dict[str, Any],
    rows: DataFrame,
    assignment: Assigned,
    created_at: datetime,
) -> dict[str, TableState]:
    """Replace the rows of a split in its tables; return their new states."""
    named_rows = rows.select(F.lit(name).alias("split_name"), *SPLIT_ASSIGNMENTS.column_names[1:-1])
    cells = [
        (name, e.repeat, e.fold, c.split, c.stratum, c.wanted, c.got, c.deviation, c.units, c.note)
        for e in assignment.explanations
        for c in e.cells
    ]
    first = assignment.explanations[0]
    excluded = rows.where((F.col("split") == EXCLUDED) & (F.col("repeat") == 0)).count()
    units = next((cell.units for cell in first.cells if cell.stratum is None), None)
    summary = (
        name,
        request.method,
        json.dumps(options, sort_keys=True),
        list(request.guard),
        sum(cell.got for cell in first.cells if cell.stratum is None),
        excluded,
        units,
        max((e.largest_deviation for e in assignment.explanations), default=None),
        list(dict.fromkeys(note for e in assignment.explanations for note in e.notes)),
        created_at,
    )
    frames = {
        SPLIT_ASSIGNMENTS: named_rows,
        SPLIT_STRATA: rows_of(named_rows, SPLIT_STRATA, cells),
        SPLITS: rows_of(named_rows, SPLITS, [summary]),
    }
    with ThreadPoolExecutor(len(frames)) as pool:
        jobs = {table.name: pool.submit(workspace.write, table, f, writer, scope=name) for table, f in frames.items()}
        return {table: job.result() for table, job in jobs.items()}


def write_representativeness(
    workspace: Workspace,
    writer: Writer,
    name: str,
    request: SplitOptions,
    rows: DataFrame,
    reference: DataFrame,
    states: Mapping[str, TableState],
) -> dict[str, TableState]:
    """Compare the parts with the images that they should represent."""

    def read(table: Table) -> DataFrame | None:
        return workspace.read(table) if table.name in states else None

    counts = label_counts(workspace.read(TARGETS), read(FACTOR_BINS), read(BIN_EDGES), without=("split", "dataset"))
    parts = rows.where(F.col("split") != EXCLUDED).select(F.lit(name).alias("split_name"), "*")
    differences = split_representativeness(
        parts, reference, counts, read(EMBEDDINGS), reference_name=str(request.target), seed=request.seed
    )
    table = SPLIT_REPRESENTATIVENESS
    return {table.name: workspace.write(table, differences, writer, scope=name)}


def message_of(name: str, request: SplitOptions, assignment: Assigned, has_duplicates: bool) -> str:
    """Sentence on the sizes of the parts, the largest deviation, and targets that cannot be met."""
    first = assignment.explanations[0]
    sizes = [cell for cell in first.cells if cell.stratum is None]
    total = max(1, sum(cell.got for cell in sizes))
    sizes_text = ", ".join(f"{cell.split} {cell.got:,} ({cell.got / total:.1%})" for cell in sizes[:10])
    parts = [f"{sizes_text}{', ...' if len(sizes) > 10 else ''}"]
    worst = max(first.cells, key=lambda cell: abs(cell.deviation), default=None)
    if worst is not None and worst.deviation:
        what = f"{worst.stratum or 'images'} in {worst.split}"
        parts.append(f"largest deviation {100 * abs(worst.deviation):.2g} points ({what})")
    parts += first.notes[:3]
    if request.duplicates and not has_duplicates:
        parts.append("duplicates are not known yet: dataeval-spark analyze, then split --renew")
    return f"split {name}: {'; '.join(parts)}"
