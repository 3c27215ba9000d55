"""Statistics of a user's own that do to a worker what a decoder in C can do to it."""

from __future__ import annotations

import ctypes


def act(pixels):
    """What the first pixel asks for."""
    if pixels[0, 0, 0] == 66:
        ctypes.string_at(0)  # crashes
    if pixels[0, 0, 0] == 77:
        ctypes.PyDLL(None).pause()  # hangs in C and does not let the interpreter go
    return float(pixels[0, 0, 0])
