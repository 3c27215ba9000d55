"""What ingestion hands to a reader: a way to store a frame once."""

from __future__ import annotations

from itertools import count

import pytest


@pytest.fixture(scope="session")
def checkpoint(spark, tmp_path_factory):
    place, numbers = tmp_path_factory.mktemp("checkpoints"), count()

    def store(frame, name):
        path = str(place / f"{name}-{next(numbers)}")
        frame.write.parquet(path)
        return spark.read.schema(frame.schema).parquet(path)

    return store
