"""Run by test_gpu_scheduling.py: two executors with a GPU each, as far as Spark knows, profile images with a model."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from pyspark import TaskContext
from pyspark.sql import SparkSession

from dataeval_spark.analyses.profile.profile import profile, tables_of
from dataeval_spark.kernels.encoders import device_for
from dataeval_spark.options import ProfileOptions
from dataeval_spark.tables.profile import EMBEDDINGS

# Two workers on one machine ask the same script: each takes the first GPU that nobody has taken.
DISCOVERY = """#!/bin/sh
for gpu in 0 1; do
  mkdir "{place}/gpu$gpu" 2>/dev/null && echo "{{\\"name\\": \\"gpu\\", \\"addresses\\": [\\"$gpu\\"]}}" && exit
done
"""
IMAGES = 24


class Model:
    """Writes down where it was loaded; gives the mean color and the GPU of the task."""

    version = "1"

    def __init__(self) -> None:
        loaded = Path(os.environ["LOADED"]) / f"{os.getpid()}-{self.address()}"
        loaded.touch(exist_ok=False)

    @staticmethod
    def address() -> str:
        return TaskContext.get().resources()["gpu"].addresses[0]

    def embed(self, images: list[np.ndarray]) -> np.ndarray:
        index = int(device_for([self.address()], visible=2).removeprefix("cuda:"))
        return np.array([[*image.reshape(-1, 3).mean(axis=0), index] for image in images])


def picture(value: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((12, 12, 3), (value, 20, 30), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def session(place: Path) -> SparkSession:
    script = place / "discover.sh"
    script.write_text(DISCOVERY.format(place=place))
    script.chmod(0o755)
    settings = {
        "spark.worker.resource.gpu.amount": "1",
        "spark.worker.resource.gpu.discoveryScript": str(script),
        "spark.executor.resource.gpu.amount": "1",
        "spark.task.resource.gpu.amount": "1",
        "spark.executor.memory": "512m",
        "spark.driver.memory": "512m",
        "spark.executorEnv.LOADED": str(place / "loaded"),
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(sys.path),
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        # No task before both are there: each must get some.
        "spark.scheduler.minRegisteredResourcesRatio": "1.0",
        "spark.scheduler.maxRegisteredResourcesWaitingTime": "300s",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.enabled": "false",
    }
    builder = SparkSession.builder.master("local-cluster[2,1,1024]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def main(place: Path) -> None:
    (place / "loaded").mkdir()
    spark = session(place)
    ddl = "image_id string, uri string, content binary, content_length bigint, file_hash string, "
    ddl += "boxes array<struct<target_index: int, box: struct<x0: double, y0: double, x1: double, y1: double>>>, "
    rows = [(f"{n:02d}", None, picture(n), 1, None, None, "f") for n in range(IMAGES)]
    options = ProfileOptions(encoder="python:tests.analyses.profile.gpu_cluster:Model")
    found = []
    for _ in range(2):
        images = spark.createDataFrame(rows, ddl + "fingerprint string").repartition(8)
        vectors = tables_of(profile(images, options), options)[EMBEDDINGS]
        found.append({row["image_id"]: list(row["embedding"]) for row in vectors.collect()})
    loaded = sorted(path.name for path in (place / "loaded").iterdir())
    print(json.dumps({"loaded": loaded, "vectors": found}))
    spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
