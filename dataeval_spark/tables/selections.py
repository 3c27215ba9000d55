"""Tables of saved selections: the recipe of each, its members, and what its operations removed."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import IMAGE_ID, RUN_ID

SELECTION_NAME = Column("selection_name", "string", "Name of the selection", formerly="view_name")
VERSION = Column("version", "int", "From 1; a new version where the recipe or the members have changed")

SELECTIONS = Table(
    name="selections",
    doc="Saved selections of the images: the recipe of each, which can be repeated on new data.",
    key=("selection_name", "version"),
    columns=(
        SELECTION_NAME,
        VERSION,
        Column("recipe", "string", "Operations in order, as JSON"),
        Column("members", "bigint", "Number of members: rows of `selection_members`"),
        Column("digest", "string", "Hash of the rows of `selection_members`: equal for equal selections"),
        Column("created_at", "timestamp", "When it was made, UTC"),
        RUN_ID,
    ),
    write="append",
    formerly="views",
)

SELECTION_MEMBERS = Table(
    name="selection_members",
    doc="Images of each saved selection. Their order is (order_key, image_id, copy).",
    key=("selection_name", "version", "image_id", "copy"),
    columns=(
        SELECTION_NAME,
        VERSION,
        IMAGE_ID,
        Column("copy", "int", "From 0; above it for an image that is taken several times"),
        Column("order_key", "bigint", "0, or the hash that a shuffle orders by"),
        RUN_ID,
    ),
    write="append",
    formerly="view_members",
)

SELECTION_REMOVALS = Table(
    name="selection_removals",
    doc="Images that each operation of a saved selection removed, and why. An operation that removed none has one row.",
    key=("selection_name", "version", "place", "reason"),
    columns=(
        Column("selection_name", "string", "Name of the selection"),
        VERSION,
        Column("place", "int", "Place of the operation in the recipe, from 1"),
        Column("operation", "string", "Name of the operation"),
        Column(
            "reason",
            "string",
            "Of operations that drop images by a table: findings, main statistic, kind of duplicate, stage and class "
            "of the error; of others their options. `others` after the 20 most frequent, or `nothing removed`",
        ),
        Column("images", "bigint", "Images that it removed for this reason; an image counts once", "images"),
        Column("remaining", "bigint", "Images that it left, whatever the reason, copies included", "images"),
        Column("examples", "array<string>", "Ids of the first three of the images, by id"),
        RUN_ID,
    ),
    write="append",
)
