"""Tables of the splits: the part of each image, deviations from the wanted counts, and leaks."""

from dataclasses import replace

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import IMAGE_ID, RUN_ID

SPLIT_NAME = Column("split_name", "string", "Name of the split; `given` for the column `split` of `images`")
REPEAT = Column("repeat", "int", "Repetition with another shuffle, from 0")
FOLD = Column.optional("fold", "int", "Fold over time, each a partition of its own, from 0; null where there is one")
PARTITION = (SPLIT_NAME, REPEAT, FOLD)

SPLITS = Table(
    name="splits",
    doc="The splits of the images, and how they were made.",
    key=("split_name",),
    columns=(
        SPLIT_NAME,
        Column("method", "string", "Rule by which it was made"),
        Column("options", "string", "Options, as JSON"),
        Column("guarded", "array<string>", "Guarded parts: every reading needs a reason", formerly="holdout"),
        Column("images", "bigint", "Images with a part", "images"),
        Column("excluded", "bigint", "Images left out: in a gap, without a capture time, or torn from their unit"),
        Column.optional("units", "bigint", "Sets of images that stay together; null for splits over time"),
        Column.share("largest_deviation", "Largest |deviation| in `split_strata`", nullable=True),
        Column("notes", "array<string>", "Requests that could not be met, in sentences"),
        Column("created_at", "timestamp", "When it was made, UTC"),
        RUN_ID,
    ),
    scope="split_name",
)

SPLIT_ASSIGNMENTS = Table(
    name="split_assignments",
    doc=(
        "The part of each image. With K folds the parts are `fold_0` ...: an image is tested in its fold and trains "
        "all the others. With folds over time an image has a row per fold that it has a part in."
    ),
    key=("split_name", "repeat", "fold", "image_id"),
    columns=(
        *PARTITION,
        IMAGE_ID,
        Column("split", "string", "train, validation, test (or as named), fold_0 ..., or excluded"),
        Column("unit_id", "string", "Images that stay together: same groups or duplicates of one another"),
        Column.optional("stratum", "string", "Strata of the image, by name; null where it has none"),
        Column("reason", "string", "Why it is there"),
        RUN_ID,
    ),
    scope="split_name",
)

SPLIT_STRATA = Table(
    name="split_strata",
    doc="Labels or images of each stratum: the number wanted in each part, and the number that it has.",
    key=("split_name", "repeat", "fold", "split", "stratum"),
    columns=(
        *PARTITION,
        Column("split", "string", "Part"),
        Column.optional("stratum", "string", "Class or factor value, as name=value; null for the images"),
        Column("wanted", "double", "Labels (or images) wanted", "labels"),
        Column("got", "bigint", "Labels (or images) it has", "labels"),
        Column("deviation", "double", "(got - wanted) / all labels of the stratum", range="[-1, 1]"),
        Column.optional("units", "bigint", "Units that have the stratum, in all parts together"),
        Column.optional("note", "string", "Why the wanted number cannot be reached, where that is so"),
        RUN_ID,
    ),
    scope="split_name",
)

SPLIT_LEAKAGE = Table(
    name="split_leakage",
    doc="Images that tie two parts of a split together: duplicates of one another, or of one group.",
    key=("split_name", "repeat", "fold", "kind", "image_id_a", "image_id_b"),
    columns=(
        *PARTITION,
        Column("kind", "string", "Kind of duplicate pair, duplicate_group, or the grouping factor as group:<factor>"),
        Column("image_id_a", "string", "Image in the one part: the first of its part in the set that is torn"),
        Column("image_id_b", "string", "Image in the other"),
        Column("split_a", "string", "Part of the one"),
        Column("split_b", "string", "Part of the other"),
        Column.optional("value", "string", "Group that both belong to; null for pairs"),
        RUN_ID,
    ),
)

