"""The child processes of this process that decode images: one a core, started once, used by all tasks and queries.

An engine may run Python functions in threads of its own process. There the threads would share one interpreter, a
decoder that crashes would end everything, and an alarm cannot be aimed at one of them. So each thread hands lists of
images to the children, a few lists ahead, and takes the results in their order.
"""

from __future__ import annotations

import atexit
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from dataeval_spark.errors import SetupError
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.decoding.isolated import Child, ChildDiedError
from dataeval_spark.kernels.images.decoding.limits import Limits, limited, taken

IDLE_SECONDS = 300.0
"""Time after which a child that has nothing to do is ended; the next list of images starts another."""
IMAGES_PER_LIST = 32
BYTES_PER_LIST = 2 * 2**20
"""Bytes of image files in a list: few large images take as long as many small ones."""

Item = TypeVar("Item")
Result = TypeVar("Result")
Function = Callable[[Sequence[Item]], tuple[int, Result]]
Lost = Callable[[Item, UnreadableImage], Result]

_LOCK = threading.Lock()
_CHILDREN: dict[int, Children] = {}


def children(number: int) -> Children:
    """The children of this process: `number` of them, where there are none yet."""
    with _LOCK:
        # A process made by fork must not talk to the children of its parent.
        if os.getpid() not in _CHILDREN:
            _CHILDREN.clear()
            _CHILDREN[os.getpid()] = Children(number)
        return _CHILDREN[os.getpid()]


@dataclass
class _List(Generic[Item]):
    """A list of images on its way; ``is_again`` where a child has died of its one image already."""

    items: Sequence[Item]
    function: Any
    limits: Limits
    is_again: bool = False
    answer: Future[Any] = field(default_factory=Future)


