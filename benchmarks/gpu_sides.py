"""The sides of benchmarks/gpu.py, each in a process of its own: `python -m benchmarks.gpu_sides JSON`.

The bare loop is a DataLoader whose processes decode, resize and crop, with pinned memory, before a model that gets its
pixels as 8 bits and normalises them on the device: what a careful user writes. The product's sides call the work of a
profile's task with Arrow batches of rows, as an engine does. All clocks run while 20,000 images pass, after a warm-up
of some batches: processes are started, the model is loaded, kernels are chosen and compiled.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WARM_UP_BATCHES = 6


@dataclass(frozen=True)
class Side:
    """What a side does.

    Attributes
    ----------
    kind : str
        Name in `KINDS`.
    folder, model, vectors : str
        Folder of the images, TorchScript file, and the file that the vectors are written to.
    device : str
        "cpu" or "cuda:0".
    processes : int
        Processes that decode.
    batch : int
        Largest number of images for the device at once.
    is_half : bool
        Whether the model computes in 16 bits.
    tasks : int
        Tasks that share the device.
    memory : int
        Bytes of the device's memory that the side may use; 0 for all.
    """

    kind: str
    folder: str
    model: str
    vectors: str
    device: str
    processes: int
    batch: int = 64
    is_half: bool = False
    tasks: int = 1
    memory: int = 0

    def paths(self) -> list[str]:
        return [str(path) for path in sorted(Path(self.folder).iterdir())]

    def warm_up(self, share: Sequence[Any]) -> Sequence[Any]:
        """The first images of a share, which every process passes once before its clock starts."""
        return share[: WARM_UP_BATCHES * self.batch]

    def text(self) -> str:
        return json.dumps(asdict(self))


@dataclass
class Timed:
    """What a side found: vectors in the order of the images, and when the clock ran, in seconds since 1970."""

    begin: float
    end: float
    vectors: NDArray[np.float32]
    facts: dict[str, Any] = field(default_factory=dict)


def bare_loop(side: Side) -> Timed:
    """A DataLoader loop with the model; without one, where ``model`` is empty: what decoding alone takes."""
    import torch
    from torch.utils.data import DataLoader

    torch.set_num_threads(side.processes)
    is_cuda = side.device != "cpu"
    files, order = Files(side.paths()), Order()
    workers: dict[str, Any] = {"num_workers": side.processes, "persistent_workers": True, "prefetch_factor": 4}
    loader = DataLoader(files, batch_sampler=order, pin_memory=is_cuda, **workers)
    model = torch.jit.load(side.model, map_location=side.device).eval() if side.model else None
    mean, std = (torch.tensor(numbers, device=side.device) for numbers in (MEAN, STD))
    found = []
    for share in (side.warm_up(range(len(files.paths))), range(len(files.paths))):
        order.batches = [list(share[start : start + side.batch]) for start in range(0, len(share), side.batch)]
        found, begin = [], time.time()
        for pixels in loader:
            if model is None:
                continue
            values = (pixels.to(side.device, non_blocking=True).float() / 255 - mean) / std
            with torch.inference_mode(), torch.autocast("cuda", torch.float16, enabled=side.is_half and is_cuda):
                vectors = model(values.permute(0, 3, 1, 2).contiguous())
            found.append(vectors.float().cpu().numpy())
        end = time.time()
    return Timed(begin, end, np.concatenate(found) if found else np.zeros((0, 0), np.float32))


class Files:
    """Images as the model wants them but for the normalisation; by the functions that the product calls."""

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> Any:
        import simplejpeg
        import torch
        from PIL import Image

        data = Path(self.paths[number]).read_bytes()
        image = Image.fromarray(simplejpeg.decode_jpeg(data, "RGB", fastdct=False, fastupsample=False))
        short = min(image.size)
        image = image.resize([256 * side // short for side in image.size], Image.Resampling.BILINEAR)
        left, top = round((image.width - 224) / 2), round((image.height - 224) / 2)
        return torch.from_numpy(np.array(image.crop((left, top, left + 224, top + 224))))


class Order:
    """Batches of the next round, so that the loader's processes live through the warm-up and what is timed."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


def tasks_of_one_process(side: Side) -> Timed:
    """Tasks that are threads of one process, whose children decode: the embedded engine."""
    if side.memory:
        import torch

        total = torch.cuda.get_device_properties(side.device).total_memory
        torch.cuda.set_per_process_memory_fraction(side.memory / total, side.device)
    shares = _shares(side.paths(), side.tasks)
    warm = [list(_batches(side.warm_up(share))) for share in shares]
    _in_threads([lambda rows=rows: task(side, rows, may_end=False) for rows in warm])
    found: dict[str, NDArray[np.float32]] = {}
    given = [list(_batches(share)) for share in shares]
    begin = time.time()
    _in_threads([lambda rows=rows: found.update(task(side, rows, may_end=False)) for rows in given])
    end = time.time()
    return Timed(begin, end, np.stack([found[path] for path in side.paths()]), {"batch_size": _batch_size(side)})


def task_per_process(side: Side) -> Timed:
    """A process for each task, with a model of its own, which decodes in a thread beside it: Spark."""
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(side.tasks), context.Queue()
    shares = _shares(side.paths(), side.tasks)
    processes = [context.Process(target=_alone, args=(side, share, barrier, answers), daemon=True) for share in shares]
    for process in processes:
        process.start()
    found: dict[str, NDArray[np.float32]] = {}
    times = []
    for _ in processes:
        begin, end, vectors = answers.get()
        times.append((begin, end))
        found |= vectors
    for process in processes:
        process.join()
    begins, ends = zip(*times, strict=True)
    return Timed(min(begins), max(ends), np.stack([found[path] for path in side.paths()]))


