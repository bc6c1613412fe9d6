"""Clients that are gone before they were answered: nobody writes home about them."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from tests.following import eventually
from tests.live_fixtures import MakeServer
from tests.live_server import LiveServer

N_CLIENTS = 60
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
)
_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
REQUESTS = {
    "socketio": ("/api/socket/io/?EIO=4&transport=websocket", _UPGRADE.format(key=_KEY)),
    "websocket": ("/api/ws", _UPGRADE.format(key=_KEY)),
    "sse": ("/api/events?rooms=dashboard", "Accept: text/event-stream\r\n"),
    "polling": ("/api/events?rooms=dashboard&wait=20", ""),
}


def ask_and_leave(server: LiveServer, path: str, headers: str) -> None:
    """Send a request, and reset the connection at once."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        bearer = f"Authorization: Bearer {server.admin}\r\n"
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: goip\r\n{bearer}{headers}\r\n".encode())


@pytest.mark.parametrize("transport", REQUESTS)
async def test_who_leaves_in_the_handshake_is_forgotten_and_is_no_error(
    transport: str, make_server: MakeServer
) -> None:
    server = make_server().start()
    for _ in range(N_CLIENTS):
        await asyncio.to_thread(ask_and_leave, server, *REQUESTS[transport])

    def n_subscribers() -> int:
        n: int = server.get("/api/health").must()["checks"]["subscribers"]
        return n

    await asyncio.to_thread(eventually, n_subscribers, lambda n: n == 0)
    assert server.stop() == 0
    assert "Traceback" not in server.log
