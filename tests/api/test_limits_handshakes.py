"""Whoever opens a connection and does not go on is ended soon: a flood of such leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import socketio
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError, web

from goip.api.appkeys import SOCKETIO
from tests.api.connections import ENGINE_WEBSOCKET, POLLING, WITHIN, Live, serving, until

pytestmark = pytest.mark.timeout(60)
FLOOD = 300
SOON = 0.5


@pytest.fixture
async def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Live]:
    """A server that waits for nobody long, and has no other limits."""
    for name in (
        "nonsense.CONNECT_WITHIN_SECONDS",
        "packets.UPGRADE_WITHIN_SECONDS",
        "socketio._AUTHENTICATE_WITHIN_SECONDS",
        "websocket.AUTHENTICATE_WITHIN_SECONDS",
    ):
        monkeypatch.setattr(f"goip.realtime.{name}", SOON)
    async with serving(tmp_path, connections_per_address=0, connection_rate=0) as live:
        yield live


@pytest.fixture
async def good(live: Live) -> socketio.AsyncClient:
    """A client that has logged in, and hears what happens in the dashboard."""
    client = socketio.AsyncClient(reconnection=False)
    client.heard = []  # type: ignore[attr-defined]
    client.on("device-heartbeat", lambda data: client.heard.append(data["deviceId"]))  # type: ignore[attr-defined]
    auth = {"token": (await live.headers())["Authorization"].removeprefix("Bearer ")}
    await client.connect(str(live.client.make_url("/")), auth=auth, transports=["websocket"])
    live.stack.push_async_callback(client.disconnect)
    assert (await client.call("join-dashboard", timeout=WITHIN))["ok"] is True
    return client


async def must_work(live: Live, good: Any) -> None:
    """A device beats, and the good client hears of it."""
    device_id = f"box-{len(good.heard)}"
    body, key = {"deviceId": device_id}, {"Authorization": "Bearer enrol-me-please"}
    async with live.client.post("/api/device/heartbeat", json=body, headers=key) as answer:
        assert answer.status == 200
    await until(lambda: device_id in good.heard)


async def end_of(socket: ClientWebSocketResponse) -> int | None:
    """Read to the end; the code that the server closed it with."""
    async with asyncio.timeout(WITHIN):
        while (await socket.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING):
            pass
    return socket.close_code


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What is a cycle stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("path", [ENGINE_WEBSOCKET, "/api/ws"])
async def test_a_websocket_that_breaks_leaves_nothing_to_the_collector(live: Live, path: str) -> None:
    sockets = [await live.websocket(path) for _ in range(3)]
    assert n_websockets() == 3
    for socket in sockets:
        assert socket._conn is not None
        assert socket._conn.transport is not None
        socket._conn.transport.abort()
    await until(lambda: n_websockets() == live.n_sessions == live.n_places == 0)


def n_websockets() -> int:
    """How many a server in this process has, or has forgotten and not let go."""
    return sum(isinstance(one, web.WebSocketResponse) for one in gc.get_objects())


async def test_a_websocket_session_that_never_connects_is_ended(live: Live) -> None:
    socket = await live.websocket(ENGINE_WEBSOCKET)
    assert live.n_sessions == live.n_places == 1
    await end_of(socket)
    await until(lambda: live.n_sessions == live.n_places == 0)


async def test_a_polling_session_that_never_connects_is_ended_and_its_poll_answered(live: Live) -> None:
    url = await live.session()
    async with asyncio.timeout(WITHIN), live.client.get(url) as poll:
        assert (poll.status, await poll.text()) == (200, "1")  # engine.io's farewell
    assert live.n_sessions == live.n_places == 0
    assert (await live.client.get(url)).status == 400


async def test_a_session_whose_connect_was_refused_does_not_stay(live: Live) -> None:
    socket = await live.websocket(ENGINE_WEBSOCKET)
    await socket.send_str('40{"token":"nonsense"}')
    await end_of(socket)
    await until(lambda: live.n_sessions == live.n_places == 0)
    assert not live.app[SOCKETIO].server.manager.rooms


async def test_a_session_that_asks_for_a_namespace_that_is_not_there_does_not_stay(live: Live) -> None:
    socket = await live.websocket(ENGINE_WEBSOCKET)
    await socket.send_str("40/other,")
    await end_of(socket)
    await until(lambda: live.n_sessions == 0)


async def test_a_client_that_leaves_socket_io_and_keeps_the_connection_is_ended(live: Live) -> None:
    token = (await live.headers())["Authorization"].removeprefix("Bearer ")
    socket = await live.websocket(ENGINE_WEBSOCKET)
    await socket.send_str("40" + json.dumps({"token": token}))
    await until(lambda: live.n_subscribers == 1)
    await socket.send_str("41")
    await end_of(socket)
    await until(lambda: live.n_sessions == live.n_places == live.n_subscribers == 0)


async def test_a_client_that_says_goodbye_gets_its_waiting_poll_back(live: Live) -> None:
    url = await live.session()
    polling = asyncio.create_task(live.client.get(url))
    assert (await live.client.post(url, data="40")).status == 200
    await (await polling).read()
    polling = asyncio.create_task(live.client.get(url))
    await asyncio.sleep(0)
    assert (await live.client.post(url, data="1")).status in (200, 400)
    async with asyncio.timeout(WITHIN):
        assert (await polling).status in (200, 400)
    await until(lambda: live.n_sessions == live.n_places == live.n_subscribers == 0)


async def test_a_flood_of_handshakes_leaves_nothing_and_a_good_client_works_on(
    live: Live, good: socketio.AsyncClient
) -> None:
    async def open_one(n: int) -> None:
        kind = n % 4
        if kind == 0:
            await live.session()
        elif kind == 1:
            await live.websocket(ENGINE_WEBSOCKET)
        elif kind == 2:
            socket = await live.websocket(ENGINE_WEBSOCKET)
            await socket.send_str("40")  # in, and then never says who it is
        else:
            await live.websocket("/api/ws")

    for first in range(0, FLOOD, 50):
        await asyncio.gather(*(open_one(n) for n in range(first, first + 50)))
        await must_work(live, good)
    await until(lambda: live.n_sessions == live.n_places == live.n_subscribers == 1)
    server = live.app[SOCKETIO].server
    assert len(server.environ) == len(server.places) == len(live.app[SOCKETIO].clients) == 1
    assert len(server.manager.rooms["/"][None]) == 1
    await must_work(live, good)


async def test_a_session_is_upgraded_by_one_websocket_and_not_by_a_crowd(live: Live) -> None:
    url = (await live.session()).replace("transport=polling", "transport=websocket")
    first = await live.websocket(url)
    with pytest.raises(WSServerHandshakeError) as refusal:
        await live.websocket(url)
    assert refusal.value.status == 400
    await end_of(first)  # it never sent its probe


async def test_polling_goes_on_when_the_upgrade_does_not(live: Live) -> None:
    token = (await live.headers())["Authorization"].removeprefix("Bearer ")
    url = await live.session()
    assert (await live.client.post(url, data="40" + json.dumps({"token": token}))).status == 200
    await (await live.client.get(url)).read()
    probe = await live.websocket(url.replace("transport=polling", "transport=websocket"))
    await end_of(probe)
    assert (await live.client.post(url, data='421["join-dashboard"]')).status == 200
    told = ""
    async with asyncio.timeout(WITHIN):
        while '"ok":true' not in told:
            told += await (await live.client.get(url)).text()


async def test_a_session_is_polled_by_one_request_and_not_by_a_crowd(live: Live) -> None:
    url = await live.session()
    first = asyncio.create_task(live.client.get(url))
    engine = live.app[SOCKETIO].server.eio
    await until(lambda: bool(engine._polled))
    async with live.client.get(url) as second:
        assert (second.status, (await second.json())["code"]) == (409, "conflict")
    async with asyncio.timeout(WITHIN):
        assert (await first).status == 200
    assert live.n_sessions == 0
    assert not engine._polled


async def test_a_message_that_comes_after_the_end_of_its_session_starts_nothing(live: Live) -> None:
    """CONNECT and goodbye in one payload: the library handles the first in a task, after the second."""
    url = await live.session()
    assert (await live.client.post(url, data="40\x1e1")).status in (200, 400)
    await until(lambda: live.n_sessions == 0)
    await asyncio.sleep(0)
    server = live.app[SOCKETIO].server
    assert live.n_places == live.n_subscribers == 0
    assert not server.manager.rooms
    assert (await live.client.get(POLLING)).status == 200
