"""Images that could not be read, and those that nobody has looked at."""

from __future__ import annotations

from dataeval_spark.verbs.select.readable import unchecked_note, unreadable_images, unreadable_note


def test_an_image_without_a_vector_alone_is_readable(tables):
    assert {row["image_id"] for row in unreadable_images(tables["unreadable_images"]).collect()} == {"a3", "b1"}


def test_images_of_a_selection_that_cannot_be_read_are_counted_with_the_operation_that_removes_them(tables):
    members = tables["images"].unionByName(tables["images"])  # one that is there twice is one image
    removes = "--operation drop_unreadable removes"

    assert unreadable_note(members, tables) == f"2 images of it cannot be read: {removes} them"
    assert unreadable_note(members.where("image_id = 'a3'"), tables) == f"1 image of it cannot be read: {removes} it"
    assert unreadable_note(members.where("image_id = 'a0'"), tables) is None
    assert unreadable_note(members, {}) is None


def test_images_that_were_not_profiled_are_counted_with_the_command_that_profiles_them(tables):
    members, stats = tables["images"], tables["image_stats"]
    failed_alone = {"unreadable_images": tables["unreadable_images"]}
    some = {**failed_alone, "image_stats": stats.where("image_id NOT IN ('a0', 'a1', 'a3')")}

    profile = "checked for damage: dataeval-spark profile --workspace WS"
    assert unchecked_note(members, {}, "WS") == f"no image was {profile}"
    assert unchecked_note(members, some, "WS") == f"2 images were not {profile}"  # a3 was tried
    assert unchecked_note(members.where("image_id = 'a0'"), some, "WS") == f"no image was {profile}"
    assert unchecked_note(members, tables, "WS") is None
