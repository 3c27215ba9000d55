"""Sets of vectors that are compared with one another: one encoder's, of whole images or of boxes."""

from __future__ import annotations

import pytest

from dataeval_spark.analyses.similarity.embedding_sets import Part, parts_of
from dataeval_spark.errors import EmbeddingError, OptionError
from dataeval_spark.tables.profile import EMBEDDINGS


def embeddings(frame, *rows):
    return frame(EMBEDDINGS, [(i, target, encoder, [1.0], version, "f", "r") for i, target, encoder, version in rows])


@pytest.fixture
def vectors(frame):
    return embeddings(
        frame, ("a", None, "x", "1"), ("b", None, "x", "1"), ("a", 0, "x", "1"), ("a", None, "other", "2")
    )


def test_each_encoder_is_a_set_and_boxes_are_one_of_their_own_where_they_are_asked_for(vectors):
    other, whole, boxes = Part("other", "2", False, 1), Part("x", "1", False, 2), Part("x", "1", True, 1)

    assert parts_of(vectors, None, False, "neighbors") == [other, whole]
    assert parts_of(vectors, None, True, "neighbors") == [other, whole, boxes]
    assert parts_of(vectors, "x", True, "neighbors") == [whole, boxes]
    assert (whole.subject, boxes.subject) == ("x", "x (boxes)")


def test_the_condition_of_a_set_finds_its_vectors(vectors):
    parts = parts_of(vectors, None, True, "neighbors")

    assert [vectors.where(part.condition).count() for part in parts] == [part.count for part in parts]


def test_without_vectors_there_are_no_sets_whatever_encoder_is_named(frame):
    assert parts_of(embeddings(frame), "x", False, "neighbors") == []


def test_an_encoder_that_is_not_there_is_refused_in_the_name_of_the_step(vectors):
    with pytest.raises(OptionError, match=r"clusters\.encoder is 'y'; expected one of \['other', 'x'\]"):
        parts_of(vectors, "y", False, "clusters")


def test_vectors_of_two_versions_of_an_encoder_are_refused(frame):
    two = embeddings(frame, ("a", None, "x", "1"), ("b", None, "x", "2"))

    with pytest.raises(EmbeddingError, match="'x' come from versions 1, 2; expected one"):
        parts_of(two, None, False, "neighbors")