def _alone(side: Side, share: list[str], barrier: Any, answers: Any) -> None:
    task(side, list(_batches(side.warm_up(share))), may_end=True)
    rows = list(_batches(share))
    barrier.wait()
    begin = time.time()
    vectors = task(side, rows, may_end=True)
    answers.put((begin, time.time(), vectors))


def task(side: Side, batches: Sequence[pa.RecordBatch], *, may_end: bool) -> dict[str, NDArray[np.float32]]:
    """The work of a profile's task on rows of images; the vector of each."""
    from dataeval_spark.analyses.profile.options import measures_of, version_of_encoder
    from dataeval_spark.analyses.profile.worker import Task, measure_rows
    from dataeval_spark.tables.arrow import rows_of

    options = _options(side)
    measured = measure_rows(
        rows_of(batches),
        Task(may_end=may_end, children=side.processes),
        options=options,
        measures=measures_of(options),
        encoder_version=version_of_encoder(options),
    )
    found = {}
    for batch in measured:
        if not batch.num_rows:
            continue
        column = batch["embedding"]
        if batch["stats"].null_count or column.null_count:
            raise RuntimeError(f"not measured or not embedded: {batch['error'].drop_null().to_pylist()[:3]}")
        vectors = column.flatten().to_numpy().reshape(batch.num_rows, -1)
        found |= dict(zip(batch["image_id"].to_pylist(), vectors, strict=True))
    return found


def _batches(paths: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Rows of images by reference, as `profile` makes them from table images."""
    from dataeval_spark.kernels.images.hashes import file_hash

    for start in range(0, len(paths), 256):
        contents = {path: Path(path).read_bytes() for path in paths[start : start + 256]}
        columns = {
            "image_id": list(contents),
            "uri": list(contents),
            "content": [None] * len(contents),
            "content_length": [len(data) for data in contents.values()],
            "file_hash": [file_hash(data) for data in contents.values()],
            "boxes": [None] * len(contents),
            "fingerprint": ["f"] * len(contents),
        }
        yield pa.RecordBatch.from_pydict(columns)


def _options(side: Side) -> Any:
    from dataeval_spark.options import ProfileOptions

    return ProfileOptions(
        encoder=f"torchscript:{side.model}",
        device=side.device,
        half_precision=side.is_half,
        batch_size=side.batch,
    )


def _batch_size(side: Side) -> int:
    """Size of the batches after the run: smaller than it was where the memory was full."""
    from dataeval_spark.analyses.profile.options import version_of_encoder
    from dataeval_spark.kernels.encoders.streaming import shared_encoder

    options = _options(side)
    given = {"device": options.device, "half_precision": options.half_precision, "batch_size": options.batch_size}
    given |= {"gpu_addresses": None, "partition": 0, "threads": side.processes}
    return shared_encoder(options.encoder, version_of_encoder(options), **given).batch_size


def whole_job(side: Side) -> Timed:
    """The verb `profile` on the engine that is here, with all statistics and tables."""
    from benchmarks.embedding import profiled
    from dataeval_spark import Audit

    options = _options(side)
    encoder = {name: getattr(options, name) for name in ("encoder", "device", "half_precision", "batch_size")}
    place, warm = Path(side.vectors).parent / f"job-{time.time_ns()}", Path(side.folder).parent / "warm"
    profiled(Audit(f"{place}/warm", echo=lambda line: None), warm, **encoder)
    audit, begin, end = profiled(Audit(f"{place}/all", echo=lambda line: None), Path(side.folder), **encoder)
    names = audit.table("images").select("image_id", "uri")
    rows = audit.table("embeddings").join(names, "image_id").select("uri", "embedding").collect()
    found = {Path(row.uri).name: row.embedding for row in rows}
    vectors = np.array([found[Path(path).name] for path in side.paths()], dtype=np.float32)
    return Timed(begin, end, vectors, {"engine": audit.workspace.engine})


def _shares(paths: list[str], number: int) -> list[list[str]]:
    return [paths[start::number] for start in range(number)]


def _in_threads(calls: Sequence[Any]) -> None:
    errors: list[BaseException] = []

    def run(call: Any) -> None:
        try:
            call()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


KINDS = {
    "loop": bare_loop,
    "threads": tasks_of_one_process,
    "processes": task_per_process,
    "job": whole_job,
}


def save_means(path: Path) -> None:
    """A model that takes no time, so that a side shows what decoding and measuring alone take."""
    import torch

    class Means(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return x.mean(dim=(2, 3))

    buffer = io.BytesIO()
    torch.jit.save(torch.jit.trace(Means(), torch.rand(2, 3, 8, 8)), buffer)
    path.write_bytes(buffer.getvalue())


def main() -> None:
    """Run one side: its vectors go to a file, its times to the last line of the output."""
    side = Side(**json.loads(sys.argv[1]))
    found = KINDS[side.kind](side)
    np.save(side.vectors, found.vectors)
    print(json.dumps({"begin": found.begin, "end": found.end, **found.facts}), flush=True)


if __name__ == "__main__":
    main()
