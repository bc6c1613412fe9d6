"""A whole server with settings of the test's own, and one way to open a connection of each kind."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, ClientWebSocketResponse, TCPConnector, WSServerHandshakeError, web
from aiohttp.test_utils import TestClient, TestServer

from goip.api.appkeys import DOORS, HUB, SOCKETIO
from goip.app import build_app
from goip.config import Config
from tests.api.conftest import PASSWORD, log_in_as_program

WITHIN = 10.0
POLLING = "/socket.io/?EIO=4&transport=polling"
ENGINE_WEBSOCKET = "/socket.io/?EIO=4&transport=websocket"


class Live:
    """The server and a client of it; what is opened ends with the test."""

    def __init__(self, app: web.Application, client: TestClient[Any, Any]) -> None:
        self.app = app
        self.client = client
        self.stack = contextlib.AsyncExitStack()

    @property
    def n_places(self) -> int:
        """How many connections are counted, over all addresses."""
        return self.app[DOORS].homes.total()

    @property
    def n_sessions(self) -> int:
        """How many sessions engine.io keeps."""
        return len(self.app[SOCKETIO].server.eio.sockets)

    @property
    def n_subscribers(self) -> int:
        return len(list(self.app[HUB].subscribers))

    async def headers(self) -> dict[str, str]:
        """What proves the admin."""
        return await log_in_as_program(self.client)

    async def get(
        self, path: str, headers: Mapping[str, str] | None = None, **options: Any
    ) -> ClientResponse:
        """The answer, with its body still to be read; closed after the test at the latest."""
        answer = await self.client.get(path, headers=headers, **options)
        self.stack.callback(answer.close)
        return answer

    async def websocket(
        self, path: str, headers: Mapping[str, str] | None = None, **options: Any
    ) -> ClientWebSocketResponse:
        """An open WebSocket. Raises WSServerHandshakeError."""
        return await self.stack.enter_async_context(self.client.ws_connect(path, headers=headers, **options))

    async def session(self) -> str:
        """The URL of a new engine.io session that polls."""
        opened = (await (await self.client.get(POLLING)).text()).split("\x1e")[
            0
        ]  # on a slow day, more comes along
        return f"{POLLING}&sid={json.loads(opened[1:])['sid']}"


@contextlib.asynccontextmanager
async def serving(folder: Path, **settings: Any) -> AsyncIterator[Live]:
    """A running server with these settings."""
    config = Config(
        database_url=f"sqlite:///{folder / 'goip.db'}",
        admin_password=PASSWORD,
        enrollment_key="enrol-me-please",
        **settings,
    )
    app = build_app(config)
    server = TestServer(app, handler_cancellation=True)
    async with TestClient(server, connector=TCPConnector(limit=0)) as client:
        live = Live(app, client)
        async with live.stack:
            yield live


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that the server does by itself."""
    async with asyncio.timeout(WITHIN):
        while not is_so():
            await asyncio.sleep(0.01)


# ---- one way each to open a connection; returns how to close it, or raises Refused ----

Close = Callable[[], Awaitable[None]]
Open = Callable[[Live, Mapping[str, str]], Awaitable[Close]]


class Refused(Exception):
    """The server said no, with this status."""

    def __init__(self, status: int, headers: Mapping[str, str], body: Any) -> None:
        super().__init__(status, body)
        self.status, self.headers, self.body = status, headers, body


async def _must_be_open(answer: ClientResponse) -> None:
    if answer.status != 200:
        raise Refused(answer.status, answer.headers, json.loads(await answer.text()))


async def _open_socket(live: Live, path: str, headers: Mapping[str, str]) -> ClientWebSocketResponse:
    try:
        return await live.websocket(path, headers)
    except WSServerHandshakeError as error:
        raise Refused(error.status, error.headers or {}, None) from None


async def open_raw(live: Live, headers: Mapping[str, str]) -> Close:
    socket = await _open_socket(live, "/api/ws", headers)

    async def close() -> None:
        await socket.close()

    return close


async def open_engine_websocket(live: Live, headers: Mapping[str, str]) -> Close:
    socket = await _open_socket(live, ENGINE_WEBSOCKET, headers)
    assert (await socket.receive_str()).startswith("0")

    async def close() -> None:
        await socket.close()

    return close


async def open_engine_polling(live: Live, headers: Mapping[str, str]) -> Close:
    answer = await live.get(POLLING, headers)
    await _must_be_open(answer)
    url = f"{POLLING}&sid={json.loads((await answer.text())[1:])['sid']}"

    async def close() -> None:
        async with live.client.post(url, data=b"1", headers=headers) as closed:
            assert closed.status in (200, 400)  # it is gone while this is being answered

    return close


async def open_sse(live: Live, headers: Mapping[str, str]) -> Close:
    answer = await live.get("/api/events", {**headers, "Accept": "text/event-stream"})
    await _must_be_open(answer)

    async def close() -> None:
        answer.close()

    return close


async def open_long_poll(live: Live, headers: Mapping[str, str]) -> Close:
    state = json.loads(await (await live.get("/api/state", headers)).text())
    n_waiting = live.n_places
    url = f"/api/events?rooms=dashboard&after={state['cursor']}&wait=25"
    asking = asyncio.create_task(live.client.get(url, headers=headers))

    async def close() -> None:
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking

    await until(lambda: live.n_places > n_waiting or asking.done())
    if asking.done():
        await _must_be_open(asking.result())
    live.stack.push_async_callback(close)
    return close


OPENERS: dict[str, Open] = {
    "raw websocket": open_raw,
    "engine.io by websocket": open_engine_websocket,
    "engine.io by polling": open_engine_polling,
    "server-sent events": open_sse,
    "long polling": open_long_poll,
}
