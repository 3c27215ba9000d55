"""Tables of the label analyses: distribution of the labels, doubted labels and agreement of raters."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import BOX_TYPE, IMAGE_ID, LABELED, MODEL, RUN_ID, TARGET_INDEX, WINDOW_TYPE

LABEL_SCORE = Column(
    "score",
    "double",
    "Probability of the given class, by the model or by the labels of the neighbours: lower is worse. With method "
    "distance_ratio: mean distance to the nearest of its class over that to the nearest of others, higher is worse",
)

LABEL_ERRORS = Table(
    name="label_errors",
    doc="Labels that are likely wrong, worst first: by predicted probabilities, or by the nearest neighbours.",
    key=("step", "source", "image_id", "target_index"),
    columns=(
        Column("step", "string", "How it was found: confident_learning or label_neighbors"),
        Column("source", "string", "Model, or encoder whose neighbours they are"),
        IMAGE_ID,
        LABELED,
        Column("class_name", "string", "Class it is labelled as"),
        Column(
            "suggested_class", "string", "Class it more likely is; null where the neighbours disagree", "", "", True
        ),
        Column("second_class", "string", "Another class about as likely", nullable=True),
        LABEL_SCORE,
        Column(
            "is_bound",
            "boolean",
            "The score is a lower bound: the neighbours that are known do not reach further (distance_ratio)",
        ),
        Column("rank", "bigint", "1 is the worst of its step and source"),
        RUN_ID,
    ),
    scope="step",
)

LABEL_SCORES = Table(
    name="label_scores",
    doc="How doubtful each label is, the worst first, listed in `label_errors` or not.",
    key=("step", "source", "image_id", "target_index"),
    columns=(
        Column("step", "string", "What compared it: confident_learning or label_neighbors"),
        Column("source", "string", "Model, or encoder whose neighbours they are"),
        Column("method", "string", "How: self_confidence; votes or distance_ratio"),
        IMAGE_ID,
        LABELED,
        Column("class_name", "string", "Class it is labelled as"),
        Column("suggested_class", "string", "Another class that is more likely, where there is one", nullable=True),
        LABEL_SCORE,
        Column("rank", "bigint", "1 is the worst of its step and source; equal scores are ordered by id"),
        Column(
            "precision",
            "double",
            "Share of wrong labels, by estimate, of the best list that ends here or later; null where it is not "
            "estimated",
            "",
            "[0, 1]",
            True,
        ),
        RUN_ID,
    ),
    scope="step",
)

CONFIDENT_JOINT = Table(
    name="confident_joint",
    doc="How many labels of one class are estimated to be another one's. Pairs without any are left out.",
    key=("model", "class_name", "true_class"),
    columns=(
        MODEL,
        Column("class_name", "string", "Class they are labelled as"),
        Column("true_class", "string", "Class they are estimated to be"),
        Column("confident_count", "bigint", "Labels whose true class the model is confident of", "labels"),
        Column("estimated_count", "bigint", "Estimate for all labels of the class; these sum to them", "labels"),
        Column("share", "double", "Estimated count over all labels", range="[0, 1]"),
        RUN_ID,
    ),
)

CLASS_NOISE = Table(
    name="class_noise",
    doc="Share of wrong labels per class, estimated by confident learning.",
    key=("model", "class_name"),
    columns=(
        MODEL,
        Column("class_name", "string", "Class"),
        Column("label_count", "bigint", "Labels of the class that the model has predicted", "labels"),
        Column("threshold", "double", "Probability from which the model is confident of the class", "", "[0, 1]", True),
        Column("confident_count", "bigint", "Labels of the class whose true class the model is confident of", "labels"),
        Column("noise_rate", "double", "Share of its labels that are another class's", "", "[0, 1]", True),
        Column("lower", "double", "95 % interval of Wilson, on the confident ones: lower end", "", "[0, 1]", True),
        Column("upper", "double", "Upper end", "", "[0, 1]", True),
        Column("inverse_noise_rate", "double", "Share of its true members labelled otherwise", "", "[0, 1]", True),
        RUN_ID,
    ),
)

OBJECT_LABEL_ERRORS = Table(
    name="object_label_errors",
    doc=(
        "Boxes that are likely missing, of the wrong class or badly placed by what a model predicts, and boxes that "
        "are odd in themselves."
    ),
    key=("step", "rule", "model", "image_id", "target_index", "predicted_index"),
    columns=(
        Column("step", "string", "How it was found: object_label_errors or box_findings"),
        IMAGE_ID,
        TARGET_INDEX,
        Column("predicted_index", "int", "Predicted box that nothing is labelled at", nullable=True),
        Column("model", "string", "Model that predicted; null for what the labels alone show", nullable=True),
        Column(
            "rule",
            "string",
            "overlooked, swapped, badly_located; duplicate_box, conflicting_box, tiny_box, degenerate_box",
        ),
        Column("class_name", "string", "Class of the labelled (overlooked: of the predicted) box", nullable=True),
        Column("other_class", "string", "swapped, conflicting_box: the other class", nullable=True),
        Column("box", BOX_TYPE, "The labelled (overlooked: predicted) box", "pixel", nullable=True),
        Column("score", "double", "Quality by ObjectLab, lower is worse; overlap or pixels for the other rules"),
        Column("threshold", "double", "Score at or below which (duplicates, conflicts: from which) it is an error"),
        RUN_ID,
    ),
    scope="step",
)

IMAGE_LABEL_QUALITY = Table(
    name="image_label_quality",
    doc="How well the boxes of an image agree with a model's (ObjectLab): 1 is clean, 0 is wrong.",
    key=("model", "image_id"),
    columns=(
        MODEL,
        IMAGE_ID,
        Column("score", "double", "Geometric mean of the three below", range="[0, 1]"),
        Column("overlooked", "double", "Soft minimum over predicted boxes where nothing is labelled", range="[0, 1]"),
        Column("swapped", "double", "Soft minimum over labelled boxes: is the class right", range="[0, 1]"),
        Column("badly_located", "double", "Soft minimum over labelled boxes: is the place right", range="[0, 1]"),
        Column("is_error", "boolean", "Some box of it is in `object_label_errors`"),
        RUN_ID,
    ),
)


LABEL_AGREEMENT = Table(
    name="label_agreement",
    doc="How far raters agree beyond chance: all together, per class (against the rest), and per pair of raters.",
    key=("statistic", "class_name", "rater_a", "rater_b"),
    columns=(
        Column("statistic", "string", "krippendorff_alpha, fleiss_kappa, cohen_kappa or percent_agreement"),
        Column("class_name", "string", "Class against all others; null for all classes", nullable=True),
        Column("rater_a", "string", "First rater of a pair; null for all raters", nullable=True),
        Column("rater_b", "string", "Second rater of a pair; null for all raters", nullable=True),
        Column(
            "value", "double", "1 is full agreement, 0 is chance; null where chance alone agrees", "", "[-1, 1]", True
        ),
        Column("lower", "double", "95 % interval: lower end", nullable=True),
        Column("upper", "double", "Upper end", nullable=True),
        Column("n", "bigint", "Things that at least two raters (of the pair: both) labelled"),
        RUN_ID,
    ),
)

LABEL_CONSENSUS = Table(
    name="label_consensus",
    doc="One label per thing from what several raters said, and how sure it is.",
    key=("image_id", "target_index"),
    columns=(
        IMAGE_ID,
        LABELED,
        Column("raters", "int", "Raters who labelled it"),
        Column("majority_class", "string", "Class most of them chose; of equally frequent ones the commoner over all"),
        Column("majority_share", "double", "Share who chose it", range="(0, 1]"),
        Column("is_tie", "boolean", "Another class was chosen as often"),
        Column("consensus_class", "string", "Most probable class by Dawid and Skene"),
        Column("probability", "double", "Its probability", range="[0, 1]"),
        Column("is_conflict", "boolean", "Not all raters chose the same class"),
        Column("given_class", "string", "Class in `targets`", nullable=True),
        Column("differs", "boolean", "The given class is not the consensus", nullable=True),
        RUN_ID,
    ),
)

RATER_QUALITY = Table(
    name="rater_quality",
    doc="How good each rater is, overall (class null) and on each class.",
    key=("rater", "class_name"),
    columns=(
        Column("rater", "string", "Rater"),
        Column("class_name", "string", "True class by Dawid and Skene; null for all", nullable=True),
        Column("n", "double", "Expected number of their labels on things of the class", "labels"),
        Column("accuracy", "double", "Expected share of them that is right", "", "[0, 1]", True),
        Column("lower", "double", "95 % interval of Wilson: lower end", "", "[0, 1]", True),
        Column("upper", "double", "Upper end", "", "[0, 1]", True),
        Column("confused_with", "string", "Class they most often say instead", nullable=True),
        Column("confusion", "double", "How often they do", "", "[0, 1]", True),
        Column("agreement", "double", "Share of others' labels on the same things that are equal", "", "[0, 1]", True),
        RUN_ID,
    ),
)

LABELLING_QUEUE = Table(
    name="labelling_queue",
    doc="What to label next: the images whose label would teach most, some of them by two people.",
    key=("image_id",),
    columns=(
        Column("rank", "bigint", "1 is next"),
        IMAGE_ID,
        Column("priority", "double", "Product of the three below", range="[0, 1]"),
        Column("uncertainty", "double", "Entropy of the predicted probabilities over ln C; 1 unknown", range="[0, 1]"),
        Column(
            "novelty",
            "double",
            "d / (d + mean d), d: distance to the nearest labelled image; 1 unknown",
            "",
            "[0, 1]",
        ),
        Column(
            "class_deficit",
            "double",
            "1 - labels of the predicted class over 1 + those of the largest class",
            "",
            "[0, 1]",
        ),
        Column("predicted_class", "string", "Class predicted", nullable=True),
        Column("raters_wanted", "int", "1, or 2 where the label is to be checked by a second person"),
        RUN_ID,
    ),
)

LABEL_COVERAGE = Table(
    name="label_coverage",
    doc="Labels per class of an ontology and in all below it, and how many more there should be.",
    key=("kind", "concept"),
    columns=(
        Column("kind", "string", "concept; or unmatched, ambiguous: a label that is no class of it, or may be several"),
        Column("concept", "string", "Class of the ontology, or the label"),
        Column("parents", "array<string>", "Classes directly above; of an ambiguous label the classes it may be"),
        Column("depth", "int", "Steps of the longest way from the top", nullable=True),
        Column("direct_count", "bigint", "Labels of just this class", "labels"),
        Column("subtree_count", "bigint", "Labels of this class and all below", "labels", nullable=True),
        Column("leaves", "int", "Classes without others below, from here down", nullable=True),
        Column("covered_leaves", "int", "Of these with labels", nullable=True),
        Column("children", "int", "Classes directly below", nullable=True),
        Column("covered_children", "int", "Of these with labels, or with labels below", nullable=True),
        Column(
            "is_dark",
            "boolean",
            "The top of a branch that has no labels",
            "",
            "",
            True,
        ),
        Column("leaf_share", "double", "Share of the labels on leaves; null where not a leaf", "", "[0, 1]", True),
        Column("expected_share", "double", "Share of all labels that a leaf should have", "", "[0, 1]", True),
        Column("deficit", "bigint", "Labels that a leaf lacks for that share", "labels", nullable=True),
        RUN_ID,
    ),
)

LABEL_RECONCILIATION = Table(
    name="label_reconciliation",
    doc="What each class of the current labels is among the reference's, and which classes have gone.",
    key=("run_id", "reference", "current", "current_class", "reference_class"),
    columns=(
        Column("window", WINDOW_TYPE, "Capture times of the current data; where unknown the time of the run"),
        Column("reference", "string", "Whose classes are wanted: dataset=NAME, split=NAME or a snapshot"),
        Column("current", "string", "Whose classes are looked up"),
        Column("current_class", "string", "Class of the current labels; null for one that has vanished", nullable=True),
        Column("reference_class", "string", "What it is among the reference's; null where unknown", nullable=True),
        Column(
            "relation",
            "string",
            "same, mapped, equivalent, narrower (a kind of it), broader (it is a kind of this), unknown or vanished",
        ),
        Column("is_safe", "boolean", "The current label may be written as the reference's"),
        Column("current_count", "bigint", "Labels of the current class", "labels"),
        Column("reference_count", "bigint", "Labels of the reference's class", "labels"),
        RUN_ID,
    ),
    write="append",
)

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

BOX_HEATMAP = Table(
    name="box_heatmap",
    doc="Where boxes lie in their images: a grid over all images, whatever their sizes, for each class and for all.",
    key=("class_name", "row", "column"),
    columns=(
        Column("class_name", "string", "Class; null for all boxes", nullable=True),
        Column("grid", "int", "Number of rows of the grid, and of its columns"),
        Column("row", "int", "Row of the tile, 0 at the top"),
        Column("column", "int", "Column of the tile, 0 at the left"),
        Column("boxes", "bigint", "Boxes that cover a part of the tile"),
        Column("centers", "bigint", "Boxes whose centre lies in the tile"),
        Column("share", "double", "Share of the boxes of the class that cover a part of the tile", "", "[0, 1]"),
        RUN_ID,
    ),
)
