"""Encoders by name: their kinds and versions, and the one instance of a worker process."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from dataeval_spark.errors import EncoderError, MissingExtraError, OptionError
from dataeval_spark.kernels.encoders import (
    exported_programs,
    hub_models,
    model_files,
    onnx_encoder,
    python_factory,
    torch_encoder,
)
from dataeval_spark.kernels.encoders.batching import BATCH_SIZE
from dataeval_spark.kernels.encoders.devices import device_for
from dataeval_spark.kernels.encoders.hog_color import HogColor
from dataeval_spark.kernels.encoders.preprocessing import Preprocessing
from dataeval_spark.kernels.encoders.thumbnail import Thumbnail
from dataeval_spark.kernels.images.value_range import ValueRange
from dataeval_spark.options import ENCODER_FORMS

DEFAULT = "hog_color"
"""The encoder that needs no download and no extra."""
BUILT_IN: dict[str, type[Any]] = {DEFAULT: HogColor, "thumbnail": Thumbnail}
FILES = ("torchscript", "torch_export", "onnx")
HUBS = ("timm", "torchvision")
# Module that each kind needs, and the extra that brings it.
_EXTRAS = {
    "torchscript": ("torch", "torch"),
    "torch_export": ("torch", "torch"),
    "onnx": ("onnxruntime", "onnx"),
    "timm": ("timm", "timm"),
    "torchvision": ("torchvision", "torchvision"),
}

# One model per process, not per task: Spark keeps its Python workers.
_LOADED: dict[tuple[Any, ...], Encoder] = {}


class Encoder(Protocol):
    """A model, or a fixed definition, that turns images into vectors.

    Preparing and embedding are apart so that images can be prepared while the device works.

    Attributes
    ----------
    name : str
        Name in the configuration, for example "thumbnail" or "torchscript:/models/encoder.pt".
    version : str
        Hash of weights and preprocessing, 16 hexadecimal digits: vectors of two versions must not be compared.
    dimension : int or None
        Length of the vectors; None until a model has returned some.
    batch_size : int
        Largest number of images for the device at once; smaller after it ran out of memory.
    """

    name: str
    version: str
    dimension: int | None

    @property
    def batch_size(self) -> int: ...

    def prepare(self, pixels: NDArray[Any], encoded: ValueRange | None = None) -> NDArray[Any]:
        """Bring one decoded image, or the crop of a box, to the form that `embed` takes.

        Parameters
        ----------
        pixels : ndarray
            Pixels (height, width, channels) as `decode` gives them, of any bit depth.
        encoded : ValueRange, optional
            Value range of the whole image, when `pixels` is a crop; by default that of `pixels`.
        """
        ...

    def embed(self, prepared: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Give the vectors of prepared images, in their order: (number, dimension), float32.

        Any number of images may be given: they are cut into batches that the device takes.
        """
        ...


@dataclass(frozen=True)
class EncoderRecord:
    """Facts that vectors depend on.

    Attributes
    ----------
    version : str
        Hash of weights, preprocessing and the encoder's definition.
    weights : str
        xxh3-128 of the weights or of the model file; empty where there are none.
    preprocessing : str
        Preprocessing as JSON; empty where it is part of the definition.
    """

    version: str
    weights: str = ""
    preprocessing: str = ""


def require_encoder(name: str) -> None:
    """Raise an error when there is no such encoder here, before a job starts and without loading it.

    Raises
    ------
    OptionError
        No encoder is named like this, there is no such file or module, or its preprocessing cannot be read.
    MissingExtraError
        The encoder needs a package that is not installed.
    EncoderError
        The file is a pickle, or of another kind.
    """
    kind, target = _parts(name)
    if kind in _EXTRAS and importlib.util.find_spec(_EXTRAS[kind][0]) is None:
        raise MissingExtraError.from_package(*_EXTRAS[kind])
    if kind in FILES:
        model_files.require_file(kind, target)
        Preprocessing.beside(target)
        if kind == "torch_export":
            exported_programs.require_plain(target)
    elif kind in HUBS:
        hub_models.require_model(kind, target)
    elif kind == "python":
        python_factory.factory_of(target)


