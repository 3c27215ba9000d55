"""The process that a Python function of a query runs in, and decoding where it may end: there, or in children."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from pyspark import TaskContext

from dataeval_spark.kernels.images.decoding.children import Each, as_outcome, children, lists_of
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.decoding.limits import Limits

Result = TypeVar("Result")


def has_own_process() -> bool:
    """Whether the present task is alone in its process, which may end: Spark's workers are such processes.

    Other engines run the functions as threads of their own process. On Windows this is taken to be so everywhere: the
    children need what only other systems have.

    Examples
    --------
    >>> has_own_process()  # outside of a task
    False
    """
    if os.name == "nt":
        return True
    return TaskContext.get() is not None and threading.current_thread() is threading.main_thread()


def is_first_attempt() -> bool:
    """Whether the present task has a process of its own, and has not lost one yet."""
    task = TaskContext.get()
    return has_own_process() and (task is None or task.attemptNumber() == 0)


def number_of_children() -> int:
    """Number of children to decode with: one a core, or a single one where a task has its process alone."""
    if has_own_process():
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_images(
    function: Callable[..., Result],
    images: Iterable[tuple[Any, ...]],
    *,
    size: Callable[[tuple[Any, ...]], int | None],
    limits: Limits | None = None,
) -> Iterator[Result | UnreadableImage]:
    """Call a function that decodes an image, for one image after the other, where a decoder may crash.

    Parameters
    ----------
    function : callable
        A function of a module.
    images : iterable of tuple
        Arguments of each call.
    size : callable
        Bytes of the file, from the arguments, where they are known.
    limits : Limits, optional
        Limits of each call in a child; a process of its own has none.

    Yields
    ------
    object
        What the function returned, or the UnreadableImage that it raised, in the order of the images.

    Examples
    --------
    >>> list(map_images(len, [(b"abc",)], size=lambda image: len(image[0])))
    [3]
    """
    if has_own_process():
        for image in images:
            try:
                yield function(*image)
            except UnreadableImage as error:
                yield error
        return
    limits = limits or Limits()
    pool = children(number_of_children())
    for outcomes in pool.results(Each(function, limits), lists_of(images, size), lost=as_outcome, limits=limits):
        yield from outcomes
