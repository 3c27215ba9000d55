"""How counts of classes vary because labels come in images: equal to the kernel's sums, for any partitioning."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.frames.image_sums import class_effects, image_effect
from dataeval_spark.kernels.factors.independence import ImageSums, fixed_design_effect, table_effect

LABELS = "part string, image_id string, class_name string"
NAMES = ("cat", "dog", "fox", "owl")


@pytest.fixture(scope="module")
def drawn():
    """Boxes of each image by class: five or so, most of them of one class; another draw for each part."""
    random = np.random.default_rng(0)
    return {
        part: random.multinomial(1 + random.poisson(4, images), random.dirichlet(np.full(4, 0.3), images))
        for part, images in (("train", 40), ("test", 15))
    }


def rows_of(drawn):
    return [
        (part, f"{part}{image}", NAMES[code])
        for part, counts in drawn.items()
        for image, of_image in enumerate(counts)
        for code, n in enumerate(of_image)
        for _ in range(n)
    ]


def sums_of(counts):
    size = counts.sum(axis=1)
    sums = counts.sum(axis=0), (counts**2).sum(axis=0), (counts * size[:, None]).sum(axis=0)
    return ImageSums(*sums, int((size**2).sum()), len(counts))


def test_effects_of_classes_and_of_the_whole_table_are_the_kernels(frame, drawn):
    labels = frame(LABELS, rows_of(drawn))
    found = {(row.part, row.class_name): row.design_effect for row in class_effects(labels, ["part"]).collect()}

    for part, counts in drawn.items():
        sums = sums_of(counts)
        n = counts.sum()
        shares = sums.counts / n
        effects = np.array([found[part, name] for name in NAMES])
        expected = n * sums.variances() / (shares * (1 - shares))
        assert expected.min() > 1
        assert effects == pytest.approx(expected)
        assert table_effect(sums.counts, effects) == pytest.approx(fixed_design_effect(sums, shares))
        assert found[part, None] == pytest.approx(sums.sizes_squared / n)

    of_test = labels.where("part = 'test'")
    alone = {row.class_name: row.design_effect for row in class_effects(of_test).collect()}
    assert alone == {name: found["test", name] for name in (*NAMES, None)}
    assert image_effect(of_test).collect()[0][0] == alone[None]


@pytest.mark.parametrize("partitions", [1, 7])
def test_effects_are_the_same_to_the_last_bit_for_any_partitioning(frame, drawn, partitions):
    labels = frame(LABELS, rows_of(drawn))

    expected = class_effects(labels).orderBy("class_name").collect()
    assert class_effects(labels.repartition(partitions)).orderBy("class_name").collect() == expected


def test_where_no_image_has_several_labels_the_effect_is_one(frame):
    labels = frame(LABELS, [("p", f"i{n}", NAMES[n % 3]) for n in range(10)])

    assert {row.class_name: row.design_effect for row in class_effects(labels).collect()} == dict.fromkeys(
        (*NAMES[:3], None), 1.0
    )


def test_of_one_class_or_one_image_only_what_images_share_is_known(frame):
    one_class = frame(LABELS, [("p", f"i{n // 3}", "cat") for n in range(9)])
    one_image = frame(LABELS, [("p", "i", NAMES[n % 2]) for n in range(4)])

    assert {tuple(row) for row in class_effects(one_class).collect()} == {("cat", 3.0), (None, 3.0)}
    assert {row.design_effect for row in class_effects(one_image).collect()} == {4.0}


def test_classes_that_exclude_each_other_within_an_image_are_no_more_evidence_than_boxes_alone(frame):
    """One cat and one dog in each image: their counts do not vary at all, but what differs between boxes does."""
    labels = frame(LABELS, [("p", f"i{n // 2}", NAMES[n % 2]) for n in range(8)])

    found = {row.class_name: row.design_effect for row in class_effects(labels).collect()}
    assert found == {"cat": 1.0, "dog": 1.0, None: 2.0}
