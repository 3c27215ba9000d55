"""An ONNX model as an encoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.errors import EncoderError
from dataeval_spark.kernels.encoders.batching import BATCH_SIZE, DeviceBatches, ModelEncoder
from dataeval_spark.kernels.encoders.devices import required
from dataeval_spark.kernels.encoders.preprocessing import Preprocessing


class OnnxEncoder(ModelEncoder):
    """Encoder by the first output of an ONNX model; a GPU needs the package onnxruntime-gpu.

    The model takes one input, (number, channels, height, width) or the layout of `preprocessing`, float32 or float16,
    and any number of images. Its weights are in the file itself.

    Parameters
    ----------
    name, version, preprocessing
        See `ModelEncoder`.
    path : str
        File of the model.
    device : str
        Device, "cpu", "cuda:0" ...; without a GPU build of onnxruntime it is always the CPU.
    batch_size : int
        Largest number of images in a batch.
    threads : int
        Threads on a CPU: one where a process runs on each core.

    Raises
    ------
    EncoderError
        The file cannot be read as a model, or the model has other inputs.
    """

    def __init__(
        self,
        name: str,
        version: str,
        path: str,
        preprocessing: Preprocessing,
        *,
        device: str = "cpu",
        batch_size: int = BATCH_SIZE,
        threads: int = 1,
    ) -> None:
        runtime = required("onnxruntime", "onnx")
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        providers: list[Any] = ["CPUExecutionProvider"]
        if device.startswith("cuda") and "CUDAExecutionProvider" in runtime.get_available_providers():
            providers.insert(0, ("CUDAExecutionProvider", {"device_id": int(device.partition(":")[2] or 0)}))
        try:
            # As bytes: weights in other files, of which the version would know nothing, are not found.
            self._session = runtime.InferenceSession(Path(path).read_bytes(), options, providers=providers)
        except Exception as error:
            raise EncoderError.unloadable(name, error, "save the model with its weights in one .onnx file") from error
        device = device if len(self._session.get_providers()) > 1 else "cpu"
        super().__init__(name, version, preprocessing, device, DeviceBatches(batch_size))
        self._input, self._type = _only_input(self._session, name)

    def _begin(self, batch: list[NDArray[np.uint8]]) -> Callable[[], Any]:
        values = self.preprocessing.normalized(np.stack(batch)).astype(self._type, copy=False)
        vectors = self._session.run(None, {self._input: values})[0]
        return lambda: vectors


def _only_input(session: Any, name: str) -> tuple[str, Any]:
    inputs = session.get_inputs()
    tensors = ", ".join(f"{each.name}: {each.type} {each.shape}" for each in inputs)
    types = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
    is_usable = len(inputs) == 1 and inputs[0].type in types and len(inputs[0].shape) == 4
    if not is_usable or isinstance(inputs[0].shape[0], int):
        raise EncoderError(
            f"Encoder {name!r} takes {tensors}; expected one input of floats, (any number, channels, height, width).\n"
            "Hint: export with a dynamic first axis, and without further inputs."
        )
    return inputs[0].name, types[inputs[0].type]
