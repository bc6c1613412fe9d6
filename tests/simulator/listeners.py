"""Small servers that write down what emulated boxes send, and answer as they are told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from aiohttp import web
from aiohttp.test_utils import TestServer

from goip.simulator.boxes import BoxOptions, BoxTally, Message, Outcome, emulate

KEY = "enrol"
_HEAD = re.compile(r"([A-Za-z_]+):(-?\d+);")


def acknowledge(text: str) -> str | None:
    """What a server that has everything on disk says."""
    found = _HEAD.match(text)
    if found is None:
        return None
    verb, number = found.groups()
    return f"reg:{number};status:200;" if verb == "req" else f"{verb} {number} OK\n"


@dataclass
class UdpListener(asyncio.DatagramProtocol):
    """Remembers every datagram with its sender's port."""

    answer: Callable[[str], str | None] = acknowledge
    heard: list[tuple[int, str]] = field(default_factory=list)
    port: int = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        text = data.decode()
        self.heard.append((addr[1], text))
        answer = self.answer(text)
        if answer is not None:
            self.transport.sendto(answer.encode(), addr)

    def say(self, text: str) -> None:
        """To whoever was heard last."""
        self.transport.sendto(text.encode(), ("127.0.0.1", self.heard[-1][0]))

    def texts(self, start: str) -> list[str]:
        return [text for _, text in self.heard if text.startswith(start)]


@asynccontextmanager
async def listening(answer: Callable[[str], str | None] = acknowledge) -> AsyncIterator[UdpListener]:
    loop = asyncio.get_running_loop()
    transport, listener = await loop.create_datagram_endpoint(
        lambda: UdpListener(answer), local_addr=("127.0.0.1", 0)
    )
    try:
        yield listener
    finally:
        transport.close()


@dataclass
class HttpListener:
    """Remembers every request; fails those that `status_of` says so."""

    url: str = ""
    heard: list[tuple[str, web.BaseRequest, bytes]] = field(default_factory=list)
    status_of: Callable[[str, bytes], int] = lambda _path, _body: 200
    answer: str = "OK"

    async def take(self, request: web.BaseRequest) -> web.Response:
        body = await request.read() or request.query_string.encode()
        self.heard.append((request.path, request, body))
        return web.Response(status=self.status_of(request.path, body), text=self.answer)

    def bodies(self, marker: str) -> list[bytes]:
        """Those whose path or body has this in it; of a GET, the query is its body."""
        return [body for path, _, body in self.heard if marker in path or marker.encode() in body]


@asynccontextmanager
async def taking(answer: str = "OK") -> AsyncIterator[HttpListener]:
    listener = HttpListener(answer=answer)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", listener.take)
    async with TestServer(app) as server:
        listener.url = str(server.make_url("/")).rstrip("/")
        yield listener


class Running:
    """A fleet on its way; `outcomes` has what became of each message."""

    def __init__(self, options: BoxOptions) -> None:
        self.outcomes: list[tuple[Message, Outcome]] = []
        self.texts_out: list[tuple[str, str, str]] = []
        self.tally = BoxTally(0, 0)
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(
            emulate(
                options,
                on_progress=self._see,
                on_outcome=lambda message, outcome: self.outcomes.append((message, outcome)),
                on_text_out=lambda *sent: self.texts_out.append(sent),
                stop=self._stop,
            )
        )

    def _see(self, tally: BoxTally) -> None:
        self.tally = tally

    async def until(self, is_so: Callable[[], object]) -> None:
        """Wait until it is so; fails when the fleet ends before, or after a while."""
        async with asyncio.timeout(20):
            while not is_so():
                if self._task.done():
                    self._task.result()
                    raise AssertionError("the fleet ended before it was so")
                await asyncio.sleep(0.01)

    async def end(self) -> BoxTally:
        self._stop.set()
        return await self._task


def options(url: str = "http://127.0.0.1:9", **changes: Any) -> BoxOptions:
    """A small fleet in a hurry, without messages unless they are asked for."""
    base: dict[str, Any] = {
        "make": "dbl",
        "lines": 1,
        "interval_seconds": 0.05,
        "sms_per_minute": 0.0,
        "pace": 100.0,
        "seed": 5,
        "grace_seconds": 5.0,
    }
    return BoxOptions(url, KEY, **base | changes)
