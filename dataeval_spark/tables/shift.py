"""Tables of the comparisons of one dataset with another."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import RUN_ID, WINDOW_TYPE

TEST_TYPE = "struct<statistic: double, pvalue: double>"


DRIFT_METRICS = Table(
    name="drift_metrics",
    doc=(
        "Difference of each column between a reference and the current data. The first 22 columns bear the names "
        "of Databricks data profiling, so that its dashboards and alerts work."
    ),
    key=("run_id", "reference", "current", "slice_key", "slice_value", "column_name"),
    columns=(
        Column("window", WINDOW_TYPE, "Capture times of the current data; where unknown the time of the run"),
        Column.later("granularity", "string", "length of the windows, where there are several"),
        Column("monitor_version", "bigint", "Version of this table's definition"),
        Column.later("slice_key", "string", "expression that defines the slice (null: all rows)"),
        Column.later("slice_value", "string", "value of the slice (null: all rows)"),
        Column("column_name", "string", "Statistic compared"),
        Column("data_type", "string", "Its type"),
        Column.later("window_cmp", WINDOW_TYPE, "window compared with, where it is no baseline"),
        Column("drift_type", "string", "BASELINE or CONSECUTIVE"),
        Column("count_delta", "double", "Current count of values minus the reference's"),
        Column.optional("avg_delta", "double", "Current mean minus the reference's"),
        Column.optional("percent_null_delta", "double", "Difference in the percentage of nulls", "percent"),
        Column.optional("percent_zeros_delta", "double", "Difference in the percentage of zeros", "percent"),
        Column.optional(
            "percent_distinct_delta", "double", "Difference in the percentage of distinct values", "percent"
        ),
        Column.later("non_null_columns_delta", "struct<added: int, missing: int>", "columns gained and lost"),
        Column.later("js_distance", "double", "Jensen-Shannon distance of categorical columns"),
        Column.optional("ks_test", TEST_TYPE, "Two-sample Kolmogorov-Smirnov test, two-sided"),
        Column.optional("wasserstein_distance", "double", "Area between the two distribution functions"),
        Column.later("population_stability_index", "double", "index over binned values"),
        Column.later("chi_squared_test", TEST_TYPE, "test of categorical columns"),
        Column.later("tv_distance", "double", "total variation distance of categorical columns"),
        Column.later("l_infinity_distance", "double", "largest difference of shares of categorical columns"),
        Column("reference", "string", "Data compared with: dataset=NAME, split=NAME or a snapshot"),
        Column("current", "string", "Data compared: dataset=NAME, split=NAME or a snapshot"),
        Column("reference_count", "bigint", "Values of the reference"),
        Column("current_count", "bigint", "Values of the current data"),
        Column.optional("adjusted_pvalue", "double", "p-value after Benjamini-Hochberg over all columns"),
        Column("threshold", "double", "Adjusted p-value below which the column has drifted"),
        Column.optional("drift_detected", "boolean", "adjusted_pvalue < threshold"),
        Column.optional(
            "evidence",
            "array<struct<item_id: string, score: double>>",
            "Images of the current data whose values lie farthest beyond the reference",
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
        Column("reference", "string", "Data compared with: dataset=NAME, split=NAME or a snapshot"),
        Column("current", "string", "Data compared: dataset=NAME, split=NAME or a snapshot"),
        Column("factor", "string", "Numeric factor"),
        Column("distance", "double", "Wasserstein distance / interquartile range of the reference"),
        Column.share("statistic", "Kolmogorov-Smirnov statistic"),
        Column.share("location", "Where it is attained, from the smallest value to the largest"),
        Column.share(
            "p_value", "p-value of the two-sided Kolmogorov-Smirnov test; allows for several things per image"
        ),
        Column.share("adjusted_pvalue", "p-value after Benjamini-Hochberg over all factors"),
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
        Column("reference", "string", "Data compared with: dataset=NAME, split=NAME or a snapshot"),
        Column("current", "string", "Data compared: dataset=NAME, split=NAME or a snapshot"),
        Column.optional("class_name", "string", "Class; null for all classes together"),
        Column("reference_count", "bigint", "Labels of the reference", "labels"),
        Column("current_count", "bigint", "Labels of the current data", "labels"),
        Column.share("reference_share", "Share of the reference's labels"),
        Column.share("current_share", "Share of the current labels"),
        Column.optional(
            "status", "string", "in both, vanished, new, or in neither (named in expected_shares alone); null for all"
        ),
        Column.optional("expected_count", "double", "Current labels that the test expects; null for all", "labels"),
        Column.optional(
            "is_low_expected",
            "boolean",
            "Fewer than 5 labels of the class are expected on a side (against fixed shares: expected or present), so "
            "that p_value is rough; null for all",
        ),
        Column.optional(
            "method", "string", "two samples, fixed distribution (expected_shares) or dataeval (compat); null per class"
        ),
        Column.optional(
            "chi_squared",
            "double",
            "Pearson's statistic; infinite where a class without expected share occurs; null per class",
        ),
        Column.share("p_value", "Its p-value by the chi-square distribution; null per class", nullable=True),
        Column.optional(
            "design_effect",
            "double",
            "Factor by which the statistic varies more because images hold several labels; 1 where none does",
        ),
        Column.share(
            "robust_p_value",
            "p-value that allows for small counts and several labels per image; null with compat",
            nullable=True,
        ),
        Column.optional("total_variation", "double", "Half the sum of differences of shares; null per class"),
        Column.optional("l_infinity", "double", "Largest difference of shares; null per class"),
        Column.optional("low_count_classes", "int", "Classes with is_low_expected; null per class"),
        Column("threshold", "double", "robust p-value (with compat the p-value) below which the labels differ"),
        Column.optional("is_different", "boolean", "robust_p_value (with compat p_value) < threshold; null per class"),
        RUN_ID,
    ),
    write="append",
)


NULL_MODEL = Table(
    name="null_model",
    doc="Scores on the current labels of models that only know how often each class occurs in the reference.",
    key=("run_id", "reference", "current", "predictor"),
    columns=(
        Column("window", WINDOW_TYPE, "Capture times of the current data; where unknown the time of the run"),
        Column("reference", "string", "Labels that the predictor knows"),
        Column("current", "string", "Labels to predict"),
        Column("predictor", "string", "uniform_random, dominant_class or proportional_random"),
        Column.share("accuracy", "Expected share of right predictions"),
        Column.share("precision_macro", "Mean over the classes of the current data"),
        Column.share("precision_micro", "Over all one-against-rest decisions"),
        Column.share("recall_macro", "Mean over the classes of the current data"),
        Column.share("recall_micro", "Over all one-against-rest decisions"),
        Column.share("false_positive_rate_macro", "Mean over the classes of the current data"),
        Column.share("false_positive_rate_micro", "Over all one-against-rest decisions"),
        Column.share("accuracy_macro", "One-against-rest accuracy, mean over the classes"),
        Column.share("accuracy_micro", "One-against-rest accuracy over all decisions"),
        RUN_ID,
    ),
    write="append",
)
