"""Presence when beats race flips, when the disk will not take them, and when there are ten thousand."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from goip import rhythm
from goip.errors import Unavailable
from goip.store.store import Store
from goip.watch import presence as watch
from goip.watch.presence import Presence
from tests.conftest import FakeClock
from tests.store.lives import Ear, beat, enrol
from tests.store.test_trouble import locked
from tests.watch.watching import Time, flips, pass_by, status, watching

# ---- races and trouble ----


async def test_a_beat_that_races_a_flip_wins(store: Store, time: Time) -> None:
    async with watching(store, time) as presence:
        await enrol(store, interval_seconds=10)
        await pass_by(presence, time, 13)
        # The flip to offline, then the one to late, each in one commit with a beat before it.
        for deadline, told in ((19.0, [("gw-1", "late", "online")]), (12.0, [])):
            await pass_by(presence, time, deadline - 0.25)
            ear = Ear(store)
            time.advance(0.25)
            beating = asyncio.ensure_future(beat(store))
            await asyncio.sleep(0)  # it is in the queue, before the flip
            await presence.look()
            await beating
            assert flips(ear) == told
            assert status(store) == "online"
        await pass_by(presence, time, 20.25)  # its beats came unevenly, which earned it some grace
        assert status(store) == "late"


async def test_a_flip_that_cannot_be_stored_is_stored_later(sqlite_store: Store, time: Time) -> None:
    store = sqlite_store
    async with watching(store, time) as presence:
        await enrol(store, interval_seconds=10)
        ear = Ear(store)
        with locked(store):
            await pass_by(presence, time, 120, step=2)
            assert status(store) == "online"
        await pass_by(presence, time, 4)
    assert flips(ear) == [("gw-1", "online", "late"), ("gw-1", "late", "offline")]


async def test_a_flip_to_offline_that_cannot_be_stored_is_stored_later(
    sqlite_store: Store, time: Time
) -> None:
    store = sqlite_store
    async with watching(store, time) as presence:
        await enrol(store, interval_seconds=10)
        await pass_by(presence, time, 13)
        with locked(store):
            await pass_by(presence, time, 40, step=2)
            assert status(store) == "late"
        await pass_by(presence, time, 2)
        assert status(store) == "offline"


async def test_a_device_that_beats_while_its_flip_waits_for_the_disk_stays_online(
    sqlite_store: Store, time: Time
) -> None:
    store = sqlite_store
    async with watching(store, time) as presence:
        await enrol(store, interval_seconds=10)
        await pass_by(presence, time, 13)
        with locked(store):
            await pass_by(presence, time, 40, step=2)
        await beat(store)
        await pass_by(presence, time, 10)
        assert status(store) == "online"


async def test_flips_that_find_the_queue_full_are_told_later(
    database_url: str, time: Time, clock: FakeClock
) -> None:
    store = Store(database_url, clock=clock, queue_size=2)
    await store.open()
    async with watching(store, time) as presence:
        for n in range(6):
            await enrol(store, f"gw-{n}", interval_seconds=10)
        await pass_by(presence, time, 60)
        assert {status(store, f"gw-{n}") for n in range(6)} == {"offline"}
    await store.close()


async def test_a_defect_in_one_look_does_not_stop_the_watch(
    store: Store, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_LOOK_EVERY_SECONDS", 0.001)
    presence = Presence(store, time)
    await presence.start()
    real, looks = presence.look, asyncio.Semaphore(0)

    async def look() -> None:
        looks.release()
        if looks._value == 1:
            raise ZeroDivisionError("a defect")
        if looks._value == 2:
            raise Unavailable("the disk is full")
        await real()

    monkeypatch.setattr(presence, "look", look)
    await enrol(store, interval_seconds=10)
    ear = Ear(store)
    time.advance(13)
    await ear.until(lambda: flips(ear))
    await presence.stop()
    assert flips(ear) == [("gw-1", "online", "late")]


# ---- ten thousand ----


async def test_of_ten_thousand_devices_each_flips_within_a_second_of_its_deadline(
    sqlite_store: Store, time: Time
) -> None:
    store, n_devices, chance = sqlite_store, 10_000, random.Random(7)
    due: dict[tuple[str, str], float] = {}
    flipped: dict[tuple[str, str], float] = {}

    async def come(n: int) -> None:
        device = await enrol(store, f"gw-{n}", interval_seconds=chance.randint(5, 30))
        due[device.device_id, "late"] = time.now + rhythm.late_seconds(device)
        due[device.device_id, "offline"] = time.now + rhythm.offline_seconds(device)

    def hear(events: Any) -> None:
        for event in events:
            if event.name == "device-status-change":
                flipped[event.data["deviceId"], event.data["currentStatus"]] = time.now

    async with watching(store, time) as presence:
        for start in range(0, n_devices, 2_000):
            await asyncio.gather(*(come(n) for n in range(start, start + 2_000)))
            time.advance(0.1)
        store.subscribe(hear)
        await pass_by(presence, time, 34.0)
    expected = {key for key, at in due.items() if at <= time.now - 1}
    assert len(expected) > n_devices
    assert expected <= set(flipped)
    assert all(0 <= flipped[key] - due[key] <= 1 for key in flipped)
    assert store.fleet.stats().late_devices + store.fleet.stats().offline_devices > n_devices * 0.9
