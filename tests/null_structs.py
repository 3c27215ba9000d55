"""Null structs in rows that a test makes."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType


def with_null_fields(frame: DataFrame) -> DataFrame:
    """Make the fields of null structs null: PySpark fills them, and the embedded engine would show them.

    Not a CASE without ELSE: it makes the struct null there and leaves the fields.
    """
    structs = [field.name for field in frame.schema.fields if isinstance(field.dataType, StructType)]
    valid = {name: F.when(F.col(name).isNull(), None).otherwise(F.col(name)) for name in structs}
    return frame.withColumns(valid) if valid else frame
