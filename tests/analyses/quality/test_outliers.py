"""Outliers: numpy's and DataEval's bounds, groups by class, and values that are never outliers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from dataeval_spark.analyses.quality.outliers import outliers
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.images import TARGETS
from dataeval_spark.tables.profile import CHANNEL_STATS
from dataeval_spark.tables.quality import OUTLIERS
from tests.analyses.profile.rows import image_stats


def columns(frame, values):
    """One row of `image_stats` per position of the columns in ``values``; shorter columns end in nulls."""
    values = {name: np.asarray(column, dtype=float).tolist() for name, column in values.items()}
    length = max(map(len, values.values()))
    rows = [
        {"image_id": f"{i:03}", **{name: column[i] for name, column in values.items() if i < len(column)}}
        for i in range(length)
    ]
    return image_stats(frame, rows)


def no_targets(frame):
    return frame(TARGETS, [])


def target(image_id, index, class_name):
    return (image_id, index, class_name, None, None, None, None, "r")


def flagged(found):
    return sorted((row.statistic, int(row.image_id)) for row in found)


def bounds_of(values, method, threshold):
    """Smallest and largest value that numpy would not call an outlier; None without spread."""
    values = values[~np.isnan(values)]
    if method == "zscore":
        low = high = values.mean()
        spread = values.std()
    elif method == "modified_zscore":
        low = high = np.median(values)
        deviations = np.abs(values - low)
        mad = np.median(deviations) / 0.6745
        spread = mad if mad > 1e-12 else deviations.mean() * np.sqrt(np.pi / 2)
    else:
        low, high = np.quantile(values, [0.25, 0.75], method="midpoint")
        spread = high - low
    return (low - threshold * spread, high + threshold * spread) if spread > 1e-12 else None


def random_columns():
    r = np.random.default_rng(4)
    missing = r.normal(5, 1, 90)
    missing[::7] = np.nan
    return {
        "mean": r.normal(size=120),
        "std": r.lognormal(0, 2, size=97),
        "width": r.choice([320.0, 640.0, 640.0, 641.0, 5000.0], size=120),
        "skew": missing,
        "zeros": np.r_[np.zeros(100), r.random(20)],
        "contrast": np.full(50, 0.1),
        "size": np.full(120, 123456.7),  # its mean and deviation are rounded, more so over several partitions
        "kurtosis": r.standard_t(2, size=101) * 1e6,
        "entropy": np.array([1.0]),
    }


@pytest.mark.parametrize("partitions", [1, 7])
@pytest.mark.parametrize(("method", "threshold"), [("zscore", 3.0), ("modified_zscore", 3.5), ("iqr", 1.5)])
def test_outliers_are_the_values_beyond_numpys_bounds(frame, method, threshold, partitions):
    values = random_columns()

    found = outliers(columns(frame, values).repartition(partitions), no_targets(frame), method=method).collect()

    bounds = {name: bounds_of(column, method, threshold) for name, column in values.items()}
    assert flagged(found) == sorted(
        (name, i)
        for name, column in values.items()
        if bounds[name]
        for i, value in enumerate(column)
        if value < bounds[name][0] or value > bounds[name][1]
    )
    assert {row.statistic for row in found} >= {"std", "kurtosis"}
    for row in found:
        assert (row.lower, row.upper) == pytest.approx(bounds[row.statistic], rel=1e-9, abs=1e-12)
        assert row.value == values[row.statistic][int(row.image_id)]
        assert row.direction == ("low" if row.value < row.lower else "high")
        assert (row.score > threshold, row.threshold) == (True, threshold)


def vectors():
    """The inputs of DataEval's reference numbers."""
    r = np.random.default_rng(11)
    return {
        "mean": r.normal(size=200),
        "std": r.lognormal(size=150),
        "var": np.where(r.random(80) < 0.1, np.nan, r.normal(5, 2, 80)),
        "skew": np.full(30, 3.0),
        "kurtosis": np.r_[np.zeros(95), 1, 2, 3, 50, -7.0],
        "entropy": np.r_[np.zeros(60), r.random(40) * 0.5],
        "brightness": np.array([1.0, 9.0]),
        "contrast": np.r_[r.normal(size=50) * 1e-14, 1e-12],
        # Most values are one, and the others few, far, near, or on one side.
        "darkness": np.r_[np.zeros(30), 1.0, 2, 2, 3, 40],
        "sharpness": np.r_[np.zeros(60), np.linspace(100, 300, 20)],
        "zeros": np.r_[np.zeros(60), np.linspace(0.01, 3, 39), 90.0],
        "size": np.r_[np.full(20, 5.0), np.linspace(1, 4, 15), np.full(3, 9.0)],
    }


