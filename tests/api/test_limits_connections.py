"""How many live connections an address, and a user, may hold: on every transport, refused before it opens."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import socketio
from socketio.exceptions import ConnectionError as NotConnected

from goip.api.appkeys import DOORS
from tests.api.connections import OPENERS, POLLING, WITHIN, Live, Open, Refused, open_raw, serving, until

pytestmark = pytest.mark.timeout(60)
MOST = 3
OPEN = pytest.mark.parametrize("open_one", OPENERS.values(), ids=OPENERS)


@pytest.fixture
async def few_an_address(tmp_path: Path) -> AsyncIterator[Live]:
    proxies = ("127.0.0.0/8",)
    async with serving(
        tmp_path, connections_per_address=MOST, connections_per_user=0, trusted_proxies=proxies
    ) as live:
        yield live


@pytest.fixture
async def few_a_user(tmp_path: Path) -> AsyncIterator[Live]:
    async with serving(tmp_path, connections_per_address=0, connections_per_user=MOST) as live:
        yield live


@OPEN
async def test_an_address_that_holds_too_many_is_refused_until_it_closes_one(
    open_one: Open, few_an_address: Live
) -> None:
    live, headers = few_an_address, await few_an_address.headers()
    closes = [await open_one(live, headers) for _ in range(MOST)]
    assert live.n_places == MOST
    with pytest.raises(Refused) as refusal:
        await open_one(live, headers)
    assert refusal.value.status == 429
    assert refusal.value.headers["Retry-After"] == "10"
    if refusal.value.body is not None:
        told = refusal.value.body
        assert (told["success"], told["code"]) == (False, "too_many_connections")
        assert told["requestId"]
    await closes[0]()
    await until(lambda: live.n_places == MOST - 1)
    await open_one(live, headers)
    for close in closes[1:]:
        await close()
    await until(lambda: live.n_places == 1)


async def test_a_refused_websocket_is_told_why_in_the_one_error_body(few_an_address: Live) -> None:
    live = few_an_address
    for _ in range(MOST):
        await open_raw(live, {})
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    for path in (
        "/api/ws",
        "/socket.io/?EIO=4&transport=websocket",
        "/api/socket/io?EIO=4&transport=websocket",
    ):
        answer = await live.get(path, upgrade)
        assert (answer.status, (await answer.json())["code"]) == (429, "too_many_connections")
    assert live.n_sessions == 0


async def test_all_transports_share_the_limit_and_plain_requests_do_not_count(few_an_address: Live) -> None:
    live, headers = few_an_address, await few_an_address.headers()
    for open_one in itertools.islice(OPENERS.values(), MOST):
        await open_one(live, headers)
    for open_one in OPENERS.values():
        with pytest.raises(Refused):
            await open_one(live, headers)
    for path in ("/api/state", "/api/devices", "/api/events?rooms=dashboard", "/api/health"):
        assert (await live.get(path, headers)).status == 200


async def test_callers_behind_a_trusted_proxy_are_counted_apart(few_an_address: Live) -> None:
    live = few_an_address
    for address in ("192.0.2.1", "192.0.2.2"):
        for _ in range(MOST):
            await open_raw(live, {"X-Forwarded-For": f"203.0.113.9, {address}"})
        with pytest.raises(Refused):
            await open_raw(live, {"X-Forwarded-For": address})
    assert live.app[DOORS].homes == {"192.0.2.1": MOST, "192.0.2.2": MOST}


async def test_a_header_that_anybody_can_send_makes_nobody_another_address(tmp_path: Path) -> None:
    async with serving(tmp_path, connections_per_address=1) as live:
        await open_raw(live, {"X-Forwarded-For": "192.0.2.1"})
        with pytest.raises(Refused):
            await open_raw(live, {"X-Forwarded-For": "192.0.2.2"})


@pytest.mark.parametrize("name", [name for name in OPENERS if not name.startswith("engine.io")])
async def test_a_user_who_holds_too_many_is_refused(name: str, few_a_user: Live) -> None:
    live, headers, open_one = few_a_user, await few_a_user.headers(), OPENERS[name]
    closes = [await open_one(live, headers) for _ in range(MOST)]
    with pytest.raises(Refused) as refusal:
        await open_one(live, headers)
    assert refusal.value.status == 429
    assert live.n_places == MOST
    await closes[0]()
    await until(lambda: live.n_places == MOST - 1)
    await open_one(live, headers)


async def test_a_raw_websocket_that_logs_in_once_too_often_is_told_and_closed(few_a_user: Live) -> None:
    live, headers = few_a_user, await few_a_user.headers()
    for _ in range(MOST):
        await open_raw(live, headers)
    socket = await live.websocket("/api/ws")
    token = headers["Authorization"].removeprefix("Bearer ")
    await socket.send_json({"type": "auth", "token": token})
    told = await socket.receive_json(timeout=WITHIN)
    assert (told["type"], told["code"]) == ("error", "too_many_connections")
    await socket.receive(timeout=WITHIN)
    assert socket.close_code == 4429
    await until(lambda: live.n_places == MOST)


async def test_logging_in_again_on_the_same_websocket_is_one_connection(few_a_user: Live) -> None:
    live, headers = few_a_user, await few_a_user.headers()
    token = headers["Authorization"].removeprefix("Bearer ")
    socket = await live.websocket("/api/ws")
    for _ in range(MOST + 2):
        await socket.send_json({"type": "auth", "token": token})
        assert (await socket.receive_json(timeout=WITHIN))["type"] == "authenticated"
    assert live.app[DOORS].owners.total() == 1


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_socket_io_refuses_one_too_many_of_a_user_with_a_code(transport: str, few_a_user: Live) -> None:
    live, headers = few_a_user, await few_a_user.headers()
    for _ in range(MOST):
        await open_raw(live, headers)
    client = socketio.AsyncClient(reconnection=False)
    told: list[Any] = []
    client.on("connect_error", told.append)
    auth = {"token": headers["Authorization"].removeprefix("Bearer ")}
    with pytest.raises(NotConnected):
        await client.connect(str(live.client.make_url("/")), auth=auth, transports=[transport])
    assert told[0]["data"]["code"] == "too_many_connections"
    await client.shutdown()
    await until(lambda: live.n_places == MOST and live.n_sessions == 0)
    assert live.n_subscribers == MOST


async def test_socket_io_counts_a_user_as_long_as_the_connection_lasts(few_a_user: Live) -> None:
    live, headers = few_a_user, await few_a_user.headers()
    auth = {"token": headers["Authorization"].removeprefix("Bearer ")}
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(str(live.client.make_url("/")), auth=auth)
    assert live.app[DOORS].owners.total() == live.app[DOORS].homes.total() == 1
    await client.disconnect()
    await until(lambda: not live.app[DOORS].owners and not live.app[DOORS].homes)


async def test_a_device_that_holds_too_many_learns_it_from_the_ack(few_a_user: Live) -> None:
    live = few_a_user
    proof = {"deviceId": "box-1", "key": "enrol-me-please"}
    acks = []
    for _ in range(MOST + 1):
        client = socketio.AsyncClient(reconnection=False)
        await client.connect(str(live.client.make_url("/")), transports=["websocket"])
        live.stack.push_async_callback(client.disconnect)
        acks.append(await client.call("device:authenticate", proof, timeout=WITHIN))
    assert [ack["ok"] for ack in acks] == [True] * MOST + [False]
    assert acks[-1]["code"] == "too_many_connections"
    assert live.app[DOORS].owners == {"device box-1": MOST}


async def test_an_address_that_opens_too_fast_is_slowed_down_on_every_transport(tmp_path: Path) -> None:
    async with serving(tmp_path, connection_rate=1) as live:
        headers = await live.headers()
        statuses = [(await live.get(POLLING)).status for _ in range(6)]
        assert statuses == [200] * 5 + [429]  # a burst of five seconds' worth
        for name, open_one in OPENERS.items():
            if name == "long polling":
                await open_one(live, headers)  # asks again and again by its nature
                continue
            with pytest.raises(Refused) as refusal:
                await open_one(live, headers)
            assert (refusal.value.status, refusal.value.headers["Retry-After"]) == (429, "1")


async def test_following_a_job_counts_as_long_as_it_is_followed(few_a_user: Live) -> None:
    live, headers = few_a_user, await few_a_user.headers()
    started = await live.client.post("/api/test/job", json={"seconds": 60, "total": 1}, headers=headers)
    path = f"/api/import/progress/{(await started.json())['sessionId']}"
    streams = [await live.get(path, {**headers, "Accept": "text/event-stream"}) for _ in range(MOST + 1)]
    assert [stream.status for stream in streams] == [200] * MOST + [429]
    assert (await live.get(f"{path}?wait=25&after=999999", headers)).status == 429
    assert (await live.get(path, headers)).status == 200  # answered at once: nothing to count
    for stream in streams:
        stream.close()
    await until(lambda: live.n_places == 0)


async def test_a_request_that_opens_no_session_leaves_no_place_taken(few_an_address: Live) -> None:
    live = few_an_address
    for path in (
        "EIO=3&transport=polling",
        "EIO=4&transport=pigeon",
        "EIO=4&transport=websocket",
        "sid=&EIO=3",
    ):
        assert (await live.get(f"/socket.io/?{path}")).status == 400
    assert (await live.client.post(POLLING, data=b"40")).status == 400
    assert (await live.get(f"{POLLING}&sid=&sid=unknown")).status == 400
    assert live.n_places == live.n_sessions == 0


async def test_a_crowd_that_comes_and_goes_at_once_leaves_nothing_counted(tmp_path: Path) -> None:
    async with serving(tmp_path, connections_per_address=20, connection_rate=0) as live:
        headers = await live.headers()

        async def come_and_go(open_one: Open) -> bool:
            try:
                close = await open_one(live, headers)
            except Refused:
                return False
            await close()
            return True

        openers = [open_one for name, open_one in OPENERS.items() if name != "long polling"] * 15
        outcomes = await asyncio.gather(*map(come_and_go, openers))
        assert True in outcomes
        await until(lambda: live.n_places == live.n_subscribers == live.n_sessions == 0)
        assert not live.app[DOORS].owners
        assert json.loads(await (await live.get("/api/health")).text())["checks"]["subscribers"] == 0
