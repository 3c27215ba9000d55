"""The GPU that Spark assigned to a task, and the encoder that runs on it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark import TaskContext

from dataeval_spark.kernels.encoders import Encoder, load_encoder
from dataeval_spark.kernels.encoders.devices import device_for

# Tasks may be threads of one process, which has one encoder: it may be a user's own, made for one thread.
_ENCODER = threading.Lock()


def gpu_of_task() -> str | None:
    """The GPU of this task as torch names it; None where Spark assigned none."""
    addresses = _addresses()
    return device_for(addresses) if addresses else None


def encoder_of_task(
    name: str,
    version: str,
    *,
    device: str = "auto",
    half_precision: bool = False,
    batch_size: int | None = None,
) -> Encoder:
    """An encoder on the GPU of this task, else on one by the number of its partition; see `load_encoder`."""
    task = TaskContext.get()
    with _ENCODER:
        return load_encoder(
            name,
            version=version,
            device=device,
            gpu_addresses=_addresses(),
            partition=task.partitionId() if task is not None else 0,
            half_precision=half_precision,
            batch_size=batch_size,
        )


def embed(encoder: Encoder, prepared: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Vectors of prepared images, by one task of the process at a time."""
    with _ENCODER:
        return np.asarray(encoder.embed(prepared))


def _addresses() -> Sequence[str] | None:
    task = TaskContext.get()
    gpu = task.resources().get("gpu") if task is not None else None
    return None if gpu is None else gpu.addresses
