"""The kernels as functions for SQL and DataFrame users, on columns that hold the bytes of image files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
from numpy.typing import NDArray
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.task_devices import encoder_of_task
from dataeval_spark.frames.task_processes import map_images
from dataeval_spark.kernels.encoders import Encoder, encoder_version, require_encoder
from dataeval_spark.kernels.encoders.batching import portable_prepare, prepared_file
from dataeval_spark.kernels.encoders.registry import DEFAULT
from dataeval_spark.kernels.encoders.streaming import with_vectors
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.profile import ImageProfile, Measures, perceptual_hashes_of_file, profile_image
from dataeval_spark.options import MAX_PIXELS
from dataeval_spark.tables.profile import IMAGE_STATS

Batches = Iterator[pd.Series]
KEYS = ("image_id", "target_index", "fingerprint", "run_id")
STATS_COLUMNS = tuple(column for column in IMAGE_STATS.columns if column.name not in KEYS)
STATS_TYPE = f"struct<{', '.join(f'{column.name}: {column.type}' for column in STATS_COLUMNS)}, error: string>"
_HASH = re.compile("[0-9a-fA-F]{16}")


def register_functions(
    spark: SparkSession,
    *,
    encoder: str = DEFAULT,
    batch_size: int | None = None,
    half_precision: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> None:
    """Register functions in a session, Classic or Connect.

    ===========================  =============================================================================
    ``de_image_stats(content)``  struct with the columns of ``image_stats``, and ``error``: null, or why all are null
    ``de_phash(content)``        perceptual hash, 16 hexadecimal digits
    ``de_dhash(content)``        difference hash, 16 hexadecimal digits
    ``de_embed(content)``        array<float>: the encoder's vector, on the task's GPU where it has one
    ``de_hamming(a, b)``         bits in which two such hashes differ
    ===========================  =============================================================================

    ``content`` is BINARY, the bytes of an image file. Null gives null (``de_image_stats``: an error); so does a file
    that cannot be read, and for the hashes one with a side below 9 pixels. From the DataFrame API:
    ``F.call_function("de_phash", "content")``.

    Each function decodes by itself. For many values of the same images the profile is faster: it decodes once. It is
    safer, too: where a task has a process of its own, as on Spark, only the profile decodes an image again
    that ended it, in a child process with limits of time and memory.
    Spark hands a worker up to ``spark.sql.execution.arrow.maxRecordsPerBatch`` files at once: set it to 64 or so.

    Parameters
    ----------
    spark : SparkSession
        Session to register the functions in.
    encoder : str
        Encoder of ``de_embed``; see docs/encoders.md for the names.
    batch_size : int, optional
        Most images that go to its device at once.
    half_precision : bool
        Whether the encoder computes in 16 bits on a GPU.
    max_pixels : int
        Most pixels of an image; larger ones count as unreadable.

    Raises
    ------
    OptionError, MissingExtraError, EncoderError
        The encoder cannot be used here.

    Examples
    --------
    >>> register_functions(spark)
    >>> spark.sql("SELECT uri, de_phash(content) FROM images")
    """
    require_encoder(encoder)
    version = encoder_version(encoder)

    @pandas_udf(STATS_TYPE)  # type: ignore[call-overload]
    def de_image_stats(contents: Batches) -> Iterator[pd.DataFrame]:
        for batch in contents:
            outcomes = _outcomes(batch, profile_image, (), Measures(max_pixels=max_pixels))
            yield _stats_frame([_stats(outcome) for outcome in outcomes])

    def hash_function(name: str) -> Callable[..., Any]:
        def run(contents: Batches) -> Batches:
            for batch in contents:
                hashes = _outcomes(batch, perceptual_hashes_of_file, max_pixels)
                yield pd.Series([h[name] if isinstance(h, dict) else None for h in hashes], dtype=object)

        return pandas_udf(run, "string")  # type: ignore[call-overload]

    @pandas_udf("array<float>")  # type: ignore[call-overload]
    def de_embed(contents: Batches) -> Batches:
        model = encoder_of_task(encoder, version, half_precision=half_precision, batch_size=batch_size)
        for batch in contents:
            yield _embedded(batch, model, max_pixels)

    @pandas_udf("int")  # type: ignore[call-overload]
    def de_hamming(a: pd.Series, b: pd.Series) -> pd.Series:
        return pd.Series(list(map(_bits, a, b)), dtype="Int32")

    spark.udf.register("de_image_stats", de_image_stats)
    spark.udf.register("de_phash", hash_function("phash"))
    spark.udf.register("de_dhash", hash_function("dhash"))
    spark.udf.register("de_embed", de_embed)
    spark.udf.register("de_hamming", de_hamming)


def _bits(a: str | None, b: str | None) -> int | None:
    if a is None or b is None:
        return None
    if not _HASH.fullmatch(a) or not _HASH.fullmatch(b):
        raise OptionError(f"de_hamming: found {a} and {b}; expected 16 hexadecimal digits each")
    return (int(a, 16) ^ int(b, 16)).bit_count()


def _outcomes(contents: pd.Series, function: Callable[..., Any], *arguments: Any) -> Iterator[Any]:
    """What a function returns for each file, or the UnreadableImage that it raises; None where there are no bytes."""
    files = [(bytes(content), *arguments) for content in contents if content is not None]
    outcomes = map_images(function, files, size=lambda file: len(file[0]))
    for content in contents:
        yield None if content is None else next(outcomes)


def _stats(outcome: ImageProfile | UnreadableImage | None) -> dict[str, Any]:
    if outcome is None:
        return {"error": "there are no bytes"}
    return {"error": str(outcome)} if isinstance(outcome, UnreadableImage) else outcome.image.stats


def _stats_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = {
        column.name: pd.to_datetime(pd.Series([row.get(column.name) for row in rows]), utc=True)
        if column.type == "timestamp"
        else pd.Series([row.get(column.name) for row in rows], dtype=object)
        for column in STATS_COLUMNS
    }
    return pd.DataFrame({**columns, "error": pd.Series([row.get("error") for row in rows], dtype=object)})


def _embedded(contents: pd.Series, encoder: Encoder, max_pixels: int) -> pd.Series:
    vectors: list[Any] = [None] * len(contents)
    prepared = _prepared(contents, encoder, max_pixels)
    for (position, _), (vector,) in with_vectors(prepared, lambda image: [image[1]], encoder):
        vectors[position] = vector
    return pd.Series(vectors, dtype=object)


def _prepared(contents: pd.Series, encoder: Encoder, max_pixels: int) -> Iterator[tuple[int, NDArray[Any]]]:
    """Index and input of each image; a file that cannot be read, or that the encoder cannot take, has no vector."""
    for position, outcome in enumerate(_outcomes(contents, prepared_file, portable_prepare(encoder), max_pixels)):
        if outcome is not None and not isinstance(outcome, UnreadableImage):
            yield position, outcome
