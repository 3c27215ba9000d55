"""Balance of factors that were cut, from their raw values: nearest-neighbour estimates on a seeded sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.bias.bin_edges import CUT_RULES
from dataeval_spark.kernels.factors.factor_codes import from_maps
from dataeval_spark.kernels.factors.mutual_information import entropy
from dataeval_spark.kernels.factors.neighbor_information import neighbor_information, permutation_p_value
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.bias import BALANCE

_ROWS = BALANCE.ddl_without("expected_information", "adjusted_pvalue", "method", "threshold", "is_flagged")
_SCHEMA = arrow_schema(_ROWS)


def sampled(factor_bins: DataFrame, sample: int, seed: int) -> DataFrame:
    """At most ``sample`` rows, chosen by a hash of their key: the same for any order and partitions."""
    key = F.xxhash64(F.lit(seed), "image_id", "target_index")
    return factor_bins.where("class_name IS NOT NULL").orderBy(key, "image_id", "target_index").limit(sample)


def neighbor_balance(
    factor_bins: DataFrame,
    rules: Mapping[str, str],
    *,
    label: str,
    neighbors: int,
    sample: int,
    permutations: int,
    seed: int,
) -> DataFrame:
    r"""Scores of all pairs in which a factor was cut: columns of table ``balance`` that an estimate has.

    Label to factor and class to factor: MI / H of the label (of the class against the rest). Two factors: MI / H of
    the one that was not cut, or :math:`1 - e^{-2 MI}` where both were. One task computes all, on at most ``sample``
    rows.

    Parameters
    ----------
    factor_bins : DataFrame
        Table of that name.
    rules : mapping of str to str
        Rule of each factor.
    label : str
        ``class_name`` or a factor; of a label that was cut the bins are used.
    neighbors, sample, permutations, seed : int
        k, most rows, permutations per p-value (0: none), and the seed of sample, noise and permutations.

    References
    ----------
    DataEval 1.1.4, ``core.mutual_info`` on columns that are no integers.
    """
    rules = dict(rules)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        all_batches = list(batches)
        if all_batches:
            rows = _scores(pa.Table.from_batches(all_batches), rules, label, neighbors, permutations, seed)
            yield pa.RecordBatch.from_pylist(rows, schema=_SCHEMA)

    columns = sampled(factor_bins, sample, seed).select("class_name", "bins", "numbers")
    return columns.coalesce(1).mapInArrow(run, _ROWS)


def _scores(
    table: pa.Table, rules: Mapping[str, str], label: str, neighbors: int, permutations: int, seed: int
) -> list[dict[str, Any]]:
    names, codes = from_maps(pa.concat_arrays(table["bins"].chunks))
    numeric, numbers = from_maps(pa.concat_arrays(table["numbers"].chunks))
    cut = [name for name in names if rules.get(name) in CUT_RULES and name != label and name in numeric]
    values: dict[str, NDArray[Any]] = {name: codes[:, i] for i, name in enumerate(names)}
    values |= {name: numbers[:, numeric.index(name)] for name in cut}
    target = values.pop(label, None)
    if target is None:
        target = np.asarray(table["class_name"].to_pylist(), object)
    of_label = entropy(np.unique(target, return_counts=True)[1])
    rows = []

    def row(
        kind: str, a: str, b: str, name: str | None, information: float, score: float, p_value: float | None
    ) -> None:
        score = float(np.clip(score, 0.0, 1.0))
        entries = (kind, a, b, name, score, information, p_value, table.num_rows)
        rows.append(dict(zip(_SCHEMA.names, entries, strict=True)))

    def measure(a: NDArray[Any], b: NDArray[Any], continuous: tuple[bool, bool]) -> tuple[float, float | None]:
        estimate = neighbor_information(a, b, continuous=continuous, neighbors=neighbors, seed=seed)
        if not permutations:
            return estimate, None
        return estimate, permutation_p_value(
            a, b, estimate, continuous=continuous, permutations=permutations, neighbors=neighbors, seed=seed
        )

    for factor in cut:
        information, p_value = measure(target, values[factor], (False, True))
        row("label", label, factor, None, information, information / of_label if of_label else 0.0, p_value)
        for name in np.unique(target) if label == "class_name" else []:
            is_class = target == name
            information, p_value = measure(is_class, values[factor], (False, True))
            most = entropy(np.unique(is_class, return_counts=True)[1])
            row("class", label, factor, str(name), information, information / most if most else 0.0, p_value)
    for a, b in combinations(sorted(values), 2):
        both = (a in cut, b in cut)
        if any(both):
            information, p_value = measure(values[a], values[b], both)
            if all(both):
                score = -np.expm1(-2 * information)
            else:
                most = entropy(np.unique(values[b] if both[0] else values[a], return_counts=True)[1])
                score = information / most if most else 0.0
            row("factors", a, b, None, information, score, p_value)
    return rows
