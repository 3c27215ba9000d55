"""Bias in a report: images at both ends of a shortcut, what factors are worth, classes seen under few conditions."""

from __future__ import annotations

import dataclasses
import itertools

from dataeval_spark.tables.bias import BALANCE
from dataeval_spark.verbs.report import ReportData, collect_report_data
from dataeval_spark.verbs.report.queries import chosen_images, pictures
from dataeval_spark.verbs.report.sections.bias import FACTORS, bias, shortcut_images
from tests.verbs.report.literals import reader

SHORTCUT = {
    "class_name": "cat",
    "factor": "brightness",
    "value": None,
    "auc": 0.93,
    "score": 0.4,
    "adjusted_pvalue": 1e-9,
    "n": 40,
    "lowest": [{"image_id": f"dark {n}", "target_index": None, "value": float(n)} for n in range(3)],
    "highest": [{"image_id": f"bright {n}", "target_index": None, "value": 90.0 + n} for n in range(3)],
}
WORTH = {"rank": 1, "factor": "brightness", "verdict": "useful", "score": 0.4, "auc": 0.9, "redundancy": 0.0}
LOW = {"class_name": "cat", "factor": "weather", "diversity": 0.0, "filled_bins": 1, "bins": 3, "n": 40, "found": 5}


def data(**rows):
    return dataclasses.replace(ReportData(), rows={name: tuple(found) for name, found in rows.items()})


def test_a_shortcut_is_shown_by_images_of_both_ends():
    (panel,) = bias(data(shortcuts=[SHORTCUT]))["panels"]

    assert (panel["title"], panel["note"]) == ("cat by brightness", "AUC 0.93")
    assert [(card.image_id, card.badge) for card in panel["cards"]] == [
        ("dark 0", "lowest"),
        ("dark 1", "lowest"),
        ("bright 0", "highest"),
        ("bright 1", "highest"),
    ]
    assert panel["cards"][2].lines == ("brightness 90",)


def test_a_shortcut_whose_both_ends_lie_in_one_image_is_in_the_table_alone():
    content = bias(data(shortcuts=[{**SHORTCUT, "highest": SHORTCUT["lowest"]}]))

    assert content["panels"] == []
    assert content["tables"][0]["listing"].rows[0][0].text == "cat"


def test_shortcuts_have_a_column_of_values_where_one_is_by_a_value():
    def titles(*rows):
        return [title for title, _ in bias(data(shortcuts=rows))["tables"][0]["listing"].titles]

    assert "Value" not in titles(SHORTCUT)
    assert titles({**SHORTCUT, "factor": "weather", "value": "rain"}, SHORTCUT)[:3] == ["Class", "Factor", "Value"]


def test_a_value_that_tells_a_class_is_shown_by_images_with_and_without_it():
    ends = {
        "lowest": [{"image_id": "dry", "value": 0.0}],
        "highest": [{"image_id": "wet", "value": 1.0}],
    }

    (panel,) = bias(data(shortcuts=[{**SHORTCUT, "factor": "weather", "value": "rain", **ends}]))["panels"]

    assert panel["title"] == "cat by weather = rain"
    assert [(card.image_id, card.badge, card.lines) for card in panel["cards"]] == [
        ("dry", "without", ("weather is not rain",)),
        ("wet", "with", ("weather is rain",)),
    ]


def test_parity_of_each_factor_is_a_table():
    row = {"factor": "weather", "score": 0.41, "adjusted_pvalue": 1e-6, "degrees_of_freedom": 4, "found": 17}
    rows = [{**row, "low_expected_cells": 2, "thin": 3, "is_significant": True, "is_flagged": None}]

    (found,) = bias(data(parity=rows))["tables"]

    assert found["title"] == "Whether the class depends on a factor"
    assert [cell.text for cell in found["listing"].rows[0]] == [
        *("weather", "yes", "not computed", "0.41", "1.0e-06", "4", "2", "3")
    ]
    assert found["listing"].note == "1 of 17 shown"


def test_pictures_are_made_of_the_images_that_are_shown():
    shown = ["dark 0", "dark 1", "bright 0", "bright 1"]

    assert [picture.image_id for picture in shortcut_images({"shortcuts": [SHORTCUT]})] == shown
    assert chosen_images(pictures({"shortcuts": [SHORTCUT]}), 150) == tuple(shown)


def test_what_factors_are_worth_and_low_diversity_are_tables():
    content = bias(data(feature_value=[{**WORTH, "redundant_with": None}], diversity=[LOW]))

    assert [found["title"] for found in content["tables"]] == [
        "Value of each factor for predicting the class",
        "Classes seen under few conditions",
    ]
    cells = [cell.text for cell in content["tables"][0]["listing"].rows[0]]
    assert cells == ["1", "brightness", "useful", "0.4", "0.9", "0", "–"]
    assert content["tables"][1]["listing"].note == "1 of 5 shown"


def test_where_no_factor_predicts_the_class_the_nearest_to_it_is_named_with_its_score():
    row = {"kind": "label", "factor_a": "class_name", "is_flagged": False}
    rows = [{**row, "factor_b": "sharpness", "score": 0.05}, {**row, "factor_b": "width", "score": 0.01}]

    assert bias(data(balance=rows))["summary"] == (
        "No factor predicts the class: the nearest to it, sharpness, has 0.05 of 1."
    )


def test_the_factors_of_the_matrix_are_all_compared_with_one_another_however_weakly(spark):
    names = [f"f{n:02}" for n in range(30)]
    label = [
        {"kind": "label", "factor_a": "class_name", "factor_b": f, "score": 1 - n / 100} for n, f in enumerate(names)
    ]
    # Those of the matrix are the weakest of 435 pairs.
    pairs = [
        {"kind": "factors", "factor_a": a, "factor_b": b, "score": n / 100}
        for n, (a, b) in enumerate(itertools.combinations(names, 2))
    ]

    found = collect_report_data(reader(spark, {BALANCE: [*label, *pairs]})).rows_of("balance")

    compared = {(row["factor_a"], row["factor_b"]) for row in found if row["kind"] == "factors"}
    assert compared == set(itertools.combinations(names[:FACTORS], 2))
    assert len([row for row in found if row["kind"] == "label"]) == len(names)
