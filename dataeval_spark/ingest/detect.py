"""Which format a source is in, where what lies in it leaves no doubt."""

from __future__ import annotations

import os

from dataeval_spark.errors import OptionError
from dataeval_spark.ingest.yolo_data import DATA_FILES
from dataeval_spark.kernels.files import IMAGE_EXTENSIONS
from dataeval_spark.kernels.places import entries_of, is_file, is_folder
from dataeval_spark.kernels.webdataset import SHARD_ENDINGS

# Entries of a folder that are looked at: a top folder may hold millions of images.
ENTRIES = 10_000


def detect_format(source: str, annotations: str | None) -> tuple[str, str]:
    """The format, and why it is that one.

    Annotations decide where they are given: a JSON file is COCO, a YAML file or a folder of text files YOLO, a folder
    of XML files Pascal VOC. Else a folder with ``Annotations`` is Pascal VOC, one with ``data.yaml`` YOLO, one of tar
    files without images and a tar file WebDataset; anything else is a folder of images.

    Raises
    ------
    OptionError
        Several formats are possible, or the annotations are of none.
    """
    if annotations:
        return _of_annotations(annotations)
    if source.lower().endswith(SHARD_ENDINGS) and is_file(source):
        return "webdataset", "a tar file"
    files, folders = _entries(source)
    is_voc = "Annotations" in folders
    data = next((name for name in DATA_FILES if name in files), None)
    shards = [name for name in files if name.lower().endswith(SHARD_ENDINGS)]
    has_images = any(os.path.splitext(name)[1].lower() in IMAGE_EXTENSIONS for name in files)
    found = [
        *([("voc", "it has Annotations")] if is_voc else []),
        *([("yolo", f"it has {data}")] if data else []),
        *([("webdataset", "it has tar files and no images")] if shards and not has_images else []),
    ]
    if len(found) > 1:
        names = " or ".join(format for format, _ in found)
        reasons = ", ".join(reason for _, reason in found)
        raise OptionError(f"SOURCE {source} may be {names}: {reasons}.\nHint: --format {found[0][0]}")
    return found[0] if found else ("folder", "")


def _of_annotations(annotations: str) -> tuple[str, str]:
    if not is_folder(annotations):
        is_yaml = annotations.lower().endswith((".yaml", ".yml"))
        return ("yolo", "annotations are a YAML file") if is_yaml else ("coco", "")
    files, _ = _entries(annotations)
    endings = {os.path.splitext(name)[1].lower() for name in files}
    if ".xml" in endings and ".txt" not in endings:
        return "voc", "annotations are XML files"
    if ".txt" in endings and ".xml" not in endings:
        return "yolo", "annotations are text files"
    raise OptionError(
        f"ingest.annotations is the folder {annotations}, which holds no annotation files of one kind.\n"
        "Hint: --format voc (XML files), --format yolo (text files), or a COCO JSON file"
    )


def _entries(folder: str) -> tuple[list[str], list[str]]:
    return entries_of(folder, ENTRIES)  # where it cannot be listed, the reader says so
