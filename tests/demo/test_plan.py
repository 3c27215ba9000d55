"""The plan of the demo set: as many files and plants as were asked for, each plant on an image of its own."""

from __future__ import annotations

from collections import Counter

import pytest

from dataeval_spark.demo.plan import (
    BAD_ANNOTATIONS,
    LATER_GAIN,
    Copy,
    Plant,
    plan_later,
    plan_main,
    plants_for,
    plants_of,
    read_plants,
    write_plants,
)

COUNT = 300


@pytest.fixture(scope="module")
def jobs():
    return plan_main(COUNT, seed=7)


@pytest.fixture(scope="module")
def plants(jobs):
    return plants_of(jobs, missing=["zero/missing_0.jpg"], later=45)


def test_the_default_set_has_the_documented_plants():
    assert plants_for(2000) == {
        "exact_copy": 30,
        "reencoded_copy": 30,
        "resized_copy": 30,
        "blank": 12,
        "dark": 12,
        "blurred": 12,
        "truncated": 8,
        "swapped_label": 20,
        "bad_annotation": 2,
        "later": 300,
    }


def test_there_are_exactly_as_many_files_as_were_asked_for_copies_included(jobs):
    paths = [path for job in jobs for path in (job.path, *(copy.path for copy in job.copies))]

    assert len(paths) == len(set(paths)) == COUNT


def test_each_kind_is_planted_as_often_as_its_share_says(plants):
    wanted = plants_for(COUNT)
    wanted |= {"bad_annotation": wanted["bad_annotation"] * len(BAD_ANNOTATIONS[1:]) + 1, "shifted_brightness": 1}
    del wanted["later"]

    assert Counter(plant.kind for plant in plants) == wanted


def test_no_two_plants_share_an_image(plants):
    touched = [path for plant in plants for path in (plant.path, plant.other_path) if path]
    assert len(touched) == len(set(touched))


def test_one_in_six_faults_is_weak_and_says_so():
    faulty = [job for job in plan_main(2000, seed=1) if job.fault == "dark"]
    listed = [plant for plant in plants_of(faulty, missing=(), later=0) if plant.kind == "dark"]

    assert [job.weak for job in faulty].count(True) == 2
    assert [plant.detail for plant in listed].count("weak: expected to be missed") == 2


def test_the_same_seed_makes_the_same_plan_and_another_seed_another(jobs):
    assert plan_main(COUNT, seed=7) == jobs
    assert plan_main(COUNT, seed=8) != jobs


def test_the_later_scenes_are_darker_three_months_on_and_without_plants():
    later = plan_later(COUNT, seed=7)

    assert len(later) == plants_for(COUNT)["later"]
    assert {(job.scene.gain, job.scene.captured_at[:7], job.fault, job.copies) for job in later} == {
        (LATER_GAIN, "2026-06", "", ())
    }


@pytest.mark.parametrize(
    ("copy", "detail"),
    [
        (Copy("exact_copy", "a", "test", "jpg"), "same bytes"),
        (Copy("resized_copy", "a", "test", "jpg", side=72), "resized to 72 x 72 pixels"),
        (Copy("reencoded_copy", "a", "test", "jpg", quality=30), "JPEG of quality 30"),
        (Copy("reencoded_copy", "a", "test", "png"), "PNG of the same pixels"),
    ],
)
def test_a_copy_says_how_it_was_made(copy, detail):
    assert copy.detail == detail


def test_plants_are_read_as_they_were_written(plants, tmp_path):
    write_plants(tmp_path / "planted.csv", plants)

    assert (tmp_path / "planted.csv").read_text().splitlines()[0] == "kind,path,other_path,detail"
    assert read_plants(tmp_path / "planted.csv") == plants
    assert plants[-1] == Plant(
        "shifted_brightness", "later", "", "45 images captured three months later, pixel values times 0.66"
    )
