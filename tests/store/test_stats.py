"""The totals of the dashboard: always those of the fleet, told soon and not too often."""

from __future__ import annotations

import asyncio
from typing import Any

from goip.models import Stats
from goip.operations import remove_device
from goip.store.store import Store
from goip.watch.presence import SilenceChange
from tests.store.lives import Ear, beat, crash, enrol, opened, receive


async def silence(store: Store, device_id: str, status: Any) -> None:
    known = store.fleet.find(device_id)
    assert known is not None
    await store.record(SilenceChange(device_id, known.last_seen_at, known.status, status, "no heartbeat"))


async def test_the_totals_follow_every_change(store: Store) -> None:
    for n in range(5):
        await enrol(store, f"gw-{n}")
    for device_id, status in {"gw-1": "late", "gw-2": "offline", "gw-3": "unknown"}.items():
        await silence(store, device_id, status)
    await remove_device(store, "gw-4")
    for n in (1, 2, 2):
        await receive(store, "hello", "gw-0", message_id=str(n))
    expected = Stats(
        total_devices=4,
        online_devices=2,
        late_devices=1,
        offline_devices=1,
        unknown_devices=1,
        received_sms=2,
    )
    assert store.fleet.stats() == expected
    await crash(store)
    async with opened(store) as again:
        assert again.fleet.stats() == expected


async def test_totals_are_told_within_a_moment_though_nothing_else_happens(store: Store) -> None:
    await enrol(store)
    ear = Ear(store)
    await receive(store, "hello")
    await ear.until(lambda: ear.named("stats-update"))
    (event,) = ear.named("stats-update")
    assert event.data["receivedSms"] == event.data["totalSms"] == 1  # type: ignore[index]
    assert event.data["seq"] == event.seq == store.fleet.seq == store.fleet.stats_seq  # type: ignore[index]
    assert "dashboard" in event.rooms
    assert event.subject == "stats"


async def test_totals_are_told_after_what_changed_them_and_not_with_every_change(store: Store) -> None:
    ear = Ear(store)
    await asyncio.gather(*(enrol(store, f"gw-{n}") for n in range(30)))
    for n in range(30):
        await receive(store, str(n), f"gw-{n}", message_id=str(n))
    await ear.until(
        lambda: ear.named("stats-update")[-1:] and ear.named("stats-update")[-1].data["totalSms"] == 30
    )  # type: ignore[index]
    assert len(ear.named("stats-update")) < 30
    assert ear.events[-1].name == "stats-update"
    for event, following in zip(ear.events, ear.events[1:], strict=False):
        assert event.name != "stats-update" or following.seq == event.seq + 1


async def test_totals_that_stay_the_same_are_not_told_again(store: Store) -> None:
    ear = Ear(store)
    await enrol(store)
    await ear.until(lambda: ear.named("stats-update"))
    for _ in range(3):
        await beat(store)
        await asyncio.sleep(0.3)
    assert len(ear.named("stats-update")) == 1
