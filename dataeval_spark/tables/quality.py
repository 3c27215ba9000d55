"""Tables of the quality analyses."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import IMAGE_ID, RUN_ID, TARGET_INDEX

DUPLICATE_PAIRS = Table(
    name="duplicate_pairs",
    doc=(
        "Duplicates by kind. Among images with one equal hash, each is paired with the smallest id, "
        "so k copies give k - 1 pairs; of different hashes that are near, the smallest ids are paired."
    ),
    key=("image_id_a", "target_index_a", "image_id_b", "target_index_b", "kind"),
    columns=(
        Column("image_id_a", "string", "Image with the smaller id"),
        Column.optional("target_index_a", "int", "Its target; null for the whole image"),
        Column("image_id_b", "string", "Image with the larger id"),
        Column.optional("target_index_b", "int", "Its target; null for the whole image"),
        Column(
            "kind",
            "string",
            "exact_file, exact_pixels (all frames, bits and alpha), decoded_pixels (the first of several frames, or "
            "eight of more bits), phash, dhash, phash_d4, dhash_d4 (any rotation or flip), embedding, "
            "embedding_relative or low_information (without structure: no duplicates)",
        ),
        Column(
            "distance",
            "double",
            "Bits in which perceptual hashes differ; distance of embeddings, of the relative kind divided by how far "
            "the neighbours of both are; 0 for equal",
        ),
        Column.optional(
            "orientation",
            "string",
            "For a d4 kind: same, or rotated where only rotated or flipped images are alike; else null",
        ),
        RUN_ID,
    ),
)

DUPLICATE_GROUPS = Table(
    name="duplicate_groups",
    doc="Groups of duplicates, of which one image is kept: each other member forms a pair with it, of any kind, "
    "or is a copy of such a member (with duplicates.grouping = components: a pair directly or through others).",
    key=("group_id", "image_id", "target_index"),
    columns=(
        Column("group_id", "string", "Smallest image id of the group; of boxes, <image_id>#<target_index>"),
        IMAGE_ID,
        TARGET_INDEX,
        Column("kinds", "array<string>", "Kinds of duplicate pairs that tie this image to its group, sorted"),
        Column("is_kept", "boolean", "The one image of the group to keep"),
        Column(
            "is_exact_copy",
            "boolean",
            "Another image of the group has the same bytes or pixels and stands for it: leaving this one out loses no "
            "picture",
        ),
        Column("reason", "string", "Why it is kept or left out"),
        Column("group_size", "bigint", "Images in the group", "images"),
        Column("spans_splits", "boolean", "Members of the group are in different splits: a leak"),
        Column("label_conflict", "boolean", "Labelled members of the group have different classes"),
        Column.optional(
            "kept_distance",
            "int",
            "Bits in which its phash differs from that of the image that is kept; null where one has none",
            "bit",
            "[0, 64]",
        ),
        Column.optional(
            "diameter_bound",
            "int",
            "No two members' phashes differ in more bits: twice the largest kept_distance, in a group of two once. "
            "Large where a chain of pairs ties images that are not alike",
            "bit",
            "[0, 64]",
        ),
        RUN_ID,
    ),
)

DUPLICATE_THRESHOLDS = Table(
    name="duplicate_thresholds",
    doc="The largest distance of near duplicates by kind, and its origin. For embeddings it is derived from the "
    "data once and then kept, until `duplicates.renew_threshold` asks for another.",
    key=("kind", "encoder", "metric", "level"),
    columns=(
        Column("kind", "string", "Kind of near pairs"),
        Column.optional("encoder", "string", "Encoder whose vectors are compared; null for hashes"),
        Column.optional("encoder_version", "string", "Its version"),
        Column.optional("metric", "string", "euclidean or cosine"),
        Column.optional("level", "string", "image or box; null for hashes, which are compared alike"),
        Column.optional("threshold", "double", "Largest distance of a pair; null where no distance is precise enough"),
        Column("origin", "string", "default; given as an option; derived from these data; kept from an earlier run"),
        Column.share(
            "estimated_precision",
            "Estimated share of images with so near a neighbour that do have a duplicate",
            nullable=True,
        ),
        Column.optional("near_count", "bigint", "Images with another within the threshold", "images"),
        Column.optional("image_count", "bigint", "Images that the estimate goes by", "images"),
        Column.optional(
            "surroundings",
            "double",
            "Median of the mean distance to the 2nd to 10th neighbour (of cosine distances: their roots), kept with "
            "the threshold",
        ),
        Column.optional("intrinsic_dimension", "double", "Local dimension of the vectors"),
        RUN_ID,
    ),
)

DUPLICATE_EVALUATION = Table(
    name="duplicate_evaluation",
    doc="How well pairs of duplicates agree with pairs that people judged, by kind and threshold.",
    key=("kind", "threshold"),
    columns=(
        Column("kind", "string", "Kind of duplicate pairs"),
        Column("threshold", "double", "Pairs of at most this distance are taken"),
        Column("flagged", "bigint", "Pairs taken", "pairs"),
        Column("found", "bigint", "Pairs taken that are true", "pairs"),
        Column("true_pairs", "bigint", "Pairs that are true", "pairs"),
        Column.share("precision", "found / flagged; null where nothing is taken", nullable=True),
        Column.share("precision_lower", "Lower end of its interval", nullable=True),
        Column.share("precision_upper", "Upper end of its interval", nullable=True),
        Column.share("recall", "found / true_pairs; null where nothing is true", nullable=True),
        Column.share("recall_lower", "Lower end of its interval", nullable=True),
        Column.share("recall_upper", "Upper end of its interval", nullable=True),
        Column.share("f1", "Harmonic mean of precision and recall", nullable=True),
        Column("refuted", "bigint", "Pairs taken that people judged to be none", "pairs"),
        Column.share(
            "judged_precision",
            "found / (found + refuted): the precision among the pairs that somebody judged; null where nobody did",
            nullable=True,
        ),
        Column.share("judged_precision_lower", "Lower end of its interval", nullable=True),
        Column.share("judged_precision_upper", "Upper end of its interval", nullable=True),
        RUN_ID,
    ),
)

OUTLIERS = Table(
    name="outliers",
    doc="Images (or boxes) that lie far from the others: one verdict each, with a row per statistic that says so.",
    key=("image_id", "target_index", "channel", "statistic", "method", "group_name"),
    columns=(
        IMAGE_ID,
        TARGET_INDEX,
        Column.optional("channel", "int", "Channel; null for all channels together"),
        Column("statistic", "string", "Column of `image_stats`"),
        Column("method", "string", "calibrated, zscore, modified_zscore, iqr or adaptive"),
        Column.optional("group_name", "string", "Class it was compared within; null for the whole dataset"),
        Column("value", "double", "Value of the statistic"),
        Column("score", "double", "Distance from the centre in the method's unit of spread"),
        Column("threshold", "double", "Score above which a value is an outlier"),
        Column.optional("lower", "double", "Smallest value that is not an outlier; null where nothing is too low"),
        Column.optional("upper", "double", "Largest value that is not an outlier; null where nothing is too high"),
        Column("direction", "string", "low or high; of aspect_ratio, tall or wide"),
        Column("position", "int", "1 is the main reason of the image's verdict, others follow by score"),
        Column("reason", "string", "The statistic, its value and the bound in one sentence"),
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
            "dark, bright, blurry, low_information, odd_size, odd_aspect_ratio, grayscale, non_finite_pixels or "
            "invalid_box",
        ),
        Column.share("score", "Lower is worse (cleanvision's score)"),
        Column("threshold", "double", "Score below which it is a finding"),
        Column("severity", "string", "error, warning or info"),
        Column("message", "string", "The finding in one sentence"),
        RUN_ID,
    ),
)
