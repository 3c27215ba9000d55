"""Tables of the similarity analyses: similar images, and coverage of the embedding space."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import IMAGE_ID, RUN_ID, TARGET_INDEX

ENCODER = Column("encoder", "string", "Encoder whose vectors were compared")
METRIC = Column("metric", "string", "euclidean, cosine or inner_product")
VECTOR_ENCODER = Column("encoder", "string", "Encoder of the vectors")
CLASS_OR_ALL = Column.optional("class_name", "string", "Class; null for all")

NEIGHBORS = Table(
    name="neighbors",
    doc=(
        "The k nearest neighbours of each image, or of each box among the boxes: the one graph that outliers, "
        "values, label errors and coverage reuse. Ties are ordered by id."
    ),
    key=("encoder", "metric", "image_id", "target_index", "rank"),
    columns=(
        ENCODER,
        METRIC,
        IMAGE_ID,
        TARGET_INDEX,
        Column("rank", "int", "1 is the nearest", range="1..k"),
        Column("neighbor_id", "string", "Image that is near"),
        Column.optional("neighbor_target_index", "int", "Its target; null for the whole image"),
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
        Column.optional(
            "error_bound",
            "double",
            "Largest error of the value because lists end: 0 when they hold all others; null when they are approximate",
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
        Column("method", "string", "calibrated, zscore, modified_zscore, iqr or adaptive"),
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
        Column.optional("stratum", "string", "Bin of the score, or class, that takes turns with others"),
        RUN_ID,
    ),
)

CLUSTERS = Table(
    name="clusters",
    doc="The cluster that each image (or box) is in by its embedding, and how far it lies from its centre.",
    key=("encoder", "image_id", "target_index"),
    columns=(
        ENCODER,
        IMAGE_ID,
        TARGET_INDEX,
        Column("cluster_id", "int", "Numbered from 0 in the order of the first ids (HDBSCAN); -1 is noise"),
        Column.share("probability", "How firmly it is in the cluster; 0 for noise"),
        Column.optional("nearest_cluster", "int", "Its cluster, for noise that of the nearest centre"),
        Column.optional("centroid_distance", "double", "Euclidean distance to the centre of nearest_cluster"),
        Column.optional("score", "double", "Standard deviations by which this is above the mean of the cluster"),
        Column("threshold", "double", "Score above which it is an outlier"),
        Column("is_outlier", "boolean", "It lies farther from the centre than the threshold allows"),
        Column("method", "string", "hdbscan or kmeans"),
        RUN_ID,
    ),
)

CLUSTER_STATS = Table(
    name="cluster_stats",
    doc="Clusters of embeddings: their size, how tight they are, and the image nearest to the centre.",
    key=("encoder", "is_box", "cluster_id"),
    columns=(
        ENCODER,
        Column("is_box", "boolean", "Clusters of boxes, not of whole images"),
        Column("cluster_id", "int", "Cluster; -1 is noise"),
        Column("members", "bigint", "Images or boxes in it"),
        Column.optional("mean_distance", "double", "Mean distance to the centre (noise: to the nearest)"),
        Column.optional("std_distance", "double", "Population standard deviation of the distances"),
        Column.optional("max_distance", "double", "Largest distance to the centre"),
        Column.optional("mean_edge", "double", "Mean length of the edges of the spanning tree within it"),
        Column.optional("std_edge", "double", "Population standard deviation of their lengths"),
        Column.optional("center_image_id", "string", "Image nearest to the centre; null for noise"),
        Column.optional("center_target_index", "int", "Its target; null for the whole image"),
        RUN_ID,
    ),
)

SPANNING_TREE = Table(
    name="spanning_tree",
    doc=(
        "The minimum spanning tree of the embeddings, one row an edge: by Euclidean distance where min_samples is 1, "
        "by mutual reachability otherwise. Of edges of one length the first by ids is in the tree."
    ),
    key=("encoder", "image_id_a", "target_index_a", "image_id_b", "target_index_b"),
    columns=(
        ENCODER,
        Column("image_id_a", "string", "One end, the first by its id"),
        Column.optional("target_index_a", "int", "Its target; null for the whole image"),
        Column("image_id_b", "string", "The other end"),
        Column.optional("target_index_b", "int", "Its target; null for the whole image"),
        Column("length", "double", "Distance, or mutual reachability"),
        Column("min_samples", "int", "Nearest vectors that a core distance reaches over; 1 is plain distance"),
        Column.optional("cluster_id", "int", "Cluster that both ends are in; null where they are in none or in two"),
        Column("is_near_duplicate", "boolean", "So short among the edges of the cluster that the two are duplicates"),
        RUN_ID,
    ),
)

COVERAGE = Table(
    name="coverage",
    doc="Images (or boxes) in thinly covered regions of embedding space, the farthest from their neighbours first.",
    key=("encoder", "image_id", "target_index"),
    columns=(
        VECTOR_ENCODER,
        IMAGE_ID,
        TARGET_INDEX,
        Column("radius", "double", "Distance to the neighbour that completes the observations, vectors in [0, 1]"),
        Column("coverage_radius", "double", "Radius above which an image is uncovered"),
        Column("method", "string", "adaptive or naive"),
        Column("rank", "int", "1 is the farthest"),
        RUN_ID,
    ),
)


COVERAGE_STATS = Table(
    name="coverage_stats",
    doc="How well each class is covered, and the whole dataset in the row whose class is null.",
    key=("encoder", "class_name"),
    columns=(
        VECTOR_ENCODER,
        CLASS_OR_ALL,
        Column("n", "bigint", "Images (or boxes) with a radius"),
        Column("uncovered", "bigint", "Number of these that are uncovered"),
        Column.share("uncovered_share", "uncovered / n"),
        Column("mean_radius", "double", "Mean radius, vectors in [0, 1]"),
        Column("max_radius", "double", "Largest radius, vectors in [0, 1]"),
        Column("coverage_radius", "double", "Radius above which an image is uncovered"),
        Column("method", "string", "adaptive or naive"),
        Column("observations", "int", "Neighbours that make a place covered"),
        Column("dimensions", "int", "Length of the vectors"),
        RUN_ID,
    ),
)


COMPLETENESS = Table(
    name="completeness",
    doc="How many dimensions of embedding space the data really fill.",
    key=("encoder", "class_name"),
    columns=(
        VECTOR_ENCODER,
        CLASS_OR_ALL,
        Column("n", "bigint", "Vectors"),
        Column("dimensions", "int", "Length of the vectors"),
        Column("rank", "int", "Dimensions that the vectors span"),
        Column.optional("completeness", "double", "Effective dimensions of the ranks / dimensions; null per class"),
        Column.optional("isotropy", "double", "Effective dimensions of the vectors / rank; null where constant"),
        RUN_ID,
    ),
)
