"""Detection of a source's format, where its files leave no doubt."""

from __future__ import annotations

import os

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.formats.folder_names import split_named
from dataeval_spark.kernels.formats.text import decode_text
from dataeval_spark.kernels.formats.webdataset import SHARD_ENDINGS
from dataeval_spark.kernels.storage.files import IMAGE_EXTENSIONS, open_file
from dataeval_spark.kernels.storage.places import entries_of, is_file, is_folder
from dataeval_spark.verbs.ingest.readers.text_rows import ROW_ENDINGS
from dataeval_spark.verbs.ingest.readers.yolo import DATA_FILES

# Entries of a folder that are looked at: a top folder may hold millions of images.
ENTRIES = 10_000
# Text files that are opened to see whether they are labels.
LOOKED_INTO = 5


def detect_format(source: str, annotations: str | None) -> tuple[str, str]:
    """Format of a source, and the reason for it.

    Annotations decide where they are given: a JSON file is COCO, a YAML file or a folder of text files YOLO, a folder
    of XML files Pascal VOC. Else a folder with ``Annotations`` is Pascal VOC; one with ``data.yaml``, with text files
    in ``labels`` beside ``images``, or with text files of YOLO's lines beside the images is YOLO; one of tar files
    without images and a tar file are WebDataset; parquet files, and files of rows, are a table; anything else is a
    folder of images. Names of folders count in any case.

    Raises
    ------
    OptionError
        Several formats are possible, or the annotations fit none.
    """
    if annotations:
        return _of_annotations(annotations)
    if is_file(source):
        if source.lower().endswith(SHARD_ENDINGS):
            return "webdataset", "a tar file"
        if source.lower().endswith((*ROW_ENDINGS, ".parquet")):
            return "table", "a file of rows"
    files, folders = _entries(source)
    by_name = {folder.lower(): folder for folder in folders}
    data = next((name for name in DATA_FILES if name in files), None)
    shards = [name for name in files if name.lower().endswith(SHARD_ENDINGS)]
    has_images = any(_is_image(name) for name in files)
    formats = [
        *(
            [("voc", f"it has {by_name['annotations']}")]
            if "annotations" in by_name and not _is_yolo(source, by_name)
            else []
        ),
        *([("yolo", f"it has {data}")] if data else []),
        *([("webdataset", "it has tar files and no images")] if shards and not has_images else []),
    ]
    if not formats:
        formats = _by_looking(source, files, by_name, has_images=has_images)
    if len(formats) > 1:
        names = " or ".join(format for format, _ in formats)
        reasons = ", ".join(reason for _, reason in formats)
        raise OptionError(f"SOURCE {source} may be {names}: {reasons}.\nHint: --format {formats[0][0]}")
    return formats[0] if formats else ("folder", "")


def _by_looking(source: str, files: list[str], folders: dict[str, str], *, has_images: bool) -> list[tuple[str, str]]:
    """Formats that fit the files in the folders, where no name at the top tells."""
    if _is_yolo(source, folders):
        return [("yolo", "it has labels of text beside images")]
    for folder in folders.values():
        inner = {name.lower(): name for name in _entries(os.path.join(source, folder))[1]}
        if split_named(folder) and _is_yolo(os.path.join(source, folder), inner):
            return [("yolo", f"{folder} has labels of text beside images")]
    if has_images and _has_lines(source, _named_like_images(files, ".txt")):
        return [("yolo", "text files with a class and fractions lie beside the images")]
    if has_images and _has_xml(source, files):
        return [("voc", "XML files of annotations lie beside the images")]
    tables = [name for name in files if name.endswith(".parquet")]
    inside = _entries(os.path.join(source, folders["data"]))[0] if "data" in folders else []
    if not has_images and (tables or any(name.endswith(".parquet") for name in inside)):
        return [("table", "it has parquet files and no images")]
    return []


def _is_yolo(source: str, folders: dict[str, str]) -> bool:
    """Whether a folder has ``images`` and ``labels``, with text files of YOLO's lines in the labels."""
    if not {"images", "labels"} <= set(folders):
        return False
    place = os.path.join(source, folders["labels"])
    files, inner = _entries(place)
    if _has_lines(place, files):
        return True
    return any(_has_lines(inside := os.path.join(place, name), _entries(inside)[0]) for name in inner[:10])


def _has_lines(place: str, files: list[str]) -> bool:
    """Whether one of the first text files holds lines of YOLO."""
    texts = sorted(name for name in files if name.lower().endswith(".txt"))
    return any(_looks_like_yolo(os.path.join(place, name)) for name in texts[:LOOKED_INTO])


def _named_like_images(files: list[str], ending: str) -> list[str]:
    """Files of an ending that are named like an image beside them, sorted."""
    stems = {os.path.splitext(name)[0] for name in files if _is_image(name)}
    return sorted(name for name in files if name.lower().endswith(ending) and os.path.splitext(name)[0] in stems)


def _looks_like_yolo(path: str) -> bool:
    try:
        with open_file(path) as file:
            lines = decode_text(file.read(4096))[0].splitlines()
    except (OSError, ValueError):
        return False
    words = lines[0].split() if lines else []
    if len(words) < 5:
        return False
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return False
    return numbers[0] >= 0 and numbers[0].is_integer() and all(-0.5 <= number <= 1.5 for number in numbers[1:5])


def _has_xml(place: str, files: list[str]) -> bool:
    for name in _named_like_images(files, ".xml")[:1]:
        try:
            with open_file(os.path.join(place, name)) as file:
                return b"<annotation" in file.read(4096)
        except OSError:
            return False
    return False


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_EXTENSIONS


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
        f"ingest.annotations is the folder {annotations}, which holds neither XML files alone nor text files alone.\n"
        "Hint: --format voc (XML files), --format yolo (text files), or a COCO JSON file"
    )


def _entries(folder: str) -> tuple[list[str], list[str]]:
    return entries_of(folder, ENTRIES)  # a folder that cannot be listed is the reader's error
