"""The GPU that Spark assigned to a task, and the encoder that runs on it."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark import TaskContext

from dataeval_spark.frames.task_processes import number_of_children
from dataeval_spark.kernels.encoders import Encoder
from dataeval_spark.kernels.encoders.devices import device_for
from dataeval_spark.kernels.encoders.streaming import shared_encoder


def gpu_of_task() -> str | None:
    """The GPU of this task as torch names it; None where Spark assigned none."""
    addresses = gpu_addresses()
    return device_for(addresses) if addresses else None


def gpu_addresses() -> Sequence[str] | None:
    """Addresses of the GPUs that Spark assigned to this task; None where it assigned none."""
    task = TaskContext.get()
    gpu = task.resources().get("gpu") if task is not None else None
    return None if gpu is None else list(gpu.addresses)


def partition_of_task() -> int:
    """Number of this task's partition; 0 outside of a task, and where an engine does not tell."""
    task = TaskContext.get()
    return task.partitionId() if task is not None else 0


def encoder_of_task(
    name: str,
    version: str,
    *,
    device: str = "auto",
    half_precision: bool = False,
    batch_size: int | None = None,
) -> Encoder:
    """An encoder on the GPU of this task, else on one by the number of its partition; see `load_encoder`."""
    return shared_encoder(
        name,
        version,
        device=device,
        gpu_addresses=gpu_addresses(),
        partition=partition_of_task(),
        half_precision=half_precision,
        batch_size=batch_size,
        threads=number_of_children(),
    )