# What the ZScore-, IQR-, ModifiedZScore- and AdaptiveThreshold of DataEval 1.1.4 answer; None is no bound.
# Of the third, vectors whose MAD is 0 are left out: the fallback there differs on purpose.
DATAEVAL = {
    "zscore": {
        "mean": (-2.7509696944588864, 2.783690444982189),
        "std": (-8.983305065980852, 12.789847036355402),
        "var": (-1.1329800989337562, 10.961915166921116),
        "skew": None,
        "kurtosis": (-14.626517456080947, 15.606517456080947),
        "entropy": (-0.38473471460587255, 0.5997345103833782),
        "brightness": (-7.0, 17.0),
        "contrast": None,
    },
    "iqr": {
        "mean": (-2.5192945169343264, 2.4779597597309335),
        "std": (-1.350129181780226, 3.8053917069073004),
        "var": (-0.8970560073913729, 10.866800525789493),
        "skew": None,
        "kurtosis": None,
        "entropy": (-0.2613900535319027, 0.43565008921983783),
        "brightness": None,
        "contrast": None,
    },
    "modified_zscore": {
        "mean": (-3.0856477701628995, 3.121828771718792),
        "std": (-2.192606166430736, 4.531803167544279),
        "var": (-2.9398807012988364, 12.77701858518603),
        "skew": None,
        "brightness": (-15.756115641215715, 25.756115641215715),
        "contrast": None,
    },
    "adaptive": {
        "mean": (-4.108540973094558, 3.952080255718329),
        "std": (-1.9455241990576777, 8.899413238425993),
        "var": (-3.4586076329288646, 12.948454733934486),
        "skew": None,
        "kurtosis": (-3.269088213491475, 3.269088213491475),
        "entropy": (-1.338601664947618, 1.338601664947618),
        "brightness": None,
        "contrast": None,
        "darkness": (-7.116382505559675, 7.116382505559675),
        "sharpness": (-259.45144551519644, 259.45144551519644),
        "zeros": (-8.01363583161016, 8.01363583161016),
        "size": (-9.640474425500374, 19.640474425500372),
    },
}


@pytest.mark.parametrize("method", list(DATAEVAL))
def test_bounds_equal_dataeval(frame, method):
    values, bounds = vectors(), DATAEVAL[method]

    found = outliers(columns(frame, values), no_targets(frame), method=method, statistics=list(bounds)).collect()

    # IQRThreshold has no bounds for two values: their quartiles are the values themselves, so none is beyond.
    assert flagged(found) == sorted(
        (name, i)
        for name, limits in bounds.items()
        if limits
        for i, value in enumerate(values[name])
        if not np.isnan(value) and not limits[0] <= value <= limits[1]
    )
    assert {row.statistic for row in found} >= {"std"}
    for row in found:
        assert (row.lower, row.upper) == pytest.approx(bounds[row.statistic], rel=1e-12)


def test_where_half_the_values_are_equal_the_mean_deviation_takes_over(frame):
    values = [0.0] * 95 + [1.0, 2.0, 3.0, 50.0, -7.0]

    found = outliers(columns(frame, {"mean": values}), no_targets(frame), method="modified_zscore").collect()

    spread = 0.63 * np.sqrt(np.pi / 2)  # 63 / 100 is the mean absolute deviation
    assert {(row.value, row.direction) for row in found} == {(3.0, "high"), (50.0, "high"), (-7.0, "low")}
    for row in found:
        assert row.score == pytest.approx(abs(row.value) / spread)
        assert (row.lower, row.upper) == pytest.approx((-3.5 * spread, 3.5 * spread))


