"""A job's progress on every transport, who may hear it, and the list of who is connected."""

import asyncio
import json
from typing import Any

import pytest
import socketio

from goip.api.appkeys import DOORS
from tests.api.conftest import PASSWORD, Client, log_in_as_program, refused
from tests.api.test_streams import hear, next_block
from tests.contract.shapes import PROGRESS

Headers = dict[str, str]


async def start(client: Client, headers: Headers, seconds: float = 0.3, **fields: Any) -> str:
    body = {"seconds": seconds, "total": 200, **fields}
    response = await client.post("/api/test/job", json=body, headers=headers)
    assert response.status == 202, await response.text()
    told = await response.json()
    assert told["total"] == body["total"]
    return str(told["sessionId"])


async def progress(client: Client, headers: Headers, session: str, **query: Any) -> dict[str, Any]:
    response = await client.get(f"/api/import/progress/{session}", params=query, headers=headers)
    assert response.status == 200, await response.text()
    return await response.json()


async def follow(client: Client, headers: Headers, session: str) -> list[dict[str, Any]]:
    """What long polling tells until the end."""
    told = [await progress(client, headers, session)]
    while told[-1]["status"] == "running":
        told.append(await progress(client, headers, session, wait=5, after=told[-1]["version"]))
    return told


async def add_viewer(client: Client, admin: Headers) -> Headers:
    body = {"username": "ben", "password": PASSWORD, "role": "viewer"}
    assert (await client.post("/api/users", json=body, headers=admin)).status == 201
    return await log_in_as_program(client, "ben")


class SocketIo:
    """A Socket.IO client that writes down what it is told of sessions."""

    def __init__(self) -> None:
        self.client = socketio.AsyncClient(reconnection=False)
        self.told: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        for name in ("progress", "complete", "error"):
            self.client.on(name, lambda data, name=name: self.told.put_nowait((name, data)))

    async def connect(self, client: Client, headers: Headers, transport: str) -> None:
        auth = {"token": headers["Authorization"].removeprefix("Bearer ")}
        await self.client.connect(str(client.make_url("/")), auth=auth, transports=[transport])

    async def until_end(self) -> list[tuple[str, dict[str, Any]]]:
        told = []
        async with asyncio.timeout(10):
            while not told or told[-1][0] == "progress":
                told.append(await self.told.get())
        return told


async def test_long_polling_tells_each_word_newer_than_the_last_and_the_end(client: Client) -> None:
    admin = await log_in_as_program(client)
    session = await start(client, admin, 1.0)
    told = await follow(client, admin, session)
    assert len(told) > 2
    assert all(set(word) == PROGRESS for word in told)
    versions = [word["version"] for word in told]
    assert versions == sorted(set(versions))
    last = told[-1]
    assert (last["status"], last["processed"], last["total"]) == ("complete", 200, 200)
    assert last["succeeded"] + last["failed"] + last["skipped"] == 200
    assert (last["failed"], last["skipped"], last["lastError"]) == (
        4,
        8,
        "row 200: phoneNumber is not a number",
    )
    assert await progress(client, admin, session, wait=60, after=last["version"]) == last


@pytest.mark.parametrize("seconds", [0, 5e-324])
async def test_a_job_that_takes_no_time_is_complete(client: Client, seconds: float) -> None:
    admin = await log_in_as_program(client)
    session = await start(client, admin, seconds=seconds)
    told, version = {"status": "running"}, 0
    while told["status"] == "running":
        query = f"?wait=5&after={version}"
        response = await client.get(f"/api/import/progress/{session}{query}", headers=admin)
        told = await response.json()
        version = told["version"]
    assert (told["status"], told["processed"]) == ("complete", 200)


async def test_server_sent_events_tell_it_to_the_end_and_go_on_where_they_were(client: Client) -> None:
    headers = {**await log_in_as_program(client), "Accept": "text/event-stream"}
    url = f"/api/import/progress/{await start(client, headers)}"
    async with client.get(url, headers=headers) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert "retry" in await next_block(response)
        blocks = [await next_block(response)]
        while blocks[-1]["event"] == "progress":
            blocks.append(await next_block(response))
        assert await response.content.read() == b""
    assert [block["id"] for block in blocks] == [str(json.loads(b["data"])["version"]) for b in blocks]
    assert json.loads(blocks[-1]["data"])["status"] == blocks[-1]["event"] == "complete"
    before = {**headers, "Last-Event-ID": blocks[0]["id"]}
    async with client.get(url, headers=before) as response:
        assert "retry" in await next_block(response)
        assert await next_block(response) == blocks[-1]
    async with client.get(url, headers={**headers, "Last-Event-ID": blocks[-1]["id"]}) as response:
        assert response.status == 204


