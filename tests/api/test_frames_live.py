"""The wire log live: told to who looks, on every transport, and to nobody else."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import socketio

from goip.api.appkeys import HUB
from tests.api.conftest import Client, log_in_as_program, refused
from tests.api.test_frames import SMS, enrol, of_device, someone
from tests.api.test_streams import next_block
from tests.contract.shapes import WIRE_FRAME


async def test_a_question_with_wait_is_answered_when_there_is_a_newer_frame(client: Client) -> None:
    key = await enrol(client)
    admin = await log_in_as_program(client)
    newest = (await of_device(client, admin))[0]["id"]
    question = asyncio.create_task(of_device(client, admin, after=newest, wait=30))
    hub: Any = client.server.app[HUB]  # type: ignore[attr-defined]
    async with asyncio.timeout(10):
        while not hub.members("device-gw-1"):
            await asyncio.sleep(0.005)
        await client.post("/api/sms/receive", json=SMS, headers=key)
        frames = await question
    assert {frame["direction"] for frame in frames} <= {"in", "out"}
    assert frames
    assert all(int(frame["id"]) > int(newest) for frame in frames)
    assert hub.members("device-gw-1") == []
    last = (await of_device(client, admin))[0]["id"]
    assert await of_device(client, admin, after=last, wait=0.01) == []


@pytest.mark.parametrize(
    "join",
    [
        ("subscribe", {"room": "device-gw-1"}),
        ("join-device-room", {"deviceId": "gw-1", "log": True, "frames": True}),
    ],
)
async def test_a_frame_is_told_live_to_who_looks_on_the_sockets(
    join: tuple[str, Any], client: Client
) -> None:
    key = await enrol(client)
    admin = await log_in_as_program(client)
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    live = socketio.AsyncClient(reconnection=False)
    live.on("network:log", told.put_nowait)
    token = admin["Authorization"].removeprefix("Bearer ")
    await live.connect(str(client.make_url("/")), auth={"token": token}, transports=["websocket"])
    async with asyncio.timeout(10), client.ws_connect("/api/ws", headers=admin) as raw:
        await live.call(*join)
        await raw.send_json({"type": "join", "room": "device-gw-1", "log": True})
        await client.post("/api/sms/receive", json=SMS, headers=key)
        first, second = await told.get(), await told.get()
        heard = []
        while len(heard) < 2:
            message = await raw.receive_json()
            heard += [message] if message.get("type") == "network:log" else []
    await live.disconnect()
    assert (first["direction"], second["direction"]) == ("in", "out")
    assert all(set(frame) == WIRE_FRAME for frame in (first, second))
    assert [{**frame, "type": "network:log"} for frame in (first, second)] == heard


async def test_who_only_joins_the_devices_room_or_looks_no_more_is_told_nothing(client: Client) -> None:
    key = await enrol(client)
    admin = await log_in_as_program(client)
    async with asyncio.timeout(10), client.ws_connect("/api/ws", headers=admin) as raw:
        await raw.send_json({"type": "join", "room": "device-gw-1", "log": True})
        await raw.send_json({"type": "leave", "room": "device-gw-1"})
        await raw.send_json({"type": "join", "room": "device-gw-1"})
        told = [await raw.receive_json() for _ in range(5)]
        await client.post("/api/sms/receive", json=SMS, headers=key)
        while told[-1].get("type") != "pong":
            await raw.send_json({"type": "ping"})
            told.append(await raw.receive_json())
    assert "network:log" not in {message.get("type") for message in told}


async def test_a_frame_is_told_live_by_server_sent_events_which_go_on_where_they_were(client: Client) -> None:
    key = await enrol(client)
    headers = {**await log_in_as_program(client), "Accept": "text/event-stream"}
    url = "/api/devices/gw-1/frames"
    async with asyncio.timeout(10), client.get(url, headers=headers) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert "retry" in await next_block(response)
        await client.post("/api/sms/receive", json=SMS, headers=key)
        heard = [await next_block(response), await next_block(response)]
    frames = [json.loads(block["data"]) for block in heard]
    assert [(block["event"], block["id"]) for block in heard] == [
        ("network:log", frame["id"]) for frame in frames
    ]
    assert [frame["direction"] for frame in frames] == ["in", "out"]
    async with (
        asyncio.timeout(10),
        client.get(url, headers={**headers, "Last-Event-ID": heard[0]["id"]}) as again,
    ):
        assert "retry" in await next_block(again)
        assert await next_block(again) == heard[1]
    viewer = await someone(client, await log_in_as_program(client), "viewer")
    await refused(await client.get(url, headers={**headers, **viewer}), 403, "forbidden")
