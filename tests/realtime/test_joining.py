"""Joining rooms: authorised, history first, then what comes; nothing lost and nothing twice."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from goip.auth.principals import Permission, Principal
from goip.errors import Forbidden, Unavailable
from goip.models import DASHBOARD, Cursor
from goip.realtime.emitters import Emission
from goip.realtime.hub import Hub
from goip.realtime.joining import become, join
from goip.realtime.replay import History
from goip.store.store import Store
from tests.realtime.listeners import Listener
from tests.store.lives import beat, enrol, receive
from tests.store.test_writer import EveryReader

READER = Principal(kind="user", username="anna", permissions=frozenset({Permission.READ}))
BOX = Principal(kind="device", device_id="gw-1")
DASH = frozenset({DASHBOARD})
ROOM = frozenset({"device-gw-1"})


@pytest.fixture
def hub(store: Store) -> Hub:
    hub = Hub(store.fleet)
    store.subscribe(hub.publish)
    return hub


@pytest.fixture
def history(store: Store) -> History:
    return History(store, replay_limit=100)


class Client(Listener):
    """Joins as a transport does."""

    def __init__(self, hub: Hub, history: History, principal: Principal = READER) -> None:
        super().__init__(principal)
        self.hub, self.history = hub, history

    async def join(self, rooms: frozenset[str], after: Cursor | None = None) -> None:
        batch = await join(self.hub, self.history, self, rooms, after)
        self.write(batch)
        self.end_replay()

    @property
    def facts(self) -> list[int]:
        return [e.event.seq for batch in self.batches for e in batch.envelopes if e.event.subject is None]


async def tell(store: Store, room: str = DASHBOARD) -> int:
    return await store.record(Emission("told", {}, room))


async def test_a_join_without_a_cursor_begins_with_a_snapshot(
    store: Store, hub: Hub, history: History
) -> None:
    await enrol(store)
    client = Client(hub, history)
    await client.join(DASH)
    seq = await tell(store)
    hub.flush()
    first, second = client.batches[:2]
    assert (first.recovered, first.after) == (False, None)
    assert first.state
    assert second.after == first.cursor
    assert seq in client.facts


async def test_a_join_with_a_cursor_goes_on_where_it_was(store: Store, hub: Hub, history: History) -> None:
    after = store.fleet.cursor
    missed = await tell(store)
    client = Client(hub, history)
    await client.join(DASH, after)
    new = await tell(store)
    hub.flush()
    assert client.facts == [missed, new]
    assert client.batches[0].after == after
    for one, other in pairwise(client.batches):
        assert other.after == one.cursor


async def test_what_is_published_while_history_is_read_comes_after_it_once(
    store: Store, hub: Hub, history: History
) -> None:
    after = store.fleet.cursor
    missed = [await tell(store) for _ in range(3)]
    client = Client(hub, history)
    async with EveryReader(store):
        joining = asyncio.create_task(client.join(DASH, after))
        await asyncio.sleep(0)
        new = [await tell(store) for _ in range(3)]
        hub.flush()
        assert client.told == []
    await joining
    hub.flush()
    assert client.facts == missed + new
    for one, other in pairwise(client.batches):
        assert other.after == one.cursor


async def test_a_second_room_brings_no_event_again(store: Store, hub: Hub, history: History) -> None:
    await enrol(store)
    after = store.fleet.cursor
    sms = (await receive(store, "hello")).sms.id
    own = await tell(store, "device-gw-1")
    client = Client(hub, history)
    await client.join(DASH, after)
    await client.join(ROOM, after)
    new = (await receive(store, "again", message_id="2")).sms.id
    hub.flush()
    assert sorted(client.facts) == [sms, own, new]


async def test_a_room_joined_with_a_cursor_is_told_all_it_missed_though_another_began_with_a_snapshot(
    store: Store, hub: Hub, history: History
) -> None:
    """The dashboard's snapshot holds no messages: the room's history has to."""
    await enrol(store)
    after = store.fleet.cursor
    sms = (await receive(store, "hello")).sms.id
    client = Client(hub, history)
    await client.join(DASH)
    await client.join(ROOM, after)
    assert client.facts == [sms]


async def test_who_joins_its_room_again_with_a_cursor_is_told_again(
    store: Store, hub: Hub, history: History
) -> None:
    """A client that lost a frame asks by joining: what the server believes to have told does not count."""
    after = store.fleet.cursor
    client = Client(hub, history)
    await client.join(DASH, after)
    lost = await tell(store)
    hub.flush()
    await client.join(DASH, after)
    assert client.facts == [lost, lost]
    assert client.batches[-1].after == after


async def test_history_does_not_overtake_what_a_slow_client_was_not_sent_yet(
    store: Store, hub: Hub, history: History
) -> None:
    await enrol(store)
    client = Client(hub, history)
    await client.join(DASH, store.fleet.cursor)
    client.reads = False
    held = await tell(store)
    hub.flush()
    pending = await tell(store)
    own = await tell(store, "device-gw-1")
    await client.join(ROOM, store.fleet.cursor._replace(seq=pending))
    client.reads = True
    hub._catch_up()
    assert client.facts == [held, pending, own]


async def test_a_join_that_is_not_allowed_changes_nothing(store: Store, hub: Hub, history: History) -> None:
    box = Client(hub, history, BOX)
    await box.join(ROOM)
    for room in ("device-gw-2", DASHBOARD, "device-", "nowhere", "*"):
        with pytest.raises(Forbidden):
            await box.join(ROOM | {room})
    await tell(store)
    hub.flush()
    assert box.rooms == ROOM
    assert len(box.batches) == 1


async def test_a_join_whose_history_cannot_be_read_changes_nothing(
    store: Store, hub: Hub, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enrol(store)
    client = Client(hub, history)
    await client.join(DASH)
    await tell(store, "device-gw-2")
    real = history.missed

    async def failing(*_: object, **__: object) -> None:
        await tell(store)
        hub.flush()
        raise Unavailable("the disk is full")

    monkeypatch.setattr(history, "missed", failing)
    with pytest.raises(Unavailable):
        await client.join(ROOM, store.fleet.cursor)
    monkeypatch.setattr(history, "missed", real)
    assert client.rooms == DASH
    await beat(store)
    hub.flush()
    for one, other in pairwise(client.batches):
        assert other.after == one.cursor
    assert len(client.facts) == 1


async def test_who_becomes_somebody_else_leaves_the_rooms_of_the_one_before(
    store: Store, hub: Hub, history: History
) -> None:
    client = Client(hub, history)
    await client.join(DASH)
    become(hub, client, READER)
    assert client.rooms == DASH
    become(hub, client, BOX)
    assert client.rooms == frozenset()
    assert client.principal == BOX
    await tell(store)
    hub.flush()
    assert len(client.batches) == 1
