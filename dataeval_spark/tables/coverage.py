"""Tables of the coverage analyses: what the data lack, in embedding space and in combinations of factors."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import IMAGE_ID, RUN_ID, TARGET_INDEX

_ENCODER = Column("encoder", "string", "Encoder of the vectors")
_CLASS = Column("class_name", "string", "Class; null for all", nullable=True)

COVERAGE = Table(
    name="coverage",
    doc="Images (or boxes) in thinly covered regions of embedding space, the farthest from their neighbours first.",
    key=("encoder", "image_id", "target_index"),
    columns=(
        _ENCODER,
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
        _ENCODER,
        _CLASS,
        Column("n", "bigint", "Images (or boxes) with a radius"),
        Column("uncovered", "bigint", "Of these uncovered"),
        Column("uncovered_share", "double", "uncovered / n", range="[0, 1]"),
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
        _ENCODER,
        _CLASS,
        Column("n", "bigint", "Vectors"),
        Column("dimensions", "int", "Length of the vectors"),
        Column("rank", "int", "Dimensions that the vectors span"),
        Column(
            "completeness", "double", "Effective dimensions of the ranks / dimensions; null per class", "", "", True
        ),
        Column("isotropy", "double", "Effective dimensions of the vectors / rank; null where constant", "", "", True),
        RUN_ID,
    ),
)

COVERAGE_GAPS = Table(
    name="coverage_gaps",
    doc=(
        "Combinations of factor values with too few rows although all that they consist of have enough: "
        "the maximal uncovered patterns. The most general first, then the most missed."
    ),
    key=("pattern",),
    columns=(
        Column("pattern", "string", "The combination as text, such as `class_name = car, weather = snow`"),
        Column("parts", "array<struct<factor: string, value: string>>", "Its factor values, by factor"),
        Column("level", "int", "Number of factors"),
        Column("n", "bigint", "Rows that match", "rows"),
        Column("expected", "double", "Rows if the factors were independent", "rows"),
        Column("threshold", "bigint", "Rows that are enough", "rows"),
        Column("images_needed", "bigint", "threshold - n", "rows"),
        Column("rank", "int", "By level, then by the expected rows that are missing"),
        Column("found", "bigint", "Patterns found in all, of which the first are kept"),
        RUN_ID,
    ),
)
