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
        Column("step", "string", "Step that found it: confident_learning or label_neighbors"),
        Column("source", "string", "Model, or encoder whose neighbours they are"),
        IMAGE_ID,
        LABELED,
        Column("class_name", "string", "Class it is labelled as"),
        Column.optional("suggested_class", "string", "Class it more likely is; null where the neighbours disagree"),
        Column.optional("second_class", "string", "Another class about as likely"),
        LABEL_SCORE,
        Column(
            "is_bound", "boolean", "The score is a lower bound: the list of neighbours is too short (distance_ratio)"
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
        Column("step", "string", "Step that scored it: confident_learning or label_neighbors"),
        Column("source", "string", "Model, or encoder whose neighbours they are"),
        Column("method", "string", "Rule of the score: self_confidence; votes or distance_ratio"),
        IMAGE_ID,
        LABELED,
        Column("class_name", "string", "Class it is labelled as"),
        Column.optional("suggested_class", "string", "Another class that is more likely, where there is one"),
        LABEL_SCORE,
        Column("rank", "bigint", "1 is the worst of its step and source; equal scores are ordered by id"),
        Column.share(
            "precision",
            "Estimated share of wrong labels in the best list that ends here or later; null: no estimate",
            nullable=True,
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
        Column.share("share", "Estimated count over all labels"),
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
        Column.share("threshold", "Probability from which the model is confident of the class", nullable=True),
        Column("confident_count", "bigint", "Labels of the class whose true class the model is confident of", "labels"),
        Column.share("noise_rate", "Share of its labels that are another class's", nullable=True),
        Column.share("lower", "95 % interval of Wilson, on the confident ones: lower end", nullable=True),
        Column.share("upper", "Upper end", nullable=True),
        Column.share("inverse_noise_rate", "Share of its true members labelled otherwise", nullable=True),
        RUN_ID,
    ),
)

OBJECT_LABEL_ERRORS = Table(
    name="object_label_errors",
    doc="Boxes that are likely missing, of the wrong class or badly placed by what a model predicts.",
    key=("rule", "model", "image_id", "target_index", "predicted_index"),
    columns=(
        IMAGE_ID,
        TARGET_INDEX,
        Column.optional("predicted_index", "int", "Predicted box at a place without a label"),
        MODEL,
        Column("rule", "string", "overlooked, swapped, badly_located"),
        Column.optional("class_name", "string", "Class of the labelled (overlooked: of the predicted) box"),
        Column.optional("other_class", "string", "swapped: the other class"),
        Column.optional("box", BOX_TYPE, "The labelled (overlooked: predicted) box", "pixel"),
        Column("score", "double", "Quality by ObjectLab, lower is worse"),
        Column("threshold", "double", "Score at or below which it is an error"),
        RUN_ID,
    ),
)

BOX_FINDINGS = Table(
    name="box_findings",
    doc="Labelled boxes that are odd in themselves: double, of two classes, tiny, or without an inside.",
    key=("rule", "image_id", "target_index"),
    columns=(
        IMAGE_ID,
        LABELED,
        Column("rule", "string", "duplicate_box, conflicting_box, tiny_box, degenerate_box"),
        Column.optional("class_name", "string", "Class of the box"),
        Column.optional("other_class", "string", "conflicting_box: the other class"),
        Column.optional("box", BOX_TYPE, "The box", "pixel"),
        Column("score", "double", "Overlap of duplicates and conflicts; pixels of the others"),
        Column("threshold", "double", "Score from which (tiny, degenerate: at or below which) it is listed"),
        RUN_ID,
    ),
)

IMAGE_LABEL_QUALITY = Table(
    name="image_label_quality",
    doc="How well the boxes of an image agree with a model's (ObjectLab): 1 is clean, 0 is wrong.",
    key=("model", "image_id"),
    columns=(
        MODEL,
        IMAGE_ID,
        Column.share("score", "Geometric mean of the three below"),
        Column.share("overlooked", "Soft minimum over predicted boxes where nothing is labelled"),
        Column.share("swapped", "Soft minimum over labelled boxes: is the class right"),
        Column.share("badly_located", "Soft minimum over labelled boxes: is the place right"),
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
        Column.optional("class_name", "string", "Class against all others; null for all classes"),
        Column.optional("rater_a", "string", "First rater of a pair; null for all raters"),
        Column.optional("rater_b", "string", "Second rater of a pair; null for all raters"),
        Column.optional(
            "value", "double", "1: full agreement, 0: chance; null where chance alone agrees", range="[-1, 1]"
        ),
        Column.optional("lower", "double", "95 % interval: lower end"),
        Column.optional("upper", "double", "Upper end"),
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
        Column.share("probability", "Its probability"),
        Column("is_conflict", "boolean", "Not all raters chose the same class"),
        Column.optional("given_class", "string", "Class in `targets`"),
        Column.optional("differs", "boolean", "The given class is not the consensus"),
        RUN_ID,
    ),
)

RATER_QUALITY = Table(
    name="rater_quality",
    doc="How good each rater is, overall (class null) and on each class.",
    key=("rater", "class_name"),
    columns=(
        Column("rater", "string", "Rater"),
        Column.optional("class_name", "string", "True class by Dawid and Skene; null for all"),
        Column("n", "double", "Expected number of their labels on things of the class", "labels"),
        Column.share("accuracy", "Expected share of them that is right", nullable=True),
        Column.share("lower", "95 % interval of Wilson: lower end", nullable=True),
        Column.share("upper", "Upper end", nullable=True),
        Column.optional("confused_with", "string", "Class they most often say instead"),
        Column.share("confusion", "How often they do", nullable=True),
        Column.share("agreement", "Share of others' labels on the same things that are equal", nullable=True),
        RUN_ID,
    ),
)

