"""Gateways at a real broker, into a real database."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from goip.errors import Unavailable
from goip.gateways.mqtt import LinkState, client
from goip.gateways.mqtt.client import Limits, MqttClient
from goip.gateways.mqtt.recording import Recorder
from goip.ingest import Enrolment, record_heartbeat
from goip.models import Heartbeat
from goip.store.store import Store
from goip.watch.presence import Presence
from goip.wirelog.log import WireLog
from tests.conftest import FakeClock
from tests.gateways.mosquitto import PREFIX, Mosquitto, Road
from tests.gateways.mqtt_hearing import PATIENCE_SECONDS, QUICK, ear, hearing, sms, texts, until, until_texts
from tests.store.lives import Ear

__all__ = ["ear"]

pytestmark = pytest.mark.timeout(60)


async def test_an_unknown_device_is_there_by_its_first_heartbeat(
    store: Store, broker: Mosquitto, ear: Ear
) -> None:
    async with hearing(store, broker):
        await broker.publish("box-1/heartbeat", {"batteryLevel": 87, "simSlots": [{"slotIndex": 0}]})
        await ear.until(lambda: ear.named("device-heartbeat"))
    device = store.fleet.find("box-1")
    assert device is not None
    assert (device.make, device.status, device.battery_level, len(device.slots)) == ("mqtt", "online", 87, 1)


async def test_a_message_registers_its_device_too_and_is_stored_once(
    store: Store, broker: Mosquitto, ear: Ear
) -> None:
    async with hearing(store, broker):
        await broker.publish_all(
            [("box-1/sms", sms("one")), ("box-1/sms", sms("one")), ("box-1/sms", sms("two"))]
        )
        assert await until_texts(ear, 2) == ["one", "two"]
    assert store.fleet.find("box-1") is not None


async def test_a_report_is_told_once(store: Store, broker: Mosquitto, ear: Ear) -> None:
    async with hearing(store, broker):
        for text in ("before", "after"):
            await broker.publish("box-1/report", {"messageId": "7", "status": "delivered"})
            await broker.publish("box-1/sms", sms(text))
        await until_texts(ear, 2)
    [report] = ear.named("delivery-report")
    assert dict(report.data).items() >= {"reference": "7", "status": "delivered"}.items()


async def test_a_last_will_puts_a_device_offline_at_once_and_once(
    store: Store, broker: Mosquitto, ear: Ear
) -> None:
    def changes() -> list[str]:
        data = [event.data for event in ear.named("device-status-change")]
        return [told["currentStatus"] for told in data if isinstance(told, dict)]

    async with hearing(store, broker):
        for word in (b"online", b"offline", b"offline", b"online"):
            await broker.publish("box-1/status", word)
        await ear.until(lambda: len(changes()) == 3)
    assert changes() == ["online", "offline", "online"]


async def test_who_said_goodbye_is_not_said_to_be_silent_later(store: Store, clock: FakeClock) -> None:
    seconds = 0.0
    presence = Presence(store, lambda: seconds)
    await presence.start()
    await record_heartbeat(store, Heartbeat("box-1", interval_seconds=1), enrolment=Enrolment(None, "mqtt"))
    await Recorder(store).record("p/box-1/status", b"offline")
    ear = Ear(store)
    seconds = 3_600
    clock.advance(3_600)
    await presence.look()
    await presence.stop()
    assert ear.events == []


async def test_a_goodbye_of_a_device_that_nobody_knows_is_refused(
    store: Store, broker: Mosquitto, ear: Ear
) -> None:
    wire = WireLog(store.clock)
    async with hearing(store, broker, keeping=wire.keeping):
        await broker.publish("box-1/status", b"offline")
        await until(wire.frames)
    assert store.fleet.find("box-1") is None
    assert wire.frames()[0].verdict == "refused"


async def test_what_was_retained_tells_nothing(store: Store, broker: Mosquitto, road: Road, ear: Ear) -> None:
    await broker.publish("box-1/heartbeat", {}, retain=True)
    road.is_old = True  # an older broker cannot be asked to keep it to itself
    for port in (broker.port, road.port):
        async with hearing(store, broker, port=port):
            await broker.publish("box-2/sms", sms(f"by {port}"))
            await until_texts(ear, 1 if port == broker.port else 2)
    assert store.fleet.find("box-1") is None


async def test_garbage_is_acknowledged_and_kept_as_refused_and_costs_nobody_anything(
    store: Store, broker: Mosquitto, ear: Ear
) -> None:
    wire = WireLog(store.clock)
    await record_heartbeat(store, Heartbeat("box-1"), enrolment=Enrolment(None, "mqtt"))
    garbage: list[tuple[str, object]] = [
        ("box-1/sms", b"\xff\x00"),
        ("box-1/sms", b""),
        ("box-1/heartbeat", b"[" * 5_000),
        ("box-1/sms", sms("not mine", deviceId="box-2")),
        ("box-1/status", b"?"),
        (f"{'x' * 200}/sms", sms("too long a name")),
    ]
    async with hearing(store, broker, keeping=wire.keeping):
        # More than a broker lets be unacknowledged: were one of them not, nothing would come after it.
        await broker.publish_all([*garbage * 10, ("box-1/sms", sms("after"))])
        assert await until_texts(ear, 1) == ["after"]
    reasons = {frame.reason for frame in wire.frames_of("box-1") if frame.verdict == "refused"}
    assert "the payload names another device than the topic" in reasons
    assert "a status is online or offline" in reasons
    [newest, *_] = wire.frames_of("box-1")
    assert (newest.transport, newest.verdict, newest.reason) == ("mqtt", "accepted", None)
    assert newest.head == f"PUBLISH {PREFIX}/box-1/sms\nQoS: 1"


async def test_a_defect_of_ours_keeps_nothing_else_from_coming(
    store: Store, broker: Mosquitto, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Recorder.record

    async def broken(recorder: Recorder, topic: str, payload: bytes) -> None:
        if b"breaks" in payload:
            raise ZeroDivisionError
        await record(recorder, topic, payload)

    monkeypatch.setattr(Recorder, "record", broken)
    with capture_logs() as logs:
        async with hearing(store, broker):
            await broker.publish_all([("box-1/sms", sms(f"breaks {n}")) for n in range(30)])
            await broker.publish("box-1/sms", sms("after"))
            await until_texts(ear, 1)
    assert [line["event"] for line in logs].count("mqtt.defect") == 30


async def test_too_large_a_message_is_not_sent_here_or_refused(
    store: Store, broker: Mosquitto, road: Road, ear: Ear
) -> None:
    for n, port in enumerate((broker.port, road.port), 1):
        async with hearing(store, broker, port=port, limits=Limits(most_bytes=2_000)):
            await broker.publish_all([("box-1/sms", sms("x" * 3_000)), ("box-1/sms", sms(f"after {n}"))])
            await until_texts(ear, n)
        road.is_old = True
    assert texts(ear) == ["after 1", "after 2"]


async def test_what_the_store_cannot_take_now_is_acknowledged_when_it_can(
    store: Store, broker: Mosquitto, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Recorder.record
    is_full, n_tries = True, 0

    async def full(*told: Any) -> None:
        nonlocal n_tries
        n_tries += 1
        if is_full:
            raise Unavailable("the disk is full")
        await record(*told)

    monkeypatch.setattr(Recorder, "record", full)
    await broker.publish("box-0/sms", sms("before anybody listens"))
    async with hearing(store, broker):
        await broker.publish_all([("box-1/sms", sms(str(n))) for n in range(50)])
        await until(lambda: n_tries > 60)
        is_full = False
        assert sorted(await until_texts(ear, 50)) == sorted(str(n) for n in range(50))
    async with hearing(store, broker):  # nothing of it is left at the broker
        await broker.publish("box-1/sms", sms("last"))
        assert (await until_texts(ear, 51))[-1] == "last"


async def test_what_was_not_acknowledged_when_the_server_ended_comes_again(
    store: Store, broker: Mosquitto, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> None:
        raise Unavailable("the disk is full")

    monkeypatch.setattr(Recorder, "record", full)
    monkeypatch.setattr(client, "_LAST_WORDS_SECONDS", 0.05)
    wire = WireLog(store.clock)
    async with hearing(store, broker, keeping=wire.keeping):
        await broker.publish("box-1/sms", sms("kept by the broker"))
        await until(lambda: any(frame.verdict == "ignored" for frame in wire.frames()))
    await broker.publish("box-1/sms", sms("said while nobody listened"))
    monkeypatch.undo()
    async with hearing(store, broker):
        assert await until_texts(ear, 2) == ["kept by the broker", "said while nobody listened"]


async def test_what_was_stored_and_not_acknowledged_comes_again_and_is_stored_once(
    store: Store, broker: Mosquitto, road: Road, ear: Ear
) -> None:
    wire = WireLog(store.clock)
    async with hearing(store, broker, port=road.port, keeping=wire.keeping):
        road.swallows = True
        await broker.publish("box-1/sms", sms("once"))
        await broker.publish("box-1/sms", {"sender": "BANK", "message": "without an id"})
        await until_texts(ear, 2)
        road.swallows = False
        road.cut()
        await broker.publish("box-1/sms", sms("after"))
        assert await until_texts(ear, 3) == ["once", "without an id", "after"]
        await until(lambda: sum("DUP: 1" in (frame.head or "") for frame in wire.frames()) >= 2)
    async with hearing(store, broker):
        await broker.publish("box-1/sms", sms("last"))
        assert (await until_texts(ear, 4))[3:] == ["last"]


async def test_a_broker_that_goes_and_comes_back_is_heard_again(
    store: Store, broker: Mosquitto, ear: Ear
) -> None:
    async with hearing(store, broker) as state:
        await broker.publish("box-1/sms", sms("before"))
        await until_texts(ear, 1)
        broker.stop()
        await until(lambda: state.trouble is not None)
        await asyncio.to_thread(broker.start)
        await until(lambda: state.trouble is None)
        await broker.publish("box-1/sms", sms("after"))
        await until_texts(ear, 2)


async def test_a_broker_that_forgot_us_is_subscribed_to_again_and_that_is_said(
    store: Store, broker: Mosquitto, ear: Ear
) -> None:
    with capture_logs() as logs:
        async with hearing(store, broker) as state:
            broker.stop()
            await until(lambda: state.trouble is not None)
            broker.forget()
            await asyncio.to_thread(broker.start)
            await until(lambda: state.trouble is None)
            await broker.publish("box-1/sms", sms("after"))
            await until_texts(ear, 1)
    assert [line["event"] for line in logs].count("mqtt.session_lost") == 1


async def test_what_is_published_while_the_road_is_broken_comes_later(
    store: Store, broker: Mosquitto, road: Road, ear: Ear
) -> None:
    async with hearing(store, broker, port=road.port):
        road.cut()
        await broker.publish_all([("box-1/sms", sms(str(n))) for n in range(200)])
        await until_texts(ear, 200)
    assert sorted(texts(ear), key=int) == [str(n) for n in range(200)]
    assert road.n_connections >= 2


async def test_a_broker_that_speaks_no_mqtt_5_is_heard_as_well(
    store: Store, broker: Mosquitto, road: Road, ear: Ear
) -> None:
    road.is_old = True
    async with hearing(store, broker, port=road.port):
        await broker.publish("box-1/sms", sms("by 3.1.1"))
        await until_texts(ear, 1)
        road.cut()
        await broker.publish("box-1/sms", sms("kept in the session"))
        assert await until_texts(ear, 2) == ["by 3.1.1", "kept in the session"]


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_a_flood_is_taken_with_few_in_hand(store: Store, broker: Mosquitto, ear: Ear, qos: int) -> None:
    limits = Limits(most_in_hand=10)
    mqtt = MqttClient(broker.address(), store, pauses=QUICK, limits=limits, state=(state := LinkState()))
    n_most = 0

    def look() -> bool:
        nonlocal n_most
        n_most = max(n_most, len(mqtt._in_hand))
        return len(texts(ear)) >= 1_000

    async with mqtt:
        await until(lambda: state.trouble is None)
        publishing = asyncio.create_task(
            broker.publish_all([("box-1/sms", sms(str(n))) for n in range(1_000)], qos=qos)
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ear.until(look)
        await publishing
    assert sorted(texts(ear), key=int) == [str(n) for n in range(1_000)]
    assert n_most <= limits.most_in_hand


@pytest.mark.parametrize("host", ["127.0.0.1", "host.invalid", "a..b"])
async def test_a_broker_that_cannot_be_reached_troubles_nobody(
    host: str, store: Store, broker: Mosquitto
) -> None:
    state = LinkState()
    away = broker.address(port=1)
    with capture_logs() as logs:
        async with MqttClient(type(away)(host, 1), store, pauses=QUICK, state=state):
            await until(lambda: len(logs) >= 2)
    assert {line["event"] for line in logs} == {"mqtt.link_lost"}
    assert state.trouble not in (None, "not connected yet")


async def test_a_server_that_stops_while_it_dials_stops(store: Store, broker: Mosquitto, road: Road) -> None:
    for _ in range(20):
        async with MqttClient(broker.address(port=road.port), store, pauses=QUICK):
            await asyncio.sleep(0)
