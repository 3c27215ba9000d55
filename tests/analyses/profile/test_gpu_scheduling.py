"""GPUs that Spark assigns, without a GPU: a cluster of two executors whose discovery script names one each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.spark_only]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    place = tmp_path_factory.mktemp("gpus")
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED", "CUDA_VISIBLE_DEVICES")
    }
    environment |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.analyses.profile.gpu_cluster", str(place)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_model_is_loaded_once_per_worker_with_its_own_gpu(found):
    processes, addresses = zip(*(name.split("-") for name in found["loaded"]), strict=True)

    assert sorted(addresses) == ["0", "1"]
    assert len(set(processes)) == 2


def test_every_image_is_embedded_on_the_gpu_of_its_task(found):
    for vectors in found["vectors"]:
        assert {image: vector[:3] for image, vector in vectors.items()} == {f"{n:02d}": [n, 20, 30] for n in range(24)}
        assert {vector[3] for vector in vectors.values()} == {0, 1}
