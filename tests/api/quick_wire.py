"""A server with the short way in, and connections on which bytes are sent as a test wants them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from goip.api.appkeys import STORE
from goip.api.floods import turn_away
from goip.api.gateway import quick_heartbeats
from goip.api.quick import Answer as Answering
from goip.api.quick import Begin, QuickRunner
from goip.app import build_app
from goip.config import Config
from goip.store.store import Store

ENROLMENT_KEY = "enrol-me-please"
PATH = "/api/device/heartbeat"
WITHIN = 10.0


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


class Wire:
    """One connection, on which bytes are sent as a test wants them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, *pieces: bytes) -> None:
        self.writer.write(b"".join(pieces))

    async def answer(self) -> Answer:
        """The next answer. Raises IncompleteReadError where the server hung up."""
        async with asyncio.timeout(WITHIN):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            pairs = (line.split(": ", 1) for line in head[1:] if line)
            headers = {name.lower(): value for name, value in pairs}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(
            int(head[0].split()[1]), headers, json.loads(body) if body[:1] in (b"{", b"[") else body
        )

    async def is_closed(self) -> bool:
        """Wait until the server hangs up; False when it says something instead."""
        async with asyncio.timeout(WITHIN):
            return await self.reader.read(1) == b""

    async def ask(self, *pieces: bytes) -> Answer:
        self.send(*pieces)
        return await self.answer()


class Served:
    """A running server, and how many requests went the short way."""

    def __init__(self, app: web.Application) -> None:
        self.app = app
        self.n_quick = 0
        self.port = 0
        self.key = ""

    @property
    def store(self) -> Store:
        return self.app[STORE]

    def begin(self) -> Begin:
        begin = quick_heartbeats(self.app)

        def counted(*arguments: Any) -> Answering | None:
            answering = begin(*arguments)
            self.n_quick += answering is not None
            return answering

        return counted

    @asynccontextmanager
    async def wire(self) -> AsyncIterator[Wire]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Wire(reader, writer)
        finally:
            writer.close()


@asynccontextmanager
async def serving(
    database_url: str, keepalive_timeout: float = 75.0, **settings: Any
) -> AsyncIterator[Served]:
    settings = {"device_rate": 0, "address_rate": 0, **settings}
    config = Config(
        database_url=database_url, admin_password="a good password", enrollment_key=ENROLMENT_KEY, **settings
    )
    served = Served(build_app(config))
    runner = QuickRunner(
        served.app,
        served.begin(),
        turn_away(served.app),
        access_log=None,
        keepalive_timeout=keepalive_timeout,
        shutdown_timeout=5.0,
    )
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.port = runner.addresses[0][1]
    try:
        async with served.wire() as wire:
            served.key = (await wire.ask(request(key=ENROLMENT_KEY))).body["deviceKey"]
        assert served.n_quick == 0
        yield served
    finally:
        await runner.cleanup()


def request(
    body: object = None,
    *,
    key: str = "",
    path: str = PATH,
    version: str = "1.1",
    content_type: str = "application/json",
    more: str = "",
    **fields: Any,
) -> bytes:
    """A heartbeat of `box-1`, or whatever body is given."""
    told = json.dumps({"deviceId": "box-1", **fields}) if body is None else body
    data = told if isinstance(told, bytes) else str(told).encode()
    return (
        f"POST {path} HTTP/{version}\r\nHost: goip\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(data)}\r\n{more}\r\n"
    ).encode() + data


class SlowDisk:
    """Commits that wait until they are let go."""

    def __init__(self, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_reached = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self._commit: Callable[[Any], Awaitable[None]] = served.store.database.commit
        monkeypatch.setattr(served.store.database, "commit", self._wait_and_commit)

    async def _wait_and_commit(self, rows: Any) -> None:
        self.is_reached.set()
        await self.may_go_on.wait()
        await self._commit(rows)
