"""Lines under their box: by themselves where that is certain, else by an operator."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from goip.errors import InvalidPayload
from goip.ingest import Enrolment, record_heartbeat
from goip.models import Device, Heartbeat, SimSlot
from goip.operations import Settings, add_device, adopt_device, change_device, remove_device
from goip.store import tables as t
from goip.store.store import Store
from tests.conftest import FakeClock
from tests.store.lives import Ear, all_rows, beat, crash, enrol, opened
from tests.watch.watching import Time, flips, pass_by, status, watching

HOST = "192.0.2.7"
BOX = f"goip@{HOST}"


async def new_line(store: Store, device_id: str, *, is_pending: bool = False, host: str = HOST) -> Device:
    """A line of a GoIP box, by its first keepalive."""
    told = Heartbeat(device_id, sim_slots=(SimSlot(0),), ip_address=host, interval_seconds=30)
    enrolment = Enrolment(None if is_pending else f"hash of {device_id}", "dbl", is_pending)
    return (await record_heartbeat(store, told, enrolment=enrolment)).device


def device(store: Store, device_id: str) -> Device:
    found = store.fleet.find(device_id)
    assert found is not None
    return found


def parents(store: Store) -> dict[str, str | None]:
    return {each.device_id: each.parent for each in store.fleet}


async def test_the_lines_of_a_box_come_under_it_by_themselves(store: Store, clock: FakeClock) -> None:
    ear = Ear(store)
    assert (await new_line(store, "goip1")).parent is None
    second = await new_line(store, "goip2")
    await new_line(store, "goip3")
    await new_line(store, "goip4", host="198.51.100.1")
    expected = {"goip1": BOX, "goip2": BOX, "goip3": BOX, "goip4": None, BOX: None}
    assert parents(store) == expected
    assert second.parent == BOX
    box = device(store, BOX)
    assert (box.name, box.make, box.ip_address, box.status) == ("goip", "dbl", HOST, "online")
    told = {event.data["deviceId"]: event.data["parent"] for event in ear.named("device-updated")}  # type: ignore[index]
    assert told == {"goip1": BOX, "goip2": BOX, "goip3": BOX}
    before = list(store.fleet)
    await crash(store)
    async with opened(store) as again:
        assert list(again.fleet) == before


async def test_a_box_lives_as_long_as_any_of_its_lines(store: Store, clock: FakeClock) -> None:
    time = Time(clock)
    async with watching(store, time) as presence:
        for n in (1, 2, 3):
            await new_line(store, f"goip{n}")
        ear = Ear(store)
        for _ in range(12):
            await pass_by(presence, time, 30, step=1)
            await beat(store, "goip2", interval_seconds=30)
        assert {each for each, _, current in flips(ear) if current == "offline"} == {"goip1", "goip3"}
        assert BOX not in {each for each, _, _ in flips(ear)}
        await pass_by(presence, time, 120, step=1)
        assert status(store, BOX) == "offline"
        await beat(store, "goip2")
        assert status(store, BOX) == "online"


async def test_lines_that_speak_at_once_count_for_their_box_once(store: Store, clock: FakeClock) -> None:
    for n in range(1, 9):
        await new_line(store, f"goip{n}")
    clock.advance(30)
    box, ear = device(store, BOX), Ear(store)
    for n in range(1, 9):
        await beat(store, f"goip{n}")
    assert [e.subject for e in ear.named("device-heartbeat")].count(BOX) == 1
    assert device(store, BOX).beat_seq > box.beat_seq


async def test_a_box_that_speaks_itself_does_not_live_by_its_lines(store: Store, clock: FakeClock) -> None:
    await enrol(store, "gw-1")
    await new_line(store, "goip1")
    await change_device(store, "goip1", {"parent": "gw-1"})
    clock.advance(60)
    await beat(store, "goip1")
    assert device(store, "gw-1").last_seen_at == clock() - 60_000


async def test_lines_that_wait_come_under_their_box_when_they_are_adopted(store: Store) -> None:
    for n in (1, 2, 3):
        await new_line(store, f"goip{n}", is_pending=True)
    assert set(parents(store).values()) == {None}
    await adopt_device(store, "goip1")
    assert parents(store) == {"goip1": None, "goip2": None, "goip3": None}
    assert (await adopt_device(store, "goip2")).parent == BOX
    assert (await adopt_device(store, "goip3", {"parent": None, "name": "Alone"})).parent is None
    assert parents(store) == {"goip1": BOX, "goip2": BOX, "goip3": None, BOX: None}
    assert (await adopt_device(store, "goip3")).parent is None  # it waits no more, and was taken out


async def test_a_removed_box_frees_its_lines_and_they_stay_free(store: Store) -> None:
    for n in (1, 2):
        await new_line(store, f"goip{n}")
    ear = Ear(store)
    await remove_device(store, BOX)
    assert parents(store) == {"goip1": None, "goip2": None}
    assert [event.name for event in ear.events if event.subject is None] == [
        "device-updated",
        "device-updated",
        "device-removed",
    ]
    await new_line(store, "goip3")
    assert set(parents(store).values()) == {None}
    await crash(store)
    async with opened(store) as again:
        assert set(parents(again).values()) == {None}


@pytest.mark.parametrize(
    ("device_id", "parent", "problem"),
    [
        ("a", "a", "Must not be the device itself."),
        ("a", "nobody", "Must be a device that is there."),
        ("a", "line", "Must not be a line itself: it is one of box."),
        ("box", "a", "Must be empty: this device has lines of its own."),
    ],
)
async def test_a_parent_that_cannot_be_is_refused_by_name(
    store: Store, device_id: str, parent: str, problem: str
) -> None:
    for each in ("a", "box", "line"):
        await enrol(store, each)
    await change_device(store, "line", {"parent": "box"})
    seq = store.fleet.seq
    with pytest.raises(InvalidPayload) as refusal:
        await change_device(store, device_id, {"parent": parent, "name": "x"})
    assert refusal.value.fields == {"parent": [problem]}
    assert store.fleet.seq == seq


async def test_a_parent_is_checked_as_the_changes_before_left_it(store: Store) -> None:
    for each in ("a", "b"):
        await enrol(store, each)
    changes = [
        change_device(store, "a", {"parent": "b"}),
        change_device(store, "b", {"parent": "a"}),
    ]
    answers: list[Any] = await asyncio.gather(*changes, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Device, InvalidPayload]
    assert parents(store) == {"a": "b", "b": None}


async def test_a_new_device_may_have_a_parent_from_the_start(store: Store) -> None:
    await add_device(store, "rack", make="dbl", key_hash="h-1")
    settings: Settings = {"parent": "rack", "time_zone": "Asia/Tokyo", "set_interval_seconds": 45}
    line = await add_device(store, "l-1", make="dbl", key_hash="h-2", settings=settings)
    assert (line.parent, line.time_zone, line.interval_seconds) == ("rack", "Asia/Tokyo", 45)
    with pytest.raises(InvalidPayload):
        await add_device(store, "l-2", make="dbl", key_hash="h-3", settings={"parent": "l-2"})
    assert [row["hash"] for row in await all_rows(store, t.keys)] == ["h-1", "h-2"]
