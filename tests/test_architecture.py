"""Rules of the code that a linter cannot express."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "dataeval_spark"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
# The only module that may know a SparkContext: it makes sessions and shows progress.
SESSION_MODULES = {"session.py"}
FORBIDDEN_ATTRIBUTES = {"rdd", "_jvm", "_jdf", "_jsc", "sparkContext"}
TO_DRIVER = {"collect", "toPandas", "toLocalIterator", "toArrow"}
# What may come to the driver, and what bounds it.
BOUNDED_COLLECTS = {
    "frames/ranks.py": "63 numbers for each of at most 10,000 groups",
    "frames/neighbor_lists.py": "one row: the smallest k",
    "splits/leakage.py": "at most 10,000 splits",
    "quality/duplicates.py": "at most 100 names of encoders, twice",
    "quality/near_distances.py": "at most 200 encoders, metrics and versions: medians, thresholds, 77 counts each",
    "labels/labelling_queue.py": "at most 50 names of models",
    "labels/compared_images.py": "one row of two counts, and one per class that no label has",
    "similarity/prioritization.py": "one row per encoder and metric",
    "cli.py": "k rows of a search",
    "profiling.py": "one row: counts",
    "searching.py": "50 encoders and versions; one vector",
    "frames/cells.py": "numbers of blocks; two rows of 2,048 counts per block",
    "bias/balance.py": "pairs of factors, and classes x factors",
    "bias/bin_edges.py": "one row per factor and bin",
    "bias/completeness.py": "one row per encoder and class",
    "bias/contingency.py": "names of factors",
    "bias/coverage.py": "one row per encoder",
    "bias/coverage_gaps.py": "one row per factor and bin",
    "bias/factor_tests.py": "classes x factors",
    "bias/factor_sources.py": "one row: counts per metadata column",
    "bias/factors.py": "one row per factor",
    "bias/feature_value.py": "pairs of factors",
    "bias/flagged.py": "rules x factors",
    "bias/label_sets.py": "one row per class, up to 100,000",
    "bias/label_parity.py": "one row per class",
    "bias/parity.py": "one row per factor",
    "bias/within.py": "10,000 bins",
    "splits/part_bias.py": "parts x factors, up to 100,000",
    "bias/shortcuts.py": "classes x factors",
    "frames/blocks.py": "50 lengths, five ids, one row per block of 8,192 vectors and no more than 500,000",
    "frames/parquet_parts.py": "one row per task; no row",
    "frames/numbering.py": "one row per task of a sort",
    "inline_gallery.py": "200 rows that are shown",
    "exporting.py": "one row: dataset; one row each: a path, an image; one row of counts",
    "export_documents.py": "text of annotations, a batch at a time, to a file",
    "selection/export_facts.py": "1,000 splits, 100,000 classes, rows of counts",
    "frames/clusters.py": "one number per block; one vector per cluster",
    "frames/components.py": "one row: the shape of the edges",
    "frames/hamming_pairs.py": "one row per kind of hash: how many there are",
    "comparison.py": "20 names per kind; one row: first and last time",
    "ingest/coco.py": "one row: the parse error",
    "ingest/metadata.py": "one row: counts per column",
    "ingest/folder.py": "one row of counts; at most 50 names of folders",
    "ingest/labels.py": "one row: number and size of files",
    "ingest/samples.py": "520 names of metadata",
    "ingest/table.py": "one row: an id that is not unique",
    "ingest/understanding.py": "one row of counts; seven names of splits",
    "ingest/voc.py": "one row: a file that cannot be read; twelve lists of splits",
    "ingest/webdataset.py": "one row: number and size of shards; one row: a shard that cannot be read",
    "ingest/yolo.py": "one row: a file that cannot be read",
    "ingest/yolo_data.py": "100 data set files at the top of a folder",
    "dataset_update.py": "one row: another source, or id, of the same name",
    "ingest/predictions.py": "two rows: the order of classes",
    "label_ingestion.py": "one length; as many classes as probabilities; one row per kind of finding",
    "labels/confident_learning.py": "one row per class of at most 50 models",
    "labels/confident_passes.py": "one row per class: at most 8 million counts together",
    "labels/object_label_errors.py": "50 models; one row per class",
    "labels/vote_scores.py": "2 million pairs of classes, or 600,000; a row per source; 1,800 bins per source",
    "labels/rating_blocks.py": "100,000 names; 5 million ratings or numbers",
    "labels/probability_blocks.py": "one row per class",
    "report/galleries.py": "at most max_thumbnails pictures and their boxes",
    "report/queries.py": "every query is limited (report/sql.py)",
    "shift/feature_distance.py": "one row per factor, up to 10,000; four per factor",
    "shift/univariate.py": "one row per statistic",
    "stats/embedding_health.py": "one row per encoder, version and dimension, at most 1,000",
    "similarity/parts.py": "one row per encoder and version",
    "stats/profile.py": "at most 201 names of columns; a row per statistic of the user",
    "snapshots.py": "50 run ids; one row of counts",
    "source_files.py": "one row of counts",
    "maite_dataset.py": "max_images images, ten times so many targets; the bytes of 32 images",
    "synchronization.py": "one row per status; at most 400 kinds of findings, units and reasons of the account",
    "splits/adversarial.py": "a sample per part, and its factors and vectors",
    "splits/assign.py": "one row per unit and stratum, up to max_rows",
    "splits/by_attribute.py": "one row of counts",
    "splits/by_hash.py": "10,000 strata; parts x strata",
    "splits/by_time.py": "one row per capture time, up to max_times; three parts per fold",
    "splits/differences.py": "one row per part and value, up to 1,000,000; partitions x parts",
    "splitting.py": "names of factors; one row per stratum",
    "selection/balance.py": "classes; one row of sums",
    "selection/operations.py": "six class names, and at most 50 names that there are, for a message",
    "selecting.py": "one row: count and digest",
    "spark_access.py": "rows of runs and snapshots, commits up to a limit, one row of details",
}
# Longer than a module should be; to be cut when one is touched next.
LONG_MODULES = {"workspace.py": 510}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def attributes(path: Path) -> Iterator[ast.Attribute]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_reaches_into_the_jvm(path):
    if name_of(path) in SESSION_MODULES:
        return
    found = {node.attr for node in attributes(path)} & FORBIDDEN_ATTRIBUTES

    assert not found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_rows_come_to_the_driver_only_where_their_number_is_bounded(path):
    found = sorted({node.attr for node in attributes(path)} & TO_DRIVER)

    assert not found or name_of(path) in BOUNDED_COLLECTS


def test_the_list_of_bounded_collects_names_no_module_without_one():
    using = {name_of(path) for path in MODULES if {node.attr for node in attributes(path)} & TO_DRIVER}

    assert set(BOUNDED_COLLECTS) == using


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_window_is_partitioned(path):
    for node in attributes(path):
        is_unpartitioned = node.attr == "orderBy" and isinstance(node.value, ast.Name) and node.value.id == "Window"

        assert not is_unpartitioned


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_column_is_quoted_by_identifier_alone(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    of_spark = [call for call in calls if isinstance(call.func, ast.Attribute) and is_name(call.func.value, "F")]
    given = [argument for call in of_spark for argument in call.args if isinstance(argument, ast.JoinedStr)]
    texts = [part.value for text in given for part in text.values if isinstance(part, ast.Constant)]

    assert not [text for text in texts if "`" in str(text)]


def is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_sessions_are_made_in_one_module(path):
    made = {node.attr for node in attributes(path)} & {"builder", "newSession", "getOrCreate"}

    assert not made or name_of(path) in SESSION_MODULES


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_are_short(path):
    assert len(path.read_text().splitlines()) <= LONG_MODULES.get(name_of(path), 400)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text()))
