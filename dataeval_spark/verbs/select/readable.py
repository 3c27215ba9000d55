"""Images that could not be read, and those of which nobody knows yet."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import filling_command
from dataeval_spark.tables.profile import IMAGE_STATS, UNREADABLE_IMAGES
from dataeval_spark.verbs.text import plural


def unreadable_images(rows: DataFrame) -> DataFrame:
    """Rows of ``unreadable_images`` without those of images that were measured, and only have no vector."""
    return rows.where(F.col("stage") != "encode")


def unreadable_note(members: DataFrame, tables: Mapping[str, DataFrame]) -> str | None:
    """A sentence on the images of a selection that could not be read, or None.

    Parameters
    ----------
    members : DataFrame
        ``image_id``, several times where an image is.
    tables : mapping of str to DataFrame
        Existing tables of the workspace, by name.
    """
    if UNREADABLE_IMAGES.name not in tables:
        return None
    unreadable = unreadable_images(tables[UNREADABLE_IMAGES.name]).select("image_id").distinct()
    count = unreadable.join(members.select("image_id"), on="image_id", how="left_semi").count()
    if not count:
        return None
    images = plural(count, "image of it", "images of it")
    return f"{images} cannot be read: --operation drop_unreadable removes {'it' if count == 1 else 'them'}"


def unchecked_note(members: DataFrame, tables: Mapping[str, DataFrame], location: str) -> str | None:
    """A sentence on the images that have not been profiled, so that damaged ones among them are unknown, or None.

    Parameters
    ----------
    members : DataFrame
        ``image_id``, several times where an image is.
    tables : mapping of str to DataFrame
        Existing tables of the workspace, by name.
    location : str
        The workspace, for the command that checks them.
    """
    images = members.select("image_id").distinct()
    unchecked = images
    if IMAGE_STATS.name in tables:
        measured = tables[IMAGE_STATS.name].where("target_index IS NULL")
        unchecked = unchecked.join(measured.select("image_id"), on="image_id", how="left_anti")
    if UNREADABLE_IMAGES.name in tables:
        unchecked = unchecked.join(tables[UNREADABLE_IMAGES.name].select("image_id"), on="image_id", how="left_anti")
    count = unchecked.count()
    if not count:
        return None
    is_all = count == images.count()
    subject = "no image was" if is_all else f"{plural(count, 'image was', 'images were')} not"
    return f"{subject} checked for damage: {filling_command(IMAGE_STATS.name, location)}"
