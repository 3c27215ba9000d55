"""Codes of all factors of a batch of rows, as Arrow maps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataeval_spark.kernels.factors.binning import UNSEEN, Bins, encode

Codes = NDArray[np.int64]


def codes_of(batch: pa.RecordBatch, bins: Mapping[str, Bins]) -> dict[str, Codes]:
    """Code of each row and factor.

    Parameters
    ----------
    batch : RecordBatch
        Structs ``numbers`` and ``texts`` with one field per factor. A factor that the batch lacks is missing.
    bins : mapping
        Bins of each factor.
    """
    codes = {}
    for name, of_factor in bins.items():
        values = factor_values(batch, name, is_text=of_factor.rule == "categorical")
        if values is None:
            codes[name] = np.full(batch.num_rows, of_factor.missing_code, np.int64)
        elif of_factor.rule == "categorical":
            place = pc.index_in(values, value_set=pa.array(of_factor.levels, pa.string()))
            known_codes = place.fill_null(UNSEEN).to_numpy(zero_copy_only=False).astype(np.int64)
            codes[name] = np.where(values.is_null().to_numpy(zero_copy_only=False), of_factor.missing_code, known_codes)
        else:
            codes[name] = encode(numbers_of(values), of_factor)
    return codes


def factor_values(batch: pa.RecordBatch, name: str, *, is_text: bool) -> pa.Array | None:
    """One field of the struct ``texts`` or ``numbers``; None where the struct lacks it."""
    structs = batch.column("texts" if is_text else "numbers")
    index = structs.type.get_field_index(name)
    return None if index < 0 else structs.field(index)


def numbers_of(values: pa.Array) -> NDArray[np.float64]:
    """Values as float64, NaN for null."""
    return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def as_maps(columns: Mapping[str, NDArray[np.generic]], rows: int, type: pa.DataType) -> pa.MapArray:
    """One map per row from a column per key; NaN is left out."""
    names = list(columns)
    values = np.stack([columns[name] for name in names], axis=1) if names else np.zeros((rows, 0))
    is_number = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(values.shape, bool)
    places = np.broadcast_to(np.arange(len(names), dtype=np.int32), values.shape)[is_number]
    keys = pa.DictionaryArray.from_arrays(pa.array(places), pa.array(names, pa.string()))
    offsets = np.r_[0, np.cumsum(is_number.sum(axis=1))].astype(np.int32)
    return pa.MapArray.from_arrays(pa.array(offsets), keys.cast(pa.string()), pa.array(values[is_number], type))


def from_maps(maps: pa.MapArray) -> tuple[list[str], NDArray[np.float64]]:
    """Keys, sorted, and one row of values per map (NaN where a map lacks the key)."""
    offsets = np.asarray(maps.offsets)
    start, stop = offsets[0], offsets[-1]
    keys = maps.keys.slice(start, stop - start).dictionary_encode()
    names = keys.dictionary.to_pylist()
    order = sorted(names)
    place = np.array([order.index(name) for name in names], np.int64)
    values = np.full((len(maps), len(names)), np.nan)
    rows = np.repeat(np.arange(len(maps)), np.diff(offsets))
    columns = place[keys.indices.to_numpy()] if names else np.array([], np.int64)
    values[rows, columns] = maps.items.slice(start, stop - start).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return order, values
