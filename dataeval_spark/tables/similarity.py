"""Tables about which images are alike."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import IMAGE_ID, RUN_ID, TARGET_INDEX

ENCODER = Column("encoder", "string", "Encoder whose vectors were compared")
METRIC = Column("metric", "string", "euclidean, cosine or inner_product")

NEIGHBORS = Table(
    name="neighbors",
    doc=(
        "The k nearest neighbours of each image, or of each box among the boxes: the one graph that outliers, "
        "values, label errors and coverage reuse. Ties stand in the order of the ids."
    ),
    key=("encoder", "metric", "image_id", "target_index", "rank"),
    columns=(
        ENCODER,
        METRIC,
        IMAGE_ID,
        TARGET_INDEX,
        Column("rank", "int", "1 is the nearest", range="1..k"),
        Column("neighbor_id", "string", "Image that is near"),
        Column("neighbor_target_index", "int", "Its target; null for the whole image", nullable=True),
        Column(
            "distance",
            "double",
            "Euclidean distance; 1 - cosine; or minus the inner product. 0 for equal vectors (but inner products)",
        ),
        Column("k", "int", "Neighbours asked for; a list is shorter where there are fewer others"),
        Column("method", "string", "exact or approximate (its recall is in dataset_findings)"),
        Column("encoder_version", "string", "Version of the encoder"),
        Column("fingerprint", "string", "Hash of the vector of this image"),
        RUN_ID,
    ),
)

IMAGE_VALUES = Table(
    name="image_values",
    doc=(
        "What each labelled image (or box) is worth to a k-nearest-neighbour classifier that is asked for the class of "
        "each of the others: its KNN-Shapley value. Below 0 it hurts."
    ),
    key=("encoder", "metric", "image_id", "target_index"),
    columns=(
        ENCODER,
        METRIC,
        IMAGE_ID,
        TARGET_INDEX,
        Column("class_name", "string", "Class of the image or box"),
        Column("value", "double", "Mean Shapley value over all queries", range="[-1, 1]"),
        Column("times_listed", "bigint", "Lists of neighbours that it is in"),
        Column("queries", "bigint", "Labelled images or boxes that were asked"),
        Column(
            "error_bound",
            "double",
            "By how much the value may be off because lists end: 0 when they hold all others; null when the lists "
            "themselves are approximate",
            nullable=True,
        ),
        RUN_ID,
    ),
)

EMBEDDING_SCORES = Table(
    name="embedding_scores",
    doc="How far each image (or box) lies from its nearest neighbours, and how many lists of neighbours it is in.",
    key=("encoder", "metric", "image_id", "target_index"),
    columns=(
        ENCODER,
        METRIC,
        IMAGE_ID,
        TARGET_INDEX,
        Column("neighbors", "int", "Neighbours that the distances are of; fewer where there are fewer others"),
        Column("mean_distance", "double", "Mean distance to them"),
        Column("kth_distance", "double", "Distance to the last of them"),
        Column("uniqueness", "double", "Share of images with a smaller mean distance", range="[0, 1)"),
        Column("times_listed", "bigint", "Lists of this many neighbours that it is in"),
        Column("representativeness", "double", "times_listed / neighbors: 1 is the mean, more is a hub"),
        Column("is_prototype", "boolean", "It lies closer to its neighbours than each of them to theirs"),
        Column("score", "double", "Distance from the middle of all in the method's unit of spread"),
        Column("threshold", "double", "Score above which it is an outlier"),
        Column("statistic", "string", "mean_distance or kth_distance: what is scored"),
        Column("method", "string", "zscore, modified_zscore or iqr"),
        Column("is_outlier", "boolean", "It lies farther from its neighbours than the threshold allows"),
        RUN_ID,
    ),
)

PRIORITIZATION = Table(
    name="prioritization",
    doc="An order in which to look at, label or train on images.",
    key=("encoder", "metric", "image_id"),
    columns=(
        ENCODER,
        METRIC,
        IMAGE_ID,
        Column("position", "bigint", "1 comes first"),
        Column("score", "double", "Distance to the k-th neighbour: small is easy, typical; large is hard, rare"),
        Column("k", "int", "Neighbour whose distance is the score"),
        Column("ordering", "string", "easy_first or hard_first"),
        Column("policy", "string", "difficulty, stratified or class_balanced"),
        Column("stratum", "string", "Bin of the score, or class, that takes turns with others", nullable=True),
        RUN_ID,
    ),
)