def test_the_columns_are_those_of_the_contract(frame):
    found = outliers(columns(frame, {"mean": [0.0, 1.0, 2.0, 3.0, 90.0]}), no_targets(frame), method="iqr")

    assert found.dtypes == [(c.name, c.type) for c in OUTLIERS.result_columns]
    (row,) = found.collect()  # quartiles 1 and 3
    assert tuple(row) == (
        "004",
        None,
        None,
        "mean",
        "iqr",
        None,
        90.0,
        43.5,
        1.5,
        -2.0,
        6.0,
        "high",
        1,
        "mean is 90.00, above 6.000",
    )


def test_null_and_nan_are_never_outliers_and_count_for_nothing(frame):
    values = [None, float("nan"), *[1.0, 2.0, 3.0, 4.0] * 3, 99.0, None]
    stats = image_stats(frame, [{"image_id": f"{i:03}", "mean": value} for i, value in enumerate(values)])

    found = outliers(stats, no_targets(frame), method="iqr").collect()

    assert [(row.image_id, row.lower, row.upper) for row in found] == [("014", -1.0, 7.0)]


# Widths of cats are about 10, of dogs about 100; "both" shows a cat and two dogs.
CLASSES = {
    **{f"cat-{n}": (10.0 + n, ["cat"]) for n in range(5)},
    **{f"dog-{n}": (100.0 + n, ["dog"]) for n in range(5)},
    "both": (102.0, ["cat", "dog", "dog"]),
    "unknown": (101.0, [None]),
    "bare-1": (11.0, []),
    "bare-2": (12.0, []),
}


def test_per_class_an_image_is_compared_within_each_of_its_classes(frame):
    stats = image_stats(frame, [{"image_id": name, "width": width} for name, (width, _) in CLASSES.items()])
    labels = [target(name, i, c) for name, (_, classes) in CLASSES.items() for i, c in enumerate(classes)]

    found = outliers(stats, frame(TARGETS, labels), method="iqr", per_class=True).collect()
    overall = outliers(stats, frame(TARGETS, labels), method="iqr").collect()

    # cats: 10 11 12 13 14 102, quartiles by midpoint 11.5 and 13.5
    assert [(r.image_id, r.group_name, r.lower, r.upper) for r in found] == [("both", "cat", 8.5, 16.5)]
    assert overall == []


def test_boxes_are_compared_with_boxes_and_only_when_asked(frame):
    widths = [1000.0, 1001.0, 1002.0, 1003.0, 1004.0]
    boxes = [10.0, 11.0, 12.0, 13.0, 60.0]
    stats = image_stats(
        frame,
        [{"image_id": f"i{n}", "width": width} for n, width in enumerate(widths)]
        + [{"image_id": f"i{n}", "target_index": 1, "width": width} for n, width in enumerate(boxes)],
    )

    asked = outliers(stats, no_targets(frame), method="iqr", per_target=True).collect()
    not_asked = outliers(stats, no_targets(frame), method="iqr").collect()

    assert [(r.image_id, r.target_index, r.lower, r.upper) for r in asked] == [("i4", 1, 8.0, 16.0)]
    assert not_asked == []


def test_per_class_a_box_is_compared_with_boxes_of_its_own_class(frame):
    # one image with ten boxes: cats are 10 to 14 wide, dogs 100 to 104; cat 5 is as wide as a dog
    classes = ["cat"] * 5 + ["dog"] * 5 + ["cat"]
    widths = [*range(10, 15), *range(100, 105), 101]
    rows = [{"image_id": "i", "target_index": n, "width": float(width)} for n, width in enumerate(widths)]
    stats = image_stats(frame, [{"image_id": "i", "width": 5000.0}, *rows])
    labels = frame(TARGETS, [target("i", n, name) for n, name in enumerate(classes)])

    found = outliers(stats, labels, method="iqr", per_class=True, per_target=True).collect()

    assert [(r.target_index, r.group_name, r.value) for r in found] == [(10, "cat", 101.0)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "zscores"}, r"outliers\.method is 'zscores'; expected one of .*Hint: outliers\.method = 'zscore'"),
        ({"statistics": ["mean", "meen"]}, r"outliers\.statistics is 'meen'.*Hint: outliers\.statistics = 'mean'"),
        ({"threshold": -1}, r"outliers\.threshold is -1\.0; expected a number in \[0\.0, 1000000\.0\]"),
    ],
)
def test_a_wrong_option_says_what_to_write(frame, options, message):
    with pytest.raises(OptionError, match=f"(?s){message}"):
        outliers(columns(frame, {"mean": [1.0]}), no_targets(frame), **options)


