"""What the verbs of the command line share."""

from __future__ import annotations

import io

import pytest

from dataeval_spark.cli.verbs import _starting


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("stream", "written"), [(Terminal(), "starting the engine\r\x1b[K"), (io.StringIO(), "")])
def test_a_terminal_shows_that_the_engine_starts_and_a_file_does_not(stream, written):
    with pytest.raises(KeyError), _starting(stream):
        raise KeyError

    assert stream.getvalue() == written