class Children:
    """Child processes, all of which start now.

    Parameters
    ----------
    number : int
        Number of processes.

    Examples
    --------
    >>> two = Children(2)
    >>> list(two.results(Each(max, Limits()), [[(3, 4), (7, 5)], [(1, 2)]], lost=as_outcome, limits=Limits()))
    [[4, 7], [2]]
    >>> two.close()
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._waiting: queue.SimpleQueue[_List[Any]] = queue.SimpleQueue()
        self._alive: set[Child] = set()
        self._is_closed = False
        self._lock = threading.Lock()
        for index in range(number):
            threading.Thread(target=self._serve, name=f"decoding-{index}", daemon=True).start()
        atexit.register(self.close)

    def close(self) -> None:
        """End the children; lists that are under way fail."""
        with self._lock:
            self._is_closed = True
            for child in self._alive:
                child.kill()

    def results(
        self,
        function: Function[Item, Result],
        lists: Iterable[Sequence[Item]],
        *,
        lost: Lost[Item, Result],
        limits: Limits,
    ) -> Iterator[Result]:
        """Results of a function for lists of images, in their order, while children work on the next ones.

        A child that dies costs one image: those before and behind it are sent again, and it once more, alone, unless
        it took too long.

        Parameters
        ----------
        function : callable
            A function that can be pickled. It goes through a list with `taken` and gives the number of images that
            its result is for, from the first, and the result. With fewer than there are it is called again.
        lists : iterable
            Images, best of `lists_of`; taken by the caller's thread as children have time.
        lost : callable
            Function that makes the result of an image of which a child has died, from it and an UnreadableImage.
        limits : Limits
            Limits that the function sets.

        Raises
        ------
        SetupError
            The children do not start. Errors of the function are raised as they are.
        """
        ahead: deque[_List[Item]] = deque()
        try:
            for items in lists:
                ahead.extend(self._sent(_List(items, function, limits), items))
                while len(ahead) >= 2 * self._number:
                    yield from self._first(ahead, lost)
            while ahead:
                yield from self._first(ahead, lost)
        finally:
            for waiting in ahead:
                waiting.answer.cancel()

    def _first(self, ahead: deque[_List[Item]], lost: Lost[Item, Result]) -> Iterator[Result]:
        """Result of the first list, where it has one; what is left of the list goes to the front."""
        first = ahead.popleft()
        items = first.items
        try:
            count, result = first.answer.result()
        except ChildDiedError as death:
            at = death.position
            one = replace(first, items=items[at : at + 1], is_again=True, answer=Future())
            if death.is_timeout or first.is_again:
                one.answer.set_result((1, lost(items[at], death.error)))
            else:
                self._waiting.put(one)
            again = [*self._sent(first, items[:at]), one, *self._sent(first, items[at + 1 :])]
        else:
            yield result
            again = self._sent(first, items[count:])
        ahead.extendleft(reversed(again))

    def _sent(self, of: _List[Item], items: Sequence[Item]) -> list[_List[Item]]:
        """A part of a list, sent; none where the part is empty."""
        if not items:
            return []
        part = replace(of, items=items, is_again=False, answer=Future())
        self._waiting.put(part)
        return [part]

    def _serve(self) -> None:
        """Work of the thread of one child."""
        child: Child | None = None
        with suppress(OSError):  # it is said where a list waits
            child = self._started()
        while True:
            try:
                asked = self._waiting.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                self._ended(child)
                child = None
                asked = self._waiting.get()
            if not asked.answer.set_running_or_notify_cancel():
                continue
            try:
                child = child or self._started()
                answer = child.ask(asked.function, asked.items, asked.limits)
            except (ChildDiedError, SetupError, OSError) as error:
                self._ended(child)
                child = None
                closed = RuntimeError("the processes that decode images have been ended")
                asked.answer.set_exception(closed if self._is_closed else error)
            except Exception as error:  # of the function
                asked.answer.set_exception(error)
            else:
                asked.answer.set_result(answer)
                if child.is_spent(asked.limits):
                    self._ended(child)
                    child = self._started()

    def _started(self) -> Child:
        with self._lock:
            if self._is_closed:
                raise OSError("the processes that decode images have been ended")
            child = Child()
            self._alive.add(child)
        return child

    def _ended(self, child: Child | None) -> None:
        if child is not None:
            with self._lock:
                self._alive.discard(child)
            child.close()


class Each(Generic[Result]):
    """A function of one image, for `Children.results`: called with each image's arguments within its limits.

    Its result is a list of outcomes: what the function returned, or the UnreadableImage that it raised.

    Parameters
    ----------
    function : callable
        A function that can be pickled.
    limits : Limits
        Limits of each call.
    """

    def __init__(self, function: Callable[..., Result], limits: Limits) -> None:
        self._function = function
        self._limits = limits

    def __call__(self, items: Sequence[tuple[Any, ...]]) -> tuple[int, list[Result | UnreadableImage]]:
        outcomes: list[Result | UnreadableImage] = []
        for arguments in taken(items):
            try:
                with limited(self._limits):
                    outcomes.append(self._function(*arguments))
            except UnreadableImage as error:
                outcomes.append(error)
        return len(items), outcomes


def as_outcome(item: Any, error: UnreadableImage) -> list[Any]:
    """Result of `Each` for an image of which a child has died."""
    return [error]


def lists_of(items: Iterable[Item], size: Callable[[Item], int | None]) -> Iterator[list[Item]]:
    """Lists of images that are worth a message: 32, or fewer where `size`, the bytes of their files, makes 2 MiB.

    Examples
    --------
    >>> list(lists_of([b"a", bytes(3_000_000), b"b"], len))[1]
    [b'b']
    """
    gathered: list[Item] = []
    volume = 0
    for item in items:
        gathered.append(item)
        volume += size(item) or 0
        if len(gathered) >= IMAGES_PER_LIST or volume >= BYTES_PER_LIST:
            yield gathered
            gathered, volume = [], 0
    if gathered:
        yield gathered
