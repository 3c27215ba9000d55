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