def channels(frame, values):
    """Rows of `channel_stats`: a list of values of ``mean`` per channel."""
    rows = [
        {"image_id": f"{i:03}", "channel": channel, "mean": float(value), "fingerprint": "f", "run_id": "r"}
        for channel, column in enumerate(values)
        for i, value in enumerate(column)
    ]
    return frame(CHANNEL_STATS, [tuple(row.get(name) for name in CHANNEL_STATS.column_names) for row in rows])


def test_a_channel_is_compared_with_the_same_channel_of_other_images(frame):
    red, green = np.linspace(0, 1, 40), np.linspace(100, 101, 40)
    green[7] = 0.5  # usual for red
    stats, values = columns(frame, {"mean": np.linspace(0, 1, 40)}), channels(frame, [red, green])

    found = outliers(stats, no_targets(frame), values, method="iqr", per_channel=True).collect()

    assert [(row.image_id, row.channel, row.statistic, row.direction) for row in found] == [("007", 1, "mean", "low")]
    quartiles = np.quantile(green, [0.25, 0.75], method="midpoint")
    assert found[0].lower == pytest.approx(quartiles[0] - 1.5 * (quartiles[1] - quartiles[0]))
    assert outliers(stats, no_targets(frame), values, method="iqr").count() == 0


def test_statistics_that_no_channel_has_are_those_of_the_image_alone(frame):
    stats = columns(frame, {"width": [1.0] * 20 + [9.0]})

    assert outliers(stats, no_targets(frame), channels(frame, []), statistics=["width"], per_channel=True).count() == 1


def test_channels_need_their_table(frame):
    with pytest.raises(OptionError, match="needs the table channel_stats"):
        outliers(columns(frame, {"mean": [1.0]}), no_targets(frame), per_channel=True)


# `analyses/quality/scales.py`, written again.
SCALES = {
    "size": (np.log, 0.45),
    "aspect_ratio": (lambda x: -np.log1p(-np.abs(x)), 0.1),
    "mean": (lambda x: x, 0.0),
    "std": (lambda x: np.log(x + 1), 0.15),
    "kurtosis": (lambda x: np.log(x + 3.05), 0.4),
    "skew": (np.arcsinh, 0.3),
    "entropy": (lambda x: -np.log(np.log(256) + 0.02 - x), 0.1),
    "zeros": (lambda x: np.log((x + 0.01) / (1.01 - x)), 1.0),
    "noise": (lambda x: np.log(x + 0.25), 0.2),
}


def calibrated_scores(name, values):
    """By numpy: how many spreads a value lies from the median on its scale."""
    forward, least = SCALES[name]
    on_scale = forward(values)
    p15, p25, p50, p75, p85 = np.quantile(on_scale, [0.15, 0.25, 0.5, 0.75, 0.85])

    def spread(near, far):
        inner, outer = near / norm.ppf(0.75), far / norm.ppf(0.85)
        heavier = max(0.0, outer / inner - 1) if inner else 0.0
        return max(inner * (1 + np.log1p(heavier)), least) * (1 + 10 / len(values))

    low = 0.0 if name == "aspect_ratio" else (p50 - on_scale) / spread(p50 - p25, p50 - p15)
    return np.maximum(low, (on_scale - p50) / spread(p75 - p50, p85 - p50))


def skewed_columns():
    r = np.random.default_rng(8)
    n = 250
    values = {
        "size": np.full(n, 320.0 * 240),
        "aspect_ratio": r.choice([-0.25, 0.0, 0.25, 0.333], size=n),
        "mean": r.normal(110, 30, n),
        "std": r.lognormal(4, 0.3, n),
        "kurtosis": r.lognormal(0.5, 0.8, n) - 3,
        "skew": r.standard_t(3, n),
        "entropy": np.log(256) - r.lognormal(-1, 0.5, n),
        "zeros": np.where(r.random(n) < 0.6, 0.0, r.beta(0.5, 9, n)),
        "noise": r.lognormal(1.3, 0.9, n),
    }
    for i, (name, value) in enumerate(
        [("size", 64.0 * 48), ("aspect_ratio", -0.8), ("mean", 300.0), ("std", 1.5), ("entropy", 0.3), ("zeros", 0.97)]
    ):
        values[name][i] = value
    values["std"][20], values["entropy"][20], values["kurtosis"][20] = 0.4, 0.01, 900.0
    return values


