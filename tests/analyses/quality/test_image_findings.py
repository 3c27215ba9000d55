"""Image findings: thresholds at their border, and scores equal to cleanvision's."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image

from dataeval_spark.analyses.quality.image_findings import image_findings
from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.images.profile import profile_image
from dataeval_spark.tables.quality import IMAGE_FINDINGS
from tests.analyses.profile.rows import image_stats

USUAL = {
    "width": 100.0,
    "height": 100.0,
    "size": 10_000.0,
    "perceived_brightness_p99": 0.9,
    "perceived_brightness_p5": 0.1,
    "blurriness": 100.0,
    "blurriness_grayscale_std": 0.0,
    "blur": 0.3,
    "entropy_bits": 8.0,
    "is_grayscale": False,
}


def stats_of(frame, images):
    return image_stats(frame, [{**USUAL, "image_id": name, **changes} for name, changes in images.items()])


def listed(found):
    return {(row.image_id, row.rule) for row in found.collect()}


def test_images_with_non_finite_pixels_are_listed_with_their_number(frame):
    stats = stats_of(
        frame, {"whole": {"non_finite": 0, "missing": 0.0}, "holes": {"non_finite": 3, "missing": 0.25}, "old": {}}
    )

    (found,) = image_findings(stats).where("rule = 'non_finite_pixels'").collect()

    assert (found.image_id, found.score, found.threshold) == ("holes", 0.75, 1.0)
    assert found.message == "NaN or infinite: 3 values; the others are measured"


def test_a_score_below_the_threshold_is_listed_and_one_on_it_is_not(frame):
    stats = stats_of(
        frame,
        {
            "usual": {},
            "dark": {"perceived_brightness_p99": 0.3199},
            "not dark": {"perceived_brightness_p99": 0.32},
            "bright": {"perceived_brightness_p5": 0.7501},
            "not bright": {"perceived_brightness_p5": 0.75},
            "flat": {"entropy_bits": 2.999},
            "not flat": {"entropy_bits": 3.0},
            "blurry": {"blur": 1.381},  # 1 / 2.381 = 0.41999
            "not blurry": {"blur": 1.38},  # 0.42017
            "wide": {"width": 100.0, "height": 34.9, "size": 10_000.0},
            "not wide": {"width": 100.0, "height": 35.0, "size": 10_000.0},
            "tall": {"width": 34.9, "height": 100.0, "size": 10_000.0},
            "unmeasured": dict.fromkeys(USUAL),
        },
    )

    found = image_findings(stats, odd_size_iqr=1e6)

    assert listed(found.where("rule != 'odd_size'")) == {
        ("dark", "dark"),
        ("bright", "bright"),
        ("flat", "low_information"),
        ("blurry", "blurry"),
        ("wide", "odd_aspect_ratio"),
        ("tall", "odd_aspect_ratio"),
    }
    (dark,) = found.where("rule = 'dark'").collect()
    (blurry,) = found.where("rule = 'blurry'").collect()
    assert (blurry.score, blurry.threshold) == (pytest.approx(1 / 2.381), 0.42)
    assert blurry.message == "Blurry: edges are as soft as after a Gaussian blur of 1.4 pixels"
    assert found.dtypes == [(c.name, c.type) for c in IMAGE_FINDINGS.result_columns]
    assert tuple(dark) == (
        "dark",
        None,
        "dark",
        0.3199,
        0.32,
        "warning",
        "Dark: the 99th percentile of brightness is 0.32",
    )


def test_with_compat_bright_blurry_and_odd_size_have_cleanvisions_thresholds(frame):
    stats = stats_of(
        frame,
        {
            "bright": {"perceived_brightness_p5": 0.9501},
            "not bright": {"perceived_brightness_p5": 0.9499},
            "blurry": {"blurriness": 34.2, "blur": 0.0},  # 1 - exp(-0.342) = 0.2897
            "not blurry": {"blurriness": 34.3, "blur": 9.0},  # 0.2904
            "odd": {"width": 101.0},
        },
    )

    found = image_findings(stats, compat="cleanvision")

    assert listed(found) == {("bright", "bright"), ("blurry", "blurry"), ("odd", "odd_size")}


@pytest.mark.parametrize(
    ("usual", "threshold", "blurry"),
    [
        (0.4, 0.42, {"1.40", "1.90", "2.15"}),
        (1.2, 1 / (1 + 4 / 3 * 1.2), {"1.90", "2.15"}),  # 1.6 pixels
        (3.0, 0.32, {"2.15"}),  # at most 2.125 pixels
    ],
)
def test_where_images_are_soft_only_softer_ones_are_blurry(frame, usual, threshold, blurry):
    images = {f"usual {n}": {"blur": usual} for n in range(9)} | {f"{b:.2f}": {"blur": b} for b in (1.4, 1.9, 2.15)}

    found = image_findings(stats_of(frame, images)).where("image_id NOT LIKE 'usual%'").collect()

    assert {row.image_id for row in found} == blurry
    assert [row.threshold for row in found] == pytest.approx([threshold] * len(found))
    asked = image_findings(stats_of(frame, images), blurry=0.42).where("image_id NOT LIKE 'usual%'").collect()
    assert {row.image_id for row in asked} == {"1.40", "1.90", "2.15"}


def test_a_gray_picture_has_as_much_information_in_one_channel_as_in_three(frame):
    stats = stats_of(
        frame,
        {
            "three": {"entropy_bits": 2.9 + math.log2(3), "channels": 3},
            "one": {"entropy_bits": 2.9, "channels": 1},
            "flat": {"entropy_bits": 1.41, "channels": 1},
        },
    )

    assert listed(image_findings(stats)) == {("flat", "low_information")}
    assert listed(image_findings(stats, compat="cleanvision")) == {
        ("one", "low_information"),
        ("flat", "low_information"),
    }


def test_contrast_makes_up_for_blur_only_above_its_own_threshold(frame):
    stats = stats_of(
        frame,
        {
            "little contrast": {"blurriness": 20.0, "blurriness_grayscale_std": 19.8},  # contrast 0.1796 counts for 0
            "more contrast": {"blurriness": 20.0, "blurriness_grayscale_std": 19.9},  # contrast 0.1805
            "blurred": {"blurriness": 5.0, "blurriness_grayscale_std": 19.9},
            "at most 1": {"blurriness": 150.0, "blurriness_grayscale_std": 150.0},
        },
    )

    scores = {
        row.image_id: row.score
        for row in image_findings(stats, compat="cleanvision").where("rule = 'blurry'").collect()
    }
    strictest = image_findings(stats, compat="cleanvision", blurry=1.0).where("rule = 'blurry'").collect()

    assert scores == {
        "little contrast": pytest.approx(1 - math.exp(-0.2), abs=1e-12),
        "blurred": pytest.approx(2 - math.exp(-0.05) - math.exp(-0.199), abs=1e-12),
    }
    assert {row.image_id for row in strictest} == {"little contrast", "more contrast", "blurred"}


def sized(*sides):
    return {f"{i}-{side}": {"width": float(side), "height": float(side)} for i, side in enumerate(sides)}


def test_a_size_is_odd_beyond_three_interquartile_ranges(frame):
    # quartiles 98 and 102: usual from 86 to 114, a gap of 28 around 100
    stats = stats_of(frame, sized(96, 98, 100, 102, 104, 86, 114, 113, 85, 115, 98, 98, 102, 102, 200))

    found = image_findings(stats).where("rule = 'odd_size'").collect()

    sides = [96, 98, 100, 102, 104, 86, 114, 113, 85, 115, 98, 98, 102, 102, 200]
    q1, q3 = np.percentile(sides, [25, 75])
    gap, middle = 7 * (q3 - q1), (q1 + q3) / 2
    expected = {f"{i}-{side}": max(0.0, 1 - abs(side - middle) / gap) for i, side in enumerate(sides)}
    expected = {name: score for name, score in expected.items() if score < 0.5}
    assert {row.image_id: row.score for row in found} == pytest.approx(expected)
    assert set(expected) == {"14-200"}
    assert {(row.threshold, row.severity) for row in found} == {(0.5, "info")}


def test_among_images_of_one_size_any_other_size_is_odd(frame):
    stats = stats_of(frame, {**sized(*[100] * 298, 101, 10), "swapped": {"width": 50.0, "height": 200.0}})

    found = image_findings(stats, odd_aspect_ratio=0.0).collect()

    assert {(row.image_id, row.rule, row.threshold): row.score for row in found} == {
        ("298-101", "odd_size", 1.0): pytest.approx(0.99),
        ("299-10", "odd_size", 1.0): pytest.approx(0.1),
    }
    assert {row.message for row in found} == {
        "Odd size: 101 x 101 pixels; half of the images are as large as squares of 100 to 100 pixels",
        "Odd size: 10 x 10 pixels; half of the images are as large as squares of 100 to 100 pixels",
    }


@pytest.mark.parametrize(("options", "sides"), [({}, {30, 301}), ({"odd_size_factor": 2.0}, {30, 40, 220, 301})])
def test_where_many_sizes_are_unusual_only_those_that_differ_by_a_factor_are_odd(frame, options, sides):
    # Three quarters have one size, so that every other size is outside cleanvision's interval.
    stats = stats_of(frame, sized(*[100] * 80, *range(80, 98), 30, 40, 60, 130, 220, 301))

    found = image_findings(stats, **options).collect()
    as_cleanvision = image_findings(stats, compat="cleanvision").collect()

    assert {int(row.image_id.partition("-")[2]) for row in found} == sides
    assert len(as_cleanvision) == 24


@pytest.mark.parametrize(
    ("gray", "colour", "options", "expected"),
    [
        (1, 2, {}, {"gray-0"}),
        (1, 1, {}, set()),  # half is not less than half
        (2, 0, {}, set()),
        (1, 3, {"grayscale_share": 0.25}, set()),
        (1, 1, {"grayscale_share": 0.51}, {"gray-0"}),
    ],
)
def test_gray_images_are_listed_where_they_are_few(frame, gray, colour, options, expected):
    images = {f"gray-{n}": {"is_grayscale": True} for n in range(gray)} | {f"colour-{n}": {} for n in range(colour)}

    found = image_findings(stats_of(frame, images), **options)

    assert listed(found) == {(name, "grayscale") for name in expected}


def test_an_invalid_box_is_an_error_and_boxes_have_no_other_rule(frame):
    rows = [
        {**USUAL, "image_id": "i"},
        {**USUAL, "image_id": "i", "target_index": 0, "invalid_box": False, "perceived_brightness_p99": 0.0},
        {"image_id": "i", "target_index": 1, "invalid_box": True, "width": 0.0, "height": 5.0},
    ]

    (row,) = image_findings(image_stats(frame, rows)).collect()

    assert row.message == "The box is empty, inverted or outside the image"
    assert (row.image_id, row.target_index, row.rule, row.score, row.severity) == ("i", 1, "invalid_box", 0.0, "error")


def test_no_images_have_no_findings(frame):
    assert image_findings(image_stats(frame, [])).collect() == []


def test_an_unknown_compat_names_what_there_is(frame):
    with pytest.raises(OptionError, match=r"image_findings\.compat is 'fastdup'.*cleanvision"):
        image_findings(image_stats(frame, []), compat="fastdup")


@pytest.mark.parametrize("option", ["dark", "bright", "blurry", "low_information", "odd_aspect_ratio"])
def test_a_threshold_beyond_1_names_its_option(frame, option):
    with pytest.raises(OptionError, match=rf"image_findings\.{option} is 1\.5; expected a number in \[0\.0, 1\.0\]"):
        image_findings(image_stats(frame, []), **{option: 1.5})


def pictures():
    """Fourteen images: noise of several sizes, and one for each rule."""
    r = np.random.default_rng(3)
    made = {f"normal{i}": r.integers(0, 256, (60 + i * 2, 80 + i * 3, 3)) for i in range(6)}
    made["dark"] = r.integers(0, 60, (60, 80, 3))
    made["bright"] = r.integers(245, 256, (60, 80, 3))
    made["flat"] = np.full((60, 80, 3), 120)
    made["gradient"] = np.linspace(90, 160, 80).astype(np.uint8)[None, :, None].repeat(60, 0).repeat(3, 2)
    made["tall"] = r.integers(0, 256, (200, 30, 3))
    made["big"] = r.integers(0, 256, (300, 400, 3))
    made["tiny"] = r.integers(0, 256, (12, 12, 3))
    made["gray"] = r.integers(0, 256, (60, 80))
    return {name: pixels.astype(np.uint8) for name, pixels in made.items()}


# Scores and issues of cleanvision 0.3.7 (Imagelab.find_issues) for the files of `pictures`.
RULES = ("dark", "bright", "blurry", "low_information", "odd_aspect_ratio", "odd_size")
CLEANVISION = {
    "normal0": (0.925243844355, 0.784790298689, 0.631871456162, 0.954506602166, 0.75, 0.928571428571),
    "normal1": (0.919755904023, 0.787697342701, 0.629565730959, 0.954743497844, 0.746987951807, 0.972532734741),
    "normal2": (0.925592955989, 0.779527277958, 0.621816322298, 0.954999003741, 0.744186046512, 0.983510818371),
    "normal3": (0.918974129148, 0.781837037523, 0.616502650435, 0.955503891393, 0.741573033708, 0.939558764125),
    "normal4": (0.922900809432, 0.783946619772, 0.611362002917, 0.95571907211, 0.739130434783, 0.895610693817),
    "normal5": (0.923396785918, 0.785633548217, 0.612957321517, 0.955783539527, 0.736842105263, 0.851666247949),
    "dark": (0.213188676446, 0.949511709444, 0.581902308069, 0.748134703425, 0.75, 0.928571428571),
    "bright": (0.997996447329, 0.034187921004, 1.0, 0.504318644268, 0.75, 0.928571428571),
    "flat": (0.470588235294, 0.529411764706, 1.0, 0.158496250072, 0.75, 0.928571428571),
    "gradient": (0.627450980392, 0.635490196078, 0.48409548778, 0.768189059561, 0.75, 0.928571428571),
    "tall": (0.917582106854, 0.786301130431, 0.453854524992, 0.955615175837, 0.15, 0.924908983387),
    "big": (0.922664252518, 0.783012082733, 0.647842141662, 0.958343746506, 0.75, 0.0),
    "tiny": (0.885506616227, 0.797445059847, 0.634078835741, 0.825994875789, 1.0, 0.0),
    "gray": (0.992156862745, 0.952941176471, 0.668479175142, 0.796463658926, 0.75, 0.928571428571),
}
CLEANVISION_ISSUES = {
    ("dark", "dark"),
    ("bright", "bright"),
    ("flat", "low_information"),
    ("tall", "odd_aspect_ratio"),
    ("big", "odd_size"),
    ("tiny", "odd_size"),
}
# "flat" is gray in content; cleanvision looks at the file's colour mode.
GRAY = {("gray", "grayscale"), ("flat", "grayscale"), ("gradient", "grayscale")}


def profiled(name, pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return {"image_id": name, **profile_image(file.getvalue()).image.stats}


def test_scores_and_findings_equal_cleanvision(frame):
    stats = image_stats(frame, [profiled(name, pixels) for name, pixels in pictures().items()]).localCheckpoint()

    everything = dict.fromkeys(RULES[:-1], 1.0)
    scores = {
        (row.image_id, row.rule): row.score
        for row in image_findings(stats, compat="cleanvision", **everything).collect()
    }
    found = listed(image_findings(stats, compat="cleanvision"))

    for name, expected in CLEANVISION.items():
        for rule, score in zip(RULES, expected, strict=True):
            # a perfect score is never listed, and a usual size only below 0.5
            ours = scores.get((name, rule), score if rule == "odd_size" and score >= 0.5 else 1.0)
            assert ours == pytest.approx(score, abs=1e-9), (name, rule)
    assert found == CLEANVISION_ISSUES | GRAY