def encoder_record(name: str, *, preprocessing: Preprocessing | None = None) -> EncoderRecord:
    """Facts that the vectors of an encoder depend on, read on the driver with nothing loaded onto a GPU.

    Parameters
    ----------
    name : str
        Name of the encoder.
    preprocessing : Preprocessing, optional
        Preprocessing of a model; by default that of the file PATH.preprocessing.toml beside it, or of its weights.
    """
    kind, target = _parts(name)
    if kind in BUILT_IN:
        return EncoderRecord(BUILT_IN[kind].version)
    if kind == "python":
        weights = python_factory.digest_of_factory(target)
        return EncoderRecord(model_files.version_of(kind, weights), weights)
    if kind in HUBS:
        _, own, weights = hub_models.load_model(kind, target)
        return _record(weights, preprocessing or own)
    return _record(model_files.digest_of(target), preprocessing or Preprocessing.beside(target))


def encoder_version(name: str, *, preprocessing: Preprocessing | None = None) -> str:
    """Hash of weights and preprocessing: 16 hexadecimal digits.

    Examples
    --------
    >>> encoder_version("thumbnail")
    '7e2817d3744ba987'
    """
    return encoder_record(name, preprocessing=preprocessing).version


def load_encoder(
    name: str,
    *,
    version: str | None = None,
    device: str = "auto",
    gpu_addresses: Sequence[str] | None = None,
    partition: int = 0,
    half_precision: bool = False,
    batch_size: int | None = None,
    preprocessing: Preprocessing | None = None,
    threads: int = 1,
) -> Encoder:
    """Load an encoder; the second call with the same arguments in a process gives the same instance.

    Parameters
    ----------
    name : str
        One of `ENCODER_FORMS`.
    version : str, optional
        Version on the driver: another version here is an error.
    device : str
        Device: "auto", or one of torch such as "cuda:1".
    gpu_addresses, partition
        Facts for "auto", see `device_for`; a process that Spark assigned no GPU keeps the device of its first call.
    half_precision : bool
        Whether to compute in 16 bits on a GPU.
    batch_size : int, optional
        Largest number of images for the device at once; default 64, or the built-in encoder's own.
    preprocessing : Preprocessing, optional
        Preprocessing of a model file, instead of the file PATH.preprocessing.toml beside it.
    threads : int
        Threads of a model on a CPU: one where a process runs on each core.

    Raises
    ------
    EncoderError
        The encoder cannot be loaded, or its version is another.
    OptionError, MissingExtraError
        See `require_encoder`.

    Examples
    --------
    >>> load_encoder("thumbnail").dimension
    192
    """
    uses_device = _parts(name)[0] in _EXTRAS
    device_name = device_for(gpu_addresses) if uses_device and device == "auto" and gpu_addresses else device
    key = (name, version, device_name, half_precision, batch_size, preprocessing, threads)
    if key not in _LOADED:
        require_encoder(name)
        on = device_for(None, partition=partition) if uses_device and device_name == "auto" else device_name
        encoder = _load(name, on, half_precision, batch_size or BATCH_SIZE, preprocessing, threads)
        if version not in (None, encoder.version):
            raise EncoderError.changed(name, str(version), encoder.version)
        _LOADED[key] = encoder
    return _LOADED[key]


def _load(
    name: str, device: str, half_precision: bool, batch_size: int, preprocessing: Preprocessing | None, threads: int
) -> Encoder:
    kind, target = _parts(name)
    if kind in BUILT_IN:
        built_in: Encoder = BUILT_IN[kind]()
        return built_in
    if kind in HUBS:
        module, own, weights = hub_models.load_model(kind, target)
        record = _record(weights, preprocessing or own)
    else:
        record = encoder_record(name, preprocessing=preprocessing)
        own = Preprocessing.beside(target)
    if kind == "python":
        model = python_factory.factory_of(target)()
        return python_factory.PythonEncoder(name, record.version, model, batch_size=batch_size)
    steps = preprocessing or own
    limits: dict[str, Any] = {"device": device, "batch_size": batch_size, "threads": threads}
    if kind == "onnx":
        return onnx_encoder.OnnxEncoder(name, record.version, target, steps, **limits)
    if kind == "torchscript":
        module = torch_encoder.load_torchscript(target, device)
    elif kind == "torch_export":
        module = exported_programs.load_exported(target, device)
    return torch_encoder.TorchEncoder(name, record.version, module, steps, half_precision=half_precision, **limits)


def _record(weights: str, preprocessing: Preprocessing) -> EncoderRecord:
    text = preprocessing.to_json()
    return EncoderRecord(model_files.version_of(weights, text), weights, text)


def _parts(name: str) -> tuple[str, str]:
    kind, _, target = name.partition(":")
    forms = {form.partition(":")[0]: ":" in form for form in ENCODER_FORMS}
    if kind not in forms or forms[kind] != bool(target):
        OptionError.unless_one_of("profile.encoder", name, ENCODER_FORMS)
    return kind, target