@pytest.mark.parametrize("partitions", [1, 7])
def test_calibrated_outliers_lie_beyond_one_threshold_on_the_scale_of_their_statistic(frame, partitions):
    values = skewed_columns()

    found = outliers(
        columns(frame, values).repartition(partitions), no_targets(frame), statistics=list(values)
    ).collect()

    limit = norm.isf(1e-4 / 2 / len(values))
    scores = {name: calibrated_scores(name, column) for name, column in values.items()}
    expected = {(name, i): score for name, of in scores.items() for i, score in enumerate(of) if score > limit}
    assert {(row.statistic, int(row.image_id)): row.score for row in found} == pytest.approx(expected, rel=1e-9)
    assert set(flagged(found)) >= {("size", 0), ("aspect_ratio", 1), ("mean", 2), ("std", 3), ("entropy", 4)}
    assert [row.threshold for row in found] == pytest.approx([limit] * len(found), rel=1e-12)
    for row in found:
        forward, _ = SCALES[row.statistic]
        # The bounds are on the statistic's own scale: a value at one has the threshold as its score.
        assert row.value > row.upper if row.direction == "high" else row.value < row.lower
        bound = row.upper if row.direction == "high" else row.lower
        moved = forward(np.array([bound, row.value]))
        p50 = np.median(forward(values[row.statistic]))
        assert (moved[0] - p50) / (moved[1] - p50) == pytest.approx(limit / row.score, rel=1e-6)


def test_several_statistics_make_one_verdict_with_reasons_in_order(frame):
    found = outliers(columns(frame, skewed_columns()), no_targets(frame), statistics=list(SCALES)).collect()

    of_image = sorted((row for row in found if row.image_id == "020"), key=lambda row: row.position)
    assert [row.position for row in of_image] == [1, 2, 3]
    assert {row.statistic for row in of_image} == {"std", "entropy", "kurtosis"}
    assert [row.score for row in of_image] == sorted((row.score for row in of_image), reverse=True)
    (std,) = (row for row in of_image if row.statistic == "std")
    assert std.reason == f"std is 0.4000, below {std.lower:.4g}"
    assert len({row.image_id for row in found}) == len([row for row in found if row.position == 1])


def test_statistics_that_say_the_same_are_one_reason_and_count_once(frame):
    r = np.random.default_rng(0)
    side = r.choice([400.0, 500.0, 640.0], size=200)
    side[7] = 4.0
    values = {"width": side, "height": side, "size": side * side, "std": r.normal(60, 5, 200)}

    found = outliers(columns(frame, values), no_targets(frame), statistics=list(values)).collect()

    assert [(row.image_id, row.position) for row in found] == [("007", 1)]
    assert found[0].threshold == pytest.approx(norm.isf(1e-4 / 2 / 2))


def test_by_default_clean_normal_values_are_hardly_ever_listed_and_of_few_values_only_far_ones(frame):
    r = np.random.default_rng(3)
    values = {name: r.normal(100, 10, 3000) for name in ("mean", "std", "sharpness", "contrast", "noise")}

    assert outliers(columns(frame, values), no_targets(frame)).count() <= 3
    assert outliers(columns(frame, {"mean": [1.0, 2.0, 3.0, 4.0, 12.0]}), no_targets(frame)).count() == 0


def test_a_side_without_spread_has_no_bound(frame):
    values = [5.0] * 60 + [6.0, 7.0, 8.0] * 10 + [90.0]  # half are the smallest value

    (row,) = outliers(columns(frame, {"mean": values}), no_targets(frame), statistics=["mean"]).collect()

    assert (row.image_id, row.lower, row.direction) == ("090", None, "high")
    assert 8.0 < row.upper < 90.0


def test_a_tenth_of_outliers_on_a_side_does_not_hide_them(frame):
    values = np.r_[np.random.default_rng(5).normal(100, 10, 400), np.full(40, 250.0)]

    found = outliers(columns(frame, {"mean": values}), no_targets(frame)).collect()

    assert {int(row.image_id) for row in found} >= set(range(400, 440))
