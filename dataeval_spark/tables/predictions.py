"""Tables of labels from elsewhere: predictions of models and ratings of people."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import BOX_TYPE, IMAGE_ID, LABELED, MODEL, RUN_ID

PREDICTIONS = Table(
    name="predictions",
    doc="Predictions of models: of a classification the probabilities of all classes, of a detection a row per box.",
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
        Column.share("score", "Probability of that class"),
        Column.optional(
            "probabilities",
            "array<double>",
            "Probability of each class, in the order of `prediction_classes`; null for a detection",
            range="[0, 1]",
        ),
        Column.optional("box", BOX_TYPE, "Predicted box in the upright image; null for a classification", "pixel"),
        Column.optional("predicted_at", "timestamp", "When it was predicted, UTC, where the file says so"),
        RUN_ID,
    ),
    scope="model",
)


PREDICTION_CLASSES = Table(
    name="prediction_classes",
    doc="The class of each position in `predictions.probabilities`.",
    key=("model", "class_index"),
    columns=(
        MODEL,
        Column("class_index", "int", "Position, from 0"),
        Column("class_name", "string", "Class"),
        RUN_ID,
    ),
    scope="model",
)

ANNOTATIONS = Table(
    name="annotations",
    doc="Labels that several people gave to the same things.",
    key=("image_id", "target_index", "rater"),
    columns=(
        IMAGE_ID,
        LABELED,
        Column("rater", "string", "Person who gave the label"),
        Column("class_name", "string", "Class they chose"),
        Column.optional("box", BOX_TYPE, "Box they drew, where they did", "pixel"),
        Column.optional("labelled_at", "timestamp", "Time of the label, UTC, where the file says so"),
        Column("source", "string", "File that it comes from"),
        RUN_ID,
    ),
    scope="source",
)
