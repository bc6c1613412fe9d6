"""The snapshot that a client starts from, and what a returning client missed."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from goip.models import DASHBOARD, EVERYWHERE, Cursor, SimSlot
from goip.operations import change_device, remove_device
from goip.realtime.emitters import Emission
from goip.realtime.envelope import Batch
from goip.realtime.replay import History
from goip.store import retention
from goip.store.store import Store
from goip.wire import device_json
from tests.store.lives import beat, enrol, opened, receive
from tests.store.test_writer import EveryReader, beat_of

DASH = frozenset({DASHBOARD})


@pytest.fixture
def history(store: Store) -> History:
    return History(store, replay_limit=10)


def told(batch: Batch) -> list[tuple[str, int]]:
    return [(envelope.event.name, envelope.event.seq) for envelope in batch.envelopes]


def state_of(batch: Batch) -> dict[str, Any]:
    assert batch.state is not None
    state: dict[str, Any] = orjson.loads(batch.state)
    return state


async def facts(store: Store, n: int, room: str = DASHBOARD) -> list[int]:
    return [await store.record(Emission("told", {"n": k}, room)) for k in range(n)]


def assert_fresh(batch: Batch, store: Store, after: Cursor | None) -> None:
    """It says honestly that nothing was recovered, and where to go on from."""
    assert (batch.recovered, batch.envelopes) == (False, ())
    assert (batch.after, batch.cursor) == (after, store.fleet.cursor)
    assert state_of(batch)["cursor"] == str(store.fleet.cursor)


# ---- the snapshot ----


async def test_a_snapshot_of_an_empty_store_is_whole(store: Store, history: History) -> None:
    state = orjson.loads(history.snapshot(DASH))
    assert state["cursor"] == f"{store.fleet.epoch}:0"
    assert (state["devices"], state["alerts"], state["notifications"]) == ([], [], [])
    assert state["rooms"] == ["dashboard"]
    assert state["stats"]["totalDevices"] == 0
    assert state["serverTime"].endswith("Z")


async def test_a_snapshot_shows_every_device_as_it_is_now(store: Store, history: History) -> None:
    await enrol(store, "gw-1", sim_slots=(SimSlot(0, "T", phone_number="+1"),))
    await enrol(store, "gw-2")
    history.snapshot(DASH)
    await beat(store, "gw-1", battery_level=7)
    state = orjson.loads(history.snapshot(DASH))
    shown = {device["deviceId"]: device for device in state["devices"]}
    assert shown == {device.device_id: dict(device_json(device)) for device in store.fleet}
    assert shown["gw-1"]["batteryLevel"] == 7
    assert state["stats"]["onlineDevices"] == 2


async def test_a_snapshot_of_a_room_shows_its_device_only(store: Store, history: History) -> None:
    for name in ("gw-1", "gw-2", "gw-3", "1"):
        await enrol(store, name)
    state = orjson.loads(history.snapshot({"device-gw-2", "device-gw-1", "device-gone", "gw-3", "device-"}))
    assert [device["deviceId"] for device in state["devices"]] == ["gw-1", "gw-2"]


async def test_a_snapshot_shows_no_removed_device(store: Store, history: History) -> None:
    await enrol(store, "gw-1")
    history.snapshot(DASH)
    await remove_device(store, "gw-1")
    assert orjson.loads(history.snapshot(DASH))["devices"] == []


# ---- what was missed ----


async def test_nothing_was_missed_at_the_newest_place(store: Store, history: History) -> None:
    await enrol(store)
    cursor = store.fleet.cursor
    batch = await history.missed(DASH, cursor)
    assert (batch.recovered, batch.envelopes, batch.state) == (True, (), None)
    assert (batch.after, batch.cursor) == (cursor, cursor)


async def test_nothing_was_missed_in_an_empty_stream(store: Store, history: History) -> None:
    batch = await history.missed(DASH, Cursor(store.fleet.epoch, 0))
    assert (batch.recovered, batch.envelopes) == (True, ())


async def test_every_fact_is_told_and_of_each_state_the_newest(store: Store, history: History) -> None:
    await enrol(store, "gw-1")
    await enrol(store, "gw-2")
    after = store.fleet.cursor
    for n in range(3):
        await beat(store, "gw-1", battery_level=n)
        await receive(store, str(n), "gw-1", message_id=str(n))
    batch = await history.missed(DASH, after)
    names = [name for name, _ in told(batch) if name != "stats-update"]
    assert names == ["sms-received", "sms-received", "device-heartbeat", "sms-received"]
    seqs = [seq for _, seq in told(batch)]
    assert seqs == sorted(seqs)
    assert batch.cursor == store.fleet.cursor
    heartbeat = next(e for e in batch.envelopes if e.event.name == "device-heartbeat")
    assert orjson.loads(heartbeat.data)["batteryLevel"] == 2


async def test_a_room_is_told_its_own(store: Store, history: History) -> None:
    await enrol(store, "gw-1")
    await enrol(store, "gw-2")
    after = store.fleet.cursor
    await beat(store, "gw-1")
    sms = (await receive(store, "hello", "gw-2")).sms
    everywhere = await store.record(Emission("maintenance", {}, EVERYWHERE))
    device = store.fleet.find("gw-1")
    assert device is not None
    assert told(await history.missed({"device-gw-1"}, after)) == [
        ("device-heartbeat", device.seq),
        ("maintenance", everywhere),
    ]
    assert told(await history.missed({"device-gw-2"}, after)) == [
        ("sms-received", sms.id),
        ("maintenance", everywhere),
    ]


async def test_devices_that_changed_in_turns_within_one_commit_are_all_told(
    store: Store, history: History
) -> None:
    """In the commit A, B, A: whoever knows B's beat still has to hear of A's second one."""
    for name in ("a", "b", "c"):
        await enrol(store, name)
    at = store.clock()
    beats = [store.record(beat_of(name, at, battery_level=n)) for n, name in enumerate("abac")]
    outcomes = [(await done).device for done in beats]
    for n in range(4):
        after = Cursor(store.fleet.epoch, outcomes[n].seq)
        newest = {device.seq for device in outcomes[1:] if device.seq > after.seq}
        heard = {seq for name, seq in told(await history.missed(DASH, after)) if name == "device-heartbeat"}
        assert heard == newest


async def test_a_silent_device_is_told_as_a_fact_and_as_its_state(store: Store, history: History) -> None:
    await enrol(store)
    after = store.fleet.cursor
    await change_device(store, "gw-1", {"name": "Roof"})
    names = [name for name, _ in told(await history.missed(DASH, after))]
    assert names == ["device-heartbeat", "device-updated"]


async def test_what_another_room_has_told_already_is_not_told_again(store: Store, history: History) -> None:
    await enrol(store)
    after = store.fleet.cursor
    sms = (await receive(store, "hello")).sms.id
    own = (await facts(store, 1, "device-gw-1"))[0]
    assert told(await history.missed({"device-gw-1"}, after, {DASHBOARD: after.seq})) == [("told", own)]
    batch = await history.missed({"device-gw-1"}, after, {DASHBOARD: sms})
    assert told(batch) == [("sms-received", sms), ("told", own)]


async def test_what_was_missed_over_a_restart_is_told(store: Store) -> None:
    await enrol(store)
    after = store.fleet.cursor
    sms = (await receive(store, "hello")).sms
    await store.close()
    async with opened(store) as again:
        batch = await History(again, replay_limit=10).missed(DASH, after)
        assert batch.recovered
        assert ("sms-received", sms.id) in told(batch)


# ---- limits, and cursors that are no good ----


async def test_as_many_facts_as_the_limit_are_told_and_one_more_is_a_snapshot(
    store: Store, history: History
) -> None:
    after = store.fleet.cursor
    seqs = await facts(store, 10)
    assert [seq for _, seq in told(await history.missed(DASH, after))] == seqs
    await facts(store, 1)
    assert_fresh(await history.missed(DASH, after), store, after)
    after = Cursor(after.epoch, seqs[0])
    assert len(told(await history.missed(DASH, after))) == 10


async def test_states_do_not_count_against_the_limit(store: Store, history: History) -> None:
    for n in range(30):
        await enrol(store, f"gw-{n}")
    after = store.fleet.cursor
    for n in range(30):
        await beat(store, f"gw-{n}")
    batch = await history.missed(DASH, after)
    assert batch.recovered
    assert sum(name == "device-heartbeat" for name, _ in told(batch)) == 30


async def test_facts_of_other_rooms_do_not_count_against_the_limit(store: Store, history: History) -> None:
    after = store.fleet.cursor
    await facts(store, 30, "device-other")
    batch = await history.missed({"device-gw-1"}, after)
    assert (batch.recovered, batch.envelopes) == (True, ())


@pytest.mark.parametrize("epoch", ["", "0", "another", "E" * 1000])
async def test_a_cursor_of_another_epoch_gets_a_snapshot(store: Store, history: History, epoch: str) -> None:
    await enrol(store)
    after = Cursor(epoch, 1)
    assert_fresh(await history.missed(DASH, after), store, after)


async def test_a_cursor_from_the_future_gets_a_snapshot(store: Store, history: History) -> None:
    await enrol(store)
    for ahead in (1, 10**17):
        after = Cursor(store.fleet.epoch, store.fleet.seq + ahead)
        assert_fresh(await history.missed(DASH, after), store, after)


async def test_a_cursor_from_before_the_trim_gets_a_snapshot_and_one_at_it_is_good(
    store: Store, history: History
) -> None:
    seqs = await facts(store, 6)
    await trim(store, seqs[2])
    for at in (0, seqs[1]):
        after = Cursor(store.fleet.epoch, at)
        assert_fresh(await history.missed(DASH, after), store, after)
    batch = await history.missed(DASH, Cursor(store.fleet.epoch, seqs[2]))
    assert [seq for _, seq in told(batch)] == seqs[3:]


async def test_facts_that_are_trimmed_while_they_are_read_are_never_told_in_part(
    store: Store, history: History
) -> None:
    seqs = await facts(store, 6)
    after = Cursor(store.fleet.epoch, 0)
    async with EveryReader(store):
        reading = asyncio.create_task(history.missed(DASH, after))
        await asyncio.sleep(0)  # it has looked at the cursor, and waits for a connection
        await trim(store, seqs[2])
    assert_fresh(await reading, store, after)


async def trim(store: Store, upto: int) -> None:
    """What the upkeep does with facts that are old."""
    store.fleet.oldest_seq = upto
    await store.transact(lambda connection: retention.drop_facts(connection, upto))


async def test_what_is_published_during_a_replay_is_left_to_the_subscription(
    store: Store, history: History
) -> None:
    first = await facts(store, 2)
    after = Cursor(store.fleet.epoch, 0)
    async with EveryReader(store):
        reading = asyncio.create_task(history.missed(DASH, after))
        await asyncio.sleep(0)
        await facts(store, 2)
    batch = await reading
    assert [seq for _, seq in told(batch)] == first
    assert batch.cursor.seq == first[-1]
