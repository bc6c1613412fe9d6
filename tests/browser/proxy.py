"""A network that is no friend of live connections: a proxy between a browser and the server."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator

_HEAD_END = b"\r\n\r\n"
_NO = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Proxy:
    """Forwards what comes to its `port`. What it lets through may be changed at any time."""

    def __init__(self, server_port: int) -> None:
        self.lets_websockets_through = True
        self.lets_socketio_through = True
        self.holds_streams_back = False
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def cut(self) -> None:
        """Break every connection that is open."""
        for end in tuple(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Listen no more, and break what is open."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _listen(self) -> None:
        while True:
            try:
                browser, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(browser,), daemon=True).start()

    def _serve(self, browser: socket.socket) -> None:
        with self._tracked(browser), contextlib.suppress(OSError):
            head, rest = _read_head(browser)
            if not self._lets_through(head):
                browser.sendall(_NO)
                return
            with self._tracked(socket.create_connection(("127.0.0.1", self._server_port))) as server:
                server.sendall(_one_request_only(head) + rest)
                up = threading.Thread(target=_pump, args=(browser, server), daemon=True)
                up.start()
                if self.holds_streams_back and b"text/event-stream" in head:
                    _swallow(server)
                else:
                    _pump(server, browser)
                up.join()

    def _lets_through(self, head: bytes) -> bool:
        if not head:
            return False
        if re.search(rb"(?i)\r\nupgrade: *websocket", head):
            return self.lets_websockets_through and (self.lets_socketio_through or b"/socket/io" not in head)
        return self.lets_socketio_through or b"/socket/io" not in head.split(b"\r\n", 1)[0]

    @contextlib.contextmanager
    def _tracked(self, end: socket.socket) -> Iterator[socket.socket]:
        self._open.add(end)
        try:
            yield end
        finally:
            self._open.discard(end)
            end.close()


def _read_head(end: socket.socket) -> tuple[bytes, bytes]:
    """The head of a request, and what came after it already."""
    data = b""
    while _HEAD_END not in data:
        more = end.recv(65_536)
        if not more:
            return b"", b""
        data += more
    head, _, rest = data.partition(_HEAD_END)
    return head + _HEAD_END, rest


def _one_request_only(head: bytes) -> bytes:
    """The head, asking the server to close the connection after its answer: so each request can be judged."""
    return re.sub(rb"(?i)\r\nconnection: *keep-alive", b"\r\nConnection: close", head)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _swallow(source: socket.socket) -> None:
    """As proxies do that wait for the end of an answer before they pass it on."""
    while source.recv(65_536):
        pass
