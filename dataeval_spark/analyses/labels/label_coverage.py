"""Label coverage: how the labels cover the classes of an ontology."""

from __future__ import annotations

from pyspark.sql import DataFrame

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract import rows_of_dicts
from dataeval_spark.kernels.labels import label_sets
from dataeval_spark.kernels.labels.ontology import Ontology, read_ontology
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.labels import LABEL_COVERAGE

MAX_CLASSES = 100_000


def label_coverage(label_stats: DataFrame, *, ontology: str | Ontology | None = None) -> DataFrame:
    """Count labels per class of an ontology, with and without all classes below it, and the deficit to an even share.

    Parameters
    ----------
    label_stats : DataFrame
        Table of that name.
    ontology : str or Ontology
        TOML or JSON file (required); see :mod:`dataeval_spark.kernels.labels.ontology`.

    Returns
    -------
    DataFrame
        Table ``label_coverage`` without ``run_id``. The driver holds one row per class.

    Raises
    ------
    OntologyError
        The file is no ontology.
    OptionError
        There is no ontology.

    Examples
    --------
    >>> digits = Ontology.from_hierarchy({"even": ["zero", "two"], "odd": ["one", "eleven"]})
    >>> rows = label_coverage(stats, ontology=digits).where("is_dark OR deficit > 0").orderBy("concept")
    >>> rows.select("concept", "direct_count", "is_dark", "deficit").show()
    +-------+------------+-------+-------+
    |concept|direct_count|is_dark|deficit|
    +-------+------------+-------+-------+
    | eleven|           0|  false|     77|
    |    one|          43|  false|     34|
    |    two|          34|  false|     43|
    |   zero|          34|  false|     43|
    +-------+------------+-------+-------+
    """
    if ontology is None:
        raise OptionError("label_coverage.ontology is not given.\nHint: --set label_coverage.ontology=classes.toml")
    classes = read_ontology(ontology) if isinstance(ontology, str) else ontology
    rows = label_stats.where("class_name IS NOT NULL").select("class_name", "label_count")
    coverage = label_sets.label_coverage(labels_per_class(rows), classes)
    return rows_of_dicts(label_stats, LABEL_COVERAGE, coverage)


def labels_per_class(rows: DataFrame) -> dict[str, int]:
    """Number of labels of each class, on the driver, from columns ``class_name`` and ``label_count``."""
    counts = bounded(rows.limit(MAX_CLASSES + 1), "one row per class")
    if len(counts) > MAX_CLASSES:
        raise OptionError(
            f"The labels are of more than {MAX_CLASSES:,} classes; each class is a row on the driver.\n"
            "Hint: merge classes first, by the operation relabel of dataeval-spark select"
        )
    return {row["class_name"]: row["label_count"] for row in counts}
