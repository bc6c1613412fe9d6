"""Emulated boxes on TCP lines that break, under a server that is killed: old Dinstar ones, and Yeastar's."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import Counter
from typing import Any

import pytest

from goip.simulator.boxes import BoxOptions, Message, Outcome, emulate
from tests.following import walk
from tests.gateways.fleets import Ledger, all_must_be_stored_once, live_through_kills
from tests.live_fixtures import MakeServer
from tests.live_server import ENROLMENT_KEY, LiveServer, free_port

pytestmark = [pytest.mark.crash, pytest.mark.timeout(180)]

BAD_ROAD: dict[str, Any] = {"loss": 0.1, "repeat": 0.1, "reorder": 0.2}
SECRET = "secret-of-the-boxes"


async def test_old_dinstar_boxes_on_a_bad_road_lose_and_double_nothing(make_server: MakeServer) -> None:
    seed = secrets.token_hex(4)
    print(f"seed {seed}")
    chance = random.Random(seed)
    server = make_server(DINSTAR_PORT=str(free_port()), LOG_LEVEL="warning")
    await asyncio.to_thread(server.start)
    boxes = BoxOptions(
        server.url,
        ENROLMENT_KEY,
        "dinstar-tcp",
        tcp_port=int(server.settings["DINSTAR_PORT"]),
        devices=3,
        lines=4,
        interval_seconds=1.0,
        sms_per_minute=1_200.0,
        seed=chance.randrange(1_000_000),
        numbered=True,
        pace=20.0,
        repeats=1_000,
        reboot_every=5.0,
        grace_seconds=60.0,
        **BAD_ROAD,
    )
    [told] = ledgers = await live_through_kills(server, chance, (boxes,), n_kills=1)
    all_must_be_stored_once(server, ledgers)
    assert "defect" not in server.log
    assert told.count(Outcome.GIVEN_UP) == told.count(Outcome.REFUSED) == 0
    assert told.certain.total() >= 30
    assert min(told.tally.n_lost, told.tally.n_doubled, told.tally.n_repeated) > 0


def yeastar_boxes(**changes: Any) -> BoxOptions:
    base: dict[str, Any] = {"devices": 2, "lines": 4, "numbered": True, "sms_per_minute": 600.0}
    return BoxOptions("http://127.0.0.1:9", SECRET, "yeastar", **base | changes)


def settings_for(boxes: BoxOptions) -> str:
    """The server's `GOIP_YEASTAR`, for boxes at ports of their own."""
    assert boxes.listen_port is not None
    ports = range(boxes.listen_port, boxes.listen_port + boxes.devices)
    return ",".join(
        f"tg-{place}=tcp://apiuser:{SECRET}@127.0.0.1:{port}" for place, port in enumerate(ports, 1)
    )


def texts_at(server: LiveServer) -> Counter[str]:
    return Counter(message["message"] for message in walk(server, "/api/sms", "messages"))


async def until_heard(server: LiveServer, n_messages: int) -> None:
    async with asyncio.timeout(60):
        while (await asyncio.to_thread(server.state))["stats"]["totalSms"] < n_messages:
            await asyncio.sleep(0.05)


async def test_yeastar_boxes_are_dialled_and_their_messages_joined(make_server: MakeServer) -> None:
    boxes = yeastar_boxes(listen_port=free_port(), devices=1, seed=3)
    server = make_server(YEASTAR=settings_for(boxes))
    told: list[str] = []
    stop = asyncio.Event()

    def take(message: Message, _outcome: Outcome) -> None:
        told.append(message.text)

    async def until_it_is_in() -> None:
        await asyncio.to_thread(server.start)
        async with asyncio.timeout(30):
            while server.get("/api/devices/tg-1", server.admin).status != 200:
                await asyncio.sleep(0.05)
            n_before = len(told)
            while not any(len(text) > 160 for text in told[n_before:]):
                await asyncio.sleep(0.05)
        heard_from.append(n_before)
        stop.set()

    heard_from: list[int] = []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(until_it_is_in())
        fleet = tasks.create_task(emulate(boxes, on_outcome=take, stop=stop))
    sure = Counter(told[heard_from[0] :])
    await until_heard(server, sure.total())
    stored = await asyncio.to_thread(texts_at, server)
    assert sure - stored == Counter()
    assert stored - Counter(told) == Counter()
    assert fleet.result().heartbeats.n_acknowledged > 0
    slots = server.device("tg-1")["simSlots"]
    assert [slot["slotIndex"] for slot in slots] == [1, 2, 3, 4]


async def test_yeastar_boxes_on_a_bad_road_double_nothing(make_server: MakeServer) -> None:
    # A box tells a message once, and never learns whether it was heard: so some are lost, and none comes twice.
    # The server dials less and less often what hangs up again and again: so that is not too often here.
    road = BAD_ROAD | {"loss": 0.03}
    boxes = yeastar_boxes(listen_port=free_port() - 1, seed=secrets.randbelow(10_000), **road)
    server = make_server(YEASTAR=settings_for(boxes), LOG_LEVEL="warning")
    ledger = Ledger(boxes)
    stop = asyncio.Event()

    async def kill_it() -> None:
        await asyncio.to_thread(server.start)
        await until_heard(server, 15)
        server.kill()
        await asyncio.to_thread(server.start)
        await until_heard(server, server.state()["stats"]["totalSms"] + 10)
        stop.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(kill_it())
        tasks.create_task(emulate(boxes, on_outcome=ledger.take, on_progress=ledger.see, stop=stop))
    stored = await asyncio.to_thread(texts_at, server)
    assert set(stored.values()) == {1}
    assert set(stored) <= {text for _, _, text in ledger.possible}
    assert ledger.certain.total() == 0
    assert ledger.tally.n_doubled > 0
    assert "defect" not in server.log
