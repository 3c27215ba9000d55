"""Options of the verbs, each declared once: flags, configuration, checks and docs/options.md follow from here.

Options of the analyses are the keyword-only parameters of their functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, ClassVar, Literal, TypeVar, get_type_hints

from dataeval_spark.errors import ConfigError, OptionError
from dataeval_spark.option_checks.ranges import RANGES, within
from dataeval_spark.option_checks.types import choices, expected

ENGINES = ("auto", "embedded", "spark")
IngestFormat = Literal["folder", "coco", "voc", "yolo", "webdataset", "table"]
ExportFormat = Literal["folder", "coco", "yolo", "voc", "parquet", "webdataset"]
BoxFormat = Literal["xywh", "xyxy"]
Metric = Literal["euclidean", "cosine", "inner_product"]
DrawnMethod = Literal["random", "stratified", "group", "stratified_group", "leave_one_group_out"]
SplitMethod = Literal[DrawnMethod, "time", "test_value", "hash"]
# The functions of `dataeval_spark.verbs.select.operations`, in the order in which help lists them.
OPERATION_NAMES = (
    *("datasets", "split", "where", "classes", "relabel", "drop_duplicates", "drop_outliers", "drop_findings"),
    *("drop_unreadable", "balance", "stratified_sample", "shuffle", "limit", "indices"),
)
# The steps of `dataeval_spark.analyses.steps`, sorted; help does not load them.
STEP_NAMES = (
    *("balance", "box_findings", "box_heatmap", "clusters", "completeness", "confident_learning", "contingency"),
    *("coverage", "coverage_gaps", "diversity", "duplicate_evaluation", "duplicates", "embedding_health"),
    *("embedding_scores", "factor_bins", "factor_predictors", "factor_tests", "feature_value", "image_findings"),
    *("image_values", "label_coverage", "label_neighbors", "label_stats", "labelling_queue", "neighbors"),
    *("normalization", "object_label_errors", "outliers", "parity", "part_bias", "prioritization", "raters"),
    *("shortcuts", "split_differences", "split_leakage"),
)
COMPARISON_NAMES = ("drift_univariate", "feature_distance", "label_parity", "label_reconciliation", "null_model")
ENCODER_FORMS = (
    *("hog_color", "thumbnail", "torchscript:PATH", "torch_export:PATH", "onnx:PATH"),
    *("timm:NAME", "torchvision:NAME", "python:MODULE:FACTORY"),
)
MAX_PIXELS = 178_956_970
"""Twice Pillow's own MAX_IMAGE_PIXELS: where Pillow itself refuses an image."""
IMAGE_SECONDS = 60.0
IMAGE_BYTES = 2 * 2**30

Options = TypeVar("Options")


def option(default: Any, text: str, *, metavar: str | None = None, has_flag: bool = True) -> Any:
    """A field of a verb's options.

    Parameters
    ----------
    default : object
        Value where the option is not given.
    text : str
        Description, for ``--help`` and docs/options.md.
    metavar : str, optional
        Name of the value in ``--help``; default one that suits the type.
    has_flag : bool
        The command line has a flag for it; without one it is set by ``--set`` or a configuration file.
    """
    return field(default=default, metadata={"text": text, "metavar": metavar, "has_flag": has_flag})


# An option of `--set` and configuration files only.
setting = partial(option, has_flag=False)
# The same option of several verbs.
opening = partial(
    option,
    None,
    "Reason for reading a guarded part, written to table `runs`; without a reason it is not read.",
    metavar="REASON",
)


