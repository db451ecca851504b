"""A wire between browser and desk that a test can cut and mend."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit


class Line:
    """Forwards connections on a port of its own; while cut, it drops those it has and takes no others."""

    def __init__(self, to: str) -> None:
        place = urlsplit(to)
        self._to = (place.hostname or "", place.port or 0)
        self._open: set[socket.socket] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self._port = self._server.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}"
        self._serve()

    def cut(self) -> None:
        """From now on nothing gets through."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Take connections again, on the same port."""
        self._server = socket.create_server(("127.0.0.1", self._port))
        self._serve()

    def _serve(self) -> None:
        self._thread = threading.Thread(target=self._accept, args=(self._server,), daemon=True)
        self._thread.start()

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                near, _ = server.accept()
            except OSError:
                return
            far = socket.create_connection(self._to)
            self._open |= {near, far}
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while part := source.recv(65_536):
                target.sendall(part)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            self._open.discard(one)
            one.close()


@contextlib.contextmanager
def line_to(address: str) -> Iterator[Line]:
    """A line that is gone when the test is over."""
    line = Line(address)
    try:
        yield line
    finally:
        with contextlib.suppress(OSError):
            line.cut()
