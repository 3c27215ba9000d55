"""An export's samples in parquet files, as Hugging Face datasets read them; what became of each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pyarrow as pa
import pyarrow.parquet as pq

from dataeval_spark.kernels.formats.export import Layout, table_rows
from dataeval_spark.kernels.storage.writing import open_for_writing
from dataeval_spark.tables.arrow import arrow_schema, arrow_type

IMAGE = arrow_type("struct<bytes: binary, path: string>")
OBJECTS = arrow_type("array<struct<class_name: string, bbox: array<double>, iscrowd: boolean, attributes: string>>")
WRITTEN_DDL = (
    "number bigint, path string, width int, height int, bytes bigint, image_text string, annotations_text string, "
    "boxes_clipped int, boxes_left_out int, is_turned boolean, error string"
)
WRITTEN = arrow_schema(WRITTEN_DDL)


def written_table(batches: Iterator[pa.RecordBatch], *, layout: Layout, is_plain: bool) -> Iterator[pa.RecordBatch]:
    """Write the samples of a partition to parquet files, and yield what became of each.

    Parameters
    ----------
    batches : iterator of RecordBatch
        Samples in the order of their numbers, with ``content``, and ``shown``, a struct of the columns to write.
    layout : Layout
        Where to; ``samples_per_shard`` rows are in a file.
    is_plain : bool
        The label is among the columns to write; else ``objects`` are written.

    Yields
    ------
    RecordBatch
        Columns of `WRITTEN`.
    """
    with ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        left = 0
        for batch in batches:
            made = list(table_rows(batch.drop_columns(["shown"]).to_pylist(), layout))
            table = _table(batch, made, is_plain)
            while table.num_rows:
                if writer is None or left == 0:
                    stack.close()
                    first = next(row["number"] for row in made if row.get("path"))
                    file = stack.enter_context(open_for_writing(f"{layout.root}/data/from-{first:09d}.parquet"))
                    writer = stack.enter_context(pq.ParquetWriter(file, table.schema))
                    left = layout.samples_per_shard
                head = table.slice(0, left)
                writer.write_table(head)
                left -= head.num_rows
                table = table.slice(head.num_rows)
            shown = [{name: row.get(name) for name in WRITTEN.names} for row in made]
            yield pa.RecordBatch.from_pylist(shown, schema=WRITTEN)


def _table(batch: pa.RecordBatch, made: list[dict[str, object]], is_plain: bool) -> pa.Table:
    """The rows whose image could be read."""
    pictures = [{"bytes": row.get("data"), "path": row.get("path")} for row in made]
    shown = batch.column("shown")
    names = [field.name for field in shown.type]
    columns = dict(zip(names, shown.flatten(), strict=True))
    columns["image"] = pa.array(pictures, IMAGE)
    if not is_plain:
        columns["objects"] = pa.array([row.get("objects") for row in made], OBJECTS)
    return pa.table(columns).filter(pa.array([row.get("path") is not None for row in made]))
