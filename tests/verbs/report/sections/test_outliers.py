"""Outliers in a report: the farthest of each statistic, and how many there are of each."""

from __future__ import annotations

from dataeval_spark.verbs.report import ReportData
from dataeval_spark.verbs.report.sections.outliers import outliers


def test_the_farthest_of_each_statistic_are_shown(data: ReportData) -> None:
    assert [(row["statistic"], row["image_id"]) for row in data.rows_of("outliers")] == [
        ("mean", "b"),
        ("width", "b"),
        ("mean", "a"),
        ("width", "a"),
    ]


def test_an_outlier_is_shown_beside_the_limit_that_it_passed_and_its_group() -> None:
    row = {"image_id": "a", "target_index": None, "value": 3.0, "score": 9.5, "threshold": 3.5}
    row |= {"lower": 10.0, "upper": 20.0, "direction": "low"}
    counts = [{"measure": "outliers", "item": name, "value": n} for name, n in (("mean", 2), ("file_size", 5))]
    rows = [
        {**row, "statistic": "file_size", "channel": None, "group_name": None},
        {**row, "statistic": "mean", "channel": 1, "group_name": "night", "direction": "high"},
    ]

    content = outliers(ReportData(rows={"overview": counts, "outliers": rows}))

    assert content["totals"] == [{"statistic": "file size", "count": 5}, {"statistic": "mean", "count": 2}]
    assert content["note"] == "2 of 7 outliers shown"
    below, above = content["cards"]
    assert (below.badge, below.lines) == ("file size", ("3 is below 10", "score 9.5 (limit 3.5)"))
    assert (above.badge, above.lines[0]) == ("mean of channel 1", "3 is above 20 among night")
