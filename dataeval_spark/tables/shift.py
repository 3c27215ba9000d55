"""Tables of the comparisons of one dataset with another."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import RUN_ID, WINDOW_TYPE

TEST_TYPE = "struct<statistic: double, pvalue: double>"


def _not_yet(name: str, type: str, doc: str) -> Column:
    return Column(name, type, doc, nullable=True)


DRIFT_METRICS = Table(
    name="drift_metrics",
    doc=(
        "Difference of each column between a reference and the current data. The first 22 columns bear the names "
        "of Databricks data profiling, so that its dashboards and alerts work."
    ),
    key=("run_id", "reference", "current", "slice_key", "slice_value", "column_name"),
    columns=(
        Column("window", WINDOW_TYPE, "Capture times of the current data; where unknown the time of the run"),
        Column("granularity", "string", "Length of the windows; null when there is only one", nullable=True),
        Column("monitor_version", "bigint", "Version of this table's definition"),
        Column("slice_key", "string", "Expression that defines the slice; null for all rows", nullable=True),
        Column("slice_value", "string", "Value of the slice; null for all rows", nullable=True),
        Column("column_name", "string", "Statistic compared"),
        Column("data_type", "string", "Its type"),
        Column("window_cmp", WINDOW_TYPE, "Window compared with; null for a baseline", nullable=True),
        Column("drift_type", "string", "BASELINE or CONSECUTIVE"),
        Column("count_delta", "double", "Current count of values minus the reference's"),
        Column("avg_delta", "double", "Current mean minus the reference's", nullable=True),
        Column("percent_null_delta", "double", "Difference in the percentage of nulls", "percent", nullable=True),
        Column("percent_zeros_delta", "double", "Difference in the percentage of zeros", "percent", nullable=True),
        Column(
            "percent_distinct_delta", "double", "Difference in the percentage of distinct values", "percent", "", True
        ),
        _not_yet("non_null_columns_delta", "struct<added: int, missing: int>", "Set for the table row only"),
        _not_yet("js_distance", "double", "Jensen-Shannon distance; set for categorical columns"),
        Column("ks_test", TEST_TYPE, "Two-sample Kolmogorov-Smirnov test, two-sided", nullable=True),
        Column("wasserstein_distance", "double", "Area between the two distribution functions", nullable=True),
        _not_yet("population_stability_index", "double", "Set by the drift analyses that bin"),
        _not_yet("chi_squared_test", TEST_TYPE, "Set for categorical columns"),
        _not_yet("tv_distance", "double", "Total variation distance; set for categorical columns"),
        _not_yet("l_infinity_distance", "double", "Largest difference of shares; set for categorical columns"),
        Column("reference", "string", "What was compared with: dataset=NAME, split=NAME or a snapshot"),
        Column("current", "string", "What was compared: dataset=NAME, split=NAME or a snapshot"),
        Column("reference_count", "bigint", "Values of the reference"),
        Column("current_count", "bigint", "Values of the current data"),
        Column("adjusted_pvalue", "double", "p-value after Benjamini-Hochberg over all columns", nullable=True),
        Column("threshold", "double", "Adjusted p-value below which the column has drifted"),
        Column("drift_detected", "boolean", "adjusted_pvalue < threshold", nullable=True),
        Column(
            "evidence",
            "array<struct<item_id: string, score: double>>",
            "Images of the current data whose values lie farthest beyond the reference",
            nullable=True,
        ),
        RUN_ID,
    ),
    write="append",
)

FEATURE_DISTANCE = Table(
    name="feature_distance",
    doc="How far the values of each numeric factor lie apart in two parts of the data, the farthest first.",
    key=("run_id", "reference", "current", "factor"),
    columns=(
        Column("window", WINDOW_TYPE, "Capture times of the current data; where unknown the time of the run"),
        Column("reference", "string", "What was compared with: dataset=NAME, split=NAME or a snapshot"),
        Column("current", "string", "What was compared: dataset=NAME, split=NAME or a snapshot"),
        Column("factor", "string", "Numeric factor"),
        Column("distance", "double", "Wasserstein distance / interquartile range of the reference"),
        Column("statistic", "double", "Kolmogorov-Smirnov statistic", range="[0, 1]"),
        Column("location", "double", "Where it is attained, from the smallest value to the largest", "", "[0, 1]"),
        Column(
            "p_value",
            "double",
            "Of the Kolmogorov-Smirnov test, two-sided; allows for several things per image",
            range="[0, 1]",
        ),
        Column("adjusted_pvalue", "double", "p-value after Benjamini-Hochberg over all factors", range="[0, 1]"),
        Column("reference_count", "bigint", "Values of the reference"),
        Column("current_count", "bigint", "Values of the current data"),
        RUN_ID,
    ),
    write="append",
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
