"""The wire log of devices that come over Socket.IO: what they say and are answered, and nothing of their keys."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import socketio

from goip.wirelog.masking import MASK
from tests.api.conftest import Client, log_in_as_program
from tests.api.test_frames import ENROLMENT_KEY, Headers, enrol, of_device, of_strangers, replayed
from tests.contract.shapes import WIRE_FRAME
from tests.wirelog.fixtures import understood_again


@asynccontextmanager
async def connected(client: Client, headers: Headers | None = None) -> AsyncIterator[socketio.AsyncClient]:
    """A stock client: of the user whose headers these are, else of somebody who has yet to say who it is."""
    live = socketio.AsyncClient(reconnection=False)
    auth = {"token": headers["Authorization"].removeprefix("Bearer ")} if headers else None
    await live.connect(str(client.make_url("/")), auth=auth, transports=["websocket"])
    try:
        yield live
    finally:
        await live.disconnect()


async def authenticate(live: socketio.AsyncClient, key: str, device_id: str = "gw-1") -> dict[str, Any]:
    proof = {"deviceId": device_id, "key": key, "platform": "android"}
    ack: dict[str, Any] = await live.call("device:authenticate", proof)
    return ack


async def test_a_device_that_proves_itself_is_kept_without_its_keys(client: Client) -> None:
    async with connected(client) as live:
        assert (await authenticate(live, ENROLMENT_KEY))["ok"] is True
    admin = await log_in_as_program(client)
    ack, registered, said = await of_device(client, admin)
    assert all(set(frame) == WIRE_FRAME for frame in (ack, registered, said))
    assert (said["transport"], said["make"], said["address"]) == ("socketio", "http", "127.0.0.1")
    assert (said["direction"], said["verdict"], said["head"]) == ("in", "accepted", "device:authenticate")
    assert (said["deviceId"], said["isAdmitted"]) == ("gw-1", True)
    assert json.loads(said["text"]) == {"deviceId": "gw-1", "key": MASK, "platform": "android"}
    assert (registered["direction"], registered["head"]) == ("out", "device:registered")
    assert json.loads(registered["text"])["deviceKey"] == MASK
    assert (ack["direction"], json.loads(ack["text"])["room"]) == ("out", "device-gw-1")
    assert ENROLMENT_KEY not in json.dumps([ack, registered, said])
    assert (await replayed(client, admin, said))["understood"] == [{"kind": "heartbeat", "deviceId": "gw-1"}]


async def test_what_a_device_says_then_is_kept_and_decoded_again(client: Client) -> None:
    key = (await enrol(client))["X-Api-Key"]
    async with connected(client) as live:
        await authenticate(live, key)
        assert (await live.call("device:heartbeat", {"batteryLevel": 44}))["ok"] is True
        report = {"messageId": "out-1", "recipient": "+15550101"}
        assert (await live.call("sms:sent", report))["ok"] is True
    admin = await log_in_as_program(client)
    frames = await of_device(client, admin)
    by_head = {frame["head"]: frame for frame in frames if frame["transport"] == "socketio"}
    assert {"device:heartbeat", "heartbeat:ack", "sms:sent", "sms:ack"} <= set(by_head)
    beat = by_head["device:heartbeat"]
    assert (beat["verdict"], json.loads(beat["text"])) == ("accepted", {"batteryLevel": 44})
    assert json.loads(by_head["heartbeat:ack"]["text"])["success"] is True
    told = {"kind": "heartbeat", "deviceId": "gw-1", "batteryLevel": 44}
    assert (await replayed(client, admin, beat))["understood"] == [told]
    [sent] = (await replayed(client, admin, by_head["sms:sent"]))["understood"]
    assert (sent["kind"], sent["deviceId"], sent["status"]) == ("deliveryReport", "gw-1", "sent")
    exported = await client.get(f"/api/frames/{beat['id']}", params={"format": "fixture"}, headers=admin)
    [frame] = (await exported.json())["frames"]
    assert (frame["transport"], frame["keyDeviceId"]) == ("socketio", "gw-1")
    assert understood_again(frame) == {"understood": [told], "refused": None}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"batteryLevel": 500}, "batteryLevel"),
        ({"deviceId": "gw-2"}, "for itself only"),
        ("nonsense", "object"),
    ],
)
async def test_what_is_refused_is_kept_with_the_reason(said: object, reason: str, client: Client) -> None:
    key = (await enrol(client))["X-Api-Key"]
    async with connected(client) as live:
        await authenticate(live, key)
        ack = await live.call("device:heartbeat", said)
    admin = await log_in_as_program(client)
    answer, frame, *_ = await of_device(client, admin)
    assert ack["ok"] is False
    assert (frame["verdict"], frame["head"], frame["isAdmitted"]) == ("refused", "device:heartbeat", True)
    assert reason in frame["reason"]
    assert json.loads(answer["text"])["ok"] is False


async def test_of_what_is_no_json_nothing_but_its_being_there_is_kept(client: Client) -> None:
    key = (await enrol(client))["X-Api-Key"]
    async with connected(client) as live:
        await authenticate(live, key)
        await live.call("device:heartbeat", {"batteryLevel": 2**70})
    _, frame, *_ = await of_device(client, await log_in_as_program(client))
    assert (frame["head"], frame["text"], frame["verdict"]) == ("device:heartbeat", "", "refused")


async def test_who_shows_a_wrong_key_is_a_stranger(client: Client) -> None:
    await enrol(client)
    async with connected(client) as live:
        assert (await authenticate(live, "wrong-key-of-an-old-phone"))["ok"] is False
    admin = await log_in_as_program(client)
    answer, said = await of_strangers(client, admin)
    assert (said["deviceId"], said["isAdmitted"], said["verdict"]) == ("gw-1", False, "refused")
    assert (said["head"], answer["direction"]) == ("device:authenticate", "out")
    assert "wrong-key" not in json.dumps([answer, said])


async def test_it_is_told_live_to_who_looks(client: Client) -> None:
    key = (await enrol(client))["X-Api-Key"]
    admin = await log_in_as_program(client)
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    async with asyncio.timeout(10), connected(client, admin) as looking, connected(client) as live:
        looking.on("network:log", told.put_nowait)
        await looking.call("subscribe", {"room": "device-gw-1"})
        await authenticate(live, key)
        await live.call("device:heartbeat", {"batteryLevel": 44})
        heads = [(await told.get())["head"] for _ in range(5)]
    assert heads == ["device:authenticate", "device:registered", "ACK", "device:heartbeat", "heartbeat:ack"]
