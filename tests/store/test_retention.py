"""Letting go of the old, a bite at a time: what stays is whole, and says from where on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.config import Config
from goip.models import DASHBOARD, SimSlot
from goip.store import facts, history, retention
from goip.store import tables as t
from goip.store.store import Store
from goip.watch.upkeep import Upkeep
from tests.conftest import FakeClock
from tests.store.lives import all_rows, beat, crash, enrol, opened, receive

MIDNIGHT = 1_795_219_200_000
HOUR = 3_600_000
DAY = 24 * HOUR
SUMS = ("n_beats", "n_battery", "battery_sum", "n_signal", "signal_sum")

Bite = Callable[[AsyncConnection, int], Awaitable[int]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(MIDNIGHT)


async def all_bites(store: Store, bite: Bite, before_at: int) -> int:
    """Run it until it finds nothing more; returns how often it found something."""
    n_bites = 0
    while await store.transact(lambda connection: bite(connection, before_at)):
        n_bites += 1
        assert n_bites < 100
    return n_bites


async def reopened_folded(store: Store) -> None:
    """Have everything folded, by the only sure way there is."""
    await store.writer._commit([], foldable=store._folder.foldable(0, everything=True))


# ---- heartbeats ----


async def test_heartbeats_go_when_they_are_old_and_folded(store: Store, clock: FakeClock) -> None:
    await enrol(store)
    for _ in range(9):
        clock.advance(3600)
        await beat(store)
    await reopened_folded(store)
    await all_bites(store, retention.drop_heartbeats, MIDNIGHT + 5 * HOUR)
    assert [row["received_at"] for row in await all_rows(store, t.heartbeat_log)] == [
        MIDNIGHT + n * HOUR for n in range(5, 10)
    ]
    device = store.fleet.find("gw-1")
    assert device is not None
    async with store.reading() as connection:
        page = await history.list_heartbeats(connection, device.pk, device.beat_seq, limit=50)
    assert len(page.rows) == 5


async def test_heartbeats_that_wait_for_their_fold_stay_however_old(store: Store, clock: FakeClock) -> None:
    await enrol(store)
    await beat(store, battery_level=7)
    clock.advance(365 * 86_400)
    await all_bites(store, retention.drop_heartbeats, clock())
    before = list(store.fleet)
    await crash(store)
    async with opened(store) as again:
        assert list(again.fleet) == before
        assert before[0].battery_level == 7


async def test_heartbeats_go_a_bite_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_BITE", 4)
    await enrol(store)
    for _ in range(9):
        await beat(store)
    await reopened_folded(store)
    assert await all_bites(store, retention.drop_heartbeats, MIDNIGHT + 1) >= 3
    assert await all_rows(store, t.heartbeat_log) == []


async def test_a_heartbeat_from_when_the_clock_was_ahead_holds_up_nothing(
    store: Store, clock: FakeClock
) -> None:
    await enrol(store)
    clock.advance(10 * 365 * 86_400)
    await beat(store)
    clock.advance(-10 * 365 * 86_400)
    for _ in range(9):
        clock.advance(3600)
        await beat(store)
    await reopened_folded(store)
    await all_bites(store, retention.drop_heartbeats, MIDNIGHT + 5 * HOUR)
    assert [row["received_at"] for row in await all_rows(store, t.heartbeat_log)] == [
        MIDNIGHT + n * HOUR for n in range(5, 10)
    ]


# ---- facts ----


async def test_facts_go_and_the_stream_says_from_where_on_it_is_whole(store: Store, clock: FakeClock) -> None:
    await enrol(store)
    sent = []
    for n in range(5):
        clock.advance(86_400)
        sent.append((await receive(store, str(n), message_id=str(n))).sms.id)
    config = Config(event_retention_days=2)
    await Upkeep(store, config).once()
    (stream,) = await all_rows(store, t.stream)
    assert stream["oldest_seq"] == store.fleet.oldest_seq == sent[1]
    assert [row["seq"] for row in await all_rows(store, t.events)] == sent[2:]
    async with store.reading() as connection:
        told = await facts.list_facts(connection, [DASHBOARD], after=sent[1], upto=sent[-1], limit=9)
    assert told is not None
    assert [event.seq for event in told] == sent[2:]
    await crash(store)
    async with opened(store) as again:
        assert again.fleet.oldest_seq == sent[1]


async def test_messages_stay_when_their_facts_go(store: Store, clock: FakeClock) -> None:
    await enrol(store)
    await receive(store, "kept", message_id="1")
    clock.advance(400 * 86_400)
    await Upkeep(store, Config()).once()
    assert await all_rows(store, t.events) == []
    assert [row["message"] for row in await all_rows(store, t.sms)] == ["kept"]
    assert (await receive(store, "kept", message_id="1")).is_repeat


# ---- rollups ----


def summed(rows: list[dict[str, Any]]) -> dict[tuple[int, int], list[int]]:
    """Sums and bounds by slot and hour."""
    found: dict[tuple[int, int], list[int]] = {}
    for row in rows:
        key = row["slot_index"], row["bucket_at"] - row["bucket_at"] % HOUR
        old = found.get(key, [0] * len(SUMS) + [999, -999, 999, -999])
        low, high = row["battery_min"], row["battery_max"]
        found[key] = [
            *(had + row[name] for had, name in zip(old, SUMS, strict=False)),
            *(min(old[5], low if low is not None else 999), max(old[6], high if high is not None else -999)),
            *(min(old[7], row["signal_min"]), max(old[8], row["signal_max"])),
        ]
    return found


async def three_hours(store: Store, clock: FakeClock, start: int = 0) -> None:
    for n in range(36):
        clock.at = MIDNIGHT + n * 300_000
        slots = (SimSlot(0, signal_strength=n % 7),)
        await enrol(store, battery_level=(start + n) % 50, signal_strength=-n, sim_slots=slots)
    await reopened_folded(store)


async def test_old_rollups_become_hourly_and_their_sums_and_bounds_stay(
    store: Store, clock: FakeClock
) -> None:
    await three_hours(store, clock)
    before = summed(await all_rows(store, t.heartbeat_rollups))
    assert await all_bites(store, retention.coarsen_rollups, MIDNIGHT + 2 * HOUR + 60_000) == 2
    rows = await all_rows(store, t.heartbeat_rollups)
    assert summed(rows) == before
    hours = [row["bucket_at"] for row in rows if row["step_seconds"] == 3600 and row["slot_index"] == 0]
    assert hours == [MIDNIGHT, MIDNIGHT + HOUR]
    fine = [row["bucket_at"] for row in rows if row["step_seconds"] == 300]
    assert min(fine) == MIDNIGHT + 2 * HOUR


async def test_what_comes_late_for_an_hour_that_is_hourly_already_is_added_to_it(
    store: Store, clock: FakeClock
) -> None:
    """A phone's backlog of last month: the hour has been summed up, and this must not stop the upkeep."""
    await three_hours(store, clock)
    await all_bites(store, retention.coarsen_rollups, MIDNIGHT + 3 * HOUR)
    await three_hours(store, clock, start=11)
    before = summed(await all_rows(store, t.heartbeat_rollups))
    await all_bites(store, retention.coarsen_rollups, MIDNIGHT + 3 * HOUR)
    rows = await all_rows(store, t.heartbeat_rollups)
    assert summed(rows) == before
    assert {row["step_seconds"] for row in rows} == {3600}


