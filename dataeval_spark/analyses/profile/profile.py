"""The profile: one decode of each image gives its statistics, hashes, embedding, and those of its boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.profile.measuring import STAGED_DDL
from dataeval_spark.analyses.profile.options import check, fingerprint_of, limits_of, measures_of, version_of_encoder
from dataeval_spark.analyses.profile.worker import Task, encoder_mark, measure_rows
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.task_devices import gpu_addresses, partition_of_task
from dataeval_spark.frames.task_processes import is_first_attempt, number_of_children
from dataeval_spark.kernels.images.custom_statistics import PREFIX
from dataeval_spark.kernels.images.decoding import tiff
from dataeval_spark.options import ProfileOptions
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import rows_of
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.keys import CORNERS
from dataeval_spark.tables.profile import (
    BACKGROUND_STATS,
    CHANNEL_GROUP_STATS,
    CHANNEL_STATS,
    EMBEDDINGS,
    HASHES,
    IMAGE_STATS,
    UNREADABLE_IMAGES,
)

IMAGES_PER_TASK = 500
LARGE_IMAGES_PER_TASK = 2_000
FEWEST_IMAGES_PER_TASK = 50
MOST_CUSTOM_COLUMNS = 200
DEFAULTS = ProfileOptions()


def fingerprints(images: DataFrame, targets: DataFrame, options: ProfileOptions = DEFAULTS) -> DataFrame:
    """List each live image with its boxes and the fingerprint of all that its rows depend on.

    Parameters
    ----------
    images : DataFrame
        Live rows of table ``images``.
    targets : DataFrame
        Table ``targets``.
    options : ProfileOptions, optional
        Options of the profile.

    Returns
    -------
    DataFrame
        ``image_id``, ``uri``, ``content_length``, ``file_hash``, ``boxes`` and ``fingerprint``.
    """
    box = F.struct("target_index", "box")
    boxes = targets.where("box IS NOT NULL").groupBy("image_id").agg(F.sort_array(F.collect_list(box)).alias("boxes"))
    are_needed = F.lit(options.per_target or options.background)
    joined = images.join(boxes.where(are_needed), on="image_id", how="left")
    # Numbers are hashed, not their texts, which each engine writes in its own way.
    corners = (F.col(f"boxes.box.{name}") for name in CORNERS)
    parts = [F.coalesce("file_hash", F.lit("unread")), F.col("boxes.target_index"), *corners]
    return joined.select(
        "image_id",
        "uri",
        "content_length",
        "file_hash",
        "boxes",
        F.lower(F.hex(F.xxhash64(*parts, F.lit(fingerprint_of(options))))).alias("fingerprint"),
    )


def profile(pending: DataFrame, options: ProfileOptions = DEFAULTS) -> DataFrame:
    """Decode each image once and measure it and its boxes.

    An image that cannot be read or measured becomes a row with its error; the job does not fail.

    Parameters
    ----------
    pending : DataFrame
        Result of :func:`fingerprints`, with ``content`` (null where the image is kept by reference).
    options : ProfileOptions, optional
        Options of the profile.

    Returns
    -------
    DataFrame
        Columns of ``STAGED_DDL``: store it once, then take the tables with :func:`tables_of`.

    Raises
    ------
    OptionError, MissingExtraError, EncoderError
        See :func:`dataeval_spark.analyses.profile.options.check`.

    Examples
    --------
    >>> staged = profile(fingerprints(images, targets).join(images.select("image_id", "content"), "image_id"))
    """
    check(options)
    kernel = partial(
        measure_rows, options=options, measures=measures_of(options), encoder_version=version_of_encoder(options)
    )
    return map_batches(pending, lambda batches: kernel(rows_of(batches), _present_task()), STAGED_DDL)


def _present_task() -> Task:
    return Task(is_first_attempt(), number_of_children(), gpu_addresses(), partition_of_task())


def tasks_for(images: int, partitions: str | None = None) -> int:
    """Number of tasks for so many images: enough to use all cores and to retry, few enough to schedule.

    ``partitions`` is ``spark.sql.shuffle.partitions``, which goes by the cores where somebody has set it: few images
    make that many tasks twice, for an encoder may take a second for each.
    """
    by_size = -(-images // (IMAGES_PER_TASK if images <= 1_000_000 else LARGE_IMAGES_PER_TASK))
    by_partitions = 2 * int(partitions) if partitions and partitions.isdigit() else 1
    return max(1, by_size, min(by_partitions, images // FEWEST_IMAGES_PER_TASK))


def custom_columns(staged: DataFrame, options: ProfileOptions) -> list[str]:
    """Columns of a user's own statistics.

    Raises
    ------
    OptionError
        There are more than 200: a function returns names that depend on the image.
    """
    if not options.statistics:
        return []
    names = staged.select(F.explode(F.map_keys("custom")).alias("name")).distinct().limit(MOST_CUSTOM_COLUMNS + 1)
    columns = sorted(row["name"] for row in bounded(names, "names of statistics of the user"))
    if len(columns) > MOST_CUSTOM_COLUMNS:
        raise OptionError(
            f"profile.statistics gives more than {MOST_CUSTOM_COLUMNS} columns, such as {', '.join(columns[:3])}.\n"
            "Hint: the keys of the dict that a function returns must be the same for all images."
        )
    return columns


def custom_failures(staged: DataFrame) -> list[str]:
    """A sentence for each of the user's own statistics that failed on some images."""
    failed = staged.select(F.explode("custom_errors").alias("name", "error"))
    counts = failed.groupBy("name").agg(F.count("*").alias("n"), F.min("error").alias("error")).orderBy("name")
    return [
        f"{row['name'].removeprefix(PREFIX)} failed on {row['n']:,} images or boxes: {row['error']}"
        for row in bounded(counts.limit(MOST_CUSTOM_COLUMNS), "one row per statistic of the user")
    ]


