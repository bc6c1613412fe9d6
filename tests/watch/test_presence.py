"""Presence: every device against its own deadline, on a clock that nobody can set."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from goip import rhythm
from goip.errors import Unavailable
from goip.models import Event
from goip.operations import DeviceChanges, add_device, change_device, remove_device
from goip.store.store import Store
from goip.watch import presence as watch
from goip.watch.presence import Presence
from tests.conftest import FakeClock
from tests.store.lives import Ear, beat, crash, enrol, opened
from tests.store.test_trouble import locked

LOOK = 0.25


class Time:
    """Both clocks, the monotonic and the wall's, moved together unless a test does otherwise."""

    def __init__(self, wall: FakeClock) -> None:
        self.now = 5000.0
        self.wall = wall

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.wall.advance(seconds)


@pytest.fixture
def time(clock: FakeClock) -> Time:
    return Time(clock)


@asynccontextmanager
async def watching(store: Store, time: Time) -> AsyncIterator[Presence]:
    """A watch that looks when the test says so."""
    presence = Presence(store, time)
    await presence.start()
    await presence.stop()
    yield presence


async def pass_by(presence: Presence, time: Time, seconds: float, step: float = LOOK) -> None:
    """Time goes by, and presence looks four times a second."""
    until = time.now + seconds
    while time.now + step <= until + 1e-9:
        time.advance(step)
        await presence.look()


def flips(ear: Ear) -> list[tuple[str, str | None, str]]:
    return [_flip(event) for event in ear.named("device-status-change")]


def _flip(event: Event) -> tuple[str, str | None, str]:
    data: Any = event.data
    return data["deviceId"], data["previousStatus"], data["currentStatus"]


def status(store: Store, device_id: str = "gw-1") -> str:
    device = store.fleet.find(device_id)
    assert device is not None
    return device.status


# ---- late, offline, back ----


async def test_a_silent_device_is_late_then_offline_each_with_its_reason(store: Store, time: Time) -> None:
    async with watching(store, time) as presence:
        await enrol(store, interval_seconds=30)
        ear = Ear(store)
        await pass_by(presence, time, 32.75)
        assert status(store) == "online"
        await pass_by(presence, time, 0.5)
        assert status(store) == "late"
        await pass_by(presence, time, 59.5)
        assert status(store) == "late"
        await pass_by(presence, time, 0.5)
        assert status(store) == "offline"
        await pass_by(presence, time, 600, step=10)
    assert flips(ear) == [("gw-1", "online", "late"), ("gw-1", "late", "offline")]
    late, offline = (event.data for event in ear.named("device-status-change"))
    assert (late["isOnline"], offline["isOnline"]) == (True, False)  # type: ignore[index]
    assert late["reason"] == "a heartbeat is overdue"  # type: ignore[index]
    assert offline["reason"] == "no heartbeat for 93 s; one is due every 30 s"  # type: ignore[index]


async def test_a_device_that_beats_in_time_is_never_late(store: Store, time: Time) -> None:
    async with watching(store, time) as presence:
        await enrol(store, interval_seconds=30)
        ear = Ear(store)
        for _ in range(20):
            await pass_by(presence, time, 32, step=1)
            await beat(store)
    assert flips(ear) == []


async def test_a_device_that_comes_back_is_watched_again(store: Store, time: Time) -> None:
    async with watching(store, time) as presence:
        await enrol(store, interval_seconds=10)
        ear = Ear(store)
        for _ in range(2):
            await pass_by(presence, time, 40, step=0.5)
            await beat(store)
        assert [current for _, _, current in flips(ear)] == ["late", "offline", "online"] * 2
        await pass_by(presence, time, 13)
        await beat(store)
        assert [current for _, _, current in flips(ear)][6:] == ["late", "online"]


async def test_both_deadlines_that_passed_unseen_are_told_one_after_the_other(
    store: Store, time: Time
) -> None:
    """The look was held up, by a suspended machine say: no state is skipped, and the look ends."""
    async with watching(store, time) as presence:
        await enrol(store, interval_seconds=10)
        ear = Ear(store)
        time.advance(3600)
        await asyncio.wait_for(presence.look(), 5)
        await pass_by(presence, time, 1.5)
    assert flips(ear) == [("gw-1", "online", "late"), ("gw-1", "late", "offline")]


async def test_a_backlog_proves_presence_too(store: Store, time: Time) -> None:
    async with watching(store, time) as presence:
        await enrol(store, interval_seconds=10, sent_at=time.wall())
        ear = Ear(store)
        for _ in range(5):
            await pass_by(presence, time, 10, step=1)
            await beat(store, sent_at=1_700_000_000_000)
    assert flips(ear) == []


async def test_a_device_that_was_never_heard_is_waited_for_without_end(store: Store, time: Time) -> None:
    async with watching(store, time) as presence:
        await add_device(store, "gw-1", name=None, make="http", key_hash="h")
        await pass_by(presence, time, 7200, step=60)
    assert status(store) == "unknown"


