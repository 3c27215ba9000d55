from __future__ import annotations

from dataeval_spark.verbs.report import ReportData
from dataeval_spark.verbs.report.sections.attention import attention, matters
from tests.verbs.report.literals import full_data


def counted(**measures: int) -> ReportData:
    rows = [{"measure": measure, "item": "", "value": value} for measure, value in measures.items()]
    return ReportData(frozenset({"images", "image_stats"}), {"overview": rows})


def test_nothing_found_is_nothing_to_look_at() -> None:
    assert matters(ReportData()) == ()


def test_errors_come_before_warnings_and_warnings_before_remarks() -> None:
    levels = [matter.level for matter in matters(full_data())]
    assert levels == sorted(levels, key=["error", "warning", "info"].index)
    assert set(levels) == {"error", "warning", "info"}


def test_unreadable_images_come_first() -> None:
    first = matters(full_data())[0]
    assert (first.section, first.count, first.sentence) == (
        "unreadable",
        2,
        "2 images cannot be read. No statistic below covers them.",
    )


def test_one_unreadable_image_is_named_in_the_singular() -> None:
    assert matters(counted(unreadable_images=1))[0].sentence == "1 image cannot be read. No statistic below covers it."


def test_images_that_were_never_measured_are_counted() -> None:
    found = matters(counted(live_images=10, readable_images=7, unreadable_images=1))
    assert [(matter.section, matter.count) for matter in found] == [("unreadable", 1), ("overview", 2)]


def test_the_table_decides_how_bad_a_rule_is() -> None:
    rows = {
        "overview": [{"measure": "image_findings", "item": "dark", "value": 3}],
        "image_findings": [{"rule": "dark", "severity": "error"}],
    }
    (matter,) = matters(ReportData(rows=rows))
    assert (matter.level, matter.sentence, matter.section) == ("error", "3 images are very dark.", "finding-dark")


def test_classes_are_imbalanced_from_a_ratio_of_ten() -> None:
    def found(ratio: float) -> list[str]:
        whole = {"class_name": None, "imbalance_ratio": ratio, "images_without_labels": 0, "label_count": 9}
        return [matter.sentence for matter in matters(ReportData(rows={"labels": [whole]}))]

    assert found(9.9) == []
    assert found(10.0) == ["The most frequent class has 10 times as many labels as the rarest."]


def test_labels_that_are_likely_wrong_are_counted_once_though_several_steps_doubt_them() -> None:
    def found(*totals: tuple[str, str, int]) -> list[str]:
        rows = [{"step": step, "source": source, "total": total} for step, source, total in totals for _ in range(2)]
        return [matter.sentence for matter in matters(ReportData(rows={"label_errors": rows}))]

    assert found() == []
    assert found(("label_neighbors", "thumbnail", 1)) == ["1 label is likely wrong, by label neighbors."]
    assert found(("label_neighbors", "thumbnail", 9), ("confident_learning", "m", 12)) == [
        "At least 12 labels are likely wrong, by label neighbors and confident learning."
    ]


def test_images_without_labels_are_no_matter_where_nothing_is_labelled() -> None:
    whole = {"class_name": None, "imbalance_ratio": None, "images_without_labels": 200}
    assert matters(ReportData(rows={"labels": [{**whole, "label_count": 0}]})) == ()
    (found,) = matters(ReportData(rows={"labels": [{**whole, "label_count": 7}]}))
    assert found.sentence == "200 images have no label."


def test_each_matter_leads_to_its_section() -> None:
    found = attention(ReportData(rows={"overview": [{"measure": "image_findings", "item": "a b", "value": 1}]}))
    assert [matter["anchor"] for matter in found["matters"]] == ["finding-a-b"]
