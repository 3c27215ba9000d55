"""The GPU that Spark assigned to a task, and the encoder that runs on it."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark import TaskContext

from dataeval_spark.kernels.encoders import Encoder, load_encoder
from dataeval_spark.kernels.encoders.devices import device_for


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
    return load_encoder(
        name,
        version=version,
        device=device,
        gpu_addresses=_addresses(),
        partition=task.partitionId() if task is not None else 0,
        half_precision=half_precision,
        batch_size=batch_size,
    )


def _addresses() -> Sequence[str] | None:
    task = TaskContext.get()
    gpu = task.resources().get("gpu") if task is not None else None
    return None if gpu is None else gpu.addresses
