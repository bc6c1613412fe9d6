"""`kill -9` under load, at random moments, again and again: nothing acknowledged is lost, nothing is doubled."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
from collections import Counter
from typing import Any

import pytest

from tests.crash.load import Device, Load
from tests.following import walk
from tests.live_fixtures import MakeServer
from tests.live_server import LiveServer

pytestmark = pytest.mark.crash

N_DEVICES = 6
KILLED_WHILE_STARTING = 0.15
SHORTEST_LIFE_SECONDS, LONGEST_LIFE_SECONDS = 0.1, 1.2


@pytest.mark.timeout(600)
async def test_fifty_kills_lose_and_double_nothing_on_sqlite(
    make_server: MakeServer, chance: random.Random
) -> None:
    server = make_server(LOG_LEVEL="warning")
    await kill_again_and_again(server, chance, n_kills=50)
    path = server.database_url.removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.timeout(300)
async def test_ten_kills_lose_and_double_nothing_on_postgresql(
    make_server: MakeServer, postgres_database: str, chance: random.Random
) -> None:
    await kill_again_and_again(make_server(postgres_database, LOG_LEVEL="warning"), chance, n_kills=10)


async def kill_again_and_again(server: LiveServer, chance: random.Random, n_kills: int) -> None:
    """So many lives under load, each cut off at a random moment; then look at all that is left."""
    await asyncio.to_thread(server.start)
    devices = [Device(name, server.enrol(name)) for name in (f"box-{n}" for n in range(N_DEVICES))]
    load = Load(server, devices, server.state()["cursor"])
    for n_kill in range(n_kills):
        if n_kill:
            await asyncio.to_thread(server.start)
            devices_must_not_be_behind(server, devices)
        await live(server, load, chance.uniform(SHORTEST_LIFE_SECONDS, LONGEST_LIFE_SECONDS))
        while chance.random() < KILLED_WHILE_STARTING:
            server.launch()
            await asyncio.sleep(chance.uniform(0, 1.5))
            server.kill()
    await asyncio.to_thread(server.start)
    devices_must_not_be_behind(server, devices)
    await load.deliver_the_rest()
    print(
        f"{len(load.ledger.message_ids)} messages, {len(load.ledger.events)} events, {load.ledger.n_refused} refusals"
    )
    await asyncio.to_thread(all_must_be_there, server, load)
    server.stop()


async def live(server: LiveServer, load: Load, seconds: float) -> None:
    """Work for so long, then die."""
    working = asyncio.create_task(load.run())
    done, _ = await asyncio.wait([working], timeout=seconds)
    assert not done, working.exception() or f"the server stopped by itself:\n{server.log[-3000:]}"
    server.kill()
    async with asyncio.timeout(30):
        await working


def devices_must_not_be_behind(server: LiveServer, devices: list[Device]) -> None:
    """Each device's state is of its last acknowledged heartbeat, or of a newer one that went unanswered."""
    for device in devices:
        counter = server.device(device.device_id)["counter"] or 0
        assert device.acknowledged_counter <= counter <= device.counter, (device, counter)


def all_must_be_there(server: LiveServer, load: Load) -> None:
    """The database against what was acknowledged and what was told."""
    ledger = load.ledger
    assert len(ledger.message_ids) > 100, "no load worth the name"
    messages = walk(server, "/api/sms", "messages")
    n_times = Counter(message["message"] for message in messages)
    assert [text for text, n in n_times.items() if n > 1] == [], "doubled"
    assert sorted(set(ledger.message_ids) - set(n_times)) == [], "lost"
    assert sorted(set(n_times) - set(ledger.message_ids)) == [], "never sent"
    assert {m["message"]: m["id"] for m in messages} == ledger.message_ids
    assert server.state()["stats"]["totalSms"] == len(messages)

    logged: dict[int, tuple[str, Any]] = {}
    for device in load.devices:
        for event in walk(server, f"/api/devices/{device.device_id}/events", "events"):
            assert event["seq"] not in logged, f"seq {event['seq']} is two facts"
            logged[event["seq"]] = (event["event"], event["data"])
    for seq, name, data in ledger.facts():
        assert logged.get(seq) == (name, data), (
            f"a client saw {name} {seq} as {data}; the log has {logged.get(seq)}"
        )
    told = {data["message"] for _, name, data in ledger.facts() if name == "sms-received"}
    assert sorted(set(n_times) - told) == [], "stored and never told to the one who watched"
