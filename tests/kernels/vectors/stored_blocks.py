"""Blocks of vectors in files, for the tests of what reads them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from dataeval_spark.kernels.vectors.vector_blocks import BlockFiles, blocks_in, described, write_block, write_codes

SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("target_index", pa.int32()),
        ("roles", pa.int32()),
        ("draw", pa.int64()),
        ("reach", pa.float64()),
        ("embedding", pa.list_(pa.float32())),
    ]
)


def batches_of(ids, vectors, order, cuts):
    for rows in np.array_split(order, cuts):
        columns = {
            "image_id": [ids[row][0] for row in rows],
            "target_index": [ids[row][1] for row in rows],
            "roles": [1] * len(rows),
            "draw": [int(np.random.default_rng(int(row)).integers(-(2**63), 2**63 - 1)) for row in rows],
            "reach": [None] * len(rows),
            "embedding": [vectors[row].tolist() for row in rows],
        }
        yield pa.RecordBatch.from_pydict(columns, schema=SCHEMA)


def stored(folder, batches, metric, block_rows):
    """Files of blocks, and the mean of the operands."""
    names, sizes, total = [], [], 0.0
    for number, table in enumerate(blocks_in(batches, block_rows)):
        record, block = described(table, metric)
        names.append(f"{number:03}")
        sizes.append(len(table))
        total = total + np.array(record["total"])
        write_block(folder, names[-1], block)
    files = BlockFiles(folder, tuple(names), np.cumsum([0, *sizes])[:-1])
    for number in range(len(names)):
        write_codes(files, number)
    return files, total / sum(sizes)
