"""Factors that a source brings, under the names and types that the workspace's table of factors has."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.frames.contract import rows_of
from dataeval_spark.tables.contract import identifier
from dataeval_spark.tables.images import FACTORS
from dataeval_spark.tables.runs import DATASET_FINDINGS
from dataeval_spark.workspace.runs import Run


def typed_like_table(run: Run, factors: DataFrame, dataset: str) -> DataFrame:
    """Leave out factors whose type is not the table's, and say so in `dataset_findings`: never a silent cast."""
    workspace = run.workspace
    reserved = {"image_id", "target_index", "run_id"}
    have = {name: type for name, type in workspace.read(FACTORS).dtypes if name not in reserved}
    given = {name: type for name, type in factors.dtypes if name not in reserved}
    if not given:
        return factors
    lowered = {name.lower(): name for name in have}
    renamed = {name: lowered.get(clean.lower(), clean) for name, clean in _column_names(given).items()}
    factors = factors.select(
        "image_id", "target_index", *(F.col(identifier(name)).alias(clean) for name, clean in renamed.items())
    )
    given = {renamed[name]: type for name, type in given.items()}
    conflicts = [
        (name, type, have[lowered[name.lower()]])
        for name, type in given.items()
        if name.lower() in lowered and have[lowered[name.lower()]] != type
    ]
    step = f"ingest {dataset}"
    findings = [
        (
            step,
            "factor_type_conflict",
            name,
            None,
            None,
            "warning",
            f"Factor {name} is {found} in dataset {dataset} and {expected} in the workspace: it was left out",
        )
        for name, found, expected in conflicts
    ]
    if findings or workspace.exists(DATASET_FINDINGS):
        frame = rows_of(factors, DATASET_FINDINGS, findings)
        workspace.write(DATASET_FINDINGS, frame, run.writer(step, f"{run.run_id}:{step}"), scope=step)
    return factors.drop(*(name for name, _, _ in conflicts))


def _column_names(names: Iterable[str]) -> dict[str, str]:
    """Names that a Delta column can have: a space or one of ,;{}()= becomes an underscore."""
    clean = {name: re.sub(r"[ ,;{}()\n\t=`.]+", "_", name).strip("_") or "factor" for name in names}
    twice = [name for name in clean if [c.lower() for c in clean.values()].count(clean[name].lower()) > 1]
    if twice:
        raise IngestError(
            f"Metadata columns {', '.join(sorted(twice))} have the same name but for case or punctuation."
        )
    return clean