@dataclass(frozen=True, kw_only=True)
class IngestOptions:
    """Bring the tables of images, labels and metadata up to date with a source."""

    section: ClassVar[str] = "ingest"

    format: IngestFormat | None = option(
        None, "Format of the source. By default the format that SOURCE and the annotations clearly have, else folder."
    )
    annotations: str | None = option(
        None,
        "COCO JSON file; folder with Pascal VOC or YOLO files, where they are not below SOURCE; YOLO's data set file.",
        metavar="PATH",
    )
    metadata: str | None = option(
        None,
        "CSV, TSV, JSON-lines or parquet file with a path column; its other columns become factors.",
        metavar="FILE",
    )
    dataset: str | None = option(None, "Name of the dataset. By default the last name of SOURCE.", metavar="NAME")
    split: str | None = option(
        None, "Part, such as train, of the images that the source assigns to none.", metavar="NAME"
    )
    glob: str | None = option(
        None, "Pattern of relative paths of files to take, image or not; '**/*' is every file.", metavar="PATTERN"
    )
    limit: int | None = option(None, "Number of images to take, the first by path. By default all.")
    keep_bytes: bool = option(False, "Copy the files' bytes into the table instead of keeping references.")
    replace: bool = option(False, "Remove the dataset's images that came from another source.")
    timezone: str = option("UTC", "Time zone, such as Europe/Berlin, of capture times without one.", metavar="TZ")
    voc_one_based: bool = option(False, "Pascal VOC boxes count pixels from 1: subtract 1 from xmin and ymin.")
    box_format: BoxFormat = option(
        "xywh",
        "Numbers of a box in a table's column of objects, in pixels: left, top, width, height; or the corners.",
        metavar="FORMAT",
    )
    layout: str | None = option(
        None,
        "Meaning of the folders above the images, from the top, such as class, split/class or -/class; a folder - "
        "means nothing. For format folder; by default what their names show.",
        metavar="LEVELS",
    )
    label_column: str | None = option(
        None, "Column with the class, in a table or the metadata. By default one of a usual name.", metavar="NAME"
    )
    id_column: str | None = option(
        None, "Column with the image's id, in a table or the metadata. By default one of a usual name.", metavar="NAME"
    )
    path_column: str | None = option(
        None,
        "Column with the image's path, in a table or the metadata. By default one of a usual name.",
        metavar="NAME",
    )
    image_column: str | None = option(None, "Column of a table with the bytes of the images.", metavar="NAME")
    encoding: str | None = option(
        None, "Encoding, such as cp1252, of a table or metadata file. By default it is detected from the bytes."
    )


@dataclass(frozen=True, kw_only=True)
class PredictionOptions:
    """Read the predictions of one model; its earlier predictions are replaced."""

    section: ClassVar[str] = "ingest"

    model: str = option("", "Name of the model; required.", metavar="NAME")
    ids: str | None = option(
        None,
        "File with the image ids of the rows of a .npy file: a text file with one per line, or a .npy of texts.",
        metavar="FILE",
    )
    class_names: Sequence[str] | str | None = option(
        None,
        "Class of each position of the probabilities: a text file with one per line, or (in Python) a list. By default "
        "what the file says, else the classes of the labels in the order of their names, where they are as many.",
        metavar="FILE",
    )
    dataset: str | None = option(None, "Dataset whose images the ids are relative to.", metavar="NAME")
    tolerance: float = setting(1e-3, "Greatest difference between the sum of the probabilities and 1.")
    timezone: str = option("UTC", "Time zone, such as Europe/Berlin, of times without one.", metavar="TZ")


@dataclass(frozen=True, kw_only=True)
class RatingOptions:
    """Read the labels that several people gave to the same things; earlier ones of the same file are replaced."""

    section: ClassVar[str] = "ingest"

    raters: Sequence[str] | str | None = option(
        None,
        "Columns of a file with one column per person, separated by commas. By default a row is one rating.",
        metavar="A,B",
    )
    dataset: str | None = option(None, "Dataset whose images the ids are relative to.", metavar="NAME")
    timezone: str = option("UTC", "Time zone, such as Europe/Berlin, of times without one.", metavar="TZ")


