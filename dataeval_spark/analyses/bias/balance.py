"""Balance: how much the factors reveal of the label, and of one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import combinations
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.bias.contingency import require_label
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.contract import rows_of_dicts
from dataeval_spark.kernels.factors.factor_codes import from_maps
from dataeval_spark.kernels.factors.false_discovery import adjusted_p_values
from dataeval_spark.kernels.factors.independence import independence
from dataeval_spark.kernels.factors.mutual_information import (
    adjusted_association,
    adjusted_share,
    entropy,
    expected_mutual_information,
    mutual_information,
)
from dataeval_spark.kernels.factors.neighbor_information import neighbor_information, permutation_p_value
from dataeval_spark.kernels.factors.pair_counts import LABEL, effect_of, table_of
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.bias import BALANCE, CUT_RULES

Estimator = Literal["table", "neighbors"]
KINDS = ("label", "factors", "class")
_ROWS = BALANCE.ddl_without("adjusted_pvalue", "threshold", "is_flagged")
_SCHEMA = arrow_schema(_ROWS)
_ESTIMATES = BALANCE.ddl_without("expected_information", "adjusted_pvalue", "method", "threshold", "is_flagged")
_ESTIMATES_SCHEMA = arrow_schema(_ESTIMATES)


def balance(
    contingency: DataFrame,
    bin_edges: DataFrame,
    factor_bins: DataFrame | None = None,
    *,
    label: str = LABEL,
    imbalance_threshold: float = 0.3,
    correlation_threshold: float = 0.5,
    estimator: Estimator = "table",
    neighbors: int = 5,
    sample: int = 10_000,
    permutations: int = 0,
    seed: int = 0,
) -> DataFrame:
    r"""Measure mutual information between label and factors, corrected for chance and normalized to [0, 1].

    * kind ``label``: share of the label's entropy that the factor removes, :math:`(MI - EMI) / (H - EMI)`
    * kind ``class``: the same for each class against the rest
    * kind ``factors``: association of two factors; over the smaller entropy of those with levels of their own (method
      ``table``), where both were cut into bins by :math:`(1 - e^{-2(MI-EMI)}) / (1 - e^{-2(\min H - EMI)})` (method
      ``linfoot``)

    EMI is the average over tables of the same margins, so a factor without relation scores about 0, however many
    values it has. p-values are of Pearson's test of independence (`kernels/factors/independence.py`), adjusted by
    Benjamini-Hochberg within each kind; the statistic is divided by the design effect, because boxes of one image are
    often alike. All rows count, exactly. With
    ``estimator="neighbors"`` factors that were cut are scored by their raw values instead (method ``neighbors``): the
    estimates of Kraskov and Ross, on a sample whose size is ``n``.

    Parameters
    ----------
    contingency, bin_edges : DataFrame
        Tables of these names.
    factor_bins : DataFrame, optional
        Table of that name, for ``estimator="neighbors"``.
    label : str
        ``class_name``, or any factor in its place (with ``split``, the differences between splits are measured).
    imbalance_threshold : float in [0, 1]
        Score of kinds ``label`` and ``class`` above which a row is flagged.
    correlation_threshold : float in [0, 1]
        Score of kind ``factors`` above which a row is flagged.
    estimator : {"table", "neighbors"}
        Source of the scores of factors that were cut: their bins, or their raw values.
    neighbors, sample, seed : int
        Nearest neighbours, most rows, and seed of ``estimator="neighbors"``.
    permutations : int
        Permutations of the label (or of one factor) for the p-value of an estimate by neighbours; with 0 it has
        none. One task makes that many estimates for each pair; 199 on a sample of 1,000 take 5 seconds or so a pair.

    Returns
    -------
    DataFrame
        Table ``balance`` without ``run_id``, each pair of factors once. The driver holds the result: pairs of
        factors, and classes x factors.

    Raises
    ------
    OptionError
        An option is unknown or out of range.

    References
    ----------
    Vinh, Epps and Bailey (2010); DataEval 1.1.4, ``bias.Balance``: equal for ``factor_source="coded"``, and for
    ``"auto"`` with ``estimator="neighbors"`` up to the noise of that estimate and the sample.

    Examples
    --------
    >>> rows = balance(counts, edges).where("kind = 'label'").orderBy("score", ascending=False)
    >>> rows.selectExpr("factor_b", "round(score, 2) AS score", "method", "is_flagged").show(3)
    +----------------+-----+------+----------+
    |        factor_b|score|method|is_flagged|
    +----------------+-----+------+----------+
    |box_aspect_ratio| 0.05| table|     false|
    |        exposure| 0.01| table|     false|
    |  box_area_share| 0.01| table|     false|
    +----------------+-----+------+----------+
    only showing top 3 rows
    """
    within("balance.imbalance_threshold", imbalance_threshold)
    within("balance.correlation_threshold", correlation_threshold)
    OptionError.unless_one_of("balance.estimator", estimator, get_args(Estimator))
    within("balance.neighbors", neighbors)
    within("balance.sample", sample)
    within("balance.permutations", permutations)
    if permutations and estimator != "neighbors":
        raise OptionError(
            f"balance.permutations is {permutations} and balance.estimator is {estimator!r}, which permutes nothing.\n"
            "Hint: --set balance.estimator=neighbors, or leave permutations out"
        )
    rules = {
        row["factor"]: row["rule"]
        for row in bounded(bin_edges.select("factor", "rule").distinct(), "one row per factor")
    }
    if label not in rules:
        require_label(contingency, label, "balance.label")
    cut = frozenset(factor for factor, rule in rules.items() if rule in CUT_RULES)
    scored = contingency.where("factor_a != factor_b").groupBy("factor_a", "factor_b")
    frame = scored.applyInArrow(lambda cells: _scores(cells, label, cut), _ROWS)
    rows = {_key(row): row.asDict() for row in bounded(frame, "pairs of factors, and classes x factors")}
    if estimator == "neighbors":
        if factor_bins is None:
            raise OptionError(
                "balance.estimator is 'neighbors', which reads the table factor_bins; it was not given.\n"
                "Hint: balance(contingency, bin_edges, factor_bins, estimator='neighbors')"
            )
        sampled = _sampled(factor_bins, sample, seed)
        how = {"neighbors": neighbors, "permutations": permutations, "seed": seed}
        estimated = map_batches(sampled, lambda batches: _estimates(batches, rules, label, **how), _ESTIMATES)
        for row in bounded(estimated, "pairs of factors, and classes x factors"):
            rows[_key(row)] = {**row.asDict(), "method": "neighbors"}
    thresholds = {"label": imbalance_threshold, "class": imbalance_threshold, "factors": correlation_threshold}
    finished = _finished([rows[key] for key in sorted(rows)], thresholds)
    return rows_of_dicts(contingency, BALANCE, finished)


def _key(row: Any) -> tuple[str, str, str, str]:
    return row["kind"], row["factor_a"], row["factor_b"], row["class_name"] or ""


def _finished(rows: list[dict[str, Any]], thresholds: dict[str, float]) -> list[dict[str, Any]]:
    """Thresholds and adjusted p-values; one family per kind."""
    result: list[dict[str, Any]] = []
    for kind in KINDS:
        of_kind = [row for row in rows if row["kind"] == kind]
        for row, p_value in zip(of_kind, adjusted_p_values(row["p_value"] for row in of_kind), strict=True):
            threshold = float(thresholds[kind])
            is_flagged = row["score"] > threshold
            result.append({**row, "adjusted_pvalue": p_value, "threshold": threshold, "is_flagged": is_flagged})
    return result


def require_class_label(balance: DataFrame, step: str) -> None:
    """Raise OptionError where table ``balance`` is about another label than the class."""
    other = balance.where(f"kind = 'label' AND factor_a != '{LABEL}'")
    for row in bounded(other.select("factor_a").limit(1), "one row"):
        raise OptionError(
            f"{step} ranks predictors of the class; table balance was made with balance.label = {row['factor_a']!r}.\n"
            f"Hint: dataeval-spark analyze balance {step}, without balance.label"
        )


def _scores(cells: pa.Table, label: str, cut: frozenset[str]) -> pa.Table:
    """Rows of one pair of factors."""
    pair = cells["factor_a"][0].as_py(), cells["factor_b"][0].as_py()
    values_a, values_b, table = table_of(*(cells[name].to_pylist() for name in ("value_a", "value_b", "n")))
    n, effects = cells["n"].to_pylist(), cells["design_effect"].to_pylist()
    side = None if LABEL not in pair else ("value_a", "value_b")[pair.index(LABEL)]
    names = None if side is None else cells[side].to_pylist()
    effect = effect_of(names, n, effects)
    if label in pair:
        at = pair.index(label)
        of_class = dict(zip(names, effects, strict=True)) if names and label == LABEL else {}
        classes, counts = (values_a, table) if at == 0 else (values_b, table.T)
        of_pair = {"factor_a": label, "factor_b": pair[1 - at], "method": "table"}
        rows = [{"kind": "label", **of_pair, **_measured(counts, effect, adjusted_share)}]
        total = counts.sum(axis=0)
        for name, row in zip(classes, counts, strict=True):
            against_rest = _measured(np.stack([row, total - row]), of_class.get(name, effect), adjusted_share)
            rows.append({"kind": "class", **of_pair, "class_name": name, **against_rest})
    else:
        is_cut = (pair[0] in cut, pair[1] in cut)
        of_pair = {"factor_a": pair[0], "factor_b": pair[1], "method": "linfoot" if all(is_cut) else "table"}
        rows = [
            {"kind": "factors", **of_pair, **_measured(table, effect, partial(adjusted_association, is_cut=is_cut))}
        ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _measured(table: Any, effect: float, score: Callable[..., float]) -> dict[str, Any]:
    """Measurements of a contingency table; the score allows for the information that chance gives."""
    expected = expected_mutual_information(table.sum(axis=1), table.sum(axis=0))
    return {
        "score": score(table, expected=expected),
        "mutual_information": mutual_information(table),
        "expected_information": expected,
        "p_value": independence(table, effect).robust_p_value,
        "n": int(table.sum()),
    }


def _sampled(factor_bins: DataFrame, sample: int, seed: int) -> DataFrame:
    """At most ``sample`` rows in one partition, chosen by a hash of their key: the same for any order."""
    key = F.xxhash64(F.lit(seed), "image_id", "target_index")
    ordered = factor_bins.where("class_name IS NOT NULL").orderBy(key, "image_id", "target_index")
    return ordered.limit(sample).select("class_name", "bins", "numbers").coalesce(1)


def _estimates(
    batches: Iterator[pa.RecordBatch],
    rules: Mapping[str, str],
    label: str,
    *,
    neighbors: int,
    permutations: int,
    seed: int,
) -> Iterator[pa.RecordBatch]:
    r"""Rows of all pairs in which a factor was cut, estimated from nearest neighbours of the raw values.

    Label to factor and class to factor: MI / H of the label (of the class against the rest). Two factors: MI / H of
    the one that was not cut, or :math:`1 - e^{-2 MI}` where both were. Of a label that was cut the bins are used. Equal
    to DataEval 1.1.4, ``core.mutual_info`` on columns that are no integers.
    """
    all_batches = list(batches)
    if not all_batches:
        return
    table = pa.Table.from_batches(all_batches)
    names, codes = from_maps(pa.concat_arrays(table["bins"].chunks))
    numeric, numbers = from_maps(pa.concat_arrays(table["numbers"].chunks))
    cut = [name for name in names if rules.get(name) in CUT_RULES and name != label and name in numeric]
    values: dict[str, NDArray[Any]] = {name: codes[:, i] for i, name in enumerate(names)}
    values |= {name: numbers[:, numeric.index(name)] for name in cut}
    target = values.pop(label, None)
    if target is None:
        target = np.asarray(table["class_name"].to_pylist(), object)
    how = {"neighbors": neighbors, "seed": seed}

    def row(a: NDArray[Any], b: NDArray[Any], is_cut: tuple[bool, bool], **keys: str) -> dict[str, Any]:
        information = neighbor_information(a, b, continuous=is_cut, **how)
        p_value = None
        if permutations:
            p_value = permutation_p_value(a, b, information, continuous=is_cut, permutations=permutations, **how)
        if all(is_cut):
            score = -np.expm1(-2 * information)
        else:
            most = entropy(np.unique(b if is_cut[0] else a, return_counts=True)[1])
            score = information / most if most else 0.0
        measured = {"mutual_information": information, "p_value": p_value, "n": table.num_rows}
        return {**keys, "score": float(np.clip(score, 0.0, 1.0)), **measured}

    rows = []
    for factor in cut:
        pair = {"factor_a": label, "factor_b": factor}
        rows.append(row(target, values[factor], (False, True), kind="label", **pair))
        for name in np.unique(target) if label == LABEL else []:
            rows.append(row(target == name, values[factor], (False, True), kind="class", class_name=str(name), **pair))
    for a, b in combinations(sorted(values), 2):
        if a in cut or b in cut:
            rows.append(row(values[a], values[b], (a in cut, b in cut), kind="factors", factor_a=a, factor_b=b))
    yield pa.RecordBatch.from_pylist(rows, schema=_ESTIMATES_SCHEMA)