async def test_a_raw_socket_tells_it_after_the_session_was_named(client: Client) -> None:
    headers = await log_in_as_program(client)
    async with client.ws_connect("/api/ws", headers=headers) as socket:
        session = await start(client, headers)
        await socket.send_json({"sessionId": session})
        joined = await hear(socket, "joined")
        assert joined == {"type": "joined", "room": f"session-{session}", "sessionId": session}
        first, last = await hear(socket, "progress"), await hear(socket, "complete")
        assert set(first) == set(last) == PROGRESS | {"type"}
        await socket.send_json({"type": "join", "room": f"session-{session}"})
        assert await hear(socket, "complete") == last


async def test_socketio_tells_it_over_both_carriers_and_to_those_who_come_late(client: Client) -> None:
    admin = await log_in_as_program(client)
    session = await start(client, admin)
    for transport in ("websocket", "polling"):
        socket = SocketIo()
        await socket.connect(client, admin, transport)
        ack = await socket.client.call("registerSession", session)
        assert ack == {"ok": True, "room": f"session-{session}", "sessionId": session}
        name, last = (await socket.until_end())[-1]
        assert (name, set(last)) == ("complete", PROGRESS)
        again = await socket.client.call("subscribe", {"room": f"session-{session}"})
        assert again["ok"] is True
        assert await socket.until_end() == [("complete", last)]
        await socket.client.disconnect()


async def test_a_job_that_fails_is_told_as_an_error_everywhere(client: Client) -> None:
    admin = await log_in_as_program(client)
    session = await start(client, admin, failAt=100)
    last = (await follow(client, admin, session))[-1]
    assert (last["status"], last["processed"]) == ("error", 100)
    assert last["lastError"] == "row 100: told to fail here"
    async with client.ws_connect("/api/ws", headers=admin) as raw:
        await raw.send_json({"sessionId": session})
        assert await hear(raw, "error") == {"type": "error", **last}
    socket = SocketIo()
    await socket.connect(client, admin, "websocket")
    await socket.client.call("registerSession", session)
    assert await socket.until_end() == [("error", last)]
    await socket.client.disconnect()


async def test_nobody_else_learns_on_any_transport_that_a_session_exists(client: Client) -> None:
    admin = await log_in_as_program(client)
    session = await start(client, admin)
    viewer = await add_viewer(client, admin)
    socket = SocketIo()
    await socket.connect(client, viewer, "websocket")
    answers = []
    for asked in (session, "never-was"):
        response = await client.get(f"/api/import/progress/{asked}", headers=viewer)
        body = await refused(response, 404, "unknown_session")
        stream = await client.get(
            f"/api/import/progress/{asked}", headers={**viewer, "Accept": "text/event-stream"}
        )
        await refused(stream, 404, "unknown_session")
        async with client.ws_connect("/api/ws", headers=viewer) as raw:
            await raw.send_json({"sessionId": asked})
            told = await hear(raw, "error")
            await raw.send_json({"type": "join", "room": f"session-{asked}"})
            assert await hear(raw, "error") == told
        acks = [await socket.client.call("registerSession", asked)]
        acks.append(await socket.client.call("subscribe", f"session-{asked}"))
        answers.append((body["error"], told, acks))
    assert answers[0] == answers[1]
    assert answers[0][2][0]["ok"] is False
    assert socket.told.empty()
    await socket.client.disconnect()


async def test_a_device_and_a_stranger_hear_of_no_session(client: Client) -> None:
    admin = await log_in_as_program(client)
    session = await start(client, admin)
    enrol = {"Authorization": "Bearer enrol-me-please"}
    told = await client.post("/api/device/heartbeat", json={"deviceId": "box-1"}, headers=enrol)
    device = {"Authorization": f"Bearer {(await told.json())['deviceKey']}"}
    await refused(await client.get(f"/api/import/progress/{session}", headers=device), 403, "forbidden")
    await refused(await client.get(f"/api/import/progress/{session}"), 401, "unauthorized")
    async with client.ws_connect("/api/ws", headers=device) as raw:
        await raw.send_json({"sessionId": session})
        assert (await hear(raw, "error"))["code"] == "forbidden"
    async with client.ws_connect("/api/ws") as raw:
        await raw.send_json({"sessionId": session})
        assert (await hear(raw, "error"))["code"] == "unauthorized"


