"""State of a selection between operations: images in order, and their labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError, filling_command

ORDER = ("order_key", "image_id", "copy")


@dataclass(frozen=True)
class Selection:
    """Images in order, with the labels they have by now.

    Attributes
    ----------
    members : DataFrame
        ``image_id``, ``copy`` and ``order_key``; an image may be there several times.
    labels : DataFrame
        ``image_id``, ``target_index`` and ``class_name`` of the targets that are left.
    tables : mapping of str to DataFrame
        Existing tables of the workspace, by name.
    reasons : DataFrame, optional
        ``image_id``, unique, and ``reason``: why the last operation left an image out, where it depends on the image.
    """

    members: DataFrame
    labels: DataFrame
    tables: Mapping[str, DataFrame]
    reasons: DataFrame | None = None

    @classmethod
    def of_everything(cls, tables: Mapping[str, DataFrame]) -> Selection:
        """All live images in the order of their ids, with all their labels."""
        images = tables["images"]
        members = images.select("image_id", F.lit(0).alias("copy"), F.lit(0).cast("bigint").alias("order_key"))
        labels = tables["targets"].select("image_id", "target_index", "class_name")
        return cls(members, labels, tables)

    def table(self, name: str, operation: str) -> DataFrame:
        """A table that an operation needs.

        Raises
        ------
        OptionError
            It has not been filled.
        """
        if name not in self.tables:
            raise OptionError(
                f"select: {operation} needs table {name}, which has not been filled.\n"
                f"Hint: {filling_command(name, 'WS')}"
            )
        return self.tables[name]

    def among(self, images: DataFrame) -> Selection:
        """The selection with only the images among these (``image_id``)."""
        return self.with_members(self.members.join(images.select("image_id"), on="image_id", how="left_semi"))

    def without(self, images: DataFrame, reason: Column | None = None) -> Selection:
        """The selection without these images; ``reason`` is an aggregate of the rows of an image."""
        rest = self.with_members(self.members.join(images.select("image_id"), on="image_id", how="left_anti"))
        if reason is None:
            return rest
        return replace(rest, reasons=images.groupBy("image_id").agg(reason.alias("reason")))

    def with_members(self, members: DataFrame) -> Selection:
        return replace(self, members=members.select("image_id", "copy", "order_key"))

    def with_labels(self, labels: DataFrame) -> Selection:
        return replace(self, labels=labels.select("image_id", "target_index", "class_name"))

    def classes(self) -> DataFrame:
        """``image_id`` and ``class_name``, each class of an image once."""
        return self.labels.where("class_name IS NOT NULL").select("image_id", "class_name").distinct()


def hashed(seed: int, *columns: str) -> Column:
    """A hash of (seed, columns): the same on every cluster."""
    return F.xxhash64(*columns, F.lit(seed).cast("bigint"))


def uniform(seed: int, *columns: str) -> Column:
    """A number in (0, 1] from a hash of (seed, columns)."""
    return F.greatest(hashed(seed, *columns).cast("double") / 2.0**64 + 0.5, F.lit(2.0**-64))
