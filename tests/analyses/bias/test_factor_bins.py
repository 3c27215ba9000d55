"""Factors of labelled things: where they come from, how they are cut, which are left out."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest

from dataeval_spark.analyses.bias.bin_edges import edge_rows, stored_bins
from dataeval_spark.analyses.bias.factor_bins import factor_bins
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.bias import BIN_EDGES
from dataeval_spark.tables.images import TARGETS
from tests.analyses.bias.rows import by_factor, image_labels, images, table
from tests.analyses.profile.rows import image_stats
from tests.kernels.factor_reference import CONTINUOUS_EDGES, INPUTS

FACTORS = "image_id string, target_index int, weather string, age double, tag string, run_id string"


def bins_by_image(binned):
    return {(row.image_id, row.target_index): row.bins for row in binned.collect()}


def findings_by_subject(findings):
    return {row.subject: (row.rule, row.message) for row in findings.collect()}


def test_the_automatic_bins_equal_dataeval(reference):
    bins = bins_by_image(reference.bins)
    rows = [bins[image, 0] for image in reference.ids[:6]]

    # Metadata.factor_data of DataEval 1.1.4 for these rows
    expected = [(3, 1, 3, 0, 0), (4, 1, 2, 0, 0), (4, 1, 3, 0, 0), (4, 1, 2, 0, 0), (2, 1, 0, 1, 0), (4, 1, 2, 0, 0)]
    names = ("continuous", "skewed", "dependent", "independent", "rare")
    assert [tuple(row[name] for name in names) for row in rows] == expected


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_the_smallest_of_zero_and_minus_zero_is_zero_whichever_comes_first(zero):
    summary = {"factor": "exposure", "rule": "discrete", "level": "image", "reason": None, "edges": [], "texts": []}
    seen = {"numbers": [0.0, 1.0], "codes": [0, 1], "counts": [2, 1], "lows": [zero, 1.0], "highs": [zero, 1.0]}

    first, second, *_ = edge_rows([summary | seen])

    assert repr(first[-2:]) == "(0.0, 0.0)"
    assert second[-2:] == (1.0, 1.0)


def test_edges_are_stored_with_the_rule_that_made_them(reference):
    rows = [row for row in reference.edges.orderBy("bin").collect() if row.factor == "continuous"]

    assert {row.rule for row in rows} == {"uniform_width"}
    assert {row.level for row in rows} == {"image"}
    assert [row.lower for row in rows] == [None, *CONTINUOUS_EDGES, None]
    assert [row.label for row in rows][-2:] == [">= 2.44518", "missing"]
    assert [row.n for row in rows] == [11, 50, 120, 111, 74, 34, 0]
    assert rows[0].minimum == INPUTS["continuous"].min()
    assert rows[-2].maximum == INPUTS["continuous"].max()


def test_bins_come_back_from_the_table(reference):
    bins, ranges = stored_bins(reference.edges)

    assert bins["continuous"].edges == (float("-inf"), *CONTINUOUS_EDGES, float("inf"))
    assert bins["dependent"].levels == (0.0, 1.0, 2.0, 3.0)
    assert ranges["skewed"] == (INPUTS["skewed"].min(), INPUTS["skewed"].max())


@pytest.fixture(scope="module")
def small(frame):
    """Six labelled images and one without label; metadata of one kind each."""
    ids = list("abcdefg")
    rows = [
        ("a", None, "sun", 1.0, "same", "r"),
        ("b", None, "rain", 20.0, "same", "r"),
        ("c", None, "sun", 40.0, "same", "r"),
        ("d", None, None, 70.0, "same", "r"),
        ("e", None, "sun", float("nan"), "same", "r"),
        ("g", None, "snow", 5.0, "other", "r"),
    ]
    captured = [datetime(2024, month, 2, 23, 30, tzinfo=UTC) for month in (1, 3, 6, 9, 12, 12, 1)]
    return {
        "targets": image_labels(frame, {name: "cat" if name < "d" else "dog" for name in "abcdef"}),
        "images": images(frame, ids, captured_at=captured, split=["train"] * 4 + [None] * 3),
        "factors": frame(FACTORS, rows),
    }


def test_a_missing_value_has_a_bin_of_its_own(small):
    binned, edges, findings = factor_bins(**small, sources=["metadata"], edges={"age": [0, 18, 65]})

    # e has no age, f no metadata at all; g has no label, and counts all the same
    assert by_factor(edges) == {
        "weather": {"rain": 1, "snow": 1, "sun": 3, "missing": 2},
        "age": {"< 0": 0, "[0, 18)": 2, "[18, 65)": 2, ">= 65": 1, "missing": 2},
        "tag": {"other": 1, "same": 5, "missing": 1},
    }
    found = bins_by_image(binned)
    assert found["d", 0] == {"age": 3, "tag": 1, "weather": 3}
    assert found["f", 0] == {"age": 4, "tag": 2, "weather": 3}
    assert found["g", None] == {"age": 1, "tag": 0, "weather": 1}
    assert {row.image_id: dict(row.numbers) for row in binned.collect()}["e"] == {}
    assert findings.count() == 0


def test_images_without_labels_have_the_factors_of_images_and_none_of_boxes(frame):
    boxed = {"image_id": "a", "class_name": "cat", "box": (0.0, 0.0, 10.0, 20.0)}
    targets = table(
        frame,
        TARGETS,
        [
            {**boxed, "target_index": 0},
            {**boxed, "target_index": 1, "box": (0.0, 0.0, 20.0, 20.0)},
            {"image_id": "b", "target_index": 0, "class_name": None},
        ],
    )
    factors = frame(FACTORS, [(i, None, "sun" if i == "a" else "fog", 1.0, None, "r") for i in "abc"])
    stats = image_stats(frame, [{"image_id": i, "mean": float(place)} for place, i in enumerate("abc")])

    binned, edges, _ = factor_bins(targets, images(frame, "abc"), stats, factors)

    rows = {(row.image_id, row.target_index): row for row in binned.collect()}
    assert {key: row.class_name for key, row in rows.items()} == {
        ("a", 0): "cat",
        ("a", 1): "cat",
        ("b", None): None,
        ("c", None): None,
    }
    assert by_factor(edges)["weather"] == {"fog": 2, "sun": 1, "missing": 0}
    assert by_factor(edges)["mean"] == {"0": 1, "1": 1, "2": 1, "missing": 0}
    assert by_factor(edges)["box_width"] == {"10": 1, "20": 1, "missing": 0}
    assert rows["c", None].numbers["mean"] == 2.0


def test_a_dataset_without_any_label_has_factors(frame):
    stats = image_stats(frame, [{"image_id": i, "mean": float(place % 2)} for place, i in enumerate("abcd")])

    binned, edges, _ = factor_bins(table(frame, TARGETS, []), images(frame, "abcd"), stats)

    assert by_factor(edges) == {"mean": {"0": 2, "1": 2, "missing": 0}}
    assert binned.where("class_name IS NULL").count() == 4


def test_split_and_dataset_are_factors_unless_they_are_constant(small):
    _, edges, findings = factor_bins(**small, sources=["origin"])

    assert by_factor(edges) == {"split": {"train": 4, "missing": 3}}
    assert findings_by_subject(findings) == {"dataset": ("factor_left_out", "Factor dataset has one value only")}


COLUMNS = {
    # name: type, value of a row, whether it is a factor
    "row_number": ("bigint", lambda row: row, False),
    "counter_by_ten": ("int", lambda row: 5_000 + 10 * row, False),
    "id_as_double": ("double", lambda row: float(70_000 + row), False),
    "id_with_some_missing": ("bigint", lambda row: row if row % 3 else None, False),
    "id_with_a_few_twice": ("bigint", lambda row: row if row % 20 else 0, False),
    "hash": ("bigint", lambda row: (row * 6_364_136_223_846_793_005) % 2**62, False),
    "unix_seconds": ("bigint", lambda row: 1_700_000_000 + 37 * row, False),
    "moment": ("timestamp", lambda row: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=37.5 * row), False),
    "uuid": ("string", lambda row: str(uuid.UUID(int=row)), False),
    "path": ("string", lambda row: f"photos/{row:03}.jpg", False),
    "number_as_text": ("string", str, False),
    "temperature": ("double", lambda row: 20 + row * 0.0137, True),
    "share": ("float", lambda row: (row * 0.6180339) % 1, True),
    "age": ("int", lambda row: row * 7 % 80, True),
    "frame_of_clip": ("int", lambda row: row % 25, True),
    "clip": ("string", lambda row: f"clip {row // 25}", True),
    "day": ("date", lambda row: date(2024, 1, 1) + timedelta(days=row // 10), True),
    "altitude_rounded": ("int", lambda row: (row * 61) % 200 * 10, True),
    "is_night": ("boolean", lambda row: row % 2 == 0, True),
}


def test_columns_that_name_rows_are_no_factors_and_measurements_are(frame):
    ids = [f"i{row:03}" for row in range(300)]
    ddl = ", ".join(f"{name} {type}" for name, (type, *_) in COLUMNS.items())
    rows = [(i, None, *(value(row) for _, value, _ in COLUMNS.values()), "r") for row, i in enumerate(ids)]
    factors = frame(f"image_id string, target_index int, {ddl}, run_id string", rows)
    labelled = image_labels(frame, {i: "cat" if int(i[1:]) % 2 else "dog" for i in ids}), images(frame, ids)

    _, edges, findings = factor_bins(*labelled, None, factors, sources=["metadata"])

    found = {name: name in by_factor(edges) for name in COLUMNS}
    assert found == {name: is_factor for name, (*_, is_factor) in COLUMNS.items()}
    said = findings_by_subject(findings)
    left_out = {name for name, (*_, is_factor) in COLUMNS.items() if not is_factor}
    assert left_out <= {subject for subject, (rule, _) in said.items() if rule == "factor_left_out"}
    assert said["row_number"][1] == (
        "Factor row_number names its rows: 300 values in 300 rows (factor_bins.keep keeps it)"
    )

    _, edges, _ = factor_bins(*labelled, None, factors, sources=["metadata"], keep=["unix_seconds", "uuid"])
    assert {"unix_seconds", "uuid", "age"} <= set(by_factor(edges))
    assert "row_number" not in by_factor(edges)

    _, edges, _ = factor_bins(*labelled, None, factors, include=["row_number"])
    assert set(by_factor(edges)) == {"row_number"}


def test_image_statistics_stay_factors_though_each_image_has_its_own(frame):
    ids = [f"i{row:03}" for row in range(60)]
    stats = image_stats(
        frame, [{"image_id": i, "width": 300.0 + row, "height": 9_000.0 - 7 * row} for row, i in enumerate(ids)]
    )

    _, edges, _ = factor_bins(
        image_labels(frame, dict.fromkeys(ids, "cat")), images(frame, ids), stats, sources=["statistics"]
    )

    assert {"width", "height"} <= set(by_factor(edges))


def test_a_text_that_names_its_rows_and_what_is_excluded_are_left_out_with_the_reason(frame):
    ids = [f"i{row:02}" for row in range(50)]
    factors = frame(
        "image_id string, target_index int, name string, city string, parts array<int>, run_id string",
        [(i, None, i, f"city{row % 20}", [1], "r") for row, i in enumerate(ids)],
    )
    targets = image_labels(frame, dict.fromkeys(ids, "cat"))

    _, edges, findings = factor_bins(
        targets, images(frame, ids), None, factors, sources=["metadata", "origin"], exclude=["dataset"]
    )

    assert set(by_factor(edges)) == {"city"}
    found = findings_by_subject(findings)
    assert found["name"] == (
        "factor_left_out",
        "Factor name names its rows: 50 values in 50 rows (factor_bins.keep keeps it)",
    )
    assert found["parts"] == (
        "factor_left_out",
        "Factor parts is array<int>: only numbers, texts, booleans and times are factors",
    )
    assert found["dataset"][1] == "Factor dataset is in factor_bins.exclude"


def test_stored_edges_bin_new_data_and_count_what_they_do_not_know(small, frame):
    _, edges, _ = factor_bins(**small, sources=["metadata"], edges={"age": [0, 18, 65]})
    rows = [("a", None, "hail", 99.0, "same", "r"), ("b", None, "sun", 2.0, "same", "r")]
    new = {**small, "factors": frame(FACTORS, rows)}

    binned, kept, findings = factor_bins(**new, bin_edges=edges, sources=["metadata"], stored_edges=True)

    found = bins_by_image(binned)
    assert found["a", 0] == {"age": 3, "tag": 1, "weather": -1}
    assert found["b", 0] == {"age": 1, "tag": 1, "weather": 2}
    assert sorted(kept.collect()) == sorted(edges.collect())
    assert findings_by_subject(findings)["weather"] == (
        "unseen_levels",
        "Factor weather: 1 of 7 values are in none of the stored bins",
    )
    assert findings_by_subject(findings)["age"] == (
        "values_out_of_range",
        "Factor age: 0 values below and 1 above all stored ones, of 7",
    )


def test_two_units_in_one_factor_are_a_finding(frame):
    ids = [f"i{row:03}" for row in range(100)]
    shares = [(0.3 + row / 200) * (100 if row % 10 == 0 else 1) for row in range(100)]
    factors = frame(
        "image_id string, target_index int, cover double, run_id string",
        [(i, None, share, "r") for i, share in zip(ids, shares, strict=True)],
    )

    _, _, findings = factor_bins(
        image_labels(frame, dict.fromkeys(ids, "cat")), images(frame, ids), None, factors, sources=["metadata"]
    )

    assert findings_by_subject(findings) == {
        "cover": (
            "percent_beside_share",
            "Factor cover: 10.0 % of its values are 100 times the others (percent beside shares?), from 30 on",
        )
    }


def test_stored_bins_lack_new_factors_and_hide_no_mixed_units(frame):
    ids = [f"i{row:03}" for row in range(100)]
    shares = [(0.3 + row / 200) * (100 if row % 10 == 0 else 1) for row in range(100)]
    factors = frame(
        "image_id string, target_index int, cover double, weather string, run_id string",
        [(i, None, share, "sun" if share < 1 else "rain", "r") for i, share in zip(ids, shares, strict=True)],
    )
    known = image_labels(frame, dict.fromkeys(ids, "cat")), images(frame, ids), None
    _, edges, _ = factor_bins(*known, factors.drop("weather"), sources=["metadata"])

    _, again, findings = factor_bins(
        *known,
        factors,
        table(frame, BIN_EDGES, [row.asDict() for row in edges.collect()]),
        sources=["metadata"],
        stored_edges=True,
    )

    assert {row.factor for row in again.collect()} == {"cover"}
    said = findings_by_subject(findings)
    assert said["cover"][0] == "percent_beside_share"
    assert said["weather"] == (
        "factor_without_bins",
        "Factor weather has no stored bins: it was no factor when they were made",
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "uniform"}, r"factor_bins\.rule is 'uniform'"),
        ({"rules": {"age": "equal"}}, r"factor_bins\.rules\.age is 'equal'"),
        ({"edges": {"age": [3, 1]}}, r"factor_bins\.edges\.age is \[3, 1\]; expected increasing numbers"),
        ({"edges": {"age": 0}}, r"factor_bins\.edges\.age is 0"),
        ({"sources": ["exif"]}, r"factor_bins\.sources is 'exif'"),
        ({"include": ["wether"]}, r"(?s)factor_bins\.include is 'wether'.*include = 'weather'"),
        ({"exclude": ["ages"]}, r"(?s)factor_bins\.exclude is 'ages'.*exclude = 'age'"),
        ({"edges": {"agee": [0, 1]}}, r"(?s)factor_bins\.edges is 'agee'.*edges = 'age'"),
        ({"rules": {"agee": "discrete"}}, r"(?s)factor_bins\.rules is 'agee'.*rules = 'age'"),
        ({"stored_edges": True}, r"factor_bins\.stored_edges is true and there are no stored edges"),
    ],
)
def test_a_wrong_option_says_what_to_write(small, options, message):
    with pytest.raises(OptionError, match=message):
        factor_bins(**small, **options)


def test_clusters_that_are_not_there_and_factors_in_one_bin_are_findings(frame):
    n = 120
    ids = [f"i{row:03}" for row in range(n)]
    rows = [(name, None, row / 7, row / 7 + 100 * (row % 2), float(row), "r") for row, name in enumerate(ids)]
    factors = frame("image_id string, target_index int, even double, apart double, far double, run_id string", rows)
    labels = image_labels(frame, dict.fromkeys(ids, "cat"))

    _, edges, findings = factor_bins(
        labels,
        images(frame, ids),
        None,
        factors,
        sources=["metadata"],
        rule="clusters",
        edges={"far": [0, 1_000, 2_000]},
    )

    assert {row.factor: row.rule for row in edges.collect()} == {
        "even": "uniform_width",
        "apart": "clusters",
        "far": "given",
    }
    found = findings_by_subject(findings)
    assert found == {
        "even": (
            "clusters_not_used",
            "Factor even: its values form one cluster only, so they are cut by uniform width instead",
        ),
        "far": ("one_bin", "Factor far: all 120 of its values are in one bin, which tells nothing apart"),
    }