async def test_the_stream_says_where_sessions_are_told(client: Client) -> None:
    admin = await log_in_as_program(client)
    for path in ("/api/state", "/api/events"):
        body = await refused(
            await client.get(path, params={"rooms": "session-x"}, headers=admin), 400, "invalid_payload"
        )
        assert "/api/import/progress/" in body["error"]


async def test_a_ping_is_acknowledged(client: Client) -> None:
    socket = SocketIo()
    await socket.connect(client, await log_in_as_program(client), "polling")
    assert await socket.client.call("ping") == {"ok": True}
    await socket.client.disconnect()


async def test_garbage_instead_of_a_session_is_refused(client: Client) -> None:
    admin = await log_in_as_program(client)
    socket = SocketIo()
    await socket.connect(client, admin, "websocket")
    for garbage in (None, 7, "", [], {"sessionId": ["x"]}):
        assert (await socket.client.call("registerSession", garbage))["code"] == "invalid_payload"
    await socket.client.disconnect()
    async with client.ws_connect("/api/ws", headers=admin) as raw:
        await raw.send_json({"sessionId": 7})
        assert (await hear(raw, "error"))["code"] == "invalid_payload"
    for body in ({"seconds": 1}, {"seconds": 1, "total": 5, "failAt": 6}, {"seconds": -1, "total": 5}):
        await refused(await client.post("/api/test/job", json=body, headers=admin), 400, "invalid_payload")


async def test_only_an_administrator_starts_a_job_and_sees_who_is_connected(client: Client) -> None:
    admin = await log_in_as_program(client)
    viewer = await add_viewer(client, admin)
    body = {"seconds": 1, "total": 5}
    await refused(await client.post("/api/test/job", json=body, headers=viewer), 403, "forbidden")
    await refused(await client.get("/api/test/ws-status", headers=viewer), 403, "forbidden")


async def test_the_list_of_connections_knows_each_of_them(client: Client) -> None:
    admin = await log_in_as_program(client)
    session = await start(client, admin)
    polled, streamed = SocketIo(), SocketIo()
    await polled.connect(client, admin, "polling")
    await streamed.connect(client, admin, "websocket")
    for one in (polled, streamed):
        await one.client.call("join-dashboard")
    await streamed.client.call("registerSession", session)
    sse = {**admin, "Accept": "text/event-stream"}
    async with (
        client.ws_connect("/api/ws", headers=admin) as raw,
        client.get("/api/events?rooms=dashboard", headers=sse),
    ):
        await raw.send_json({"type": "join", "room": "device-box-1"})
        await hear(raw, "joined")
        told = await (await client.get("/api/test/ws-status?user=admin", headers=admin)).json()
    carriers = {(one["transport"], one["carrier"]) for one in told["clients"]}
    assert carriers == {
        ("socketio", "http"),
        ("socketio", "websocket"),
        ("websocket", "websocket"),
        ("sse", "http"),
    }
    assert (told["getConnectedCount"], told["isUserConnected"]) == (4, True)
    assert told["byTransport"] == {"socketio": 2, "websocket": 1, "sse": 1}
    assert told["byUser"] == {"admin": 4}
    assert told["rooms"] == [
        {"room": "dashboard", "members": 3},
        {"room": "device-box-1", "members": 1},
        {"room": f"session-{session}", "members": 1},
    ]
    assert {(one["user"], one["address"], one["isBehind"]) for one in told["clients"]} == {
        ("admin", "127.0.0.1", False)
    }
    for one in (polled, streamed):
        await one.client.disconnect()


async def test_who_is_not_connected_is_not_found_in_the_list(client: Client) -> None:
    admin = await log_in_as_program(client)
    told = await (await client.get("/api/test/ws-status?user=ben", headers=admin)).json()
    assert (told["getConnectedCount"], told["isUserConnected"], told["clients"]) == (0, False, [])
    told = await (await client.get("/api/test/ws-status", headers=admin)).json()
    assert told["isUserConnected"] is None


async def test_watching_a_job_takes_a_place_among_the_live_connections(client: Client) -> None:
    admin = await log_in_as_program(client)
    session = await start(client, admin, 30)
    client.app[DOORS]._per_user = 1
    url = f"/api/import/progress/{session}"
    async with client.get(url, headers={**admin, "Accept": "text/event-stream"}) as response:
        assert "retry" in await next_block(response)
        await refused(await client.get(f"{url}?wait=5", headers=admin), 429, "too_many_connections")
        assert (await progress(client, admin, session))["status"] == "running"