async def test_a_device_that_was_removed_and_added_again_waits_for_its_first_heartbeat(
    store: Store, time: Time
) -> None:
    async with watching(store, time) as presence:
        await enrol(store, interval_seconds=10)
        await remove_device(store, "gw-1")
        await add_device(store, "gw-1", name=None, make="http", key_hash="h")
        await pass_by(presence, time, 7200, step=60)
    assert status(store) == "unknown"


async def test_a_removed_device_is_forgotten(store: Store, time: Time) -> None:
    async with watching(store, time) as presence:
        for n in range(20):
            await enrol(store, f"gw-{n}", interval_seconds=10)
            await remove_device(store, f"gw-{n}")
        ear = Ear(store)
        await pass_by(presence, time, 120, step=1)
        assert ear.named("device-status-change") == []
        assert (presence._heap, presence._heard, presence._due) == ([], {}, {})


# ---- after a start ----


async def test_a_restart_doubts_every_device_and_raises_no_false_alarm(store: Store, time: Time) -> None:
    async with watching(store, time) as presence:
        for name in ("gw-1", "gw-2"):
            await enrol(store, name, interval_seconds=30)
        await enrol(store, "gone", interval_seconds=1)
        await pass_by(presence, time, 30)
        assert status(store, "gone") == "offline"
    await crash(store)
    time.advance(3600)  # we were down, they were not
    async with opened(store) as again:
        ear = Ear(again)
        async with watching(again, time) as presence:
            assert [status(again, name) for name in ("gw-1", "gw-2", "gone")] == [
                "unknown",
                "unknown",
                "offline",
            ]
            await pass_by(presence, time, 92.75)
            assert status(again, "gw-2") == "unknown"
            await beat(again, "gw-1")
            await pass_by(presence, time, 0.5)
        assert flips(ear) == [
            ("gw-1", "online", "unknown"),
            ("gw-2", "online", "unknown"),
            ("gw-1", "unknown", "online"),
            ("gw-2", "unknown", "offline"),
        ]
        reason = ear.named("device-status-change")[-1].data["reason"]  # type: ignore[index]
        assert reason == "no heartbeat since the server started, 93 s ago; one is due every 30 s"


async def test_a_device_that_was_late_before_a_restart_is_doubted_too(store: Store, time: Time) -> None:
    async with watching(store, time) as presence:
        await enrol(store, interval_seconds=10)
        await pass_by(presence, time, 13)
        assert status(store) == "late"
    await crash(store)
    async with opened(store) as again, watching(again, time) as presence:
        assert status(again) == "unknown"
        await pass_by(presence, time, 31)
        assert status(again) == "unknown"
        await pass_by(presence, time, 2)
        assert status(again) == "offline"


# ---- clocks ----


@pytest.mark.parametrize("jump_seconds", [3600, -3600, 86_400 * 365])
async def test_a_wall_clock_that_is_set_makes_nobody_late_and_keeps_nobody(
    store: Store, time: Time, jump_seconds: int
) -> None:
    async with watching(store, time) as presence:
        await enrol(store, "there", interval_seconds=10)
        await enrol(store, "gone", interval_seconds=10)
        ear = Ear(store)
        time.wall.advance(jump_seconds)
        for _ in range(8):
            await pass_by(presence, time, 5)
            await beat(store, "there")
    assert flips(ear) == [("gone", "online", "late"), ("gone", "late", "offline")]
    offline = ear.named("device-status-change")[-1].data
    assert offline["reason"] == "no heartbeat for 32 s; one is due every 10 s"  # type: ignore[index]


# ---- deadlines that move ----


async def test_an_interval_that_an_operator_shortens_is_honoured_at_once(store: Store, time: Time) -> None:
    async with watching(store, time) as presence:
        await enrol(store, interval_seconds=3600)
        await pass_by(presence, time, 20, step=1)
        await change_device(store, "gw-1", DeviceChanges(interval_seconds=10))
        await pass_by(presence, time, 0.25)
        assert status(store) == "late"
        await pass_by(presence, time, 12.5)
        assert status(store) == "offline"


async def test_an_interval_that_an_operator_lengthens_is_honoured(store: Store, time: Time) -> None:
    async with watching(store, time) as presence:
        await enrol(store, interval_seconds=10)
        await change_device(store, "gw-1", DeviceChanges(interval_seconds=3600))
        await pass_by(presence, time, 3900, step=10)
        assert status(store) == "online"
        await change_device(store, "gw-1", DeviceChanges(interval_seconds=0))
        await pass_by(presence, time, 0.25)
        assert status(store) == "late"


async def test_an_interval_that_the_device_declares_anew_is_honoured(store: Store, time: Time) -> None:
    async with watching(store, time) as presence:
        await enrol(store, interval_seconds=3600)
        await beat(store, interval_seconds=10)
        await pass_by(presence, time, 13)
        assert status(store) == "late"


async def test_a_change_of_name_moves_no_deadline(store: Store, time: Time) -> None:
    async with watching(store, time) as presence:
        await enrol(store, interval_seconds=10)
        for n in range(13):
            await pass_by(presence, time, 1)
            await change_device(store, "gw-1", DeviceChanges(name=str(n)))
        assert status(store) == "late"


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
