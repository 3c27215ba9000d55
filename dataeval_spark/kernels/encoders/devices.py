"""The device that an encoder runs on, and the package that runs its model."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from dataeval_spark.errors import EncoderError, MissingExtraError


def device_for(gpu_addresses: Sequence[str] | None, *, partition: int = 0, visible: int | None = None) -> str:
    """Name the device of a task.

    The first GPU that Spark assigned to the task; else, of the GPUs that this process sees, the one whose turn it is
    by the number of the partition; else the CPU.

    Parameters
    ----------
    gpu_addresses : sequence of str, optional
        ``TaskContext.get().resources()["gpu"].addresses``: indices, or names as in CUDA_VISIBLE_DEVICES.
    partition : int
        Number of the task's partition.
    visible : int, optional
        Number of GPUs that this process sees; by default torch's. Without torch an assigned GPU is taken on trust, and
        no other.

    Raises
    ------
    EncoderError
        Spark assigned a GPU that this process does not see.

    Examples
    --------
    >>> device_for(["1"], visible=2), device_for(None, partition=5, visible=4), device_for(None, visible=0)
    ('cuda:1', 'cuda:1', 'cpu')
    """
    count = visible_gpus() if visible is None else visible
    if not gpu_addresses:
        return f"cuda:{partition % count}" if count else "cpu"
    if count is None:
        count = sys.maxsize
    address = gpu_addresses[0]
    visible_names = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    # CUDA numbers what it sees from 0, in the order of that variable.
    index = visible_names.index(address) if address in visible_names else int(address) if address.isdigit() else -1
    if not 0 <= index < count:
        raise EncoderError.no_device(address, count, ",".join(visible_names))
    return f"cuda:{index}"


def visible_gpus() -> int | None:
    """Number of GPUs that this process sees; None without torch, which would know."""
    try:
        import torch
    except ImportError:
        return None
    return int(torch.cuda.device_count())


def required(package: str, extra: str = "") -> Any:
    """Import an optional package; its extra has the same name unless another one is given.

    Raises
    ------
    MissingExtraError
        The package is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingExtraError.from_package(package, extra or package) from error
