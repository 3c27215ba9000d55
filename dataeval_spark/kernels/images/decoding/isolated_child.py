"""The other end of `isolated`: calls one function again and again, under limits, until the connection is closed."""

from __future__ import annotations

import importlib
import pickle
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from dataeval_spark.kernels.images.decoding.decode import UnreadableImage

_LENGTH = struct.Struct(">Q")


def send(connection: socket.socket, message: bytes, deadline: float | None = None) -> None:
    """Send a message before `deadline` (of time.monotonic), after which a TimeoutError is raised."""
    _wait_until(connection, deadline)
    connection.sendall(_LENGTH.pack(len(message)))
    connection.sendall(message)


def receive(connection: socket.socket, deadline: float | None = None) -> bytes:
    """Receive a message.

    Raises
    ------
    EOFError
        The other end is closed.
    TimeoutError
        Nothing, or not all of it, came before `deadline` (of time.monotonic).
    """
    (length,) = _LENGTH.unpack(_receive(connection, _LENGTH.size, deadline))
    return bytes(_receive(connection, length, deadline))


def _receive(connection: socket.socket, length: int, deadline: float | None) -> bytearray:
    message = bytearray(length)
    rest = memoryview(message)
    while rest:
        _wait_until(connection, deadline)
        received = connection.recv_into(rest)
        if received == 0:
            raise EOFError
        rest = rest[received:]
    return message


def _wait_until(connection: socket.socket, deadline: float | None) -> None:
    # A timeout of 0 would mean not to wait at all.
    connection.settimeout(None if deadline is None else max(0.001, deadline - time.monotonic()))


def main(function: str, descriptor: str) -> None:
    """Serve a connection until it is closed.

    A request holds the limits, (seconds, bytes of memory) or None, and the arguments; the answer tells whether
    the function failed, and holds its result or error.
    """
    connection = socket.socket(fileno=int(descriptor))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    module, _, name = function.partition(":")
    try:
        called = getattr(importlib.import_module(module), name)
    except Exception as error:
        send(connection, f"{type(error).__name__}: {error}".encode())
        return
    send(connection, b"")
    with suppress(EOFError, ConnectionError):
        while True:
            limits, arguments = pickle.loads(receive(connection))
            if limits is None:
                send(connection, _answer(called, arguments, 0))
                continue
            seconds, memory = limits
            _limit_memory(memory)
            # The kernel ends this process then, whatever it is in; also when nobody waits for it any more.
            signal.setitimer(signal.ITIMER_REAL, seconds)
            answer = _answer(called, arguments, memory)
            signal.setitimer(signal.ITIMER_REAL, 0)
            send(connection, answer)


def _answer(called: Callable[..., Any], arguments: tuple[Any, ...], memory: int) -> bytes:
    try:
        return pickle.dumps((False, called(*arguments)), protocol=5)
    except UnreadableImage as error:
        outcome: BaseException = _memory_limit(memory) if error.error_class == "MemoryError" else error
    except MemoryError:
        outcome = _memory_limit(memory)
    except Exception as error:
        outcome = error
    try:
        return pickle.dumps((True, outcome), protocol=5)
    except Exception:
        return pickle.dumps((True, RuntimeError(f"{type(outcome).__name__}: {outcome}")))


def memory_message(memory: int) -> str:
    """Message for an image that needs more memory than so many bytes."""
    return f"more than {memory / 2**20:,.0f} MB are needed (image_memory)"


def _memory_limit(memory: int) -> UnreadableImage:
    return UnreadableImage("decode", "MemoryLimit", memory_message(memory))


def _limit_memory(memory: int) -> None:
    """Let this process take so many bytes more than it has."""
    if sys.platform != "linux":
        return  # macOS has the call, and does nothing
    import resource  # not there on Windows

    _, most = resource.getrlimit(resource.RLIMIT_AS)
    ceiling = address_space() + memory
    resource.setrlimit(resource.RLIMIT_AS, (ceiling if most < 0 else min(ceiling, most), most))


def address_space(process: int | None = None) -> int:
    """Bytes of address space of a process, by default of this one; 0 where they are unknown."""
    try:
        import resource  # not there on Windows

        with open(f"/proc/{process or 'self'}/statm") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        return 0


if __name__ == "__main__":
    main(*sys.argv[1:])