@dataclass(frozen=True, kw_only=True)
class ProfileOptions:
    """Measure the images that are new or changed."""

    section: ClassVar[str] = "profile"

    encoder: str | None = option(
        None,
        "Encoder that embeds each image, and each box with per_target: "
        f"{', '.join(ENCODER_FORMS)} (docs/encoders.md). By default there are no vectors.",
        metavar="NAME",
    )
    per_target: bool = setting(True, "Measure boxes too.")
    max_pixels: int = setting(
        MAX_PIXELS,
        "Most pixels of an image; larger ones are refused before they are decoded (decompression bombs). The frames "
        "or pages of a file are all part of its content hash up to so many pixels together.",
    )
    timezone: str = setting("UTC", "Time zone, such as Europe/Berlin, of capture times in EXIF data without one.")
    channel_groups: Mapping[str, Sequence[int]] | None = setting(
        None, "Channels to measure together as well, by a name: table `channel_group_stats`."
    )
    background: bool = setting(False, "Measure the pixels that no box covers: table `background_stats`.")
    value_range: Sequence[float] | None = setting(
        None, "Lowest and highest value of pixels, where the values of an image do not tell them (signed data)."
    )
    compat: str | None = setting(None, "'dataeval' adds DataEval's own hash of pixels, to compare with its results.")
    statistics: Sequence[str] = setting(
        (), "Functions of your own, 'module:function': columns `custom_*` of `image_stats`."
    )
    image_timeout: float = setting(
        IMAGE_SECONDS, "Most seconds for one image; an image that takes longer is unreadable."
    )
    image_memory: int = setting(
        IMAGE_BYTES,
        "Bytes of memory that one image may take where it is decoded in a process of its own: large images, and all "
        "of a task that is tried again. On Linux only.",
    )
    batch_size: int | None = setting(
        None, "Most images that go to the encoder's device at once. By default a number that suits the encoder."
    )
    device: str = setting(
        "auto", "Device of the encoder: 'auto' (the task's GPU, else any visible, else the CPU), 'cpu' or 'cuda:N'."
    )
    half_precision: bool = setting(False, "Let the encoder compute in 16 bits on a GPU.")
    images_per_commit: int = setting(
        100_000, "Images after which the tables are written; a run that is killed loses no more than that."
    )


@dataclass(frozen=True, kw_only=True)
class AnalyzeOptions:
    """Options of `analyze`, `compare` and `run` beside those of their steps."""

    section: ClassVar[str] = "analyze"

    open_guarded: str | None = opening()


@dataclass(frozen=True, kw_only=True)
class SplitOptions:
    """Assign the images to the parts of a split; an image keeps the part that it had."""

    section: ClassVar[str] = "split"

    method: SplitMethod = option(
        "stratified_group", "Rule of assignment; hash is for more images than the driver can hold."
    )
    fractions: Mapping[str, float] | None = option(
        None,
        "Share of the images of each part; they sum to 1. By default train=0.7 validation=0.1 test=0.2.",
        metavar="PART=SHARE",
    )
    folds: int | None = option(
        None, "Number of equal parts, instead of fractions; with method time, folds over time.", metavar="K"
    )
    repeats: int = option(1, "Number of assignments, each with another shuffle.")
    shuffle: bool = option(
        True, "Shuffle the images first; otherwise they are taken in the order of their ids, as scikit-learn does."
    )
    seed: int = option(0, "Seed of the shuffle.")
    group_by: Sequence[str] = option(
        (), "Columns of `factors`, dataset or source: images with equal values stay together.", metavar="FACTOR"
    )
    duplicates: bool = option(True, "Keep duplicates together, where table `duplicate_pairs` has been filled.")
    stratify_by: Sequence[str] = option(
        ("class_name",),
        "class_name and factors of `factor_bins` whose shares are to be equal in all parts.",
        metavar="FACTOR",
    )
    combined: bool = option(False, "Stratify by each combination of the values.")
    test_value: str | None = option(
        None,
        "Value of a column of `factors`, dataset or source whose images are the last part; for method test_value.",
        metavar="FACTOR=VALUE",
    )
    gap: int = option(0, "Number of images left out before a part; for method time.")
    horizon: float = option(
        0.0, "Seconds from an image's capture time until its label is known; for method time.", metavar="SECONDS"
    )
    test_size: int | None = option(None, "Number of images of each test part; for method time with folds.")
    max_train: int | None = option(None, "Most images to train on; for method time with folds.")
    target: str | None = option(
        None,
        "Dataset whose shares of strata every part but the first is to have; its images are in no part.",
        metavar="dataset=NAME",
    )
    images: str | None = option(None, "Dataset to split. By default all images.", metavar="dataset=NAME")
    guard: Sequence[str] = option((), "Parts to guard: every reading of a guarded part needs a reason.", metavar="PART")
    renew: bool = option(False, "Assign all images anew.")


