"""Headline numbers of a report: counted over live images, whatever the tables hold."""

from __future__ import annotations

from dataeval_spark.verbs.report import ReportData
from dataeval_spark.verbs.report.sections.overview import tiles


def test_findings_are_counted_by_kind(data: ReportData) -> None:
    assert data.counts("image_findings") == {"dark": 7, "blurry": 7, "invalid_box": 1}
    assert data.counts("ingest_findings") == {"bad_time": 10, "inverted_box": 10}
    assert data.counts("outliers") == {"mean": 2, "width": 2}
    assert data.count("outlier_images") == 2


def test_groups_of_duplicates_are_exact_or_near(data: ReportData) -> None:
    assert data.counts("duplicate_groups") == {"exact": 7, "near": 7}
    assert data.count("spanning_groups") == 1


def test_an_exact_copy_can_be_removed_once_however_many_ways_it_is_equal(data: ReportData) -> None:
    assert data.count("removable_images") == 2


def test_a_headline_number_is_a_dash_until_its_table_is_there() -> None:
    counted = ReportData(
        frozenset({"images", "unreadable_images", "duplicate_groups"}),
        {
            "overview": [
                {"measure": measure, "item": item, "value": value}
                for measure, item, value in (
                    ("live_images", "", 1200),
                    ("deleted_images", "", 3),
                    ("unreadable_images", "", 2),
                    ("duplicate_groups", "exact", 4),
                    ("removable_images", "", 1),
                )
            ]
        },
    )

    found = {tile.label: (tile.value, tile.note, tile.tone) for tile in tiles(counted)}

    assert found["Images"] == ("1,200", "and 3 deleted", "")
    assert found["Unreadable"] == ("2", "", "bad")
    assert found["Exact duplicate groups"] == ("4", "1 image could be removed", "warn")
    assert found["Near-duplicate groups"] == ("0", "", "ok")
    assert found["Outlier images"] == ("–", "not tested", "")
