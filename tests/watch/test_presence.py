"""Presence: every device against its own deadline, on a clock that nobody can set."""

from __future__ import annotations

import asyncio

import pytest

from goip.operations import add_device, change_device, remove_device
from goip.store.store import Store
from tests.store.lives import Ear, beat, crash, enrol, opened
from tests.watch.watching import Time, flips, pass_by, status, watching

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
        await add_device(store, "gw-1", make="http", key_hash="h")
        await pass_by(presence, time, 7200, step=60)
    assert status(store) == "unknown"


async def test_a_device_that_was_removed_and_added_again_waits_for_its_first_heartbeat(
    store: Store, time: Time
) -> None:
    async with watching(store, time) as presence:
        await enrol(store, interval_seconds=10)
        await remove_device(store, "gw-1")
        await add_device(store, "gw-1", make="http", key_hash="h")
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
        await change_device(store, "gw-1", {"set_interval_seconds": 10})
        await pass_by(presence, time, 0.25)
        assert status(store) == "late"
        await pass_by(presence, time, 12.5)
        assert status(store) == "offline"


async def test_an_interval_that_an_operator_lengthens_is_honoured(store: Store, time: Time) -> None:
    async with watching(store, time) as presence:
        await enrol(store, interval_seconds=10)
        await change_device(store, "gw-1", {"set_interval_seconds": 3600})
        await pass_by(presence, time, 3900, step=10)
        assert status(store) == "online"
        await change_device(store, "gw-1", {"set_interval_seconds": None})
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
            await change_device(store, "gw-1", {"name": str(n)})
        assert status(store) == "late"
