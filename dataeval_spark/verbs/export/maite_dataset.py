"""A workspace's images and labels as a MAITE data set: for models and tools that read that protocol."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError, OptionError
from dataeval_spark.kernels.formats.transforms import Transform
from dataeval_spark.kernels.images.decoding.decode import decode
from dataeval_spark.kernels.storage.files import read_file
from dataeval_spark.session.bounded import bounded, bounded_arrow
from dataeval_spark.tables.images import FACTORS, IMAGES, TARGETS
from dataeval_spark.verbs.select.select import members_of
from dataeval_spark.workspace.workspace import Workspace

Task = Literal["classification", "detection"]
# Bytes that are in the table are fetched for so many neighbors in order at once, and so many blocks are kept.
IMAGES_PER_BLOCK = 32
BLOCKS_KEPT = 4


@dataclass(frozen=True)
class DetectionTarget:
    """MAITE's ObjectDetectionTarget: ``boxes`` (N, 4) x0, y0, x1, y1 in pixels, ``labels`` (N,), ``scores`` (N,)."""

    boxes: NDArray[np.float64]
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]


def images_of(
    workspace: Workspace,
    *,
    dataset: str | None = None,
    split: str | None = None,
    selection: str | None = None,
    version: int | None = None,
) -> DataFrame:
    """Column ``image_id`` of the images in a `MaiteDataset` with these options; no label is read."""
    images = _live(workspace, dataset, split).select("image_id")
    if selection is None:
        return images
    return images.join(members_of(workspace, selection, version)[0], on="image_id", how="left_semi")


def _live(workspace: Workspace, dataset: str | None, split: str | None) -> DataFrame:
    images = workspace.read(IMAGES).where("deleted_at IS NULL")
    for name, value in (("dataset", dataset), ("split", split)):
        images = images if value is None else images.where(F.col(name) == value)
    return images