SPLIT_DIFFERENCES = Table(
    name="split_differences",
    doc=(
        "How far the parts of a split are from one another: each part from `train`, or from the rest where there is no "
        "such part."
    ),
    key=("split_name", "repeat", "fold", "kind", "subject", "split_a", "split_b"),
    columns=(
        *PARTITION,
        Column("kind", "string", "label, factor, time, adversarial_factors or adversarial_embeddings"),
        Column("subject", "string", "class_name, the factor, captured_at, or the encoder"),
        Column("split_a", "string", "Part compared"),
        Column("split_b", "string", "Compared with: train, or rest"),
        Column.share("total_variation", "Half the sum of |p - q| (label, factor)", nullable=True),
        Column.share("l_infinity", "Largest |p - q| (label, factor)", nullable=True),
        Column.share("jensen_shannon", "Jensen-Shannon distance, base 2 (label, factor)", nullable=True),
        Column.optional("chi_square", "double", "Pearson's statistic (label, factor)"),
        Column.optional(
            "design_effect",
            "double",
            "Factor by which counts vary more because images hold several labels or boxes; 1 where none does",
        ),
        Column.share("auc", "How well the parts can be told apart, cross-validated (adversarial)", nullable=True),
        Column.optional("auc_lower", "double", "Lower end of its 95 % interval"),
        Column.optional("auc_upper", "double", "Upper end of its 95 % interval"),
        Column.share("overlap", "Share of split_a that is no later than the last of split_b (time)", nullable=True),
        Column.optional("p_value", "double", "p-value of no difference: by chi_square / design_effect, or by the AUC"),
        Column.optional("adjusted_pvalue", "double", "p-value after Benjamini-Hochberg over the split's rows"),
        Column.optional("top", "array<string>", "Factors that separate the parts, the strongest first"),
        Column("n_a", "bigint", "Labels, things or images compared in split_a"),
        Column("n_b", "bigint", "Labels, things or images compared in split_b"),
        Column("is_flagged", "boolean", "The difference is significant and larger than the threshold"),
        RUN_ID,
    ),
)

PART_BIAS = Table(
    name="part_bias",
    doc="Bias within each part of a split: label against factor, and how evenly each factor is filled.",
    key=("split_name", "fold", "split", "factor"),
    columns=(
        SPLIT_NAME,
        FOLD,
        Column("split", "string", "Part"),
        Column("factor", "string", "Factor, cut as in `bin_edges`"),
        Column.share("score", "Share of the label's entropy that the factor removes, beyond chance"),
        Column("mutual_information", "double", "Mutual information of label and factor, not corrected", "nat"),
        Column.share("p_value", "p-value of Pearson's test of independence"),
        Column.share("adjusted_pvalue", "p-value after Benjamini-Hochberg over the part's factors"),
        Column.share("cramers_v", "Cramér's V from the G statistic, corrected for bias"),
        Column.share("diversity", "Simpson's index of diversity of the factor"),
        Column("bins", "int", "Bins of the factor that are filled in any part of the split"),
        Column("filled_bins", "int", "Bins filled in this part"),
        Column("n", "bigint", "Labelled things of the part", "rows"),
        Column("is_flagged", "boolean", "The score is above the threshold, and significant"),
        RUN_ID,
    ),
)

SPLIT_REPRESENTATIVENESS = replace(
    SPLIT_DIFFERENCES,
    name="split_representativeness",
    doc="How far the parts of a split are from the images it should be like: `split_b` is that reference.",
    scope="split_name",
)

SPLIT_REPAIRS = Table(
    name="split_repairs",
    doc="The fewest moves after which no duplicates or groups are in two parts of a split.",
    key=("split_name", "repeat", "fold", "image_id"),
    columns=(
        *PARTITION,
        IMAGE_ID,
        Column("from_split", "string", "Part it is in"),
        Column("to_split", "string", "Part it should be in: that of most images it is tied to"),
        Column("unit_id", "string", "The images it is tied to, by the smallest id"),
        RUN_ID,
    ),
)