async def test_charts_are_drawn_over_hourly_and_fine_rollups_alike(store: Store, clock: FakeClock) -> None:
    await three_hours(store, clock)
    device = store.fleet.find("gw-1")
    assert device is not None

    async def chart() -> list[history.Point]:
        async with store.reading() as connection:
            return await history.list_points(
                connection, device.pk, "battery", from_at=0, to_at=MIDNIGHT + DAY, step_seconds=3600
            )

    before = await chart()
    await all_bites(store, retention.coarsen_rollups, MIDNIGHT + 2 * HOUR)
    assert await chart() == before
    assert len(before) == 3


async def test_rollups_go_at_last(store: Store, clock: FakeClock) -> None:
    await three_hours(store, clock)
    clock.at = MIDNIGHT + 10 * DAY + HOUR
    await Upkeep(store, Config(rollup_retention_days=1)).once()
    rows = await all_rows(store, t.heartbeat_rollups)
    assert {row["bucket_at"] for row in rows} == {MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR}
    assert {row["step_seconds"] for row in rows} == {3600}


async def test_an_upkeep_with_nothing_to_do_changes_nothing(store: Store) -> None:
    await enrol(store)
    before = {table.name: await all_rows(store, table) for table in t.metadata.sorted_tables}
    await Upkeep(store, Config()).once()
    assert {table.name: await all_rows(store, table) for table in t.metadata.sorted_tables} == before
