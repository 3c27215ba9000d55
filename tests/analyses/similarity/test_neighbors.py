"""The graph of nearest neighbours as a table, and that it stays the same as from nothing when images come and go."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.analyses.similarity.neighbors import neighbors
from dataeval_spark.errors import EmbeddingError, OptionError
from dataeval_spark.tables.profile import EMBEDDINGS
from dataeval_spark.tables.similarity import NEIGHBORS

COLUMNS = NEIGHBORS.result_names


def embedding(image_id, vector, *, target=None, encoder="thumbnail", version="1"):
    return (image_id, target, encoder, [float(x) for x in vector], version, "f", "run")


def table(frame, result):
    ddl = NEIGHBORS.result_ddl
    return frame(ddl, [tuple(row[name] for name in COLUMNS) for row in result.select(*COLUMNS).collect()])


def rows(result):
    return sorted(map(tuple, result.select(*COLUMNS).collect()), key=str)


def test_each_image_lists_its_neighbours_and_how_they_were_found(frame, tmp_path):
    data = frame(EMBEDDINGS, [embedding("a", [0, 0]), embedding("b", [3, 4]), embedding("c", [0, 1])])

    graph, findings = neighbors(data, k=1, scratch=str(tmp_path))

    listed = [(r.image_id, r["rank"], r.neighbor_id, r.distance, r.k, r.method) for r in graph.collect()]
    assert sorted(listed) == [
        ("a", 1, "c", 1.0, 1, "exact"),
        ("b", 1, "c", 18**0.5, 1, "exact"),
        ("c", 1, "a", 1.0, 1, "exact"),
    ]
    (finding,) = findings.collect()
    assert (finding["step"], finding["rule"], finding["subject"]) == ("neighbors", "neighbors_method", "thumbnail")
    assert "exact 1 nearest neighbours of 3 vectors, 3 of them searched" in finding["message"]


def test_encoders_and_boxes_are_searched_apart(frame, tmp_path):
    data = frame(
        EMBEDDINGS,
        [
            *(embedding(name, [x]) for name, x in (("a", 0), ("b", 1))),
            *(embedding(name, [x, 0], encoder="other") for name, x in (("a", 5), ("b", 9))),
            *(embedding("a", [x], target=x) for x in (0, 4)),
        ],
    )

    graph, _ = neighbors(data, k=3, per_target=True, scratch=str(tmp_path))

    listed = {
        (r.encoder, r.image_id, r.target_index, r.neighbor_id, r.neighbor_target_index, r.distance)
        for r in graph.collect()
    }
    assert listed == {
        ("thumbnail", "a", None, "b", None, 1.0),
        ("thumbnail", "b", None, "a", None, 1.0),
        ("other", "a", None, "b", None, 4.0),
        ("other", "b", None, "a", None, 4.0),
        ("thumbnail", "a", 0, "a", 4, 4.0),
        ("thumbnail", "a", 4, "a", 0, 4.0),
    }


def test_after_images_came_went_and_changed_the_graph_is_that_from_nothing(frame, tmp_path):
    rng = np.random.default_rng(0)
    vectors = {f"i{at:02}": rng.integers(-3, 4, size=3) for at in range(40)}
    before, _ = neighbors(frame(EMBEDDINGS, [embedding(*v) for v in vectors.items()]), k=4, scratch=f"{tmp_path}/0")
    previous = table(frame, before)
    for gone in rng.permutation(sorted(vectors))[:4]:
        del vectors[gone]
    vectors["i07"] = vectors["i09"] = rng.integers(-3, 4, size=3)
    vectors |= {f"new{at}": rng.integers(-3, 4, size=3) for at in range(6)}
    data = frame(EMBEDDINGS, [embedding(*v) for v in vectors.items()])

    updated, findings = neighbors(data, previous, k=4, scratch=f"{tmp_path}/1", block_rows=16)

    assert rows(updated) == rows(neighbors(data, k=4, scratch=f"{tmp_path}/2")[0])
    asked = int(findings.collect()[0]["message"].split("vectors, ")[1].split()[0])
    assert 6 <= asked < len(vectors)


def test_lists_that_were_short_are_filled_up_when_images_come(frame, tmp_path):
    two = frame(EMBEDDINGS, [embedding("a", [0]), embedding("b", [2])])
    previous = table(frame, neighbors(two, k=3, scratch=f"{tmp_path}/0")[0])
    three = frame(EMBEDDINGS, [embedding("a", [0]), embedding("b", [2]), embedding("c", [1])])

    updated, _ = neighbors(three, previous, k=3, scratch=f"{tmp_path}/1")

    assert sorted((r.image_id, r["rank"], r.neighbor_id) for r in updated.collect()) == [
        ("a", 1, "c"),
        ("a", 2, "b"),
        ("b", 1, "c"),
        ("b", 2, "a"),
        ("c", 1, "a"),
        ("c", 2, "b"),
    ]


def test_lists_made_in_another_way_are_not_taken_over(frame, tmp_path):
    data = frame(EMBEDDINGS, [embedding("a", [0.0, 2.0]), embedding("b", [2.0, 0.0]), embedding("c", [0.0, 1.0])])
    previous = table(frame, neighbors(data, k=2, scratch=f"{tmp_path}/0")[0])

    cosine, _ = neighbors(data, previous, k=2, metric="cosine", scratch=f"{tmp_path}/1")

    assert {(r.image_id, r.neighbor_id, r.distance) for r in cosine.where("rank = 1").collect()} == {
        ("a", "c", 0.0),
        ("b", "a", 1.0),
        ("c", "a", 0.0),
    }


def test_no_embeddings_give_an_empty_table(frame, tmp_path):
    graph, findings = neighbors(frame(EMBEDDINGS, []), scratch=str(tmp_path))

    assert graph.columns == list(COLUMNS)
    assert graph.count() == findings.count() == 0


def test_vectors_of_two_versions_of_an_encoder_are_refused(frame, tmp_path):
    data = frame(EMBEDDINGS, [embedding("a", [0]), embedding("b", [2], version="2")])

    with pytest.raises(EmbeddingError, match="'thumbnail' come from versions 1, 2; expected one"):
        neighbors(data, scratch=str(tmp_path))


def test_an_encoder_that_is_not_there_is_refused(frame, tmp_path):
    with pytest.raises(OptionError, match=r"neighbors\.encoder is 'clip'; expected one of \['thumbnail'\]"):
        neighbors(frame(EMBEDDINGS, [embedding("a", [0])]), encoder="clip", scratch=str(tmp_path))


def test_an_approximate_graph_says_so_and_states_its_recall(frame, tmp_path):
    rng = np.random.default_rng(3)
    data = frame(EMBEDDINGS, [embedding(f"i{at}", rng.normal(size=4)) for at in range(60)])

    graph, findings = neighbors(data, k=2, max_core_hours=0.0, recall=0.9, scratch=str(tmp_path))

    assert {row["method"] for row in graph.select("method").collect()} == {"approximate"}
    by_rule = {row["rule"]: row for row in findings.collect()}
    assert by_rule["neighbors_recall"]["threshold"] == 0.9
    assert "recall@2 " in by_rule["neighbors_recall"]["message"]
    assert "approximate 2 nearest neighbours of 60 vectors, 60 of them" in by_rule["neighbors_method"]["message"]
