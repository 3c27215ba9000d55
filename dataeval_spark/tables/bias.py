"""Tables of the label and bias analyses."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import RUN_ID

LABEL_STATS = Table(
    name="label_stats",
    doc="Labels per class, and for the whole dataset in the row whose class is null.",
    key=("class_name",),
    columns=(
        Column("class_name", "string", "Class; null for the whole dataset", nullable=True),
        Column("label_count", "bigint", "Labels (boxes or image labels)", "labels"),
        Column("image_count", "bigint", "Images with at least one such label", "images"),
        Column("label_share", "double", "Share of all labels", range="[0, 1]"),
        Column("image_share", "double", "Share of all live images", range="[0, 1]"),
        Column("labels_per_image", "double", "Labels per image that has one", nullable=True),
        Column("max_labels_per_image", "bigint", "Most such labels in one image"),
        Column("class_count", "bigint", "Classes present: 1 for a class row"),
        Column("images_without_labels", "bigint", "Live images without any label; null for a class", nullable=True),
        Column("imbalance_ratio", "double", "Most labelled class over least; null for a class", nullable=True),
        Column(
            "cooccurrence",
            "array<struct<class_name: string, image_count: bigint>>",
            "Other classes in the same images, with the number of images, sorted by name; null for the dataset",
            nullable=True,
        ),
        RUN_ID,
    ),
)
