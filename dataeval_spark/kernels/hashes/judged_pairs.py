"""Pairs of images that people judged, read from a CSV or parquet file."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.storage.files import read_file
from dataeval_spark.tables.arrow import arrow_schema

ENDS = ("image_id_a", "image_id_b")
JUDGEMENT = "is_duplicate"
MAX_PAIRS = 5_000_000


def read_judged_pairs(path: str) -> pa.Table:
    """Read pairs of images, and whether they are duplicates.

    Parameters
    ----------
    path : str
        File with the columns ``image_id_a`` and ``image_id_b``, and ``is_duplicate`` (true or false; all true without
        it). Rows without an id or a judgement are left out.

    Returns
    -------
    pyarrow.Table
        ``image_id_a`` and ``image_id_b``, text, and ``is_duplicate``.

    Raises
    ------
    OptionError
        The file cannot be read, lacks a column, pairs an image with itself, or has more than 5 million pairs.
    """
    try:
        data = read_file(path)
        if path.lower().endswith(".csv"):
            # Ids stay text, also those that look like numbers.
            types = csv.ConvertOptions(column_types=dict.fromkeys(ENDS, pa.string()))
            table = csv.read_csv(io.BytesIO(data), convert_options=types)
        else:
            table = pq.read_table(io.BytesIO(data))
    except OSError as error:
        raise OptionError(f"Judged pairs {path} cannot be read: {error.strerror or error}.") from None
    except pa.ArrowInvalid as error:
        raise OptionError(f"Judged pairs {path} are neither CSV (.csv) nor parquet: {error}.") from None
    missing = [name for name in ENDS if name not in table.column_names]
    if missing:
        raise OptionError(f"Judged pairs {path} have no column {missing[0]}; found {', '.join(table.column_names)}.")
    if JUDGEMENT in table.column_names:
        try:
            judged = table[JUDGEMENT].cast(pa.bool_())
        except pa.ArrowInvalid as error:
            raise OptionError(f"Judged pairs {path}: {JUDGEMENT} is to be true or false: {error}.") from None
    else:
        judged = pa.repeat(True, table.num_rows)
    if table.num_rows > MAX_PAIRS:
        raise OptionError(f"Judged pairs {path} are {table.num_rows:,}; expected at most {MAX_PAIRS:,}.")
    ids = table.select(list(ENDS)).cast(arrow_schema("image_id_a string, image_id_b string"))
    pairs = ids.append_column(JUDGEMENT, judged).drop_null()
    alike = pairs.filter(pc.equal(pairs[ENDS[0]], pairs[ENDS[1]]))
    if alike.num_rows:
        raise OptionError(f"Judged pairs {path} pair an image with itself: {alike[ENDS[0]][0].as_py()}.")
    return pairs
