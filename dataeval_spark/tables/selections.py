"""Tables of saved selections: the recipe of each, and the images that it gave."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import IMAGE_ID, RUN_ID

SELECTION_NAME = Column("selection_name", "string", "Name of the selection", formerly="view_name")
VERSION = Column("version", "int", "From 1; another one when the recipe or what it gives has changed")

SELECTIONS = Table(
    name="selections",
    doc="Saved selections of the images: what was done, in order, so that it can be done again on new data.",
    key=("selection_name", "version"),
    columns=(
        SELECTION_NAME,
        VERSION,
        Column("recipe", "string", "Operations in order, as JSON"),
        Column("members", "bigint", "Rows of `selection_members`: images, counted as often as they are taken"),
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
