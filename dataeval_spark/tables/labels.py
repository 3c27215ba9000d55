"""Tables of predictions, and of labels that are doubted because of them or of what lies near."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import BOX_TYPE, IMAGE_ID, RUN_ID, TARGET_INDEX

MODEL = Column("model", "string", "Model that predicted")
LABELED = Column("target_index", "int", "Labelled thing in the image, from 0")

PREDICTIONS = Table(
    name="predictions",
    doc="What models predict: for a classification the probabilities of all classes, for a detection one row per box.",
    key=("image_id", "model", "target_index"),
    columns=(
        IMAGE_ID,
        MODEL,
        Column(
            "target_index",
            "int",
            "Labelled thing that is classified, from 0; of a detection the number of the predicted box in its image",
        ),
        Column("label", "string", "Predicted class"),
        Column("score", "double", "Probability of that class", range="[0, 1]"),
        Column(
            "probabilities",
            "array<double>",
            "Probability of each class, in the order of `prediction_classes`; null for a detection",
            range="[0, 1]",
            nullable=True,
        ),
        Column("box", BOX_TYPE, "Predicted box in the upright image; null for a classification", "pixel", "", True),
        Column("predicted_at", "timestamp", "When it was predicted, UTC, where the file says so", nullable=True),
        RUN_ID,
    ),
    scope="model",
)

PREDICTION_CLASSES = Table(
    name="prediction_classes",
    doc="Which class each position of `predictions.probabilities` is.",
    key=("model", "class_index"),
    columns=(
        MODEL,
        Column("class_index", "int", "Position, from 0"),
        Column("class_name", "string", "Class"),
        RUN_ID,
    ),
    scope="model",
)

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
        Column("rank", "bigint", "1 is the worst of its step and source; equal scores stand in the order of the ids"),
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

ANNOTATIONS = Table(
    name="annotations",
    doc="What each of several people said about a thing.",
    key=("image_id", "target_index", "rater"),
    columns=(
        IMAGE_ID,
        LABELED,
        Column("rater", "string", "Who labelled it"),
        Column("class_name", "string", "Class they chose"),
        Column("box", BOX_TYPE, "Box they drew, where they did", "pixel", nullable=True),
        Column("labelled_at", "timestamp", "When, UTC, where the file says so", nullable=True),
        Column("source", "string", "File that it comes from"),
        RUN_ID,
    ),
    scope="source",
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