class MaiteDataset:
    """Live images of a workspace, in order of their ids, as a map-style data set of the MAITE protocol.

    An item is (image, target, metadata): the upright image as an array of shape (channels, height, width) in the
    type of the file, decoded when it is asked for; scores per class, or boxes; a dictionary with ``id``, ``split``,
    ``captured_at`` and the factors that are not null. Classes are numbered by name; targets without a class are left
    out. An image of several labels has a score of 1 for each.

    Ids, labels and factors are held in memory, as columns: about 0.5 kB per image. Bytes that are in the table come in
    blocks of 32 images by a Spark job each, so reading in order is quick and in random order is not; files are opened
    where they are.

    Parameters
    ----------
    workspace : Workspace
        Workspace to read.
    dataset, split : str, optional
        Only images of this dataset, of this split.
    selection : str, optional
        Images and labels of a saved selection, in its order; one that is taken several times is there as often.
    version : int, optional
        Version of the selection; default the newest.
    transform : callable, optional
        Maps (image, target, metadata) to the same, each time an item is asked for.
        `dataeval_spark.kernels.formats.transforms` makes one of transforms of torchvision or albumentations.
    task : {"classification", "detection"}, optional
        Default: detection where a target has a box.
    max_images : int
        Number above which images are refused; of targets ten times as many.

    Raises
    ------
    OptionError
        There are more images or targets.
    IngestError
        There are no such images.

    Examples
    --------
    >>> data = MaiteDataset(audit.workspace, dataset="photos")
    >>> image, target, metadata = data[0]
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        dataset: str | None = None,
        split: str | None = None,
        selection: str | None = None,
        version: int | None = None,
        transform: Transform | None = None,
        task: Task | None = None,
        max_images: int = 2_000_000,
    ) -> None:
        images = _live(workspace, dataset, split)
        self._workspace = workspace
        self._transform = transform
        targets = workspace.read(TARGETS)
        order: tuple[str, ...] = ("image_id",)
        has_content = F.col("content").isNotNull().alias("has_content")
        columns = ("image_id", "uri", "split", "captured_at", has_content)
        listed = images.select(*columns)
        if selection is not None:
            members, targets, row = members_of(workspace, selection, version)
            selection, order = f"{selection}@{row['version']}", ("order_key", "image_id", "copy")
            # image_id is unique among the images.
            listed = members.join(listed, on="image_id", how="inner")
        self._images = _bounded(listed, max_images, "images", order)
        if not self._images.num_rows:
            raise IngestError(
                f"Workspace {workspace.location} has no image with dataset {dataset!r} and split {split!r}.\n"
                "Hint: a dataset and split of table images; None stands for any"
            )
        ids = images.select("image_id")
        targets = targets.join(ids, on="image_id", how="left_semi").where("class_name IS NOT NULL")
        targets = targets.select("image_id", "target_index", "class_name", "box", "attributes")
        self._targets = _bounded(targets, 10 * max_images, "targets")
        factors = workspace.read(FACTORS).join(ids, on="image_id", how="left_semi").where("target_index IS NULL")
        self._factors = _bounded(factors.drop("target_index", "run_id"), max_images, "rows of factors")
        self._names = sorted(set(self._targets["class_name"].to_pylist()))
        self._label = {name: number for number, name in enumerate(self._names)}
        self._is_detection = task == "detection" if task else self._targets["box"].null_count < self._targets.num_rows
        self._blocks: OrderedDict[int, Mapping[str, bytes]] = OrderedDict()
        dataset_id = "/".join(part for part in (workspace.location, dataset, split, selection) if part)
        self.metadata = {"id": dataset_id, "index2label": dict(enumerate(self._names))}

    def __getstate__(self) -> dict[str, Any]:
        """State for processes of a data loader, which open files but have no Spark session to read bytes of a table."""
        if any(self._images["has_content"].to_pylist()):
            raise OptionError(
                "The bytes of these images are in the table images, which another process cannot read.\n"
                "Hint: num_workers=0, or dataeval-spark export --format webdataset"
            )
        return {**self.__dict__, "_workspace": None}

    def __len__(self) -> int:
        return self._images.num_rows

    def __getitem__(self, index: int, /) -> tuple[Any, Any, Any]:
        item = self.get_input(index), self.get_target(index), self.get_metadata(index)
        return item if self._transform is None else self._transform(*item)

    def get_input(self, index: int, /) -> NDArray[Any]:
        """The image, (channels, height, width); `UnreadableImage` or OSError where it cannot be read."""
        position = self._position(index)
        row = self._images.slice(position, 1).to_pylist()[0]
        data = self._content(position, row["image_id"]) if row["has_content"] else read_file(row["uri"])
        return np.ascontiguousarray(decode(data).pixels.transpose(2, 0, 1))

    def get_target(self, index: int, /) -> Any:
        """Scores per class, (classes,), or a `DetectionTarget`."""
        rows = self._rows(self._targets, self._position(index))
        extra = [json.loads(row["attributes"]) if row["attributes"] else {} for row in rows]
        if not self._is_detection:
            scores = np.zeros(len(self._names), np.float64)
            for row, more in zip(rows, extra, strict=True):
                score_of = more.get("scores") or {row["class_name"]: 1.0}
                for name, score in score_of.items():
                    if name in self._label:
                        scores[self._label[name]] = score
            return scores
        boxed = [(row, more) for row, more in zip(rows, extra, strict=True) if row["box"] is not None]
        corners = [[row["box"][key] for key in ("x0", "y0", "x1", "y1")] for row, _ in boxed]
        return DetectionTarget(
            np.array(corners, np.float64).reshape(-1, 4),
            np.array([self._label[row["class_name"]] for row, _ in boxed], np.int64),
            self._scores([more for _, more in boxed]),
        )

    def _scores(self, extra: list[dict[str, Any]]) -> NDArray[np.float64]:
        """Scores (N,), or (N, classes) where a source gave scores per class."""
        if not any("scores" in more for more in extra):
            return np.array([more.get("score", 1.0) for more in extra], np.float64)
        rows = [more.get("scores", {}) for more in extra]
        return np.array([[scores.get(name, 0.0) for name in self._names] for scores in rows], np.float64)

    def get_metadata(self, index: int, /) -> dict[str, Any]:
        """Metadata of the image, with its ``id``; null values are left out."""
        position = self._position(index)
        row = self._images.slice(position, 1).to_pylist()[0]
        values = {"split": row["split"], "captured_at": row["captured_at"]}
        for factors in self._rows(self._factors, position):
            values |= {name: value for name, value in factors.items() if name != "image_id"}
        return {"id": row["image_id"]} | {name: value for name, value in values.items() if value is not None}

    def _position(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range for a dataset of {len(self)} images")
        return index % len(self)

    def _rows(self, table: pa.Table, position: int) -> list[dict[str, Any]]:
        """Rows of an image in a table that is in order of ids."""
        image_id = self._images["image_id"][position].as_py()
        ids = table["image_id"]
        first, last = _search(ids, image_id, left=True), _search(ids, image_id, left=False)
        rows: list[dict[str, Any]] = table.slice(first, last - first).to_pylist()
        return rows

    def _content(self, position: int, image_id: str) -> bytes:
        block = position // IMAGES_PER_BLOCK
        if block not in self._blocks:
            ids = self._images["image_id"].slice(block * IMAGES_PER_BLOCK, IMAGES_PER_BLOCK).to_pylist()
            rows = self._workspace.read(IMAGES).where(F.col("image_id").isin(ids)).where("content IS NOT NULL")
            self._blocks[block] = {
                row["image_id"]: bytes(row["content"]) for row in bounded(rows, "one row per image of a block")
            }
            while len(self._blocks) > BLOCKS_KEPT:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(block)
        return self._blocks[block][image_id]


def _bounded(frame: DataFrame, limit: int, what: str, order: Sequence[str] = ("image_id", "target_index")) -> pa.Table:
    """Rows in order, as columns on the driver; more than the limit are refused."""
    table = bounded_arrow(frame.limit(limit + 1), "images or targets of one dataset")
    if table.num_rows > limit:
        raise OptionError(
            f"There are more than {limit:,} {what}.\nHint: choose a dataset or split, or raise max_images."
        )
    keys = [(name, "ascending") for name in order if name in table.column_names]
    return table.sort_by(keys).combine_chunks()


def _search(ids: pa.ChunkedArray, image_id: str, *, left: bool) -> int:
    """Position of an id in sorted ids, by bisection."""
    low, high = 0, len(ids)
    while low < high:
        middle = (low + high) // 2
        value = ids[middle].as_py()
        if value < image_id or (not left and value == image_id):
            low = middle + 1
        else:
            high = middle
    return low
