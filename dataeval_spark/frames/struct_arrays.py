"""Arrays of structs, made field by field: the form of one row into several that every engine does right."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F


def struct_array(*entries: Mapping[str, Column]) -> Column:
    """Array of structs, for ``F.inline`` and ``F.explode``: one for each mapping from the names of fields to values.

    Unlike ``F.array`` of ``F.struct`` it never puts structs of different types into one array. A field that cannot be
    null in one of them (a literal, say), and can be in another, makes two types; the embedded engine ends a query that
    mixes such structs in an array, a CASE or a ``coalesce``.

    Parameters
    ----------
    *entries : mapping of str to Column
        Fields of each struct; all have the same names. Values of a field are cast to a common type.

    Examples
    --------
    >>> sides = struct_array({"side": F.lit("low"), "n": F.col("low")}, {"side": F.lit("high"), "n": F.lit(0)})
    >>> frame.select("image_id", F.inline(sides))
    """
    return F.arrays_zip(*(F.array(*(entry[name] for entry in entries)).alias(name) for name in entries[0]))
