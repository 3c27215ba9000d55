"""Tables of the quality analyses."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import IMAGE_ID, RUN_ID, TARGET_INDEX

DUPLICATE_PAIRS = Table(
    name="duplicate_pairs",
    doc=(
        "Duplicates by kind. Among images with one equal hash, each is paired with the smallest id, "
        "so k copies give k - 1 pairs."
    ),
    key=("image_id_a", "target_index_a", "image_id_b", "target_index_b", "kind"),
    columns=(
        Column("image_id_a", "string", "Image with the smaller id"),
        Column("target_index_a", "int", "Its target; null for the whole image", nullable=True),
        Column("image_id_b", "string", "Image with the larger id"),
        Column("target_index_b", "int", "Its target; null for the whole image", nullable=True),
        Column("kind", "string", "exact_file, exact_pixels, phash, dhash or low_information"),
        Column("distance", "double", "0 for equal hashes"),
        RUN_ID,
    ),
)

DUPLICATE_GROUPS = Table(
    name="duplicate_groups",
    doc="Images that are duplicates of one another, directly or through others; one of each group is kept.",
    key=("group_id", "image_id", "target_index"),
    columns=(
        Column("group_id", "string", "Smallest image id of the group"),
        IMAGE_ID,
        TARGET_INDEX,
        Column("kinds", "array<string>", "Kinds of duplicate pairs that tie this image to its group, sorted"),
        Column("is_kept", "boolean", "The one image of the group to keep"),
        Column("reason", "string", "Why it is kept or left out"),
        Column("group_size", "bigint", "Images in the group", "images"),
        Column("spans_splits", "boolean", "Members of the group are in different splits: a leak"),
        RUN_ID,
    ),
)

OUTLIERS = Table(
    name="outliers",
    doc="One row per image (or box) and statistic that lies beyond the threshold.",
    key=("image_id", "target_index", "channel", "statistic", "method", "group_name"),
    columns=(
        IMAGE_ID,
        TARGET_INDEX,
        Column("channel", "int", "Channel; null for all channels together", nullable=True),
        Column("statistic", "string", "Column of `image_stats`"),
        Column("method", "string", "zscore, modified_zscore or iqr"),
        Column("group_name", "string", "Class it was compared within; null for the whole dataset", nullable=True),
        Column("value", "double", "Value of the statistic"),
        Column("score", "double", "Distance from the centre in the method's unit of spread"),
        Column("threshold", "double", "Score above which a value is an outlier"),
        Column("lower", "double", "Smallest value that is not an outlier"),
        Column("upper", "double", "Largest value that is not an outlier"),
        Column("direction", "string", "low or high"),
        RUN_ID,
    ),
)

IMAGE_FINDINGS = Table(
    name="image_findings",
    doc="Images with something odd to look at.",
    key=("image_id", "target_index", "rule"),
    columns=(
        IMAGE_ID,
        TARGET_INDEX,
        Column(
            "rule",
            "string",
            "dark, bright, blurry, low_information, odd_size, odd_aspect_ratio, grayscale or invalid_box",
        ),
        Column("score", "double", "Lower is worse (cleanvision's score)", range="[0, 1]"),
        Column("threshold", "double", "Score below which it is a finding"),
        Column("severity", "string", "error, warning or info"),
        Column("message", "string", "The finding in one sentence"),
        RUN_ID,
    ),
)
