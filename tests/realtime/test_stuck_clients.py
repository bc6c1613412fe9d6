"""A real client that stops reading: nobody waits for it, its memory is bounded, and its connection ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from goip.api.limits import RateLimit
from goip.auth.principals import Permission, Principal
from goip.clock import now_ms
from goip.models import DASHBOARD
from goip.realtime.doors import Doors, Place
from goip.realtime.emitters import Emission
from goip.realtime.hearing import Hearing
from goip.realtime.hub import Hub
from goip.realtime.progress import Jobs
from goip.realtime.replay import History
from goip.realtime.socketio import SocketIoTransport
from goip.store.store import Store

pytestmark = pytest.mark.timeout(60)
READER = Principal(kind="user", username="anna", permissions=frozenset({Permission.READ}))


class Gatekeeper:
    """Lets everybody in."""

    def check_origin(self, request: web.Request) -> None:
        """Any page will do."""

    def enter(self, request: web.Request) -> Place:
        return Doors(0, 0, RateLimit(0, "address")).enter("")

    def of_handshake(self, request: web.Request, token: str | None) -> Principal:
        return READER

    def address_of(self, request: web.Request) -> str:
        return str(request.remote)

    async def of_device(
        self, device_id: str, key_text: str, address: str
    ) -> tuple[Principal, dict[str, Any]]:
        return READER, {}


class Served:
    """A Socket.IO server on a port."""

    def __init__(self, store: Store, server: TestServer, hub: Hub, transport: SocketIoTransport) -> None:
        self.store, self.server, self.hub, self.transport = store, server, hub, transport

    async def tell(self, n_bytes: int = 10) -> int:
        """A fact, in a batch of its own."""
        seq = await self.store.record(Emission("told", {"text": "x" * n_bytes}, DASHBOARD))
        self.hub.flush()
        return seq


@pytest.fixture
async def served(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setattr("goip.realtime.subscriber.STUCK_SECONDS", 0.3)
    monkeypatch.setattr("goip.realtime.packets._GRACE_SECONDS", 0.3)
    hub = Hub(sqlite_store.fleet)
    sqlite_store.subscribe(hub.publish)

    jobs = Jobs(hub, now_ms)
    hearing = Hearing(nullcontext, now_ms)
    transport = SocketIoTransport(hub, History(sqlite_store, 100), Gatekeeper(), {}, jobs, hearing)
    app = web.Application()
    app.router.add_route("*", "/socket.io/", transport.handle)
    async with TestServer(app) as server:
        yield Served(sqlite_store, server, hub, transport)
        hub.close()
        await transport.stop()


class StuckClient:
    """A WebSocket client by hand, which reads what it likes."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setblocking(False)
        self._port = port

    async def join(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self.socket, ("127.0.0.1", self._port))
        await loop.sock_sendall(
            self.socket,
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        await self._read_until(b'"sid"')
        await self._send(b"40")
        await self._read_until(b"40{")
        await self._send(b'420["join-dashboard"]')
        await self._read_until(b'"ok":true')

    async def _send(self, text: bytes) -> None:
        frame = bytes((0x81, 0x80 | len(text))) + b"\0\0\0\0" + text  # masked, by a mask of zeros
        await asyncio.get_running_loop().sock_sendall(self.socket, frame)

    async def _read_until(self, sign: bytes) -> None:
        read = b""
        while sign not in read:
            read += await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.socket, 4096), 5)

    async def read_to_the_end(self) -> int:
        """How many bytes there still are, until the server's end of the connection."""
        n_read = 0
        while True:
            try:
                chunk = await asyncio.get_running_loop().sock_recv(self.socket, 1 << 20)
            except ConnectionResetError:
                return n_read
            if not chunk:
                return n_read
            n_read += len(chunk)


@pytest.fixture
def stuck(served: Served) -> Iterator[StuckClient]:
    assert served.server.port is not None
    client = StuckClient(served.server.port)
    yield client
    client.socket.close()


async def test_a_client_that_stops_reading_is_ended_and_nobody_waits_for_it(
    served: Served, stuck: StuckClient
) -> None:
    await stuck.join()
    async with ClientSession() as session:
        url = served.server.make_url("/socket.io/?EIO=4&transport=websocket")
        async with session.ws_connect(url) as reading:
            await reading.send_str("40")
            await reading.send_str('420["join-dashboard"]')
            sent: list[int] = []
            heard: list[int] = []

            async def read() -> None:
                async for message in reading:
                    text = str(message.data)
                    if text.startswith('42["told"'):
                        heard.append(orjson.loads(text[2:])[1]["seq"])
                    if sent and heard and heard[-1] == sent[-1] and len(sent) == 200:
                        return

            listening = asyncio.create_task(read())
            for _ in range(200):  # 20 MB, far more than the buffers in between
                sent.append(await served.tell(100_000))
            await asyncio.wait_for(listening, 20)
            assert heard[-1] == sent[-1]
            assert heard == sent[-len(heard) :]
    async with asyncio.timeout(20):
        while any(client.rooms for client in served.hub.subscribers) or served.transport.clients:
            await served.tell()
            await asyncio.sleep(0.05)
        await stuck.read_to_the_end()


async def test_the_connection_of_a_client_that_never_reads_again_ends_too(
    served: Served, stuck: StuckClient
) -> None:
    """It holds a file descriptor and what was written: the server lets go of both, by itself."""
    await stuck.join()
    (client,) = served.transport.clients.values()
    for _ in range(200):
        await served.tell(100_000)
    async with asyncio.timeout(20):
        while served.server.runner.server is not None and served.server.runner.server.connections:
            await asyncio.sleep(0.05)
        while _requests():
            await asyncio.sleep(0.05)
    assert client.sid not in served.transport.clients


def _requests() -> list[str]:
    """What still works for some connection."""
    work = [repr(task.get_coro()) for task in asyncio.all_tasks()]
    return [each for each in work if "RequestHandler.start" in each or "websocket" in each]
