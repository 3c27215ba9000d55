"""Label reconciliation: the counterparts of the current data's classes among those of the reference."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.labels.label_coverage import labels_per_class
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract import rows_of_dicts
from dataeval_spark.kernels.labels import label_sets
from dataeval_spark.kernels.labels.ontology import Ontology, read_document, read_ontology
from dataeval_spark.tables.labels import LABEL_RECONCILIATION


def label_reconciliation(
    reference: DataFrame,
    current: DataFrame,
    *,
    reference_name: str,
    current_name: str,
    window: tuple[datetime, datetime],
    mapping: str | Mapping[str, str] | None = None,
    ontology: str | Ontology | None = None,
) -> DataFrame:
    """Find the reference's counterpart of each class of the current labels, and the classes that have gone.

    Parameters
    ----------
    reference, current : DataFrame
        Rows of table ``targets``; labels of unknown class are left out.
    reference_name, current_name : str
        Names of the two, such as ``dataset=old``.
    window : tuple of datetime
        Capture times of the current data.
    mapping : str or mapping, optional
        TOML or JSON file with the reference's name of each current class: ``auto = "car"``.
    ontology : str or Ontology, optional
        File with classes and the kinds that they belong to.

    Returns
    -------
    DataFrame
        Table ``label_reconciliation`` without ``run_id``; its relations are explained in
        :func:`dataeval_spark.kernels.labels.label_sets.reconcile_labels`. The driver holds one row per class.

    Raises
    ------
    OntologyError
        A file cannot be used.

    Examples
    --------
    >>> sides = {"reference_name": "dataset=demo", "current_name": "dataset=later", "window": times}
    >>> rows = label_reconciliation(old_labels, new_labels, mapping={"nought": "zero"}, **sides)
    >>> rows = rows.where("relation != 'same'").orderBy("relation", "reference_class")
    >>> rows.select("current_class", "reference_class", "relation", "is_safe", "current_count").show(3)
    +-------------+---------------+--------+-------+-------------+
    |current_class|reference_class|relation|is_safe|current_count|
    +-------------+---------------+--------+-------+-------------+
    |       nought|           zero|  mapped|   true|            3|
    +-------------+---------------+--------+-------+-------------+
    """
    names = read_document(mapping) if isinstance(mapping, str) else mapping
    if names is not None and not all(isinstance(name, str) for name in names.values()):
        raise OptionError(
            f"label_reconciliation.mapping is {names!r:.200}; expected a class of the reference, as a text, for each "
            'current class.\nHint: a line of the file such as auto = "car"'
        )
    classes = read_ontology(ontology) if isinstance(ontology, str) else ontology
    counts = [
        labels_per_class(
            side.where("class_name IS NOT NULL").groupBy("class_name").agg(F.count("*").alias("label_count"))
        )
        for side in (reference, current)
    ]
    sides: dict[str, Any] = {"window": window, "reference": reference_name, "current": current_name}
    matches = label_sets.reconcile_labels(*counts, mapping=names, ontology=classes)
    return rows_of_dicts(reference, LABEL_RECONCILIATION, [{**sides, **row} for row in matches])
