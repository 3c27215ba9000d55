"""Hostile sources, annotation files and tables, each in a case of its own: see `tests.cli.hostile`."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import write_deltalake

from tests.cli.hostile import ingest, on
from tests.jobs.conftest import write_coco


def source_is_missing(h):
    return ingest(h, h.files / "nothing"), "nothing"


def source_is_an_empty_folder(h):
    (h.files / "empty").mkdir()
    return ingest(h, h.files / "empty"), "empty"


def source_is_a_text_file(h):
    return ingest(h, h.file("notes.md", "no image")), "notes.md"


def source_is_an_empty_file(h):
    return ingest(h, h.file("empty.csv", "")), "empty.csv"


def glob_fits_nothing(h):
    return ingest(h, h.photos, "--glob", "*.tiff"), "*.tiff"


def metadata_is_missing(h):
    return ingest(h, h.photos, "--metadata", h.files / "gone.csv"), "gone.csv"


def metadata_is_empty(h):
    return ingest(h, h.photos, "--metadata", h.file("empty.csv", "")), "empty.csv"


def metadata_is_a_folder_without_files(h):
    (h.files / "bare").mkdir()
    return ingest(h, h.photos, "--metadata", h.files / "bare"), "bare"


def metadata_has_one_column(h):
    return ingest(h, h.photos, "--metadata", h.file("one.csv", "path\na.png\n")), "one.csv"


def metadata_is_a_list_of_numbers(h):
    return ingest(h, h.photos, "--metadata", h.file("numbers.json", "[1, 2, 3]")), "numbers.json"


def metadata_is_json_cut_in_half(h):
    return ingest(h, h.photos, "--metadata", h.file("half.json", '[{"path": "a/0.png", "si')), "half.json"


def metadata_is_json_lines_of_no_json(h):
    return ingest(h, h.photos, "--metadata", h.file("metadata.jsonl", "<html>\n</html>\n")), "metadata.jsonl"


def metadata_is_binary(h):
    return ingest(h, h.photos, "--metadata", h.file("noise.csv", bytes(range(256)) * 64)), "noise.csv"


def metadata_is_parquet_cut_in_half(h):
    pq.write_table(pa.table({"path": ["a/0.png"], "site": ["x"]}), h.files / "half.parquet")
    data = (h.files / "half.parquet").read_bytes()
    return ingest(h, h.photos, "--metadata", h.file("half.parquet", data[: len(data) // 2])), "half.parquet"


def metadata_has_a_column_of_ours(h):
    return ingest(h, h.photos, "--metadata", h.file("ours.csv", "path,image_id\na/0.png,1\n")), "ours.csv"


def metadata_lacks_the_label_column(h):
    file = h.file("few.csv", "path,site\na/0.png,x\n")
    return ingest(h, h.photos, "--metadata", file, "--label-column", "sort"), "few.csv"


def encoding_is_unknown(h):
    file = h.file("few.csv", "path,site\na/0.png,x\n")
    return ingest(h, h.photos, "--metadata", file, "--encoding", "utf-9"), "ingest.encoding"


def encoding_does_not_fit(h):
    file = h.file("latin.csv", "path,site\na/0.png,K\xf6ln\n".encode("latin-1"))
    return ingest(h, h.photos, "--metadata", file, "--encoding", "utf-16"), "latin.csv"


def timezone_is_unknown(h):
    return ingest(h, h.photos, "--timezone", "Mars/Olympus"), "ingest.timezone"


def limit_is_nothing(h):
    return ingest(h, h.photos, "--limit", "0"), "ingest.limit"


def dataset_has_an_empty_name(h):
    return ingest(h, h.photos, "--dataset", ""), "ingest.dataset is empty"


def folder_is_empty_and_never_had_images(h):
    (h.files / "none").mkdir()
    return ingest(h, h.files / "none", "--allow-empty"), "has no images"


def coco_is_missing(h):
    return ingest(h, h.photos, "--annotations", h.files / "gone.json"), "gone.json"


def coco_is_empty(h):
    return ingest(h, h.photos, "--annotations", h.file("coco.json", "")), "coco.json"


def coco_is_cut_in_half(h):
    whole = write_coco(h.files, {"a/0.png": [[1, 1, 5, 5]]}).read_text()
    return ingest(h, h.photos, "--annotations", h.file("coco.json", whole[: len(whole) // 2])), "coco.json"


def coco_has_no_images(h):
    return ingest(h, h.photos, "--annotations", h.file("coco.json", '{"categories": []}')), "coco.json"


def coco_is_a_list_of_numbers(h):
    return ingest(h, h.photos, "--annotations", h.file("coco.json", "[1, 2]")), "coco.json"


def coco_is_a_number(h):
    return ingest(h, h.photos, "--annotations", h.file("coco.json", "7")), "coco.json"


def coco_has_images_that_are_no_list(h):
    return ingest(h, h.photos, "--annotations", h.file("coco.json", '{"images": {"a": 1}}')), "coco.json"


def annotations_are_an_image(h):
    return ingest(h, h.photos, "--annotations", h.photos / "a" / "0.png", "--format", "coco"), "0.png"


def yolo_folder_of_labels_is_missing(h):
    return ingest(h, h.photos, "--format", "yolo"), "photos"


def voc_has_no_annotations(h):
    return ingest(h, h.photos, "--format", "voc"), "photos"


def voc_annotations_are_missing(h):
    return ingest(h, h.photos, "--format", "voc", "--annotations", h.files / "gone"), "gone"


def tar_is_cut_in_the_header(h):
    return ingest(h, h.file("shard.tar", b"not a tar at all")), "shard.tar"


def tar_is_empty(h):
    return ingest(h, h.file("shard.tar", b"")), "shard.tar"


def table_is_parquet_cut_in_half(h):
    pq.write_table(pa.table({"path": ["a/0.png"], "site": ["x"]}), h.files / "half.parquet")
    data = (h.files / "half.parquet").read_bytes()
    return ingest(h, h.file("half.parquet", data[: len(data) // 2])), "half.parquet"


def table_has_no_column_with_ids(h):
    return ingest(h, h.file("rows.csv", "site,colour\nx,red\n")), "rows.csv"


def table_has_ids_that_are_lists(h):
    pq.write_table(pa.table({"image_id": [[1, 2], [3]], "site": ["x", "y"]}), h.files / "lists.parquet")
    return ingest(h, h.files / "lists.parquet", "--id-column", "image_id"), "lists.parquet"


def table_has_labels_that_are_structs(h):
    pq.write_table(pa.table({"id": ["a", "b"], "label": [{"x": 1}, {"x": 2}]}), h.files / "structs.parquet")
    return ingest(h, h.files / "structs.parquet", "--label-column", "label"), "structs.parquet"


def metadata_has_paths_that_are_lists(h):
    pq.write_table(pa.table({"path": [["a/0.png"]], "site": ["x"]}), h.files / "lists.parquet")
    return ingest(h, h.photos, "--metadata", h.files / "lists.parquet"), "lists.parquet"


def table_has_ids_twice(h):
    return ingest(h, h.file("rows.csv", "id,site\n1,x\n1,y\n")), "rows.csv"


def table_of_delta_lost_a_file(h):
    place = h.files / "delta"
    write_deltalake(str(place), pa.table({"id": ["a", "b"], "label": ["x", "y"]}))
    next(place.glob("*.parquet")).unlink()
    return ingest(h, place, "--format", "table"), "delta"


def table_of_delta_has_a_broken_log(h):
    place = h.files / "delta"
    write_deltalake(str(place), pa.table({"id": ["a", "b"], "label": ["x", "y"]}))
    next((place / "_delta_log").glob("*.json")).write_text("{broken")
    return ingest(h, place, "--format", "table"), "delta"


def table_is_not_in_the_catalog(h):
    return ingest(h, "no_such_table", "--format", "table"), "no_such_table"


def predictions_are_missing(h):
    return on(h, "ingest", "--predictions", h.files / "gone.parquet", "--model", "m"), "gone.parquet"


def predictions_are_no_predictions(h):
    return on(h, "ingest", "--predictions", h.file("few.csv", "a,b\n1,2\n"), "--model", "m"), "few.csv"


def ratings_are_no_ratings(h):
    return on(h, "ingest", "--ratings", h.file("few.csv", "a,b\n1,2\n")), "few.csv"
