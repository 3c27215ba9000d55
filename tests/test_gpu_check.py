"""scripts/gpu_check, tried on the CPU: the product's sides give the loop's vectors, and what cannot be run is a row."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from benchmarks import gpu
from benchmarks.gpu_sides import Side, tasks_of_one_process
from benchmarks.profile_job import make_images

ROOT = Path(__file__).resolve().parents[1]
# 32 images are a whole list of a task, behind which an empty batch comes.
TINY = ["--images", "64", "--batch", "8", "--processes", "2"]


def check_of(tmp_path, *arguments):
    options = gpu._parsed(["--worker", *TINY, "--out", str(tmp_path), *arguments])
    return gpu.Check(options, tmp_path, "cpu")


def rows_in(folder):
    return {row["name"]: row for row in json.loads((folder / "gpu_on_cpu.json").read_text())}


@pytest.mark.slow
def test_the_work_of_a_task_gives_the_vectors_of_a_bare_loop(tmp_path, capsys):
    pytest.importorskip("torch", reason="torch is not installed: pip install 'dataeval_spark[torch]'")

    status = gpu.main(["--worker", *TINY, "--networks", "small ViT", "--minutes", "8", "--out", str(tmp_path)])

    assert (status, capsys.readouterr().err) == (0, "")
    rows = rows_in(tmp_path)
    for bits in (16, 32):
        assert rows[f"small ViT, {bits} bits: loop"]["value"] > 0
        for side in ("one task", "two tasks", "a task a core"):
            name = f"small ViT, {bits} bits: {side}"
            assert rows[f"{name}: vectors"]["met"] is True
            assert rows[f"{name} / loop"]["value"] > 0
            busy = rows[f"{name}: GPU busy"]
            assert (busy["value"], busy["met"], busy["note"]) == (None, None, gpu.NO_GPU)
    assert rows["small ViT: memory for half a batch"]["note"] == gpu.NO_GPU
    assert rows["decoding and measuring alone: one task"]["value"] > 0


@pytest.mark.slow
def test_a_side_says_how_large_its_batches_were_after_they_did_not_fit(tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'dataeval_spark[torch]'")

    @torch.jit.script
    def greedy(batch):
        # More than any machine has an address for, from three images on.
        size = 140737488355328 if batch.shape[0] > 2 else 64
        return batch.mean(dim=[2, 3]) + torch.empty([size], dtype=torch.uint8)[:1].zero_()

    greedy.save(str(tmp_path / "greedy.pt"))
    make_images(tmp_path / "images", 0, 9)
    side = Side("threads", str(tmp_path / "images"), str(tmp_path / "greedy.pt"), "", "cpu", 2, batch=8)

    found = tasks_of_one_process(side)

    assert found.vectors.shape == (9, 3)
    assert found.facts == {"batch_size": 2}


def test_a_stage_that_fails_is_a_row_and_the_check_goes_on(tmp_path):
    check = check_of(tmp_path)

    assert check.run("a side", Side("nothing", "", "", "", "cpu", 1)) is None
    assert "KeyError: 'nothing'" in check.failures[0]
    row = rows_in(tmp_path)["a side"]
    assert (row["value"], row["met"]) == (None, None)
    assert "failed" in row["note"]


def test_a_stage_for_which_there_is_no_time_is_a_row(tmp_path):
    check = check_of(tmp_path, "--minutes", "0.1")

    assert check.run("a side", Side("loop", "", "", "", "cpu", 1)) is None
    assert check.failures == []
    assert rows_in(tmp_path)["a side"]["note"] == "not run: 0.1 minutes are over"


def test_vectors_of_other_images_and_of_other_numbers_fail_the_check(tmp_path):
    loop = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    check = check_of(tmp_path)

    for name, vectors in {"same": loop, "swapped": loop[::-1], "other": loop + 0.1}.items():
        found = [gpu.Found(each, 1.0, 1.0, None, None, {}) for each in (vectors, loop)]
        check.compare(name, *found, is_half=False)

    assert [failure.partition(":")[0] for failure in check.failures] == ["swapped", "swapped", "other"]
    assert rows_in(tmp_path)["same: vectors"]["met"] is True
    assert gpu.largest_distance(loop[:, :4], loop) == float("inf")


def test_help_needs_no_torch():
    done = subprocess.run([ROOT / "scripts" / "gpu_check", "--help"], capture_output=True, text=True, timeout=60)

    assert "--worker" in done.stdout
    assert done.returncode == 0, done.stderr
