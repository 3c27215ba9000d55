"""The other end of `isolated`: calls functions with lists of images until the connection is closed."""

from __future__ import annotations

import pickle
import signal
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress

from dataeval_spark.kernels.images.decoding.limits import write_marks

_LENGTH = struct.Struct(">Q")


def send(connection: socket.socket, message: bytes) -> None:
    """Send a message."""
    connection.sendall(_LENGTH.pack(len(message)))
    connection.sendall(message)


def receive(connection: socket.socket, still_waiting: Callable[[], None] = lambda: None) -> bytearray:
    """Receive a message.

    Parameters
    ----------
    connection : socket
        Connection; its timeout is the time after which `still_waiting` is called.
    still_waiting : callable
        Function that may raise an error to give up.

    Raises
    ------
    EOFError
        The other end is closed.
    """
    (length,) = _LENGTH.unpack(_receive(connection, _LENGTH.size, still_waiting))
    return _receive(connection, length, still_waiting)


def _receive(connection: socket.socket, length: int, still_waiting: Callable[[], None]) -> bytearray:
    message = bytearray(length)
    rest = memoryview(message)
    while rest:
        try:
            received = connection.recv_into(rest)
        except TimeoutError:
            still_waiting()
            continue
        if received == 0:
            raise EOFError
        rest = rest[received:]
    return message


def main(connected: str, marks: str) -> None:
    """Serve a connection until it is closed.

    A request holds a function and its argument, the answer tells whether the function failed, and holds its result or
    error. The end of the parent, however it ends, closes the connection.

    Parameters
    ----------
    connected, marks : str
        File descriptors of the connection, and of a pipe for marks.
    """
    connection = socket.socket(fileno=int(connected))
    write_marks(int(marks))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the parent that is interrupted, and ends this process
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    send(connection, b"")
    with suppress(EOFError, ConnectionError):
        while True:
            send(connection, _answer(receive(connection)))


def _answer(request: bytearray) -> bytes:
    try:
        function, argument = pickle.loads(request)
        return pickle.dumps((False, function(argument)), protocol=5)
    except Exception as error:
        return pickled_error(error)


def pickled_error(error: Exception) -> bytes:
    """Answer with an error, or with its text where it cannot be pickled."""
    try:
        answer = pickle.dumps((True, error), protocol=5)
        pickle.loads(answer)
        return answer
    except Exception:
        return pickle.dumps((True, RuntimeError(f"{type(error).__name__}: {error}")))


if __name__ == "__main__":
    main(*sys.argv[1:])
