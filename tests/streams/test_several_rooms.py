"""One client in several rooms: by one request as one stream, or by joins one after the other."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from tests.contract.stock_client import StockClients
from tests.following import eventually
from tests.live_server import LiveServer
from tests.streams.conftest import MakeFollower
from tests.streams.links import Json
from tests.streams.posting import Box, Pouring

N_DROPS = 4


@pytest.mark.parametrize("ways", ["sse", "polling"], indirect=True)
async def test_rooms_asked_for_together_are_one_stream(
    server: LiveServer, make_follower: MakeFollower
) -> None:
    boxes, other = [Box.enrolled(server), Box.enrolled(server)], Box.enrolled(server)
    follower = make_follower(server)
    await follower.connect(",".join(box.room for box in boxes))
    expected = []
    for turn in range(N_DROPS):
        for n, box in enumerate((*boxes, *boxes)):
            other.say(f"{turn} {n} not for you")
            last = box.say(f"{turn} {n}")
            expected.append(f"{turn} {n}")
        if turn % 2:
            await follower.resume()
            await follower.until(last)
        else:
            await follower.drop()
    assert follower.notebook.texts == expected
    assert follower.notebook.n_snapshots == 1


@pytest.mark.parametrize("ways", ["sse", "polling"], indirect=True)
async def test_rooms_that_overlap_tell_nothing_twice(server: LiveServer, make_follower: MakeFollower) -> None:
    box = Box.enrolled(server)
    follower = make_follower(server)
    await follower.connect(f"dashboard,{box.room}")
    await follower.until(box.say("one"))
    await follower.drop()
    box.say("two")
    await follower.resume()
    await follower.until(box.say("three"))
    assert follower.notebook.texts == ["one", "two", "three"]


async def test_a_raw_socket_that_joins_room_by_room_with_one_cursor_hears_every_fact_once(
    server: LiveServer,
) -> None:
    box, other = Box.enrolled(server), Box.enrolled(server)
    cursor = server.state()["cursor"]
    box.say("missed by the one")
    other.say("missed by the other")
    heard: list[str] = []
    async with aiohttp.ClientSession(server.url) as session, session.ws_connect("/api/ws") as socket:
        await socket.send_json({"type": "auth", "token": server.admin})
        async with Pouring(box) as pouring:
            for room in (box.room, "dashboard", other.room):
                await pouring.more()
                await socket.send_json({"type": "join", "room": room, "after": cursor})
            await pouring.more()
        other.say("last")
        async with asyncio.timeout(10):
            while "last" not in heard:
                frame = json.loads((await socket.receive()).data)
                assert frame.get("type") != "error", frame
                heard += [text_of(event["event"], event["data"]) for event in frame.get("events", [])]
    must_be_heard_once(heard, pouring)


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_stock_client_that_joins_room_by_room_with_one_cursor_hears_every_fact_once(
    transport: str, server: LiveServer, clients: StockClients
) -> None:
    box, other = Box.enrolled(server), Box.enrolled(server)
    cursor = server.state()["cursor"]
    box.say("missed by the one")
    other.say("missed by the other")
    socket = await asyncio.to_thread(
        lambda: clients.connect(server.url, transports=[transport], auth={"token": server.admin})
    )
    async with Pouring(box) as pouring:
        joins: list[tuple[str, Json]] = [
            ("join-device-room", {"deviceId": box.device_id, "cursor": cursor}),
            ("join-dashboard", {"cursor": cursor}),
            ("join-device-room", {"deviceId": other.device_id, "cursor": cursor}),
        ]
        for join in joins:
            await pouring.more()
            assert (await asyncio.to_thread(socket.call, *join))["recovered"] is True
        await pouring.more()
    other.say("last")

    def heard() -> list[str]:
        return [text_of("sms-received", data) for data in socket.received("sms-received")]

    must_be_heard_once(await asyncio.to_thread(eventually, heard, lambda texts: "last" in texts), pouring)


def text_of(name: str, data: Json) -> str:
    """The message of an event, empty where it is none."""
    return str(data["message"]) if name == "sms-received" else ""


def must_be_heard_once(heard: list[str], pouring: Pouring) -> None:
    wanted = {"missed by the one", "missed by the other", "last", *pouring.texts}
    mine = [text for text in heard if text in wanted]
    assert sorted(mine) == sorted(wanted), "each once, however many of its rooms were joined"
    poured = [text for text in mine if text in pouring.texts]
    assert poured == pouring.texts, "and in order"
