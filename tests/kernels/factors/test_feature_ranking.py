"""Features in the order of what each adds."""

from __future__ import annotations

from dataeval_spark.kernels.factors.feature_ranking import rank_features


def test_a_copy_stands_behind_features_that_say_nothing():
    relevance = {"copy": 0.6, "best": 0.6, "weak": 0.1, **{f"noise{i}": 0.0 for i in range(9)}}

    ordered = rank_features(relevance, {("best", "copy"): 1.0, ("best", "weak"): 0.05})

    assert [name for name, *_ in ordered[:2]] == ["best", "weak"]
    assert ordered[-1] == ("copy", 1.0, "best")


def test_associations_count_in_either_order():
    assert rank_features({"a": 0.5, "b": 0.4}, {("b", "a"): 0.3}) == [("a", 0.0, None), ("b", 0.3, "a")]


def test_ties_are_broken_by_name():
    assert [name for name, *_ in rank_features({"z": 0.2, "a": 0.2}, {})] == ["a", "z"]
    assert rank_features({}, {}) == []
