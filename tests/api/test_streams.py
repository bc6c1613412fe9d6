"""The stream over raw WebSocket and Server-Sent Events: the same frames, cursor and refusals as everywhere."""

import asyncio
import json
from typing import Any

from aiohttp import ClientResponse, ClientWebSocketResponse, WSMsgType

from tests.api.conftest import Client, log_in, log_in_as_program, refused

ENROL = {"Authorization": "Bearer enrol-me-please"}
WITHIN = 5


async def beat(client: Client, device_id: str = "box-1", **fields: Any) -> None:
    response = await client.post(
        "/api/device/heartbeat", json={"deviceId": device_id, **fields}, headers=ENROL
    )
    assert response.status == 200, await response.text()


async def receive(client: Client, text: str, device_id: str = "box-1") -> str:
    body = {"deviceId": device_id, "sender": "BANK", "message": text, "messageId": text}
    response = await client.post("/api/sms/receive", json=body, headers=ENROL)
    return str((await response.json())["messageId"])


async def hear(socket: ClientWebSocketResponse, wanted: str) -> dict[str, Any]:
    """The next message of that type; frames have none and go by `frame`."""
    async with asyncio.timeout(WITHIN):
        while True:
            told = json.loads((await socket.receive()).data)
            if told.get("type", "frame") == wanted:
                return told


async def next_block(response: ClientResponse) -> dict[str, str]:
    """The next block of an SSE stream, by field; comments go by an empty name."""
    block: dict[str, str] = {}
    async with asyncio.timeout(WITHIN):
        while True:
            line = (await response.content.readline()).decode().rstrip("\n")
            if not line and block:
                return block
            name, _, value = line.partition(": ")
            block[name] = value


async def events_until(response: ClientResponse, name: str) -> list[dict[str, str]]:
    blocks = []
    while True:
        blocks.append(await next_block(response))
        if blocks[-1].get("event") == name:
            return blocks


async def test_a_socket_gets_the_snapshot_and_then_every_fact(client: Client) -> None:
    await beat(client)
    token = (await log_in(client))["accessToken"]
    client.session.cookie_jar.clear()
    async with client.ws_connect("/api/ws") as socket:
        await socket.send_json({"type": "auth", "token": token})
        await hear(socket, "authenticated")
        await socket.send_json({"type": "join", "room": "dashboard"})
        joined = await hear(socket, "joined")
        snapshot = await hear(socket, "frame")
        assert snapshot["cursor"] == joined["cursor"]
        assert [device["deviceId"] for device in snapshot["state"]["devices"]] == ["box-1"]
        sms_id = await receive(client, "hello")
        frame = await hear(socket, "frame")
        assert frame["after"] == joined["cursor"]
        assert [event["data"]["id"] for event in frame["events"] if event["event"] == "sms-received"] == [
            sms_id
        ]


async def test_a_socket_resumes_exactly_where_it_left_off(client: Client) -> None:
    await beat(client)
    headers = await log_in_as_program(client)
    state = await (await client.get("/api/state", headers=headers)).json()
    ids = [await receive(client, f"missed {n}") for n in range(3)]
    async with client.ws_connect("/api/ws", headers=headers) as socket:
        await socket.send_json({"type": "join", "room": "dashboard", "after": state["cursor"]})
        assert (await hear(socket, "joined"))["recovered"] is True
        frame = await hear(socket, "frame")
    assert frame["after"] == state["cursor"]
    assert [event["data"]["id"] for event in frame["events"] if event["event"] == "sms-received"] == ids


async def test_a_socket_without_proof_may_join_nothing(client: Client) -> None:
    async with client.ws_connect("/api/ws") as socket:
        await socket.send_json({"type": "join", "room": "dashboard"})
        assert (await hear(socket, "error"))["code"] == "unauthorized"


async def test_garbage_on_a_socket_is_answered_and_harms_nothing(client: Client) -> None:
    headers = await log_in_as_program(client)
    async with client.ws_connect("/api/ws", headers=headers) as socket:
        for garbage in ("no json", "[]", '{"type":"dance"}', '{"type":"join"}', '{"type":"join","room":"x"}'):
            await socket.send_str(garbage)
            assert (await hear(socket, "error"))["error"]
        await socket.send_bytes(b"\x00\x01")
        assert (await hear(socket, "error"))["error"]
        await socket.send_json({"type": "ping"})
        await hear(socket, "pong")


async def test_a_socket_of_another_site_is_refused(client: Client) -> None:
    await log_in(client)
    response = await client.get("/api/ws", headers={"Origin": "https://evil.example"})
    await refused(response, 403, "origin")


async def test_logging_out_closes_the_socket_and_says_that_a_login_is_needed(client: Client) -> None:
    headers = await log_in_as_program(client)
    async with client.ws_connect("/api/ws", headers=headers) as socket:
        await socket.send_json({"type": "join", "room": "dashboard"})
        await hear(socket, "frame")
        await client.post("/api/auth/logout", headers=headers)
        async with asyncio.timeout(WITHIN):
            while (await socket.receive()).type is not WSMsgType.CLOSE:
                pass
        assert socket.close_code == 4401


async def test_server_sent_events_carry_the_cursor_and_the_event_objects(client: Client) -> None:
    await beat(client)
    headers = {**await log_in_as_program(client), "Accept": "text/event-stream"}
    async with client.get("/api/events?rooms=dashboard", headers=headers) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert response.headers["X-Accel-Buffering"] == "no"
        assert "retry" in await next_block(response)
        snapshot = await next_block(response)
        assert snapshot["event"] == "state"
        assert json.loads(snapshot["data"])["cursor"] == snapshot["id"]
        sms_id = await receive(client, "hello")
        block = (await events_until(response, "sms-received"))[-1]
        told = json.loads(block["data"])
        assert (told["event"], told["data"]["id"]) == ("sms-received", sms_id)
        assert block["id"].endswith(f":{told['seq']}")


async def test_server_sent_events_resume_after_the_last_event_id(client: Client) -> None:
    await beat(client)
    headers = await log_in_as_program(client)
    cursor = (await (await client.get("/api/state", headers=headers)).json())["cursor"]
    ids = [await receive(client, f"missed {n}") for n in range(3)]
    headers |= {"Accept": "text/event-stream", "Last-Event-ID": cursor}
    async with client.get("/api/events?rooms=dashboard", headers=headers) as response:
        blocks = []
        while len(blocks) < len(ids):
            blocks += [
                b for b in await events_until(response, "sms-received") if b.get("event") == "sms-received"
            ]
    assert [json.loads(block["data"])["data"]["id"] for block in blocks] == ids


async def test_a_stream_with_a_foreign_cursor_begins_with_a_snapshot(client: Client) -> None:
    await beat(client)
    headers = {**await log_in_as_program(client), "Accept": "text/event-stream"}
    async with client.get("/api/events?rooms=dashboard&after=other:5", headers=headers) as response:
        await next_block(response)
        assert (await next_block(response))["event"] == "state"


async def test_a_stream_needs_proof(client: Client) -> None:
    response = await client.get("/api/events", headers={"Accept": "text/event-stream"})
    await refused(response, 401, "unauthorized")


async def test_a_stream_ends_with_the_login_that_opened_it(client: Client) -> None:
    headers = await log_in_as_program(client)
    async with client.get("/api/events", headers={**headers, "Accept": "text/event-stream"}) as response:
        await next_block(response)
        await client.post("/api/auth/logout", headers=headers)
        async with asyncio.timeout(WITHIN):
            await response.content.read()
