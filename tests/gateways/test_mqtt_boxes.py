"""Emulated gateways at a real broker: what they publish, and that nothing is lost when lines and servers break."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from goip.addresses import BrokerAddress
from goip.simulator.boxes import BoxOptions, Outcome
from tests.gateways.fleets import Ledger, all_must_be_stored_once, live_through_kills
from tests.gateways.mosquitto import PREFIX, Mosquitto
from tests.live_fixtures import MakeServer
from tests.live_server import LiveServer
from tests.simulator.listeners import Running

pytestmark = pytest.mark.timeout(120)

DRAIN_SECONDS = 30.0


def fleet(broker: Mosquitto, **changes: Any) -> BoxOptions:
    base: dict[str, Any] = {"lines": 2, "interval_seconds": 0.2, "numbered": True, "pace": 20.0, "seed": 7}
    return BoxOptions("http://127.0.0.1:9", "", "mqtt", broker=broker.address(), **base | changes)


@asynccontextmanager
async def overhearing(broker: Mosquitto) -> AsyncIterator[list[tuple[str, bytes]]]:
    """All that is published, as topics below the prefix with their payloads."""
    heard: list[tuple[str, bytes]] = []
    is_there = asyncio.Event()
    loop = asyncio.get_running_loop()

    def take(_client: Client, _data: object, message: MQTTMessage) -> None:
        heard.append((message.topic.removeprefix(f"{PREFIX}/"), bytes(message.payload)))

    client = Client(CallbackAPIVersion.VERSION2)
    client.on_connect = lambda *_: client.subscribe(f"{PREFIX}/#", qos=1)
    client.on_subscribe = lambda *_: loop.call_soon_threadsafe(is_there.set)
    client.on_message = take
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        await asyncio.wait_for(is_there.wait(), 10)
        yield heard
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)


async def test_gateways_publish_what_is_documented(broker: Mosquitto) -> None:
    async with overhearing(broker) as heard:
        running = Running(fleet(broker, devices=2, sms_per_minute=6_000.0, reboot_every=0.5))
        kinds = {"heartbeat", "sms", "report", "status"}
        await running.until(
            lambda: kinds <= {topic.rpartition("/")[2] for topic, _ in heard} and running.tally.n_reboots > 1
        )
        tally = await running.end()
    assert {topic.partition("/")[0] for topic, _ in heard} == {"mqtt007-001", "mqtt007-002"}
    by_kind = {kind: [payload for topic, payload in heard if topic.endswith(f"/{kind}")] for kind in kinds}
    assert set(by_kind["status"]) == {b"online", b"offline"}
    messages = [orjson.loads(payload) for payload in by_kind["sms"]]
    assert len({told["messageId"] for told in messages}) == len(messages) > 0
    assert {told["slotIndex"] for told in messages} == {0, 1}
    assert all(len(orjson.loads(payload)["simSlots"]) == 2 for payload in by_kind["heartbeat"])
    assert tally.messages.n_acknowledged > 0
    assert tally.heartbeats.n_acknowledged > 0


async def test_what_a_broken_line_left_unacknowledged_comes_again_the_same(broker: Mosquitto) -> None:
    async with overhearing(broker) as heard:
        running = Running(fleet(broker, sms_per_minute=3_000.0, loss=0.3, repeat=0.3, reorder=0.3))
        await running.until(lambda: len(running.outcomes) >= 60 and running.tally.n_repeated > 0)
        tally = await running.end()
    assert {outcome for _, outcome in running.outcomes} == {Outcome.ACKNOWLEDGED}
    assert min(tally.n_lost, tally.n_doubled, tally.n_delayed) > 0
    told = [payload for topic, payload in heard if topic.endswith("/sms")]
    assert len(set(told)) == tally.messages.n_sent < len(told)


async def test_a_broker_that_lets_nobody_in_is_a_refusal(broker: Mosquitto) -> None:
    broker.stop()
    broker.set_up_as_documented()
    broker.start()
    running = Running(fleet(broker, sms_per_minute=600.0, grace_seconds=0.1))
    await running.until(lambda: running.tally.n_refused)
    tally = await running.end()
    assert tally.n_acknowledged == 0
    assert "authori" in tally.last_error.lower()


def test_a_fleet_at_a_broker_needs_one_on_this_machine() -> None:
    with pytest.raises(ValueError, match="must have a broker"):
        BoxOptions("http://127.0.0.1:9", "", "mqtt")
    with pytest.raises(ValueError, match=r"mqtt://192\.0\.2\.1:1883/goip is not on this machine"):
        BoxOptions("http://127.0.0.1:9", "", "mqtt", broker=BrokerAddress("192.0.2.1", 1883))


async def all_is_heard(server: LiveServer, ledgers: list[Ledger]) -> None:
    """Wait until the server has as much as the broker said it has."""
    n_certain = sum(ledger.certain.total() for ledger in ledgers)
    async with asyncio.timeout(DRAIN_SECONDS):
        while (await asyncio.to_thread(server.state))["stats"]["totalSms"] < n_certain:
            await asyncio.sleep(0.05)


@pytest.mark.crash
async def test_gateways_on_a_bad_road_to_a_broker_lose_and_double_nothing(
    make_server: MakeServer, broker: Mosquitto
) -> None:
    seed = secrets.token_hex(4)
    print(f"seed {seed}")
    chance = random.Random(seed)
    server = make_server(MQTT=f"mqtt://127.0.0.1:{broker.port}/{PREFIX}", LOG_LEVEL="warning")
    await asyncio.to_thread(server.start)
    gateways = fleet(
        broker,
        seed=chance.randrange(1_000_000),
        devices=4,
        sms_per_minute=1_200.0,
        loss=0.1,
        repeat=0.1,
        reorder=0.2,
        reboot_every=4.0,
        grace_seconds=60.0,
    )

    async def restart_broker() -> None:
        await asyncio.sleep(chance.uniform(0.5, 2))
        await asyncio.to_thread(broker.stop)
        await asyncio.to_thread(broker.start)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(restart_broker())
        ledgers = await live_through_kills(server, chance, (gateways,), n_kills=2)
    await all_is_heard(server, ledgers)
    all_must_be_stored_once(server, ledgers)
    [told] = ledgers
    assert told.count(Outcome.GIVEN_UP) == 0
    assert min(told.tally.n_lost, told.tally.n_doubled, told.tally.n_repeated) > 0
