"""Vectors in blocks: which of them are refused, whose ids a block has, and blocks that follow from ids alone."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.errors import EmbeddingError, OptionError
from dataeval_spark.frames import blocks as module
from dataeval_spark.frames.blocks import (
    cut_into_blocks,
    ids_of_blocks,
    in_id_blocks,
    numbers_of_tasks,
    tasks_of,
    with_fingerprints,
)
from tests.frames.vector_rows import VECTORS

ROWS = [(f"i{at:02}", None if at % 3 else at, [float(at % 4), 1.0], 1 + at % 2) for at in range(23)]


def test_vectors_that_are_not_numbers_are_refused_by_name(frame, tmp_path):
    rows = [(f"i{at}", None, [0.0, float("nan") if at < 6 else 1.0], 1) for at in range(9)]
    rows += [("box", 2, [float("inf"), 1.0], 1), ("hole", None, [None, 1.0], 1)]

    with pytest.raises(EmbeddingError, match=r"of box \(target 2\), hole, i0, i1, i2.*holds NaN"):
        cut_into_blocks(frame(VECTORS, rows), metric="euclidean", scratch=str(tmp_path))


def test_vectors_of_another_length_are_refused_by_name(frame, tmp_path):
    rows = [("a", None, [0.0, 1.0], 1), ("b", None, [0.0, 2.0], 1), ("c", 3, [1.0], 1), ("d", None, None, 1)]

    with pytest.raises(EmbeddingError, match=r"c \(target 3\) \(1\), d \(0\); expected 2"):
        cut_into_blocks(frame(VECTORS, rows), metric="euclidean", scratch=str(tmp_path))


def test_blocks_know_their_rows_in_each_role(frame, tmp_path):
    blocks = cut_into_blocks(frame(VECTORS, ROWS).coalesce(1), metric="euclidean", scratch=str(tmp_path), block_rows=10)

    assert (blocks.dimension, blocks.rows, blocks.offsets.tolist()) == (2, (10, 10, 3), [0, 10, 20])
    assert (blocks.rows_per_block(1), blocks.rows_with(1)) == ([5, 5, 2], 12)
    assert (blocks.rows_per_block(2), blocks.rows_with(2)) == ([5, 5, 1], 11)
    assert blocks.shift.tolist() == pytest.approx([np.mean([at % 4 for at in range(23)]), 1.0])


@pytest.mark.parametrize("has_folder", [True, False])
def test_the_ids_of_blocks_are_those_of_the_vectors_with_equal_fingerprints_for_equal_vectors(
    frame, tmp_path, has_folder
):
    data = frame(VECTORS, ROWS).repartition(3)
    blocks = cut_into_blocks(data, metric="cosine", scratch=str(tmp_path) if has_folder else None, block_rows=5)

    found = ids_of_blocks(blocks, data).collect()

    assert sorted((row["image_id"], row["target_index"], row["roles"]) for row in found) == [
        (name, target, roles) for name, target, _, roles in ROWS
    ]
    alike = {(int(row["image_id"][1:]) % 4, row["fingerprint"]) for row in found}
    assert len(alike) == len({fingerprint for _, fingerprint in alike}) == 4
    of_rows = {tuple(row) for row in with_fingerprints(data).collect()}
    assert of_rows == {(row["image_id"], row["target_index"], row["fingerprint"]) for row in found}


def test_more_vectors_than_blocks_may_hold_are_refused(frame, monkeypatch):
    monkeypatch.setattr(module, "MAX_BLOCKS", 4)

    with pytest.raises(OptionError, match="make 5 blocks of 5 vectors; expected at most 4 blocks"):
        cut_into_blocks(frame(VECTORS, ROWS), metric="euclidean", block_rows=5)


def test_each_task_gives_the_number_of_its_work(frame):
    some_frame = frame("n int", [])

    assert sorted(numbers_of_tasks(some_frame, 3, lambda number: number * 10)) == [0, 10, 20]
    assert numbers_of_tasks(some_frame, 2, lambda _: None) == [None, None]
    assert numbers_of_tasks(some_frame, 0, lambda number: number) == []


def test_tasks_are_about_equal_parts_of_blocks():
    assert tasks_of([10, 0, 4], 4) == [(0, 0, 3), (0, 3, 6), (0, 6, 10), (2, 0, 4)]


def test_blocks_by_id_are_the_same_for_any_partitions_and_as_many_as_the_bytes_need(frame, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_BYTES", 80)
    rows = [("a", f"i{at:02}", [0.0] * 2) for at in range(40)] + [(None, "j", [0.0] * 2)]
    data = frame("part string, image_id string, embedding array<float>", rows)

    one, many = (
        in_id_blocks(data.repartition(partitions), ["part"], ["image_id"]).drop("embedding").collect()
        for partitions in (1, 7)
    )

    assert sorted(map(str, one)) == sorted(map(str, many))
    assert {row["block"] for row in one if row["part"] == "a"} == {0, 1, 2, 3}  # 40 vectors of 8 bytes
    assert {row["block"] for row in one if row["part"] is None} == {0}


def test_the_draw_of_a_row_follows_from_its_ids_and_the_seed_alone(frame, tmp_path):
    draws = []
    for number, (partitions, block_rows, seed) in enumerate([(1, 30, 0), (4, 5, 0), (1, 30, 1)]):
        data = frame(VECTORS, ROWS).repartition(partitions)
        folder = str(tmp_path / str(number))
        files = cut_into_blocks(data, metric="euclidean", scratch=folder, block_rows=block_rows, seed=seed).files
        ids = [row for block in range(len(files.names)) for row in files.block(block).ids.to_pylist()]
        draws.append({(row["image_id"], row["target_index"]): row["draw"] for row in ids})

    assert draws[0] == draws[1]
    assert all(draws[0][key] != draws[2][key] for key in draws[0])
