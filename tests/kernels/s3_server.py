"""An S3-compatible server on loopback: what its keys say, it does."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import localbucket

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIA1234567890",
    "AWS_SECRET_ACCESS_KEY": "a-very-secret-key",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Server(ThreadingHTTPServer):
    """Buckets are the folders of a directory; ``requests`` counts what was asked for, ``times`` has when."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        self.root = root
        self.requests: Counter[str] = Counter()
        self.times: list[float] = []
        self.latency = 0.0
        super().__init__(("127.0.0.1", 0), type("Handler", (_Handler,), {"data_root": root}))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(localbucket.S3Handler):
    server: Server
    disable_nagle_algorithm = True  # head and body are sent apart

    def do_GET(self) -> None:  # noqa: N802
        if self._may_go_on():
            self.path = self.path.partition("?sig=")[0]  # a signature in a URI is taken for a good one
            super().do_GET()

    def do_HEAD(self) -> None:  # noqa: N802
        if self._may_go_on():
            super().do_HEAD()

    def do_PUT(self) -> None:  # noqa: N802
        if self.path.endswith("/"):  # clients mark a folder whose last object they deleted
            self._refuse(200)
        else:
            super().do_PUT()

    def _may_go_on(self) -> bool:
        """Objects named forbidden are, one named unasked is a bad request, and those named busy are served the third
        time, those named down never."""
        asked = f"{self.command} {self.path}"
        self.server.requests[asked] += 1
        self.server.times.append(time.monotonic())
        time.sleep(self.server.latency)
        if "forbidden" in self.path:
            self._refuse(403)
        elif "unasked" in self.path:
            self._refuse(400)
        elif "down" in self.path or ("busy" in self.path and self.server.requests[asked] < 3):
            self._refuse(503)
        else:
            return True
        return False

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def serve(root: Path) -> Iterator[Server]:
    server = Server(root)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
