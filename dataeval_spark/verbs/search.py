"""Searching a workspace for images like a given one: an image of it, a file, or a vector."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow.dataset import Dataset
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.similarity.search import checked_queries, search
from dataeval_spark.errors import OptionError, filling_command
from dataeval_spark.kernels.encoders import load_encoder
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage, decode
from dataeval_spark.kernels.storage.files import read_file
from dataeval_spark.kernels.storage.near_paths import hint_for
from dataeval_spark.kernels.storage.uris import is_uri, local_path
from dataeval_spark.kernels.vectors.stream_search import nearest_in_stream
from dataeval_spark.options import Metric, SearchOptions
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.images import IMAGES
from dataeval_spark.tables.profile import EMBEDDINGS
from dataeval_spark.workspace.workspace import Workspace

Query = str | bytes | NDArray[Any]


def search_workspace(workspace: Workspace, query: Query, options: SearchOptions) -> DataFrame:
    """Find the images of a workspace that are most similar to a query.

    Parameters
    ----------
    workspace : Workspace
        Workspace with embeddings of whole images.
    query : str, bytes or ndarray
        An image's id, the path of an image or ``.npy`` file, the bytes of an image, or a vector (d,). An image of the
        workspace is not found itself.
    options : SearchOptions
        Number of images, distance and encoder.

    Returns
    -------
    DataFrame
        ``rank`` (from 1), ``image_id``, ``distance`` and ``uri``.

    Raises
    ------
    OptionError
        There is neither such an image nor such a file, or the encoder must be named.
    TableMissingError
        Nothing has been embedded.
    EncoderError
        The file is to be embedded by another version of the encoder than the workspace has vectors of.
    """
    whole = workspace.read(EMBEDDINGS).where("target_index IS NULL")
    name, version = _encoder(whole, options.encoder, workspace.location)
    rows = whole.where((F.col("encoder") == name) & (F.col("encoder_version") == version))
    vector, own_id = _vector(rows, query, name, version)
    _require_length(rows, vector, query if isinstance(query, str) else "a vector", name)
    uris = workspace.read_live(IMAGES).select("image_id", "uri")
    dataset = workspace.local_dataset(EMBEDDINGS)
    if dataset is None:
        others = rows if own_id is None else rows.where(F.col("image_id") != own_id)
        nearest = search(others, vector, k=options.k, metric=options.metric)
    else:
        nearest = _search_files(workspace, dataset, (name, version), vector, own_id, options.k, options.metric)
    # image_id is unique on both sides.
    neighbors = nearest.join(uris, on="image_id", how="left")
    return neighbors.select("rank", "image_id", "distance", "uri").orderBy("rank")


def _search_files(
    workspace: Workspace,
    dataset: Dataset,
    encoder: tuple[str, str],
    vector: NDArray[np.float32],
    own_id: str | None,
    k: int,
    metric: Metric,
) -> DataFrame:
    """Search files of this machine: Arrow reads them several times faster than Spark hands arrays to Python."""
    queries = checked_queries(vector, k, metric)
    name, version = encoder
    condition = (
        (pc.field("encoder") == name) & (pc.field("encoder_version") == version) & pc.field("target_index").is_null()
    )
    if own_id is not None:
        condition &= pc.field("image_id") != own_id
    columns = ["image_id", "target_index", "embedding"]
    scan = dataset.scanner(columns=columns, filter=condition, batch_size=8192, batch_readahead=4, fragment_readahead=2)
    neighbors = nearest_in_stream(scan.to_batches(), queries, metric, k)
    rows = [(row["image_id"], row["rank"], row["distance"]) for row in neighbors.to_pylist()]  # k rows
    return workspace.spark.createDataFrame(rows, "image_id string, rank int, distance double")


def _encoder(whole: DataFrame, encoder: str | None, location: str) -> tuple[str, str]:
    encoders = [
        tuple(row)
        for row in bounded(
            whole.select("encoder", "encoder_version").distinct().limit(50), "encoders and their versions"
        )
    ]
    names = sorted({name for name, _ in encoders})
    if not names:
        raise OptionError(f"search: no image has a vector.\nHint: {filling_command(EMBEDDINGS.name, location)}")
    if encoder is None and len(names) > 1:
        raise OptionError(
            f"search.encoder must be given, since there are vectors of {', '.join(names)}.\nHint: --encoder {names[0]}"
        )
    chosen = names[0] if encoder is None else encoder
    OptionError.unless_one_of("search.encoder", chosen, names)
    versions = [version for name, version in encoders if name == chosen]
    if len(versions) > 1:
        raise OptionError(
            f"search.encoder is {chosen!r}, and the workspace has vectors of several versions of it: "
            f"{', '.join(sorted(versions))}.\n"
            f"Hint: dataeval-spark profile --workspace {location} --encoder {chosen}"
        )
    return chosen, versions[0]


def _vector(rows: DataFrame, query: Query, encoder: str, version: str) -> tuple[NDArray[np.float32], str | None]:
    """Vector of the query, and its id if it is an image of the workspace."""
    if isinstance(query, bytes):
        return _embedded(query, encoder, version), None
    if not isinstance(query, str):
        return np.asarray(query, np.float32), None
    own = bounded(rows.where(F.col("image_id") == query).select("embedding").limit(1), "one vector")
    if own:
        return np.asarray(own[0]["embedding"], np.float32), query
    if is_uri(query) and local_path(query) is None:
        return _of_file(_read(query), query, encoder, version), None
    path = Path(local_path(query) or query)
    if not path.is_file():
        hint = hint_for(str(path), "an image_id of the table images, or the path of an image or .npy file")
        raise OptionError(
            f"search.query is {query!r}: no image with this id has a vector of encoder {encoder!r}, and there is no "
            f"such file.\nHint: {hint}"
        )
    return _of_file(_read(str(path)), query, encoder, version), None


def _require_length(rows: DataFrame, vector: NDArray[np.float32], query: str, encoder: str) -> None:
    length = bounded(rows.select(F.size("embedding").alias("n")).limit(1), "one vector")[0]["n"]
    if vector.ndim not in (1, 2) or vector.shape[-1] != length:
        raise OptionError(
            f"search.query is {query}, an array of shape {vector.shape}; expected {length} numbers, as many as a "
            f"vector of encoder {encoder!r} has.\nHint: embed it with the same encoder, or name another by --encoder"
        )


def _read(uri: str) -> bytes:
    try:
        return read_file(uri)
    except OSError as error:
        raise OptionError(f"search.query is {uri!r}, which cannot be read: {error.strerror or error}.") from None


def _of_file(data: bytes, query: str, encoder: str, version: str) -> NDArray[np.float32]:
    if not query.lower().endswith(".npy"):
        try:
            return _embedded(data, encoder, version)
        except UnreadableImage as error:
            raise OptionError(
                f"search.query is {query!r}, an image that cannot be read: {error.message}.\n"
                "Hint: the path of an image, or of a .npy file with a vector"
            ) from error
    try:
        return np.asarray(np.load(io.BytesIO(data), allow_pickle=False), np.float32)
    except (ValueError, TypeError, EOFError) as error:
        raise OptionError(
            f"search.query is {query!r}, which is no array of numbers that NumPy can read.\n"
            "Hint: numpy.save('vector.npy', vector), with a vector of the encoder's length"
        ) from error


def _embedded(data: bytes, encoder: str, version: str) -> NDArray[np.float32]:
    model = load_encoder(encoder, version=version)
    vector: NDArray[np.float32] = model.embed([model.prepare(decode(data).pixels)])[0]
    return vector
