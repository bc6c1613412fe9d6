"""Long polling: one frame an answer, that begins where the last one ended."""

from __future__ import annotations

import asyncio

import pytest

from goip.models import DASHBOARD, Cursor
from goip.realtime.emitters import Emission
from goip.realtime.envelope import Batch
from goip.realtime.hub import Hub
from goip.realtime.polling import next_frame
from goip.realtime.replay import History
from goip.store.store import Store
from tests.realtime.listeners import VIEWER
from tests.store.lives import beat, enrol, receive

DASH = frozenset({DASHBOARD})


@pytest.fixture
def hub(store: Store) -> Hub:
    hub = Hub(store.fleet)
    store.subscribe(hub.publish)
    return hub


@pytest.fixture
def history(store: Store) -> History:
    return History(store, replay_limit=100)


def seqs(batch: Batch) -> list[int]:
    return [envelope.event.seq for envelope in batch.envelopes]


async def tell(store: Store, room: str = DASHBOARD) -> int:
    return await store.record(Emission("told", {}, room))


async def test_what_was_missed_is_answered_at_once(store: Store, hub: Hub, history: History) -> None:
    after = store.fleet.cursor
    missed = [await tell(store), await tell(store)]
    batch = await asyncio.wait_for(next_frame(hub, history, VIEWER, DASH, after, 60), 5)
    assert (batch.after, seqs(batch), batch.cursor) == (after, missed, store.fleet.cursor)


async def test_the_answer_waits_for_something_to_happen(store: Store, hub: Hub, history: History) -> None:
    after = store.fleet.cursor
    waiting = asyncio.create_task(next_frame(hub, history, VIEWER, DASH, after, 60))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    seq = await tell(store)
    batch = await asyncio.wait_for(waiting, 5)
    assert (batch.after, seqs(batch)[0]) == (after, seq)


async def test_what_happens_elsewhere_ends_no_wait(store: Store, hub: Hub, history: History) -> None:
    await enrol(store)
    after = store.fleet.cursor
    waiting = asyncio.create_task(next_frame(hub, history, VIEWER, {"device-gw-1"}, after, 0.3))
    await asyncio.sleep(0)
    await tell(store, "device-gw-2")
    batch = await asyncio.wait_for(waiting, 5)
    assert (batch.after, batch.envelopes, batch.recovered) == (after, (), True)


@pytest.mark.parametrize("wait", [0, 0.05])
async def test_when_nothing_happens_the_answer_is_an_empty_frame_to_go_on_from(
    store: Store, hub: Hub, history: History, wait: float
) -> None:
    await enrol(store)
    after = store.fleet.cursor
    batch = await asyncio.wait_for(next_frame(hub, history, VIEWER, DASH, after, wait), 5)
    assert (batch.after, batch.envelopes, batch.recovered) == (after, (), True)
    assert after.seq <= batch.cursor.seq <= store.fleet.seq


async def test_a_cursor_that_is_no_good_is_answered_at_once_with_a_snapshot(
    store: Store, hub: Hub, history: History
) -> None:
    for after in (Cursor("another", 0), Cursor(store.fleet.epoch, 99)):
        batch = await asyncio.wait_for(next_frame(hub, history, VIEWER, DASH, after, 60), 5)
        assert (batch.recovered, batch.after, batch.cursor) == (False, after, store.fleet.cursor)
        assert batch.state


async def test_a_wait_leaves_nothing_behind_however_it_ends(store: Store, hub: Hub, history: History) -> None:
    after = store.fleet.cursor
    waits = [
        asyncio.create_task(next_frame(hub, history, VIEWER, DASH, after, wait)) for wait in (0.01, 60, 60)
    ]
    await waits[0]
    waits[1].cancel()
    await tell(store)
    await asyncio.gather(*waits, return_exceptions=True)
    assert (hub._groups, tuple(hub.subscribers)) == ({}, ())


async def test_a_server_that_stops_answers_at_once(store: Store, hub: Hub, history: History) -> None:
    after = store.fleet.cursor
    waiting = asyncio.create_task(next_frame(hub, history, VIEWER, DASH, after, 60))
    await asyncio.sleep(0)
    hub.close()
    batch = await asyncio.wait_for(waiting, 5)
    assert (batch.after, batch.envelopes) == (after, ())


async def test_frames_one_after_the_other_tell_every_fact_once(
    store: Store, hub: Hub, history: History
) -> None:
    """A client that polls while gateways write: each frame begins where the last one ended."""
    await enrol(store)
    cursor = start = store.fleet.cursor
    sent: list[int] = []

    async def gateway() -> None:
        for n in range(40):
            sent.append((await receive(store, str(n), message_id=str(n))).sms.id)
            await beat(store, battery_level=n)
            await asyncio.sleep(0.005 * (n % 3))

    writing = asyncio.create_task(gateway())
    heard: list[int] = []
    async with asyncio.timeout(30):
        while not writing.done() or cursor.seq < store.fleet.seq:
            batch = await next_frame(hub, history, VIEWER, DASH, cursor, 0.02)
            assert batch.recovered
            assert batch.after == cursor
            assert batch.cursor.seq >= cursor.seq
            assert all(cursor.seq < seq <= batch.cursor.seq for seq in seqs(batch))
            heard += [e.event.seq for e in batch.envelopes if e.event.name == "sms-received"]
            cursor = batch.cursor
    assert heard == sent
    assert start.seq < cursor.seq
