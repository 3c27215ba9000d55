"""A torch module as an encoder."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.encoders.batching import BATCH_SIZE, DeviceBatches, ModelEncoder
from dataeval_spark.kernels.encoders.devices import required
from dataeval_spark.kernels.encoders.preprocessing import Preprocessing


class TorchEncoder(ModelEncoder):
    """Encoder by a torch module, which runs on batches of prepared images.

    Images wait as 8-bit pixels; they are normalised on the device. On a CPU torch gets one thread, because Spark
    runs a worker per core. Vectors of one image can differ in the last bits with the batch that it is in.

    Parameters
    ----------
    name, version, preprocessing, device
        See `ModelEncoder`.
    module : callable
        Function from (number, channels, height, width), or the layout of `preprocessing`, to (number, dimension).
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
        torch = required("torch")
        batches = DeviceBatches(batch_size, out_of_memory=(torch.OutOfMemoryError,))
        super().__init__(name, version, preprocessing, device, batches)
        self._half = half_precision and device.startswith("cuda")
        self._module = module.to(device) if hasattr(module, "to") else module
        if device == "cpu":
            torch.set_num_threads(1)

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


def load_torchscript(path: str, device: str) -> Any:
    """Load a TorchScript archive; its code runs in torch's own interpreter, and none of it is Python."""
    return required("torch").jit.load(path, map_location=device).eval()
