"""Tables of the bias analyses: factors and their bins, associations of factors, and predictors of the label."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import IMAGE_ID, RUN_ID

FACTOR = Column("factor", "string", "Factor: a metadata column, or a property of the image, the box or the time")
EXAMPLES_TYPE = "array<struct<image_id: string, value: double>>"
N_ROWS = Column("n", "bigint", "Labelled things counted", "rows")
CUT_RULES = ("uniform_width", "uniform_count", "clusters", "count", "given")
"""Rules of `bin_edges` that cut a range into bins; the other factors have levels of their own."""

FACTOR_BINS = Table(
    name="factor_bins",
    doc=(
        "Every labelled thing (a box, or an image with its label), and every image without labels, with the bin of "
        "each of its factors: `bins['weather']` is a bin of `bin_edges`."
    ),
    key=("image_id", "target_index"),
    columns=(
        IMAGE_ID,
        Column.optional("target_index", "int", "Labelled thing in the image, from 0; null without labels"),
        Column.optional("class_name", "string", "Its class; null without labels"),
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
        Column.optional("lower", "double", "Smallest value that belongs to the bin; null without bound"),
        Column.optional("upper", "double", "Value from which the next bin begins; null without bound"),
        Column("label", "string", "Name of the bin; unique in its factor"),
        Column(
            "rule", "string", "uniform_width, uniform_count, clusters, count, given; not cut: discrete, categorical"
        ),
        Column("level", "string", "image or target: the thing that the factor describes, and per which it counts once"),
        Column("n", "bigint", "Images or targets in the bin when the edges were made", "rows"),
        Column.optional("minimum", "double", "Smallest value seen in the bin"),
        Column.optional("maximum", "double", "Largest value seen in the bin"),
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
            "Factor by which counts vary more because labels share images (1: they do not): that of the cell's class, "
            "else that of values that all labels of an image share",
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
        Column("kind", "string", "label (share of its entropy), factors (association), class (one against the rest)"),
        Column("factor_a", "string", "The label, or the first factor by name"),
        Column("factor_b", "string", "The factor, or the second factor by name"),
        Column.optional("class_name", "string", "Class against the rest, for kind `class`"),
        Column.share("score", "Chance-adjusted mutual information, normalized"),
        Column("mutual_information", "double", "Mutual information, not corrected", "nat"),
        Column.optional("expected_information", "double", "Average by chance alone; null for neighbors", "nat"),
        Column.optional("p_value", "double", "p-value of Pearson's test of independence; null for neighbors"),
        Column.optional("adjusted_pvalue", "double", "p-value after Benjamini-Hochberg over the rows of the kind"),
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
        Column.optional("class_name", "string", "Class; null for all"),
        Column.share("diversity", "Diversity index"),
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
    doc="Tests whether the label is independent of each factor: G-test, bias-corrected Cramér's V, Pearson's test.",
    key=("factor",),
    columns=(
        FACTOR,
        Column.share("score", "Effect size: Cramér's V from the G statistic, corrected for bias"),
        Column.share("p_value", "p-value of the G-test (Yates's correction for 2 x 2)"),
        Column.share("adjusted_pvalue", "robust_p_value after Benjamini-Hochberg over the factors"),
        Column("g_statistic", "double", "Log-likelihood ratio statistic"),
        Column("degrees_of_freedom", "int", "(rows - 1)(columns - 1)"),
        Column("pearson_statistic", "double", "Pearson's chi-square, without correction"),
        Column.share("pearson_p_value", "Its p-value"),
        Column.share("robust_p_value", "Pearson's p-value, that also holds with small counts"),
        Column.share("cramers_v", "Cramér's V from Pearson's, not corrected"),
        Column("low_expected_cells", "int", "Cells of which fewer than 5 rows are expected"),
        Column(
            "insufficient",
            "array<struct<value: string, class_name: string, n: bigint>>",
            "Cells with 1 to 4 rows, too few for a conclusion; sorted",
        ),
        Column("is_significant", "boolean", "robust_p_value is at most its threshold, however weak the association"),
        Column(
            "is_flagged",
            "boolean",
            "Significant and strong: is_significant, and score is at least its threshold",
            formerly="is_significant",
        ),
        N_ROWS,
        RUN_ID,
    ),
)

FACTOR_TESTS = Table(
    name="factor_tests",
    doc=(
        "Tests whether the values of a numeric factor differ between classes: Kruskal-Wallis over all of them, "
        "Kolmogorov-Smirnov of each against the rest."
    ),
    key=("factor", "test", "class_name"),
    columns=(
        FACTOR,
        Column("test", "string", "kruskal_wallis or kolmogorov_smirnov"),
        Column.optional("class_name", "string", "Class against the rest; null for all classes"),
        Column("statistic", "double", "H, corrected for ties, or D"),
        Column.share("p_value", "p-value of the statistic"),
        Column.share("adjusted_pvalue", "p-value after Benjamini-Hochberg over the rows of the test"),
        Column.share("effect_size", "kruskal_wallis: H / (n - 1); kolmogorov_smirnov: D"),
        Column.optional("degrees_of_freedom", "int", "Classes less 1; null for kolmogorov_smirnov"),
        Column.optional("location", "double", "Value at which the class and the rest differ most"),
        N_ROWS,
        Column.optional("n_rest", "bigint", "Labelled things of the other classes", "rows"),
        RUN_ID,
    ),
)

SHORTCUTS = Table(
    name="shortcuts",
    doc="How well each factor alone separates a class from the rest: a model may learn it instead of the object.",
    key=("class_name", "factor"),
    columns=(
        Column("class_name", "string", "Class against the rest"),
        Column("factor", "string", "Factor"),
        Column.optional("value", "string", "For a text: the value whose presence predicts the class best"),
        Column.share(
            "auc",
            "Probability that a value of the class exceeds one of the rest; for a text (1 + share of the class with "
            "the value - share of the rest with it) / 2",
        ),
        Column.share("p_value", "p-value of the Mann-Whitney test, two-sided"),
        Column.share("adjusted_pvalue", "p-value after Benjamini-Hochberg over all rows"),
        Column.share("score", "Chance-adjusted mutual information (kind `class` of balance)", nullable=True),
        Column("n", "bigint", "Values of the class"),
        Column("n_rest", "bigint", "Values of the rest"),
        Column("is_shortcut", "boolean", "AUC or score is beyond its threshold, and the p-value significant"),
        Column(
            "lowest",
            EXAMPLES_TYPE,
            "Up to 3 images of the class with the smallest values; for a text, without the value",
        ),
        Column(
            "highest", EXAMPLES_TYPE, "Up to 3 images of the class with the largest values; for a text, with the value"
        ),
        RUN_ID,
    ),
)


FEATURE_VALUE = Table(
    name="feature_value",
    doc="How much each factor helps to predict the label, alone and beside the others.",
    key=("factor",),
    columns=(
        Column("factor", "string", "Factor"),
        Column("rank", "int", "Place by relevance without redundancy; 1 is the most valuable"),
        Column("verdict", "string", "useful, redundant, useless or constant"),
        Column.share("score", "Chance-adjusted share of the label's entropy (balance)"),
        Column.optional("p_value", "double", "p-value of independence from the label"),
        Column.optional("auc", "double", "Cross-validated AUC of predicting the label from its bin, mean over classes"),
        Column.optional("auc_std", "double", "Standard deviation over the folds"),
        Column("folds", "int", "Folds that had something to predict"),
        Column.share("redundancy", "Largest association with a factor of better rank"),
        Column.optional("redundant_with", "string", "That factor"),
        Column("bins", "int", "Bins that are filled"),
        RUN_ID,
    ),
)


FACTOR_PREDICTORS = Table(
    name="factor_predictors",
    doc="How well each factor predicts which images a rule flags.",
    key=("rule", "factor"),
    columns=(
        Column("rule", "string", "Rule of the findings"),
        Column("factor", "string", "Factor"),
        Column.share("score", "Share of the entropy of being flagged, corrected for chance"),
        Column.share("share", "The same, not corrected"),
        Column.share("p_value", "p-value of Pearson's test of independence"),
        Column.share("adjusted_pvalue", "p-value after Benjamini-Hochberg over all rows"),
        Column("n_flagged", "bigint", "Labelled things of flagged images", "rows"),
        Column("n", "bigint", "All labelled things", "rows"),
        Column("explains", "boolean", "score is above its threshold and the adjusted p-value at most 0.05"),
        RUN_ID,
    ),
)

COVERAGE_GAPS = Table(
    name="coverage_gaps",
    doc=(
        "Combinations of factor values with too few rows although each of their parts has enough: the maximal "
        "uncovered patterns, the most general first, then those with most rows missing."
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
