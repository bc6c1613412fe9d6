"""The one way in: heartbeats and messages, recorded once, told once, answered when they are on disk."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from goip.clock import to_iso
from goip.errors import NotFound, Unavailable
from goip.ingest import Enrolment, record_heartbeat, record_sms
from goip.models import CallEvent, Heartbeat, InboundSms, SimSlot
from goip.operations import adopt_device, change_device, remove_device
from goip.store import tables as t
from goip.store.store import Store
from goip.wire import sms_json
from tests.conftest import FakeClock
from tests.store.lives import Ear, all_rows, beat, crash, enrol, opened, receive

CARD = "89490200001234567890"


# ---- what a beat tells beside ----


async def test_notes_are_told_with_their_beat_and_behind_it(store: Store) -> None:
    await enrol(store)
    ear = Ear(store)
    told = CallEvent("gw-1", "incoming", "inbound", "5551234", slot_index=0)
    await record_heartbeat(store, Heartbeat("gw-1", device_status="INCOMING:5551234"), notes=(told,))
    assert [event.name for event in ear.events] == ["device-heartbeat", "call-event"]
    assert ear.events[0].seq < ear.events[1].seq
    facts = [row["event"] for row in await all_rows(store, t.events)]
    assert facts[-1] == "call-event"


async def test_notes_of_an_unknown_device_leave_nothing(store: Store) -> None:
    with pytest.raises(NotFound):
        await record_heartbeat(store, Heartbeat("gw-1"), notes=(CallEvent("gw-1", "idle"),))
    assert await all_rows(store, t.events) == await all_rows(store, t.heartbeat_log) == []


# ---- devices that are new ----


async def test_an_unknown_device_that_enrols_is_registered_with_its_key(
    store: Store, clock: FakeClock
) -> None:
    ear = Ear(store)
    told = Heartbeat("gw-1", name="Roof", battery_level=80, sim_slots=(SimSlot(0, "T", iccid=CARD),))
    outcome = await record_heartbeat(store, told, enrolment=Enrolment("h", make="ejoin"))
    device = outcome.device
    assert outcome.is_new
    assert (device.make, device.name, device.status, device.battery_level) == ("ejoin", "Roof", "online", 80)
    assert (device.registered_at, device.last_seen_at, device.is_pending) == (clock(), clock(), False)
    assert store.fleet.find("gw-1") == device
    (key,) = await all_rows(store, t.keys)
    assert (key["kind"], key["hash"], key["device_pk"]) == ("device", "h", device.pk)
    fact, heartbeat = ear.events[:2]
    assert (fact.name, fact.rooms) == ("device-status-change", ("device-gw-1", "dashboard"))
    assert fact.data["isNewDevice"] is True  # type: ignore[index]
    assert fact.data["previousStatus"] is None  # type: ignore[index]
    assert (heartbeat.name, heartbeat.data, heartbeat.subject) == ("device-heartbeat", device, "gw-1")
    assert len(ear.named("device-status-change")) == 1


async def test_an_unknown_device_without_enrolment_is_not_found_and_leaves_nothing(store: Store) -> None:
    with pytest.raises(NotFound, match="Device not found") as refusal:
        await record_heartbeat(store, Heartbeat("gw-1"))
    assert refusal.value.code == "unknown_device"
    with pytest.raises(NotFound, match="Device not found"):
        await receive(store)
    assert await all_rows(store, t.devices) == await all_rows(store, t.heartbeat_log) == []
    assert store.fleet.seq == 0


async def test_a_device_that_waits_for_adoption_is_seen_and_has_no_key(store: Store) -> None:
    outcome = await record_heartbeat(store, Heartbeat("gw-1"), enrolment=Enrolment(None, is_pending=True))
    assert outcome.device.is_pending
    assert outcome.is_new
    assert await all_rows(store, t.keys) == []
    again = await record_heartbeat(store, Heartbeat("gw-1"), enrolment=Enrolment(None, is_pending=True))
    assert not again.is_new
    assert again.device.is_pending


async def test_a_message_of_a_device_that_waits_is_to_come_again(store: Store) -> None:
    await record_heartbeat(store, Heartbeat("gw-1"), enrolment=Enrolment(None, is_pending=True))
    with pytest.raises(Unavailable) as refusal:
        await receive(store)
    assert (refusal.value.status, refusal.value.code) == (503, "device_pending")
    assert refusal.value.retry_after_seconds
    await adopt_device(store, "gw-1")
    assert not (await receive(store)).is_repeat


async def test_a_known_device_that_enrols_again_keeps_its_key_and_its_place(store: Store) -> None:
    first = await enrol(store)
    outcome = await record_heartbeat(store, Heartbeat("gw-1"), enrolment=Enrolment("another", make="ejoin"))
    assert not outcome.is_new
    assert (outcome.device.pk, outcome.device.make) == (first.pk, "http")
    assert [row["hash"] for row in await all_rows(store, t.keys)] == ["hash of gw-1"]


async def test_a_key_that_is_there_already_registers_nobody(store: Store) -> None:
    await enrol(store, "gw-1")
    with pytest.raises(Exception):  # noqa: B017, PT011 - a defect of ours, whatever the driver calls it
        await record_heartbeat(store, Heartbeat("gw-2"), enrolment=Enrolment("hash of gw-1"))
    assert store.fleet.find("gw-2") is None
    assert await all_rows(store, t.devices) == [
        row for row in await all_rows(store, t.devices) if row["pk"] == 1
    ]


# ---- heartbeats ----


async def test_an_acknowledged_heartbeat_is_on_disk_and_told(store: Store) -> None:
    await enrol(store)
    ear = Ear(store)
    outcome = await record_heartbeat(store, Heartbeat("gw-1", battery_level=7, counter=5))
    assert [(event.name, event.seq, event.data) for event in ear.events] == [
        ("device-heartbeat", outcome.device.seq, outcome.device)
    ]
    await crash(store)
    async with opened(store) as again:
        assert again.fleet.find("gw-1") == outcome.device


async def test_every_heartbeat_is_logged_with_the_place_of_the_one_before(store: Store) -> None:
    seqs = [(await enrol(store)).beat_seq] + [(await beat(store)).beat_seq for _ in range(3)]
    rows = await all_rows(store, t.heartbeat_log)
    assert [(row["seq"], row["previous_seq"]) for row in rows] == list(zip(seqs, [0, *seqs], strict=False))


async def test_many_heartbeats_of_one_commit_come_back_as_they_were(store: Store) -> None:
    odd = "ü 🎉 \x01 \\ \" ' \\u0000 [1]"
    for n in range(20):
        await enrol(store, f"gw-{n}")
    slots = (SimSlot(0, odd, balance=odd, raw_status=odd, signal_strength=-77), SimSlot(1))
    told: dict[str, Any] = {"name": odd, "device_status": odd, "counter": 2**62, "sim_slots": slots}
    await asyncio.gather(*(beat(store, f"gw-{n}", **told, brand_info={"brand": odd}) for n in range(20)))
    before = {device.device_id: device for device in store.fleet}
    assert before["gw-7"].slots == slots
    await crash(store)
    async with opened(store) as again:
        assert {device.device_id: device for device in again.fleet} == before


async def test_a_reboot_is_told_as_a_fact_in_the_devices_room_and_on_the_dashboard(store: Store) -> None:
    await enrol(store, counter=900)
    ear = Ear(store)
    await beat(store, counter=1)
    (fact,) = ear.named("device-reboot")
    assert fact.rooms == ("device-gw-1", "dashboard")
    assert fact.data["previousCounter"] == 900  # type: ignore[index]
    assert [row["event"] for row in await all_rows(store, t.events)][-1] == "device-reboot"


async def test_a_new_card_is_on_disk_at_once_and_not_only_when_folded(store: Store) -> None:
    await enrol(store)
    await beat(store, sim_slots=(SimSlot(0, phone_number="+1", iccid=CARD),))
    assert [row["iccid"] for row in await all_rows(store, t.slots)] == [CARD]
    await beat(store, sim_slots=(SimSlot(0, iccid=CARD),))
    assert [row["phone_number"] for row in await all_rows(store, t.sims)] == ["+1"]


# ---- messages ----


async def test_a_message_is_stored_told_and_answered_as_one(store: Store, clock: FakeClock) -> None:
    slots = (SimSlot(0, "T", phone_number="+491", iccid=CARD), SimSlot(1, "O2", phone_number="+492"))
    await enrol(store, sim_slots=slots)
    ear = Ear(store)
    outcome = await receive(
        store, "Ihre TAN: 88", sender="BÄNK", slot_index=1, message_id="m-1", sent_at=1_000
    )
    sms = outcome.sms
    assert not outcome.is_repeat
    assert (sms.slot_index, sms.carrier_name, sms.slot_phone_number, sms.recipient) == (
        1,
        "O2",
        "+492",
        "+492",
    )
    assert (sms.sender, sms.message, sms.sent_at, sms.received_at) == ("BÄNK", "Ihre TAN: 88", 1_000, clock())
    assert (sms.direction, sms.status) == ("inbound", "received")
    (fact,) = ear.named("sms-received")
    assert (fact.seq, fact.data, fact.rooms) == (sms.id, sms_json(sms), ("device-gw-1", "dashboard"))
    assert fact.subject is None
    assert store.fleet.sms.received == 1


@pytest.mark.parametrize(
    ("told", "slot_index", "carrier", "recipient"),
    [
        ({"slot_index": 0}, 0, "T", "+491"),
        ({"slot_index": 9}, 9, None, "+490"),
        ({"recipient": "+492"}, 1, "O2", "+492"),
        ({"recipient": "+777"}, None, None, "+777"),
        ({"slot_index": 0, "recipient": "+492"}, 0, "T", "+492"),
        ({}, None, None, "+490"),
    ],
)
async def test_the_slot_is_found_by_its_index_or_its_number(
    store: Store, told: dict[str, Any], slot_index: int | None, carrier: str | None, recipient: str
) -> None:
    slots = (SimSlot(0, "T", phone_number="+491"), SimSlot(1, "O2", phone_number="+492"))
    await enrol(store, sim_slots=slots, phone_number="+490")
    sms = (await receive(store, **told)).sms
    assert (sms.slot_index, sms.carrier_name, sms.recipient) == (slot_index, carrier, recipient)


async def test_a_device_with_one_slot_received_it_there(store: Store) -> None:
    await enrol(store, sim_slots=(SimSlot(3, "T", phone_number="+491"),))
    sms = (await receive(store)).sms
    assert (sms.slot_index, sms.carrier_name, sms.recipient) == (3, "T", "+491")


async def test_a_message_without_a_time_is_of_its_arrival(store: Store, clock: FakeClock) -> None:
    await enrol(store)
    assert (await receive(store)).sms.sent_at == clock()
    assert (await receive(store, "old", sent_at=0)).sms.sent_at == 0


async def test_an_empty_message_is_a_message(store: Store) -> None:
    await enrol(store)
    assert (await receive(store, "")).sms.message == ""


# ---- repeats ----


async def count(store: Store) -> tuple[int, int, int]:
    """Messages stored, told and counted."""
    told = [row for row in await all_rows(store, t.events) if row["event"] == "sms-received"]
    return len(await all_rows(store, t.sms)), len(told), store.fleet.sms.received


async def test_a_repeat_by_id_gets_the_first_answer_whatever_else_it_says(
    store: Store, clock: FakeClock
) -> None:
    await enrol(store)
    first = await receive(store, "one", message_id="m-1", sent_at=1)
    clock.advance(86_400)
    again = await receive(store, "changed", message_id="m-1", sent_at=2, sender="OTHER", slot_index=5)
    assert (first.is_repeat, again.is_repeat) == (False, True)
    assert again.sms == first.sms
    assert await count(store) == (1, 1, 1)


async def test_two_equal_texts_with_different_ids_are_two_messages(store: Store) -> None:
    await enrol(store)
    outcomes = [await receive(store, "code", message_id=n, sent_at=1) for n in ("m-1", "m-2")]
    assert [outcome.is_repeat for outcome in outcomes] == [False, False]
    assert await count(store) == (2, 2, 2)


async def test_one_id_of_two_devices_is_two_messages(store: Store) -> None:
    for name in ("gw-1", "gw-2"):
        await enrol(store, name)
        assert not (await receive(store, "code", name, message_id="m-1")).is_repeat


async def test_without_an_id_the_devices_time_makes_a_repeat(store: Store, clock: FakeClock) -> None:
    await enrol(store)
    first = await receive(store, "code", sent_at=1_000, slot_index=0)
    clock.advance(86_400 * 30)
    assert (await receive(store, "code", sent_at=1_000, slot_index=0)).sms == first.sms
    for other in (
        {"sent_at": 2_000, "slot_index": 0},
        {"sent_at": 1_000, "slot_index": 1},
        {"sent_at": 1_000},
        {"sent_at": 1_000, "slot_index": 0, "sender": "OTHER"},
        {"sent_at": 1_000, "slot_index": 0, "message": "code "},
    ):
        assert not (await receive(store, **{"message": "code", **other})).is_repeat, other
    assert await count(store) == (6, 6, 6)


async def test_an_id_and_a_time_do_not_meet(store: Store) -> None:
    await enrol(store)
    await receive(store, "code", sent_at=1_000)
    assert not (await receive(store, "code", sent_at=1_000, message_id="m-1")).is_repeat


async def test_parts_that_run_into_each_other_make_no_repeat(store: Store) -> None:
    await enrol(store)
    for sender, message in (("AB", "C"), ("A", "BC"), ("ABC", ""), ("A\x1fB", "C"), ("A", "B\x1fC")):
        assert not (await receive(store, message, sender=sender, sent_at=1)).is_repeat


@pytest.mark.parametrize("started", [0, 1, 30_000, 59_999])
async def test_with_neither_id_nor_time_an_equal_one_soon_after_is_a_repeat(
    store: Store, clock: FakeClock, started: int
) -> None:
    """Wherever the minute turns: within a minute always, after two never."""
    clock.at += started - clock.at % 60_000
    await enrol(store)
    first = await receive(store, "code")
    for seconds in (0, 1, 58, 1):
        clock.advance(seconds)
        assert (await receive(store, "code")).sms == first.sms
    assert not (await receive(store, "other")).is_repeat
    clock.advance(61)
    assert not (await receive(store, "code")).is_repeat
    assert store.fleet.sms.received == 3


async def test_repeats_that_come_together_are_stored_once(store: Store) -> None:
    await enrol(store)
    outcomes = await asyncio.gather(*(receive(store, "code", message_id="m-1") for _ in range(20)))
    assert sorted(outcome.is_repeat for outcome in outcomes) == [False] + [True] * 19
    assert len({outcome.sms.id for outcome in outcomes}) == 1
    assert await count(store) == (1, 1, 1)


async def test_a_repeat_after_a_crash_is_a_repeat(store: Store) -> None:
    await enrol(store)
    first = await receive(store, "code", message_id="m-1")
    await crash(store)
    async with opened(store) as again:
        repeat = await receive(again, "code", message_id="m-1")
        assert (repeat.is_repeat, repeat.sms) == (True, first.sms)


async def test_a_repeat_is_known_though_the_device_was_removed_and_came_back(store: Store) -> None:
    await enrol(store)
    first = await receive(store, "code", message_id="m-1")
    await remove_device(store, "gw-1")
    await enrol(store)
    assert (await receive(store, "code", message_id="m-1")).sms == first.sms


async def test_ids_of_any_kind_are_told_apart(store: Store) -> None:
    await enrol(store)
    ids = ["1", "01", " 1", "1 ", "ü", "u\u0308", "a" * 1000, "'; DROP TABLE sms; --"]
    for each in ids:
        outcome = await record_sms(store, InboundSms("gw-1", "S", "text", message_id=each))
        assert not outcome.is_repeat, each
    assert len(await all_rows(store, t.sms)) == len(ids)


# ---- the device's own clock ----


@pytest.mark.parametrize(
    ("zone", "shown", "sent_at"),
    [
        (None, "2026-11-21 05:22:20", "2026-11-21T05:22:21.123Z"),
        ("Europe/Berlin", "2026-11-21 06:22:20", "2026-11-21T05:22:20.000Z"),
        ("America/New_York", "2026-11-20 22:00:00", "2026-11-21T03:00:00.000Z"),
        (
            "Europe/Berlin",
            "2026-11-21 07:22:20",
            "2026-11-21T05:22:21.123Z",
        ),  # an hour ahead: the zone is wrong
        ("Europe/Berlin", "2000-01-01 00:00:00", "2026-11-21T05:22:21.123Z"),
        ("Europe/Berlin", "0001-01-01 00:00:00", "2026-11-21T05:22:21.123Z"),
    ],
)
async def test_a_wall_clock_counts_where_the_zone_is_known_and_it_is_likely(
    store: Store, zone: str | None, shown: str, sent_at: str
) -> None:
    await enrol(store)
    await change_device(store, "gw-1", {"time_zone": zone})
    stored = await receive(store, wall_clock=datetime.fromisoformat(shown), message_id="1")
    assert to_iso(stored.sms.sent_at) == sent_at


async def test_a_repeat_is_one_whatever_zone_was_set_meanwhile(store: Store) -> None:
    await enrol(store)
    shown = datetime.fromisoformat("2026-11-21 06:22:20")
    for told in ({"message_id": "1"}, {"sending_id": "7"}, {}):
        first = await receive(store, wall_clock=shown, **told)
        await change_device(store, "gw-1", {"time_zone": "Europe/Berlin"})
        again = await receive(store, wall_clock=shown, **told)
        assert again.is_repeat
        assert again.sms == first.sms
        await change_device(store, "gw-1", {"time_zone": None})


async def test_a_moment_that_is_told_wins_over_a_wall_clock(store: Store) -> None:
    await enrol(store)
    await change_device(store, "gw-1", {"time_zone": "Europe/Berlin"})
    shown = datetime.fromisoformat("2026-11-21 06:22:20")
    assert (await receive(store, wall_clock=shown, sent_at=5_000)).sms.sent_at == 5_000