@dataclass(frozen=True, kw_only=True)
class SelectOptions:
    """Select images by a recipe and save them under a name."""

    section: ClassVar[str] = "select"

    open_guarded: str | None = opening()


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """Write images with their labels, splits and metadata to a folder or to object storage."""

    section: ClassVar[str] = "export"

    format: ExportFormat = option("coco", "Format to write.")
    selection: str | None = option(None, "Name of a selection. By default all images.", metavar="NAME")
    version: int | None = option(None, "Version of the selection. By default the newest.")
    split: str | None = option(
        None, "Name of a split whose parts replace those of the source; images in no part are left out.", metavar="NAME"
    )
    samples_per_shard: int = option(1000, "Number of samples in each file of webdataset or parquet.")
    with_lost_labels: bool = option(
        False, "Write an image as one without labels where none of its labels can be read, or written in the format."
    )
    drop_unreadable: bool = option(
        True, "Leave out images that `profile` could not read; else they are copied as they are, if they have a size."
    )
    unlabelled_folder: str | None = option(
        None, "Folder for images without a class, for `folder`. By default they are left out.", metavar="NAME"
    )
    replace: bool = option(False, "Remove an earlier export from the folder first.")
    open_guarded: str | None = opening()


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """Find the images that are most like a given one."""

    section: ClassVar[str] = "search"

    k: int = option(10, "Number of images to find.")
    metric: Metric = option("cosine", "Measure of distance between vectors.")
    encoder: str | None = option(
        None, "Encoder whose vectors are compared; needed where several encoders have been used.", metavar="NAME"
    )


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """Write the HTML report."""

    section: ClassVar[str] = "report"

    snapshot: str | None = option(
        None, "Name of a snapshot to report on. By default the tables as they are now.", metavar="NAME"
    )


# Verbs with a section in a configuration file.
CONFIGURED = {
    kind.section: kind
    for kind in (IngestOptions, ProfileOptions, SplitOptions, SelectOptions, ExportOptions, ReportOptions)
}


def options_from(kind: type[Options], values: Mapping[str, Any]) -> Options:
    """Options of a verb from their names and values.

    Raises
    ------
    ConfigError
        There is no such option; the message has the nearest name.
    OptionError
        An option cannot have the value.

    Examples
    --------
    >>> options_from(SearchOptions, {"k": 3})
    SearchOptions(k=3, metric='cosine', encoder=None)
    """
    section: str = kind.section  # type: ignore[attr-defined]
    hints = get_type_hints(kind)
    names = [each.name for each in fields(kind)]  # type: ignore[arg-type]
    for name, value in values.items():
        if name not in names:
            raise ConfigError.unknown("option", name, names, section)
        if isinstance(value, str) and not value.strip():
            raise OptionError(f"{section}.{name} is empty.\nHint: leave it out, or give it a value")
        if words := expected(value, hints[name]):
            raise OptionError(f"{section}.{name} is {value!r}; expected {words}.")
        if value is not None and (full_name := f"{section}.{name}") in RANGES:
            within(full_name, value)
        allowed = choices(hints[name])
        if allowed and value is not None:
            OptionError.unless_one_of(f"{section}.{name}", value, allowed)
    # A list of a configuration file is equal to the tuple that is a default.
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def changed(options: Any) -> dict[str, Any]:
    """Options that are not at their defaults."""
    values = {each: getattr(options, each.name) for each in fields(options)}
    return {each.name: value for each, value in values.items() if value != each.default}
