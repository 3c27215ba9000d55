"""Section on clusters: a map of the embeddings, and the images in the middle of the largest clusters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.tables.profile import EMBEDDINGS
from dataeval_spark.tables.similarity import CLUSTERS
from dataeval_spark.verbs.report import charts
from dataeval_spark.verbs.report.data import ReportData, Row
from dataeval_spark.verbs.report.needs import EMBEDDED
from dataeval_spark.verbs.report.pictures import card
from dataeval_spark.verbs.report.section import Content, Query, Section, pictures_of
from dataeval_spark.verbs.text import number, plural, shorten

POINTS = 600
MOST_CLUSTERS, EACH = 6, 4
# The first of several encoders by name is shown.
_ENCODER = "encoder = (SELECT min(encoder) FROM {clusters}) AND target_index IS NULL"
# The images nearest to the centres of the largest clusters; each row with the size of its cluster.
CLUSTERS_QUERY = f"""\
SELECT encoder, method, cluster_id, image_id, target_index, centroid_distance, members, noise, found, place
FROM (
  SELECT *, dense_rank() OVER (PARTITION BY encoder ORDER BY members DESC, cluster_id) AS size_rank,
    count_if(place = 1) OVER (PARTITION BY encoder) AS found FROM (
    SELECT c.*, count(*) OVER (PARTITION BY encoder, cluster_id) AS members,
      row_number() OVER (PARTITION BY encoder, cluster_id ORDER BY centroid_distance, image_id) AS place,
      count_if(cluster_id < 0) OVER (PARTITION BY encoder) AS noise
    FROM {{clusters}} AS c WHERE {_ENCODER}) WHERE place <= {EACH} AND cluster_id >= 0)
WHERE size_rank <= {MOST_CLUSTERS} ORDER BY size_rank, place LIMIT {MOST_CLUSTERS * EACH}"""
SEVERAL = "several classes"


def cluster_map_query(present: frozenset[str]) -> str:
    """Vectors of images drawn by a hash of their ids, each with its dataset and class where they are known."""
    columns, joins = ["CAST(NULL AS string) AS dataset", "CAST(NULL AS string) AS class_name"], ""
    if "images" in present:
        columns[0], joins = "i.dataset", "\nLEFT JOIN {images} AS i ON i.image_id = s.image_id"
    if "targets" in present:
        columns[1] = f"if(t.classes > 1, '{SEVERAL}', t.class_name) AS class_name"
        joins += (
            "\nLEFT JOIN (SELECT image_id, min(class_name) AS class_name, count(DISTINCT class_name) AS classes\n"
            "  FROM {targets} GROUP BY image_id) AS t ON t.image_id = s.image_id"
        )
    return (
        f"SELECT s.cluster_id, e.embedding, {', '.join(columns)} FROM (SELECT * FROM {{clusters}} WHERE {_ENCODER}\n"
        f"  ORDER BY xxhash64(image_id), image_id LIMIT {POINTS}) AS s JOIN {{embeddings}} AS e\n"
        f"ON e.encoder = s.encoder AND e.image_id = s.image_id AND e.target_index IS NULL{joins}\n"
        "ORDER BY xxhash64(e.image_id), e.image_id"
    )


def clusters(data: ReportData) -> Content:
    """A map, a sentence, and a gallery per cluster."""
    rows = data.rows_of("clusters")
    groups = []
    for members in data.groups_of("clusters", "cluster_id"):
        cards = [
            card(data, row["image_id"], lines=[f"distance to the centre {number(row['centroid_distance'])}"])
            for row in members
        ]
        note = f"{plural(members[0]['members'], 'image')}; those nearest to the centre"
        groups.append({"title": f"Cluster {members[0]['cluster_id']}", "note": note, "cards": cards})
    summary = ""
    if rows:
        first = rows[0]
        count = plural(first["found"], "cluster")
        noise = plural(first["noise"], "image is", "images are")
        summary = f"{shorten(first['method'], 20)} on {shorten(first['encoder'], 40)}: {count}, {noise} in none."
    points = data.rows_of("cluster_map")
    return {"summary": summary, "maps": _maps(points) if len(points) > 2 else [], "groups": groups}


def _maps(points: Sequence[Row]) -> list[Mapping[str, Any]]:
    """A map coloured by class and one by dataset, as far as there are several; else one of a single colour."""
    places, share = _places(points)
    label = f"Map of {len(points):,} images: two principal components, {100 * share:.0f} % of the variance"
    sides = {"class": [row["class_name"] for row in points], "dataset": [row["dataset"] for row in points]}
    several = {side: values for side, values in sides.items() if len(set(values)) > 1}
    maps: list[Mapping[str, Any]] = []
    for side, values in (several or {"": [None] * len(points)}).items():
        legend, hues = _colours(values)
        by = f", coloured by {side}" if side else ""
        colours = hues if side else [0] * len(points)
        chart = charts.scatter(
            f"cluster-map-{side}", label + by, places, [row["cluster_id"] for row in points], colours
        )
        maps.append({"title": label + by, "chart": chart, "legend": legend if side else []})
    return maps


def _colours(values: Sequence[str | None]) -> tuple[list[Mapping[str, Any]], list[int]]:
    """Keys of the most frequent values, and the colour of each value; the others and none are muted."""
    counts = Counter(value for value in values if value not in (None, SEVERAL))
    ranked = sorted(counts, key=lambda value: (-counts[value], value))
    hue_of = {value: hue for hue, value in enumerate(ranked[: len(charts.HUES)])}
    keys: list[Mapping[str, Any]] = [
        {"hue": hue, "text": f"{shorten(value, 40)} ({counts[value]:,})"} for value, hue in hue_of.items()
    ]
    others = sum(counts[value] for value in ranked[len(charts.HUES) :])
    rest = {"others": others, SEVERAL: list(values).count(SEVERAL), "no label": list(values).count(None)}
    muted = [f"{name} ({count:,})" for name, count in rest.items() if count]
    if muted:
        keys.append({"hue": "none", "text": ", ".join(muted)})
    return keys, [hue_of.get(value or "", -1) for value in values]


def _places(points: Sequence[Row]) -> tuple[NDArray[np.float64], float]:
    """The first two principal components, by singular value decomposition, and their share of the variance."""
    vectors = np.array([row["embedding"] for row in points], np.float64)
    left, scale, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    places = np.zeros((len(vectors), 2))
    places[:, : min(2, len(scale))] = (left * scale)[:, :2]
    # The sign of a component is arbitrary: the point farthest out is on the positive side.
    places *= np.where(places[np.abs(places).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    return places, float((scale[:2] ** 2).sum() / max((scale**2).sum(), 1e-300))


def no_cluster(data: ReportData) -> str:
    images = plural(max(data.counts("embedded_images").values()), "image")
    return f"No clusters were found: the step clusters looked at {images}."


SECTION = Section(
    100,
    "clusters",
    "Clusters",
    intro=(
        "Groups of images with similar embeddings. Look before you split: a cluster may be one scene or one camera, "
        "and images in no cluster may be rare cases."
    ),
    tables=(CLUSTERS,),
    queries=(
        Query("clusters", CLUSTERS_QUERY, (CLUSTERS,)),
        Query("cluster_map", cluster_map_query, (CLUSTERS, EMBEDDINGS), (IMAGES, TARGETS)),
    ),
    content=clusters,
    needs=(EMBEDDED,),
    otherwise=no_cluster,
    pictures=pictures_of("clusters"),
    pictures_order=5,
)
