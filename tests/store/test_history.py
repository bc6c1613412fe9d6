"""What a device did before: rollups for charts, single heartbeats, facts."""

from __future__ import annotations

from typing import Any

import pytest

from goip.models import SimSlot
from goip.operations import change_device
from goip.store import history
from goip.store.history import Point
from goip.store.store import Store
from tests.conftest import FakeClock
from tests.store.lives import beat, enrol, opened, receive

MIDNIGHT = 1_795_219_200_000


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(MIDNIGHT)


async def points(store: Store, metric: Any, **fields: Any) -> list[Point]:
    span = {"from_at": MIDNIGHT, "to_at": MIDNIGHT + 86_400_000, "step_seconds": 300, **fields}
    device = store.fleet.find("gw-1")
    assert device is not None
    async with store.reading() as connection:
        return await history.list_points(connection, device.pk, metric, **span)


async def lived(store: Store, clock: FakeClock) -> None:
    """Ten minutes of beats every 100 s: four in the first bucket, three in the second."""
    slots = [(SimSlot(0, signal_strength=n), SimSlot(1, signal_strength=-60 - n)) for n in range(7)]
    for n in range(7):
        told: dict[str, Any] = {"battery_level": 50 + n, "signal_strength": -n, "sim_slots": slots[n]}
        await (enrol if n == 0 else beat)(store, **told)
        clock.advance(100)
    await enrol(store, "gw-2", battery_level=1, signal_strength=1)


async def test_charts_hold_average_bounds_and_count_of_each_bucket(store: Store, clock: FakeClock) -> None:
    await lived(store, clock)
    await store.close()
    async with opened(store) as again:
        second = MIDNIGHT + 300_000
        third = MIDNIGHT + 600_000
        assert await points(again, "battery") == [
            Point(MIDNIGHT, 3, 51.0, 50, 52),
            Point(second, 3, 54.0, 53, 55),
            Point(third, 1, 56.0, 56, 56),
        ]
        assert await points(again, "signal") == [
            Point(MIDNIGHT, 3, -1.0, -2, 0),
            Point(second, 3, -4.0, -5, -3),
            Point(third, 1, -6.0, -6, -6),
        ]
        assert await points(again, "signal", slot_index=1) == [
            Point(MIDNIGHT, 3, -61.0, -62, -60),
            Point(second, 3, -64.0, -65, -63),
            Point(third, 1, -66.0, -66, -66),
        ]
        assert [point.n for point in await points(again, "heartbeats")] == [3, 3, 1]
        assert await points(again, "battery", step_seconds=900) == [Point(MIDNIGHT, 7, 53.0, 50, 56)]
        assert await points(again, "battery", from_at=second, to_at=third) == [Point(second, 3, 54.0, 53, 55)]
        assert await points(again, "battery", slot_index=1) == []
        assert await points(again, "signal", slot_index=9) == []


async def test_a_bucket_without_values_is_a_gap(store: Store, clock: FakeClock) -> None:
    await enrol(store, battery_level=50)
    clock.advance(300)
    await beat(store)
    clock.advance(600)
    await beat(store, battery_level=40)
    await store.close()
    async with opened(store) as again:
        assert [point.at - MIDNIGHT for point in await points(again, "battery")] == [0, 900_000]
        assert [point.at - MIDNIGHT for point in await points(again, "heartbeats")] == [0, 300_000, 900_000]


async def test_a_backlog_counts_where_its_values_are_of(store: Store, clock: FakeClock) -> None:
    clock.advance(7_200)
    await enrol(store, sent_at=clock(), battery_level=50)
    await beat(store, sent_at=MIDNIGHT + 1_000, battery_level=90)
    await store.close()
    async with opened(store) as again:
        assert [(point.at - MIDNIGHT, point.average) for point in await points(again, "battery")] == [
            (0, 90.0),
            (7_200_000, 50.0),
        ]


async def test_single_heartbeats_come_newest_first_page_by_page(store: Store, clock: FakeClock) -> None:
    await enrol(store, battery_level=0, sim_slots=(SimSlot(0, "T", phone_number="+1"),))
    for n in range(1, 7):
        clock.advance(30)
        await beat(store, battery_level=n, sent_at=clock() - 5)
        await enrol(store, "gw-2", battery_level=99)
    device = store.fleet.find("gw-1")
    assert device is not None
    seen, newest = [], device.beat_seq
    while newest is not None:
        async with store.reading() as connection:
            page = await history.list_heartbeats(connection, device.pk, newest, limit=3)
        assert len(page.rows) <= 3
        seen += page.rows
        newest = page.next_before
    assert [logged.heartbeat.battery_level for logged in seen] == [6, 5, 4, 3, 2, 1, 0]
    assert [logged.received_at for logged in seen] == [MIDNIGHT + n * 30_000 for n in range(6, -1, -1)]
    assert seen[0].heartbeat.sent_at == clock() - 5
    assert seen[-1].heartbeat.sim_slots == (SimSlot(0, "T", phone_number="+1"),)


async def test_the_chain_of_heartbeats_outlives_what_is_no_heartbeat(store: Store) -> None:
    await enrol(store, battery_level=1)
    await change_device(store, "gw-1", {"name": "Roof"})
    await receive(store, "hello")
    device = await beat(store, battery_level=2)
    async with store.reading() as connection:
        page = await history.list_heartbeats(connection, device.pk, device.beat_seq, limit=9)
    assert [logged.heartbeat.battery_level for logged in page.rows] == [2, 1]


async def test_a_chain_that_starts_at_anothers_heartbeat_is_empty(store: Store) -> None:
    first = await enrol(store, "gw-1")
    second = await enrol(store, "gw-2")
    async with store.reading() as connection:
        assert (await history.list_heartbeats(connection, first.pk, second.beat_seq, limit=9)).rows == []
        assert (await history.list_heartbeats(connection, first.pk, 0, limit=9)).rows == []


async def test_a_devices_facts_come_newest_first_page_by_page_and_are_its_own(store: Store) -> None:
    await enrol(store, "gw-1")
    await enrol(store, "gw-2")
    for n in range(4):
        await receive(store, str(n), "gw-1", message_id=str(n))
        await receive(store, "other", "gw-2", message_id=str(n))
    seen, before = [], None
    while not seen or before is not None:
        async with store.reading() as connection:
            page = await history.list_device_facts(connection, "gw-1", limit=2, before=before)
        seen += page.rows
        before = page.next_before
    assert [event.name for event in seen] == ["sms-received"] * 4 + ["device-status-change"]
    assert [event.data["message"] for event in seen[:4]] == ["3", "2", "1", "0"]  # type: ignore[index]
    assert [event.seq for event in seen] == sorted((event.seq for event in seen), reverse=True)
