"""A torch module as an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.errors import MissingExtraError
from dataeval_spark.kernels.encoders.batching import BATCH_SIZE, DeviceBatches
from dataeval_spark.kernels.encoders.preprocessing import Preprocessing
from dataeval_spark.kernels.images.value_range import ValueRange


class TorchEncoder:
    """Encoder by a torch module, which runs on batches of prepared images.

    Images wait as 8-bit pixels; they are normalised on the device. On a CPU torch gets one thread, because Spark
    runs a worker per core. Vectors of one image can differ in the last bits with the batch that it is in.

    Parameters
    ----------
    name, version : str
        See `Encoder`.
    module : callable
        Function from (number, channels, height, width), or the layout of `preprocessing`, to (number, dimension).
    preprocessing : Preprocessing
        Steps from pixels to the module's input.
    device : str
        Device, "cpu", "cuda:0" ...
    half_precision : bool
        Whether to compute in 16 bits on a GPU (autocast); no effect on a CPU.
    batch_size : int
        Largest number of images in a batch.
    """

    def __init__(
        self,
        name: str,
        version: str,
        module: Any,
        preprocessing: Preprocessing,
        *,
        device: str = "cpu",
        half_precision: bool = False,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        torch = require_torch()
        self.name = name
        self.version = version
        self.dimension: int | None = None
        self.preprocessing = preprocessing
        self.device = device
        self._half = half_precision and device.startswith("cuda")
        self._module = module.to(device) if hasattr(module, "to") else module
        self._batches = DeviceBatches(batch_size, out_of_memory=(torch.OutOfMemoryError,))
        if device == "cpu":
            torch.set_num_threads(1)

    @property
    def batch_size(self) -> int:
        return self._batches.size

    def prepare(self, pixels: NDArray[Any], encoded: ValueRange | None = None) -> NDArray[np.uint8]:
        return self.preprocessing.pixels(pixels, encoded)

    def embed(self, prepared: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        vectors = self._batches.embed(prepared, self._run, self.name)
        self.dimension = vectors.shape[1] if len(vectors) else self.dimension
        return vectors

    def _run(self, batch: list[NDArray[np.uint8]]) -> NDArray[Any]:
        import torch

        with torch.inference_mode(), torch.autocast("cuda", torch.float16, enabled=self._half):
            output = self._module(self._input(np.stack(batch)))
        output = output[0] if isinstance(output, tuple | list) else output
        return np.asarray(output.float().cpu().numpy())

    def _input(self, batch: NDArray[np.uint8]) -> Any:
        # The arithmetic of Preprocessing.normalized, in its order, on the device.
        import torch

        preprocessing = self.preprocessing
        values = torch.from_numpy(batch).to(self.device).float()
        if preprocessing.channel_order == "BGR":
            values = values.flip(-1)
        mean, std = (torch.tensor(numbers, device=self.device) for numbers in (preprocessing.mean, preprocessing.std))
        values = (values / preprocessing.scale - mean) / std
        return values.permute(0, 3, 1, 2).contiguous() if preprocessing.layout == "CHW" else values


def require_torch() -> Any:
    """Import torch.

    Raises
    ------
    MissingExtraError
        Torch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError.from_package("torch", "torch") from error
    return torch


def load_torchscript(path: str, device: str) -> Any:
    """Load a TorchScript archive; its code runs in torch's own interpreter, and none of it is Python."""
    torch = require_torch()
    return torch.jit.load(path, map_location=device).eval()
