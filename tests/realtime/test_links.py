"""Writing at once: only when nothing is ahead, so that no client is ever told anything out of order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random
from types import SimpleNamespace
from typing import Any

import engineio
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import TestServer
from aiohttp.web_protocol import RequestHandler
from engineio.packet import MESSAGE, Packet

from goip.models import Cursor
from goip.realtime.envelope import Batch
from goip.realtime.links import write_now
from goip.realtime.packets import PacketBatch, put, use_batches
from goip.realtime.stream import StreamSubscriber
from tests.realtime.listeners import VIEWER

N_STEPS = 400


class Wire:
    """A connection that writes down what it is given."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_ending = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.is_ending


@pytest.mark.parametrize("state", ["open", "full", "closing", "gone"])
def test_only_an_open_connection_with_room_is_written_to(state: str) -> None:
    wire = Wire()
    wire.is_ending = state == "closing"
    link: Any = SimpleNamespace(transport=None if state == "gone" else wire, _paused=state == "full")
    assert write_now(link, b"x") is (state == "open")
    assert wire.written == ([b"x"] if state == "open" else [])


def test_aiohttp_still_says_when_a_connection_is_full() -> None:
    assert "_paused" in BaseProtocol.__slots__
    assert issubclass(RequestHandler, BaseProtocol)


# ---- Socket.IO ----


class Running:
    """An engine.io server with one client over a WebSocket."""

    def __init__(self, socket: Any, client: ClientWebSocketResponse) -> None:
        self.socket = socket
        self.client = client

    async def until_waiting(self) -> None:
        """The writer has written all and waits at the queue."""
        async with asyncio.timeout(5):
            while not (self.socket.queue.empty() and self.socket.queue._getters):
                await asyncio.sleep(0)

    async def read(self, n_messages: int) -> list[str]:
        return [(await self.client.receive_str(timeout=5))[1:] for _ in range(n_messages)]


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    server = engineio.AsyncServer(async_mode="aiohttp")
    use_batches(server)
    app = web.Application()
    server.attach(app)
    async with TestServer(app) as listening, ClientSession() as session:
        url = listening.make_url("/engine.io/?EIO=4&transport=websocket")
        async with session.ws_connect(url) as client:
            assert (await client.receive_str(timeout=5)).startswith("0{")
            [socket] = server.sockets.values()
            yield Running(socket, client)
        await server.shutdown()


async def test_a_client_for_whom_nothing_waits_is_written_to_at_once(running: Running) -> None:
    await running.until_waiting()
    assert put(running.socket, PacketBatch([b"4one", b"4two"])) is True
    assert running.socket.queue.empty()
    assert await running.read(2) == ["one", "two"]


@pytest.mark.parametrize("seed", range(5))
async def test_a_client_gets_everything_in_order_whichever_way_it_went(running: Running, seed: int) -> None:
    """Batches, the library's own packets, and turns of the loop, by chance."""
    chance, n_at_once = Random(seed), 0
    for number in range(N_STEPS):
        if chance.random() < 0.5:
            n_at_once += put(running.socket, PacketBatch([b"4%d" % number]))
        else:
            await running.socket.send(Packet(MESSAGE, str(number)))
        for _ in range(chance.choice((0, 0, 1, 2, 3, 10))):
            await asyncio.sleep(0)
    assert await running.read(N_STEPS) == [str(number) for number in range(N_STEPS)]
    assert 0 < n_at_once < N_STEPS


async def test_what_finds_the_buffer_full_is_queued_and_follows_in_order(running: Running) -> None:
    await running.until_waiting()
    running.client._response.connection.transport.pause_reading()  # type: ignore[union-attr]
    filling = b"4" + bytes(1_000_000).replace(b"\0", b"x")
    n_filling = 0
    while running.socket.queue.empty():
        put(running.socket, PacketBatch([filling]))
        n_filling += 1
        await asyncio.sleep(0)
        assert n_filling < 100
    put(running.socket, PacketBatch([b"4last"]))
    running.client._response.connection.transport.resume_reading()  # type: ignore[union-attr]
    read = await running.read(n_filling + 1)
    assert [len(text) for text in read] == [1_000_000] * n_filling + [4]


async def test_a_client_that_polls_finds_everything_in_its_queue(running: Running) -> None:
    await running.until_waiting()
    running.socket.upgraded = False
    assert put(running.socket, PacketBatch([b"4one"])) is False
    assert running.socket.queue.qsize() == 1


# ---- raw streams ----


class Client(StreamSubscriber):
    """Takes at once what it can; `sent` is what it was sent either way, in order."""

    def __init__(self) -> None:
        super().__init__(VIEWER, "test", Batch.frame)
        self.sent: list[bytes] = []
        self.has_room = True
        self.n_at_once = 0

    def tell_resync(self, cursor: Cursor) -> None:
        self.push(b"resync")

    def write_now(self, chunk: bytes) -> bool:
        if self.has_room:
            self.sent.append(chunk)
            self.n_at_once += 1
        return self.has_room

    async def send(self, chunk: bytes) -> None:
        await asyncio.sleep(0)
        self.sent.append(chunk)


@pytest.mark.parametrize("seed", range(5))
async def test_a_stream_is_in_order_whichever_way_it_went(seed: int) -> None:
    chance, client = Random(seed), Client()
    draining = asyncio.create_task(client.drain(client.send, 60, b"idle"))
    for number in range(N_STEPS):
        client.has_room = chance.random() < 0.7
        client.push(b"%d" % number)
        for _ in range(chance.choice((0, 0, 1, 2, 3, 10))):
            await asyncio.sleep(0)
    client.close("over")
    await asyncio.wait_for(draining, 5)
    assert client.sent == [b"%d" % number for number in range(N_STEPS)]
    assert 0 < client.n_at_once < N_STEPS


async def test_before_and_after_its_writer_runs_a_stream_is_queued() -> None:
    client = Client()
    client.push(b"early")
    assert client.sent == []
    client.close("over")
    await client.drain(client.send, 60, b"idle")
    client.push(b"late")
    assert client.sent == [b"early"]
