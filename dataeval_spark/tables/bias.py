"""Tables of the label and bias analyses."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import IMAGE_ID, RUN_ID

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
        Column(
            "effective_classes", "double", "exp of the entropy of the label shares; null for a class", nullable=True
        ),
        Column(
            "class_weight",
            "double",
            "Weight that balances the classes: labels / (classes x labels of the class); null for the dataset",
            nullable=True,
        ),
        RUN_ID,
    ),
)

FACTOR = Column("factor", "string", "Factor: a metadata column, or what is derived from image, box or time")
N_ROWS = Column("n", "bigint", "Labelled things counted", "rows")

FACTOR_BINS = Table(
    name="factor_bins",
    doc=(
        "Every labelled thing (a box, or an image with its label), and every image without labels, with the bin of "
        "each of its factors: `bins['weather']` is a bin of `bin_edges`."
    ),
    key=("image_id", "target_index"),
    columns=(
        IMAGE_ID,
        Column("target_index", "int", "Labelled thing in the image, from 0; null without labels", nullable=True),
        Column("class_name", "string", "Its class; null without labels", nullable=True),
        Column("bins", "map<string, int>", "Factor to bin; -1 for a level that `bin_edges` does not have"),
        Column("numbers", "map<string, double>", "Factor to value, for numeric factors; a missing one is left out"),
        RUN_ID,
    ),
)

BIN_EDGES = Table(
    name="bin_edges",
    doc="The bins of each factor and the rule that made them. Each factor has a bin for missing values, its last.",
    key=("factor", "bin"),
    columns=(
        FACTOR,
        Column("bin", "int", "Code of the bin; for factors that are cut that of numpy.digitize"),
        Column("lower", "double", "Smallest value that belongs to the bin; null without bound", nullable=True),
        Column("upper", "double", "Value from which the next bin begins; null without bound", nullable=True),
        Column("label", "string", "What the bin is called; unique in its factor"),
        Column(
            "rule",
            "string",
            "uniform_width, uniform_count, clusters, count, given (cut into bins), discrete or categorical",
        ),
        Column("level", "string", "image or target: what the factor describes, and is counted once per"),
        Column("n", "bigint", "Images or targets in the bin when the edges were made", "rows"),
        Column("minimum", "double", "Smallest value seen in the bin", nullable=True),
        Column("maximum", "double", "Largest value seen in the bin", nullable=True),
        RUN_ID,
    ),
)

CONTINGENCY = Table(
    name="contingency",
    doc=(
        "How often two factor values occur together, for every pair of factors once (factor_a <= factor_b), "
        "the class among them as factor `class_name`. A factor with itself holds its own counts."
    ),
    key=("factor_a", "value_a", "factor_b", "value_b"),
    columns=(
        Column("factor_a", "string", "First factor, by name"),
        Column("value_a", "string", "Label of its bin"),
        Column("factor_b", "string", "Second factor, by name"),
        Column("value_b", "string", "Label of its bin"),
        N_ROWS,
        Column(
            "design_effect",
            "double",
            "How many times more counts vary since labels come in images (1: they come alone), of the cell's class, "
            "else of what all labels of an image share",
            range="[1, inf)",
        ),
        RUN_ID,
    ),
)

BALANCE = Table(
    name="balance",
    doc="Mutual information, corrected for chance, between label and factors, between factors, and per class.",
    key=("kind", "factor_a", "factor_b", "class_name"),
    columns=(
        Column(
            "kind", "string", "label (share of the label's entropy), factors (association), class (one against rest)"
        ),
        Column("factor_a", "string", "The label, or the first factor by name"),
        Column("factor_b", "string", "The factor, or the second factor by name"),
        Column("class_name", "string", "Class against the rest, for kind `class`", nullable=True),
        Column("score", "double", "Chance-adjusted mutual information, normalized", range="[0, 1]"),
        Column("mutual_information", "double", "Mutual information, not corrected", "nat"),
        Column("expected_information", "double", "What chance gives on average; null for neighbors", "nat", "", True),
        Column("p_value", "double", "Of independence, Pearson's test; null for neighbors", nullable=True),
        Column(
            "adjusted_pvalue", "double", "p-value after Benjamini-Hochberg over the rows of the kind", nullable=True
        ),
        Column("method", "string", "table (own levels), linfoot (both cut into bins) or neighbors (raw values)"),
        Column("threshold", "double", "Score above which a row is flagged"),
        Column("is_flagged", "boolean", "Imbalanced (label, class) or correlated (factors): score > threshold"),
        N_ROWS,
        RUN_ID,
    ),
)

DIVERSITY = Table(
    name="diversity",
    doc="How evenly the values of each factor are filled, over all and within each class.",
    key=("factor", "class_name"),
    columns=(
        FACTOR,
        Column("class_name", "string", "Class; null for all", nullable=True),
        Column("diversity", "double", "Diversity index", range="[0, 1]"),
        Column("method", "string", "simpson or shannon"),
        Column("bins", "int", "Bins filled in the whole dataset"),
        Column("filled_bins", "int", "Bins filled here"),
        Column("threshold", "double", "Diversity at or below which it is low"),
        Column("is_low", "boolean", "diversity <= threshold"),
        N_ROWS,
        RUN_ID,
    ),
)

PARITY = Table(
    name="parity",
    doc="Is the label independent of a factor: G-test, bias-corrected Cramér's V, Pearson's test.",
    key=("factor",),
    columns=(
        FACTOR,
        Column("score", "double", "Cramér's V from the G statistic, corrected for bias", range="[0, 1]"),
        Column("p_value", "double", "Of the G-test (Yates's correction for 2 x 2)", range="[0, 1]"),
        Column("adjusted_pvalue", "double", "robust_p_value after Benjamini-Hochberg over the factors", "", "[0, 1]"),
        Column("g_statistic", "double", "Log-likelihood ratio statistic"),
        Column("degrees_of_freedom", "int", "(rows - 1)(columns - 1)"),
        Column("pearson_statistic", "double", "Pearson's chi-square, without correction"),
        Column("pearson_p_value", "double", "Its p-value", range="[0, 1]"),
        Column("robust_p_value", "double", "Pearson's p-value, that also holds with small counts", range="[0, 1]"),
        Column("cramers_v", "double", "Cramér's V from Pearson's, not corrected", range="[0, 1]"),
        Column("low_expected_cells", "int", "Cells of which fewer than 5 rows are expected"),
        Column(
            "insufficient",
            "array<struct<value: string, class_name: string, n: bigint>>",
            "Cells with 1 to 4 rows, on which conclusions cannot rest; sorted",
        ),
        Column("is_significant", "boolean", "score and robust_p_value are beyond their thresholds"),
        N_ROWS,
        RUN_ID,
    ),
)

FACTOR_TESTS = Table(
    name="factor_tests",
    doc=(
        "Do the values of a numeric factor differ between classes: Kruskal-Wallis over all of them, Kolmogorov-Smirnov "
        "of each against the rest."
    ),
    key=("factor", "test", "class_name"),
    columns=(
        FACTOR,
        Column("test", "string", "kruskal_wallis or kolmogorov_smirnov"),
        Column("class_name", "string", "Class against the rest; null for all classes", nullable=True),
        Column("statistic", "double", "H, corrected for ties, or D"),
        Column("p_value", "double", "Of the statistic where classes do not differ", range="[0, 1]"),
        Column("adjusted_pvalue", "double", "p-value after Benjamini-Hochberg over the rows of the test", "", "[0, 1]"),
        Column("effect_size", "double", "kruskal_wallis: H / (n - 1); kolmogorov_smirnov: D", range="[0, 1]"),
        Column("degrees_of_freedom", "int", "Classes less 1; null for kolmogorov_smirnov", nullable=True),
        Column("location", "double", "Value at which the class and the rest differ most", nullable=True),
        N_ROWS,
        Column("n_rest", "bigint", "Labelled things of the other classes", "rows", nullable=True),
        RUN_ID,
    ),
)
