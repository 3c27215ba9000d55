"""Reading ahead: several slow reads at once, their results in order, their bytes bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

CONCURRENCY = 8
BYTES_BOUND = 64 * 2**20

T = TypeVar("T")


def read_ahead(
    items: Iterable[T],
    read: Callable[[T], bytes],
    *,
    is_slow: Callable[[T], bool] = lambda item: True,
    size: Callable[[T], int | None] = lambda item: None,
    concurrency: int = CONCURRENCY,
    bytes_bound: int = BYTES_BOUND,
) -> Iterator[tuple[T, bytes | Exception]]:
    """Each item with the result of reading it, in order, while threads read the next ones.

    Items are taken and results are given by the caller's thread only. Besides the one in the caller's hands, results
    and reads under way hold at most `bytes_bound` bytes where `size` knows them; of unknown sizes, at most
    ``2 * concurrency`` results wait. One item that is larger than the bound is read alone.

    Parameters
    ----------
    items : iterable
        Taken no further ahead than is read.
    read : callable
        Runs in threads; what it raises is given instead of its result.
    is_slow : callable
        Which items are worth a thread, such as those behind a network; the others are read when their turn comes.
    size : callable
        Expected size of an item in bytes, where it is known.
    concurrency : int
        Reads at once.
    bytes_bound : int
        Bytes held ahead.

    Yields
    ------
    tuple of item and bytes or Exception

    Examples
    --------
    >>> list(read_ahead(["a", "b"], str.encode))
    [('a', b'a'), ('b', b'b')]
    """
    waiting: deque[tuple[T, Future[bytes] | None, int]] = deque()
    pool: ThreadPoolExecutor | None = None
    try:
        for item in items:
            slow = is_slow(item)
            expected = (size(item) or 0) if slow else 0
            while waiting and (len(waiting) >= 2 * concurrency or _held(waiting) + expected > bytes_bound):
                yield _result(*waiting.popleft()[:2], read)
            if slow and pool is None:
                pool = ThreadPoolExecutor(concurrency, thread_name_prefix="read_ahead")
            waiting.append((item, pool.submit(read, item) if slow and pool else None, expected))
            # An item that needs no thread waits for no other.
            while waiting and waiting[0][1] is None:
                yield _result(*waiting.popleft()[:2], read)
        while waiting:
            yield _result(*waiting.popleft()[:2], read)
    finally:
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


def _result(item: T, future: Future[bytes] | None, read: Callable[[T], bytes]) -> tuple[T, bytes | Exception]:
    try:
        return item, read(item) if future is None else future.result()
    except Exception as error:
        return item, error


def _held(waiting: Iterable[tuple[T, Future[bytes] | None, int]]) -> int:
    return sum(
        len(future.result()) if future and future.done() and not future.exception() else expected
        for _, future, expected in waiting
    )
