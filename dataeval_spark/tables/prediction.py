"""Tables about what predicts the label: shortcuts, the value of features, and models that know nothing else."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import RUN_ID
from dataeval_spark.tables.shift import WINDOW_TYPE

_EXAMPLES = "array<struct<image_id: string, value: double>>"

SHORTCUTS = Table(
    name="shortcuts",
    doc="Does one factor alone tell a class from the rest: a model may learn it instead of the thing itself.",
    key=("class_name", "factor"),
    columns=(
        Column("class_name", "string", "Class against the rest"),
        Column("factor", "string", "Factor"),
        Column("value", "string", "Of a text: the value whose presence tells most of the class", nullable=True),
        Column(
            "auc",
            "double",
            "Chance that a value of the class is above one of the rest; of a text (1 + share of the class that has the "
            "value - share of the rest) / 2",
            range="[0, 1]",
        ),
        Column("p_value", "double", "Of the Mann-Whitney test, two-sided", range="[0, 1]"),
        Column("adjusted_pvalue", "double", "p-value after Benjamini-Hochberg over all rows", range="[0, 1]"),
        Column("score", "double", "Chance-adjusted mutual information (kind `class` of balance)", "", "[0, 1]", True),
        Column("n", "bigint", "Values of the class"),
        Column("n_rest", "bigint", "Values of the rest"),
        Column("is_shortcut", "boolean", "AUC or score is beyond its threshold, and the p-value significant"),
        Column(
            "lowest", _EXAMPLES, "Images of the class with the smallest values, up to 3; of a text without the value"
        ),
        Column("highest", _EXAMPLES, "Images of the class with the largest values, up to 3; of a text with the value"),
        RUN_ID,
    ),
)

FEATURE_VALUE = Table(
    name="feature_value",
    doc="What each factor is worth for predicting the label, alone and beside the others.",
    key=("factor",),
    columns=(
        Column("factor", "string", "Factor"),
        Column("rank", "int", "Place by relevance without redundancy; 1 is the most valuable"),
        Column("verdict", "string", "useful, redundant, useless or constant"),
        Column("score", "double", "Chance-adjusted share of the label's entropy (balance)", range="[0, 1]"),
        Column("p_value", "double", "Of independence from the label", nullable=True),
        Column(
            "auc", "double", "Cross-validated AUC of predicting the label from its bin, mean over classes", "", "", True
        ),
        Column("auc_std", "double", "Standard deviation over the folds", nullable=True),
        Column("folds", "int", "Folds that had something to predict"),
        Column("redundancy", "double", "Largest association with a factor of better rank", range="[0, 1]"),
        Column("redundant_with", "string", "That factor", nullable=True),
        Column("bins", "int", "Bins that are filled"),
        RUN_ID,
    ),
)

LABEL_PARITY = Table(
    name="label_parity",
    doc="Difference of the labels of two parts of the data: one row per class, and one with class null for the test.",
    key=("run_id", "reference", "current", "class_name"),
    columns=(
        Column("window", WINDOW_TYPE, "Capture times of the current data; where unknown the time of the run"),
        Column("reference", "string", "What was compared with: dataset=NAME, split=NAME or a snapshot"),
        Column("current", "string", "What was compared: dataset=NAME, split=NAME or a snapshot"),
        Column("class_name", "string", "Class; null for all classes together", nullable=True),
        Column("reference_count", "bigint", "Labels of the reference", "labels"),
        Column("current_count", "bigint", "Labels of the current data", "labels"),
        Column("reference_share", "double", "Share of the reference's labels", range="[0, 1]"),
        Column("current_share", "double", "Share of the current labels", range="[0, 1]"),
        Column(
            "status",
            "string",
            "in both, vanished (not in the current data), new, or in neither (only in expected_shares); null for all",
            nullable=True,
        ),
        Column("expected_count", "double", "Current labels that the test expects; null for all", "labels", "", True),
        Column(
            "is_low_expected",
            "boolean",
            "Fewer than 5 labels of the class are expected on a side (against fixed shares: expected or there), so "
            "that p_value is rough; null for all",
            nullable=True,
        ),
        Column(
            "method",
            "string",
            "two samples, fixed distribution (expected_shares), or dataeval (compat); null per class",
            nullable=True,
        ),
        Column(
            "chi_squared",
            "double",
            "Pearson's statistic; against fixed shares infinite with a class that has none; null per class",
            nullable=True,
        ),
        Column("p_value", "double", "Its p-value by the chi-square distribution; null per class", "", "[0, 1]", True),
        Column(
            "design_effect",
            "double",
            "How many times more the statistic varies because images hold several labels; 1 where none does",
            nullable=True,
        ),
        Column(
            "robust_p_value",
            "double",
            "p-value that allows for small expected counts and for several labels per image; null with compat",
            range="[0, 1]",
            nullable=True,
        ),
        Column("total_variation", "double", "Half the sum of differences of shares; null per class", nullable=True),
        Column("l_infinity", "double", "Largest difference of shares; null per class", nullable=True),
        Column("low_count_classes", "int", "Classes with is_low_expected; null per class", nullable=True),
        Column("threshold", "double", "robust p-value (with compat the p-value) below which the labels differ"),
        Column(
            "is_different", "boolean", "robust_p_value (with compat p_value) < threshold; null per class", nullable=True
        ),
        RUN_ID,
    ),
    write="append",
)

NULL_MODEL = Table(
    name="null_model",
    doc="What a model reaches on the current labels that knows nothing but how often the reference has each class.",
    key=("run_id", "reference", "current", "predictor"),
    columns=(
        Column("window", WINDOW_TYPE, "Capture times of the current data; where unknown the time of the run"),
        Column("reference", "string", "Labels that it knows"),
        Column("current", "string", "Labels to predict"),
        Column("predictor", "string", "uniform_random, dominant_class or proportional_random"),
        Column("accuracy", "double", "Expected share of right predictions", range="[0, 1]"),
        Column("precision_macro", "double", "Mean over the classes of the current data", range="[0, 1]"),
        Column("precision_micro", "double", "Over all one-against-rest decisions", range="[0, 1]"),
        Column("recall_macro", "double", "Mean over the classes of the current data", range="[0, 1]"),
        Column("recall_micro", "double", "Over all one-against-rest decisions", range="[0, 1]"),
        Column("false_positive_rate_macro", "double", "Mean over the classes of the current data", range="[0, 1]"),
        Column("false_positive_rate_micro", "double", "Over all one-against-rest decisions", range="[0, 1]"),
        Column("accuracy_macro", "double", "One-against-rest accuracy, mean over the classes", range="[0, 1]"),
        Column("accuracy_micro", "double", "One-against-rest accuracy over all decisions", range="[0, 1]"),
        RUN_ID,
    ),
    write="append",
)

FACTOR_PREDICTORS = Table(
    name="factor_predictors",
    doc="Which factors explain a kind of finding: how much each tells about the images that are flagged.",
    key=("rule", "factor"),
    columns=(
        Column("rule", "string", "Rule of the findings"),
        Column("factor", "string", "Factor"),
        Column("score", "double", "Share of the entropy of being flagged, corrected for chance", range="[0, 1]"),
        Column("share", "double", "The same, not corrected", range="[0, 1]"),
        Column("p_value", "double", "Of independence, Pearson's test", range="[0, 1]"),
        Column("adjusted_pvalue", "double", "p-value after Benjamini-Hochberg over all rows", range="[0, 1]"),
        Column("n_flagged", "bigint", "Labelled things of flagged images", "rows"),
        Column("n", "bigint", "All labelled things", "rows"),
        Column("explains", "boolean", "score is above its threshold and the adjusted p-value at most 0.05"),
        RUN_ID,
    ),
)
