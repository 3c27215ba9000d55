"""A torch module as an encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.encoders.batching import BATCH_SIZE, DeviceBatches, ModelEncoder
from dataeval_spark.kernels.encoders.devices import required
from dataeval_spark.kernels.encoders.preprocessing import Preprocessing


class TorchEncoder(ModelEncoder):
    """Encoder by a torch module, which runs on batches of prepared images.

    Images wait as 8-bit pixels; they are normalised on the device. A GPU is handed its next batch before the vectors of
    the last one are there. Vectors of one image can differ in the last bits with the batch that it is in.

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
    threads : int
        Threads of torch on a CPU: one where a process runs on each core.
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
        threads: int = 1,
    ) -> None:
        torch = required("torch")
        super().__init__(name, version, preprocessing, device, DeviceBatches(batch_size))
        self._is_cuda = device.startswith("cuda")
        self._half = half_precision and self._is_cuda
        self._module = module.to(device) if hasattr(module, "to") else module
        # Made here: to copy them for each batch would wait for the batch before it.
        self._mean = torch.tensor(preprocessing.mean, device=device)
        self._std = torch.tensor(preprocessing.std, device=device)
        if device == "cpu":
            torch.set_num_threads(threads)

    def _begin(self, batch: list[NDArray[np.uint8]]) -> Callable[[], NDArray[Any]]:
        import torch

        with torch.inference_mode(), torch.autocast("cuda", torch.float16, enabled=self._half):
            output = self._module(self._input(batch))
            output = output[0] if isinstance(output, tuple | list) else output
            # Into pinned memory on a GPU, right behind the model: what is begun later does not delay it.
            vectors = output.float().to("cpu", non_blocking=self._is_cuda)
        if not self._is_cuda:
            return lambda: np.asarray(vectors.numpy())
        done = torch.cuda.Event(blocking=True)  # one that is waited for asleep: the core decodes meanwhile
        done.record(torch.cuda.current_stream(self.device))

        def wait() -> NDArray[Any]:
            done.synchronize()
            return np.asarray(vectors.numpy())

        return wait

    def _input(self, batch: list[NDArray[np.uint8]]) -> Any:
        # The arithmetic of Preprocessing.normalized, in its order, on the device.
        import torch

        preprocessing = self.preprocessing
        # From pinned memory a GPU fetches the pixels by itself.
        pixels = torch.empty((len(batch), *batch[0].shape), dtype=torch.uint8, pin_memory=self._is_cuda)
        np.stack(batch, out=pixels.numpy())
        values = pixels.to(self.device, non_blocking=self._is_cuda).float()
        if preprocessing.channel_order == "BGR":
            values = values.flip(-1)
        values = (values / preprocessing.scale - self._mean) / self._std
        return values.permute(0, 3, 1, 2).contiguous() if preprocessing.layout == "CHW" else values


def load_torchscript(path: str, device: str) -> Any:
    """Load a TorchScript archive; its code runs in torch's own interpreter, and none of it is Python."""
    return required("torch").jit.load(path, map_location=device).eval()
