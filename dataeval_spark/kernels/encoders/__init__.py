"""Encoders: from images to vectors, by name, one file per kind."""

from dataeval_spark.kernels.encoders.batching import overlap
from dataeval_spark.kernels.encoders.devices import device_for
from dataeval_spark.kernels.encoders.preprocessing import Preprocessing
from dataeval_spark.kernels.encoders.registry import (
    Encoder,
    EncoderRecord,
    encoder_record,
    encoder_version,
    load_encoder,
    require_encoder,
)

__all__ = [
    "Encoder",
    "EncoderRecord",
    "Preprocessing",
    "device_for",
    "encoder_record",
    "encoder_version",
    "load_encoder",
    "overlap",
    "require_encoder",
]
