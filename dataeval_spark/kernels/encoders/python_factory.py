"""A user's own encoder: a Python object that a function makes."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from dataeval_spark.errors import EncoderError, OptionError
from dataeval_spark.kernels.encoders.batching import BATCH_SIZE, DeviceBatches, ModelEncoder
from dataeval_spark.kernels.encoders.preprocessing import Preprocessing


class PythonEncoder(ModelEncoder):
    """Encoder by ``embed(images)`` of a user's object, made once per worker.

    The object takes a list of uint8 arrays (height, width, 3), RGB, each of its own size, and returns
    (number, dimension) floats. It resizes them by itself, and chooses its device: where its attribute ``device`` names
    another one than "cpu", the next images are decoded while it works.

    Parameters
    ----------
    name, version : str
        See `ModelEncoder`.
    model : object
        Object with the method ``embed``.
    batch_size : int
        Largest number of images in a call.
    """

    def __init__(self, name: str, version: str, model: Any, *, batch_size: int = BATCH_SIZE) -> None:
        if not callable(getattr(model, "embed", None)):
            raise EncoderError(
                f"Encoder {name!r}: the factory gave an object of type {type(model).__name__}, which has no method "
                "embed(images); expected one that returns (number, dimension) floats.\n"
                "Hint: def embed(self, images): ..."
            )
        batches = DeviceBatches(batch_size, of_one_shape=False)
        device = str(getattr(model, "device", "cpu"))
        super().__init__(name, version, Preprocessing(resize=None, crop=None), device, batches)
        self._model = model

    def _begin(self, batch: list[NDArray[np.uint8]]) -> Callable[[], Any]:
        vectors = self._model.embed(batch)
        return lambda: vectors


def factory_of(target: str) -> Any:
    """Function or class of the name ``module:name``.

    Raises
    ------
    OptionError
        The name cannot be imported or called.
    """
    module_name, _, name = target.partition(":")
    hint = (
        "Hint: profile.encoder = 'python:my_package.my_module:make_encoder'; the module must be importable on the "
        "driver and on the workers"
    )
    try:
        factory = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise OptionError(f"profile.encoder: {target!r} cannot be imported: {error}.\n{hint}") from error
    if not callable(factory):
        raise OptionError(f"profile.encoder: {target!r} is {type(factory).__name__}; expected a function.\n{hint}")
    return factory


def digest_of_factory(target: str) -> str:
    """Digest in place of weights: the factory's attribute ``version``, else a hash of its module's source."""
    factory = factory_of(target)
    version = getattr(factory, "version", None)
    if isinstance(version, str):
        return version
    try:
        source = inspect.getsource(inspect.getmodule(factory) or factory)
    except (OSError, TypeError) as error:
        raise OptionError(
            f"profile.encoder: the source of {target!r} cannot be read, so a change of it would go unnoticed.\n"
            f"Hint: {target.partition(':')[2]}.version = '1'"
        ) from error
    return xxhash.xxh3_128_hexdigest(source.encode())
