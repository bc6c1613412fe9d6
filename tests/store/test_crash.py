"""Fold and replay: after any end, memory is what it was, and the rollups count every heartbeat once."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from goip import transitions
from goip.models import Device, SimSlot
from goip.operations import change_device, remove_device
from goip.store import fold
from goip.store import tables as t
from goip.store.fold import DEVICE_ITSELF, STEP_SECONDS
from goip.store.rows import heartbeat_of
from goip.store.store import Store
from goip.watch.presence import SilenceChange
from tests.conftest import FakeClock
from tests.store.lives import all_rows, beat, crash, enrol, opened, receive, reopen

Fleet = dict[str, Device]


def fleet_of(store: Store) -> Fleet:
    return {device.device_id: device for device in store.fleet}


@pytest.fixture
def folds_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every commit folds some of what waits, so that folds and crashes meet in all ways."""
    monkeypatch.setattr(fold, "FOLD_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(fold, "FOLD_AT_ONCE", 1)


# ---- single cases ----


async def test_after_an_end_without_goodbye_the_fleet_is_what_it_was(store: Store, clock: FakeClock) -> None:
    slots = (SimSlot(0, "Telekom", "T", "+491", "Good", 17, "8949", "262", "490", "LOGIN", "12.50", "raw"),)
    await enrol(store, name="Roof", sim_slots=slots, brand_info={"brand": "google"}, sent_at=clock())
    for n in range(10):
        clock.advance(29.7)
        await beat(store, counter=100 + n, battery_level=90 - n, charging=n % 2 == 0, sent_at=clock())
    clock.advance(1)
    await beat(store, sent_at=clock() - 3_600_000)  # a backlog
    await beat(store, counter=1, sent_at=clock(), interval_seconds=30, firmware="2", ip_address="192.0.2.1")
    before, seq, stats = fleet_of(store), store.fleet.seq, store.fleet.stats()
    await crash(store)
    async with opened(store) as again:
        assert fleet_of(again) == before
        assert (again.fleet.seq, again.fleet.stats()) == (seq, stats)


async def test_slots_that_are_told_in_any_order_come_back_as_they_were(store: Store) -> None:
    slots = (SimSlot(2, phone_number="+3"), SimSlot(0, phone_number="+1"), SimSlot(1, phone_number="+2"))
    await enrol(store, sim_slots=slots)
    before = fleet_of(store)
    await crash(store)
    async with opened(store) as again:
        assert fleet_of(again) == before


async def test_slots_that_are_told_alone_come_back_with_the_others(store: Store) -> None:
    await enrol(store, sim_slots=(SimSlot(0, phone_number="+1"), SimSlot(1, status="searching")))
    await beat(store, sim_slots=(SimSlot(1, status="registered"), SimSlot(2)), is_partial=True)
    before = fleet_of(store)
    assert before["gw-1"].slots == (
        SimSlot(0, phone_number="+1"),
        SimSlot(1, status="registered"),
        SimSlot(2),
    )
    await crash(store)
    async with opened(store) as again:
        assert fleet_of(again) == before


async def test_a_close_folds_everything_so_that_a_start_has_nothing_to_replay(store: Store) -> None:
    await enrol(store)
    for n in range(5):
        await beat(store, battery_level=n)
    before = fleet_of(store)
    await store.close()
    async with opened(store) as again:
        assert fleet_of(again) == before
        (stream,) = await all_rows(again, t.stream)
        assert stream["folded_seq"] == stream["seq"] >= before["gw-1"].seq


async def test_a_key_is_never_given_to_another_device(store: Store) -> None:
    await enrol(store, "gw-1")
    await beat(store, "gw-1", battery_level=50)
    removed = await remove_device(store, "gw-1")
    await crash(store)
    async with opened(store) as again:
        assert (await enrol(again, "gw-2")).pk != removed.pk


async def test_the_charts_of_a_removed_device_are_never_anothers(store: Store) -> None:
    """Also when its single heartbeats are long gone: rollups live longer than those."""
    await enrol(store, "gw-1", battery_level=50)
    removed = await remove_device(store, "gw-1")

    async def drop_log(connection: Any) -> None:
        await connection.execute(t.heartbeat_log.delete())

    await store.transact(drop_log)
    await store.close()
    async with opened(store) as again:
        assert any(row["device_pk"] == removed.pk for row in await all_rows(again, t.heartbeat_rollups))
        assert (await enrol(again, "gw-2")).pk != removed.pk


async def test_the_place_in_the_stream_is_never_given_twice(store: Store) -> None:
    await enrol(store)
    sms = (await receive(store)).sms
    epoch, seq = store.fleet.cursor
    await crash(store)
    async with opened(store) as again:
        assert again.fleet.epoch == epoch
        assert (await beat(again)).seq > seq >= sms.id


def test_a_new_database_begins_an_epoch_of_its_own(make_database: Callable[[], str]) -> None:
    async def epoch() -> str:
        store = Store(url)
        await store.open()
        await store.close()
        return store.fleet.epoch

    epochs = []
    for _ in range(2):
        url = make_database()
        epochs.append(asyncio.run(epoch()))
        assert asyncio.run(epoch()) == epochs[-1]  # and keeps it
    assert len({*epochs, ""}) == 3


async def refuse_updates(store: Store, device_id: str) -> None:
    """SQLite takes any value into any column: so a trigger refuses."""
    async with store.database.writing() as connection:
        await connection.exec_driver_sql(
            f"CREATE TRIGGER refusal BEFORE UPDATE ON devices WHEN NEW.device_id = '{device_id}' "
            "BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )


async def test_one_device_that_cannot_be_folded_does_not_keep_the_others_from_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that passed into the log and whose row the database refuses: the others' are brought up to date."""
    for name in ("bad", "good", "best"):
        await enrol(store, name)
    if store.database.is_sqlite:
        await refuse_updates(store, "bad")
    await beat(store, "bad", firmware=None if store.database.is_sqlite else "\0")
    await beat(store, "good", battery_level=42)
    monkeypatch.setattr(fold, "FOLD_AFTER_SECONDS", 0.0)
    await beat(store, "best", battery_level=43)
    await store.setting("after", lambda: "what was folded beside that beat")
    monkeypatch.undo()
    assert await levels(store) == {"bad": None, "good": 42, "best": None}
    await store.close()
    async with opened(store) as again:
        assert await levels(again) == {"bad": None, "good": 42, "best": 43}
        (stream,) = await all_rows(again, t.stream)
        assert stream["folded_seq"] < again.fleet.find("bad").beat_seq  # type: ignore[union-attr]


async def levels(store: Store) -> dict[str, int | None]:
    """The battery levels in the rows of the devices."""
    return {row["device_id"]: row["battery_level"] for row in await all_rows(store, t.devices)}


# ---- any life ----

texts = st.sampled_from([None, "a", "ü", "😀", "x" * 50])
slots = st.builds(
    lambda index, names, number, signal, iccid, rest: SimSlot(
        index, *names, number, "Good", signal, iccid, None, *rest, None, None
    ),
    st.integers(0, 3),
    st.tuples(texts, texts),
    st.sampled_from([None, "+1", "+2"]),
    st.none() | st.integers(-120, 100),
    st.sampled_from([None, "8949", "8950"]),
    st.tuples(texts, texts),
)
slot_lists = st.none() | st.lists(slots, max_size=3, unique_by=lambda slot: slot.slot_index).map(tuple)
told = st.fixed_dictionaries(
    {},
    optional={
        "name": texts,
        "battery_level": st.none() | st.integers(0, 100),
        "charging": st.none() | st.booleans(),
        "signal_strength": st.none() | st.integers(-120, 100),
        "device_status": texts,
        "sim_slots": slot_lists,
        "brand_info": st.none() | st.just({"brand": "google", "model": "ü"}),
        "interval_seconds": st.none() | st.integers(1, 3600),
        "counter": st.none() | st.integers(0, 20),
        "sent_at": st.none() | st.integers(-4_000, 100),  # seconds from now
    },
)
gaps = st.sampled_from([0.0, 0.001, 1.0, 7.3, 30.0, 299.9, 4000.0])
names = st.sampled_from(["gw-1", "gw-2", "gw-3"])
steps = st.one_of(
    st.tuples(st.just("beat"), names, gaps, told),
    st.tuples(st.just("beat"), names, gaps, told),
    st.tuples(st.just("beat"), names, gaps, told),
    st.tuples(st.just("silence"), names, gaps, st.sampled_from(["late", "offline", "unknown"])),
    st.tuples(st.just("rename"), names, gaps, st.sampled_from(["", "Roof"])),
    st.tuples(st.just("remove"), names, gaps, st.none()),
    st.tuples(st.just("sms"), names, gaps, st.sampled_from(["a", "b"])),
    st.tuples(st.sampled_from(["crash", "restart"]), names, gaps, st.none()),
)


async def _live(store: Store, clock: FakeClock, step: tuple[str, str, float, Any]) -> None:
    what, name, gap, argument = step
    clock.advance(gap)
    known = store.fleet.find(name)
    if what == "beat":
        fields = dict(argument)
        if fields.get("sent_at") is not None:
            fields["sent_at"] = clock() + fields["sent_at"] * 1000
        await enrol(store, name, **fields)
    elif known is None:
        return
    elif what == "silence":
        await store.record(SilenceChange(name, known.last_seen_at, known.status, argument, "no heartbeat"))
    elif what == "rename":
        await change_device(store, name, {"name": argument})
    elif what == "remove":
        await remove_device(store, name)
    elif what == "sms":
        await receive(store, argument, name, sent_at=clock())


async def _after(store: Store, step: tuple[str, str, float, Any]) -> Store:
    """The same store, or the one after its end; what it knows must be the same."""
    if step[0] not in ("crash", "restart"):
        return store
    before, seq, stats = fleet_of(store), store.fleet.seq, store.fleet.stats()
    await (crash(store) if step[0] == "crash" else store.close())
    again = await reopen(store)
    assert fleet_of(again) == before
    # A close may tell the totals once more, which is one change.
    assert seq <= again.fleet.seq <= seq + (step[0] == "restart")
    assert again.fleet.stats() == stats
    return again


Counts = tuple[int | None, ...]
COUNTED = (
    "n_beats",
    *("n_battery", "battery_sum", "battery_min", "battery_max"),
    *("n_signal", "signal_sum", "signal_min", "signal_max"),
)


def _span(values: list[int]) -> Counts:
    return (len(values), sum(values), min(values, default=None), max(values, default=None))


async def _recount(store: Store, pks: set[int]) -> dict[tuple[int, int, int], Counts]:
    """The rollups of these devices, by device, slot and bucket, from nothing but the log."""
    batteries, signals = defaultdict(list), defaultdict(list)
    n_beats: Counter[tuple[int, int, int]] = Counter()
    devices: dict[int, Device] = {}
    for row in await all_rows(store, t.heartbeat_log):
        pk, heartbeat = row["device_pk"], heartbeat_of(row["heartbeat"])
        if pk not in pks:
            continue
        step = transitions.beat(
            devices.get(pk, Device(pk, heartbeat.device_id, 0)), heartbeat, row["received_at"], row["seq"]
        )
        devices[pk] = step.device
        at = transitions.time_of_values(step, heartbeat, row["received_at"])
        bucket_at = at - at % (STEP_SECONDS * 1000)
        told_signals = [(slot.slot_index, slot.signal_strength) for slot in heartbeat.sim_slots or ()]
        n_beats[pk, DEVICE_ITSELF, bucket_at] += 1
        n_beats.update((pk, index, bucket_at) for index, signal in told_signals if signal is not None)
        batteries[pk, DEVICE_ITSELF, bucket_at].append(heartbeat.battery_level)
        for index, signal in [(DEVICE_ITSELF, heartbeat.signal_strength), *told_signals]:
            signals[pk, index, bucket_at].append(signal)
    return {
        key: (n, *_span(_told(batteries[key])), *_span(_told(signals[key]))) for key, n in n_beats.items()
    }


def _told(values: list[int | None]) -> list[int]:
    return [value for value in values if value is not None]


async def _rollups(store: Store, pks: set[int]) -> dict[tuple[int, int, int], Counts]:
    return {
        (row["device_pk"], row["slot_index"], row["bucket_at"]): tuple(row[name] for name in COUNTED)
        for row in await all_rows(store, t.heartbeat_rollups)
        if row["device_pk"] in pks
    }


async def _live_through(url: str, life: list[Any]) -> None:
    clock = FakeClock()
    store = Store(url, clock=clock)
    await store.open()
    try:
        for step in [*life, ("restart", "", 0.0, None)]:
            await _live(store, clock, step)
            store = await _after(store, step)
        pks = {device.pk for device in store.fleet}
        assert await _rollups(store, pks) == await _recount(store, pks)
        assert {row["pk"] for row in await all_rows(store, t.devices)} == pks
        assert len(await all_rows(store, t.sms)) == store.fleet.sms.received
    finally:
        await crash(store)


@pytest.mark.usefixtures("folds_at_once")
@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],  # to shrink such a life takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(life=st.lists(steps, min_size=5, max_size=25))
def test_whatever_happens_memory_survives_and_every_beat_is_counted_once(
    make_database: Callable[[], str], life: list[Any]
) -> None:
    asyncio.run(_live_through(make_database(), life))