LABELLING_QUEUE = Table(
    name="labelling_queue",
    doc="Images to label next: those whose label would teach most, some of them by two people.",
    key=("image_id",),
    columns=(
        Column("rank", "bigint", "1 is next"),
        IMAGE_ID,
        Column.share("priority", "Product of the three below"),
        Column.share("uncertainty", "Entropy of the predicted probabilities over ln C; 1 unknown"),
        Column.share("novelty", "d / (d + mean d), d: distance to the nearest labelled image; 1 unknown"),
        Column.share("class_deficit", "1 - labels of the predicted class over 1 + those of the largest class"),
        Column.optional("predicted_class", "string", "Class predicted"),
        Column("raters_wanted", "int", "1, or 2 where the label is to be checked by a second person"),
        RUN_ID,
    ),
)

LABEL_COVERAGE = Table(
    name="label_coverage",
    doc="Labels per class of an ontology and in all below it, and how many more there should be.",
    key=("kind", "concept"),
    columns=(
        Column(
            "kind", "string", "concept; of a label: unmatched (no class of the ontology) or ambiguous (several classes)"
        ),
        Column("concept", "string", "Class of the ontology, or the label"),
        Column("parents", "array<string>", "Classes directly above; of an ambiguous label the classes it may be"),
        Column.optional("depth", "int", "Steps of the longest way from the top"),
        Column("direct_count", "bigint", "Labels of just this class", "labels"),
        Column.optional("subtree_count", "bigint", "Labels of this class and all below", "labels"),
        Column.optional("leaves", "int", "Classes without others below, from here down"),
        Column.optional("covered_leaves", "int", "Number of these with labels"),
        Column.optional("children", "int", "Classes directly below"),
        Column.optional("covered_children", "int", "Number of these with labels, or with labels below"),
        Column.optional("is_dark", "boolean", "The top of a branch that has no labels"),
        Column.share("leaf_share", "Share of the labels on leaves; null where not a leaf", nullable=True),
        Column.share("expected_share", "Share of all labels that a leaf should have", nullable=True),
        Column.optional("deficit", "bigint", "Labels that a leaf lacks for that share", "labels"),
        RUN_ID,
    ),
)

LABEL_RECONCILIATION = Table(
    name="label_reconciliation",
    doc="The counterpart of each current class among the classes of the reference, and the classes that have gone.",
    key=("run_id", "reference", "current", "current_class", "reference_class"),
    columns=(
        Column("window", WINDOW_TYPE, "Capture times of the current data; where unknown the time of the run"),
        Column("reference", "string", "Data whose classes are wanted: dataset=NAME, split=NAME or a snapshot"),
        Column("current", "string", "Data whose classes are looked up"),
        Column.optional("current_class", "string", "Class of the current labels; null for one that has vanished"),
        Column.optional("reference_class", "string", "Its counterpart in the reference; null where unknown"),
        Column(
            "relation",
            "string",
            "same, mapped, equivalent, narrower (a kind of it), broader (the reverse), unknown, vanished",
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
        Column.optional("class_name", "string", "Class; null for the whole dataset"),
        Column("label_count", "bigint", "Labels (boxes or image labels)", "labels"),
        Column("image_count", "bigint", "Images with at least one such label", "images"),
        Column.share("label_share", "Share of all labels"),
        Column.share("image_share", "Share of all live images"),
        Column.optional("labels_per_image", "double", "Labels per image that has one"),
        Column("max_labels_per_image", "bigint", "Most such labels in one image"),
        Column("class_count", "bigint", "Classes present: 1 for a class row"),
        Column.optional("images_without_labels", "bigint", "Live images without any label; null for a class"),
        Column.optional("imbalance_ratio", "double", "Most labelled class over least; null for a class"),
        Column.optional(
            "cooccurrence",
            "array<struct<class_name: string, image_count: bigint>>",
            "Other classes in the same images, with the number of images, sorted by name; null for the dataset",
        ),
        Column.optional("effective_classes", "double", "exp of the entropy of the label shares; null for a class"),
        Column.optional(
            "class_weight",
            "double",
            "Weight that balances classes: labels / (classes x labels of it); null for the dataset",
        ),
        RUN_ID,
    ),
)

BOX_HEATMAP = Table(
    name="box_heatmap",
    doc="Where boxes lie in their images: a grid over all images, whatever their sizes, for each class and for all.",
    key=("class_name", "row", "column"),
    columns=(
        Column.optional("class_name", "string", "Class; null for all boxes"),
        Column("grid", "int", "Number of rows of the grid, and of its columns"),
        Column("row", "int", "Row of the tile, 0 at the top"),
        Column("column", "int", "Column of the tile, 0 at the left"),
        Column("boxes", "bigint", "Boxes that cover a part of the tile"),
        Column("centers", "bigint", "Boxes whose centre lies in the tile"),
        Column.share("share", "Share of the boxes of the class that cover a part of the tile"),
        RUN_ID,
    ),
)
