"""Section on clusters: a map of the embeddings, and the images in the middle of the largest clusters."""

from __future__ import annotations

from typing import Any

import numpy as np

from dataeval_spark.tables.profile import EMBEDDINGS
from dataeval_spark.tables.similarity import CLUSTERS
from dataeval_spark.verbs.report import charts
from dataeval_spark.verbs.report.data import ReportData
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
# Vectors of images drawn by a hash of their ids.
CLUSTER_MAP_QUERY = f"""\
SELECT s.cluster_id, e.embedding FROM (SELECT * FROM {{clusters}} WHERE {_ENCODER}
  ORDER BY xxhash64(image_id), image_id LIMIT {POINTS}) AS s JOIN {{embeddings}} AS e
ON e.encoder = s.encoder AND e.image_id = s.image_id AND e.target_index IS NULL
ORDER BY xxhash64(e.image_id), e.image_id"""


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
    return {"summary": summary, "chart": _map(points) if len(points) > 2 else "", "groups": groups}


def _map(points: Any) -> str:
    """The first two principal components, by singular value decomposition."""
    vectors = np.array([row["embedding"] for row in points], np.float64)
    left, scale, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    places = np.zeros((len(vectors), 2))
    places[:, : min(2, len(scale))] = (left * scale)[:, :2]
    # The sign of a component is arbitrary: the point farthest out is on the positive side.
    places *= np.where(places[np.abs(places).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    share = (scale[:2] ** 2).sum() / max((scale**2).sum(), 1e-300)
    label = f"Map of {len(points):,} images: two principal components, {100 * share:.0f} % of the variance"
    return charts.scatter("cluster-map", label, places, [row["cluster_id"] for row in points])


def no_cluster(data: ReportData) -> str:
    images = plural(max(data.counts("embedded_images").values()), "image")
    return f"No clusters: the step clusters looked at {images}, and each is in none."


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
        Query("cluster_map", CLUSTER_MAP_QUERY, (CLUSTERS, EMBEDDINGS)),
    ),
    content=clusters,
    needs=(EMBEDDED,),
    otherwise=no_cluster,
    pictures=pictures_of("clusters"),
    pictures_order=5,
)