def tables_of(
    staged: DataFrame, options: ProfileOptions = DEFAULTS, custom: Sequence[str] = ()
) -> dict[Table, DataFrame]:
    """Split the staged result of :func:`profile` into the rows of each table.

    Parameters
    ----------
    staged : DataFrame
        Result of :func:`profile`, stored.
    options : ProfileOptions, optional
        Options of the profile that was made.
    custom : sequence of str
        Columns of a user's own statistics: those of :func:`custom_columns`, and those that the table has already.
    """
    # Images that an encoder could not take were measured all the same.
    readable = staged.where("error IS NULL OR error.stage = 'encode'")
    keys = ("image_id", "target_index")
    own = [F.col("custom")[name].alias(name) for name in custom]
    embedded = readable.where("embedding IS NOT NULL")
    return {
        IMAGE_STATS: readable.select(*keys, "stats.*", *own, "fingerprint").withColumn(
            "captured_at", F.timestamp_micros("captured_at")
        ),
        CHANNEL_STATS: readable.select(*keys, "fingerprint", F.inline("channels")),
        CHANNEL_GROUP_STATS: readable.select(*keys, "fingerprint", F.inline("groups")),
        BACKGROUND_STATS: readable.where("background IS NOT NULL").select("image_id", "background.*", "fingerprint"),
        HASHES: readable.select(*keys, "hashes.*", "fingerprint"),
        UNREADABLE_IMAGES: staged.where("error IS NOT NULL").select("image_id", "error.*", "fingerprint"),
        EMBEDDINGS: embedded.select(
            *keys,
            F.lit(options.encoder or "none").alias("encoder"),
            "embedding",
            F.lit(version_of_encoder(options)).alias("encoder_version"),
            "fingerprint",
        ),
    }


def profiled_images(tables: Mapping[Table, DataFrame], options: ProfileOptions = DEFAULTS) -> DataFrame:
    """``image_id`` and ``fingerprint`` of the images that all tables of the profile have, or ``unreadable_images``."""
    whole: Column = F.col("target_index").isNull()
    keys = ("image_id", "fingerprint")
    complete = tables[IMAGE_STATS].where(whole).select(*keys)
    needed = [
        tables[HASHES].where(whole),
        tables[CHANNEL_STATS].where(whole & (F.col("channel") == 0)),
    ]
    if options.encoder:
        embeddings = tables[EMBEDDINGS].where(whole & (F.col("encoder") == options.encoder))
        needed.append(embeddings.where(F.col("encoder_version") == version_of_encoder(options)))
    for name in options.channel_groups or {}:
        needed.append(tables[CHANNEL_GROUP_STATS].where(whole & (F.col("group_name") == name)))
    if options.background:
        needed.append(tables[BACKGROUND_STATS])
    for frame in needed:
        complete = complete.join(frame.select(*keys), on=list(keys), how="left_semi")
    # A file that could not be read may be readable now: a mount or a permission was missing. One that took too
    # much may pass with other limits, which its message names.
    is_limited = F.col("error_class").isin("DecoderTimeout", "MemoryLimit")
    is_final = (F.col("stage") != "read") & (~is_limited | F.col("message").isin(*limits_of(options).messages))
    if tiff.is_installed():
        is_final &= F.col("error_class") != "MissingExtraError"
    mark = encoder_mark(options.encoder, version_of_encoder(options)) if options.encoder else None
    is_mine = F.lit(False) if mark is None else F.startswith("message", F.lit(mark))
    is_final &= (F.col("stage") != "encode") | is_mine
    return complete.unionByName(tables[UNREADABLE_IMAGES].where(is_final).select(*keys))
