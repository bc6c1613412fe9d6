"""The one way to disk: order, neighbours, callers who leave, and a queue that is full."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.errors import Conflict, GoipError, NotFound, Unavailable
from goip.ingest import Enrolment, HeartbeatChange, SmsChange
from goip.models import DASHBOARD, Event, Heartbeat, InboundSms
from goip.operations import RemoveDevice
from goip.store import tables as t
from goip.store.draft import Draft
from goip.store.engine import N_READERS
from goip.store.store import Store
from goip.store.writer import MOST_PER_COMMIT
from tests.conftest import FakeClock
from tests.store.lives import PATIENCE_SECONDS, Ear, all_rows, beat, enrol, opened, receive, stored_seq

pytestmark = pytest.mark.timeout(60)


@dataclass(frozen=True)
class Tell:
    """A change that tells one fact, or does what a test wants."""

    data: dict[str, Any]
    raises: Exception | None = None

    def repeat_keys(self) -> tuple[str, ...]:
        return ()

    def decide(self, draft: Draft) -> int:
        if self.raises is not None:
            raise self.raises
        return draft.fact("told", self.data, DASHBOARD)


@dataclass(frozen=True)
class TellTwice(Tell):
    """What the database refuses: two facts at one place."""

    def decide(self, draft: Draft) -> int:
        seq = draft.fact("told", self.data, DASHBOARD)
        draft.seq -= 1
        return draft.fact("told", self.data, DASHBOARD) + seq


def beat_of(device_id: str, at: int, **told: Any) -> HeartbeatChange:
    return HeartbeatChange(Heartbeat(device_id, **told), at, Enrolment(f"hash of {device_id}"))


async def outcomes(store: Store, changes: Sequence[Any]) -> list[Any]:
    """The answers to changes that are put into the queue together."""
    waiting = [store.record(change) for change in changes]
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await asyncio.gather(*waiting, return_exceptions=True)


# ---- neighbours ----


async def test_changes_that_wait_together_share_one_commit(store: Store) -> None:
    before = store.writer.n_commits
    await outcomes(store, [Tell({"n": n}) for n in range(100)])
    assert store.writer.n_commits == before + 1


async def test_a_commit_takes_no_more_than_its_share(store: Store) -> None:
    ear = Ear(store)
    await outcomes(store, [Tell({"n": n}) for n in range(MOST_PER_COMMIT + 1)])
    assert [len(commit) for commit in ear.commits] == [MOST_PER_COMMIT, 1]


async def test_a_refusal_harms_no_neighbour(store: Store) -> None:
    answers = await outcomes(store, [Tell({}), Tell({}, raises=Conflict("no")), Tell({})])
    assert [type(answer) for answer in answers] == [int, Conflict, int]
    assert [row["seq"] for row in await all_rows(store, t.events)] == [answers[0], answers[2]]


async def test_a_defect_in_one_change_harms_no_neighbour(store: Store) -> None:
    defect = ZeroDivisionError("a defect")
    answers = await outcomes(store, [Tell({"n": 1}), Tell({}, raises=defect), Tell({"n": 2})])
    assert [type(answer) for answer in answers] == [int, ZeroDivisionError, int]
    assert len(await all_rows(store, t.events)) == 2


async def test_a_row_that_the_database_refuses_harms_no_neighbour(store: Store) -> None:
    ear = Ear(store)
    answers = await outcomes(store, [Tell({"n": 1}), TellTwice({"n": 2}), Tell({"n": 3})])
    assert isinstance(answers[1], Exception)
    assert not isinstance(answers[1], GoipError)
    told = await all_rows(store, t.events)
    assert [row["seq"] for row in told] == [answers[0], answers[2]]
    assert [event.data["n"] for event in ear.named("told")] == [1, 3]  # type: ignore[index]
    assert store.writer.trouble is None


async def test_a_text_that_the_database_cannot_hold_harms_no_neighbour(store: Store) -> None:
    await enrol(store)
    unstorable = "\0" if store.database.kind == "postgresql" else "\ud800"
    messages = ["one", unstorable, "two"]
    changes = [SmsChange(InboundSms("gw-1", "BANK", text, sent_at=1), store.clock()) for text in messages]
    answers = await outcomes(
        store, [beat_of("gw-1", store.clock()), *changes, beat_of("gw-2", store.clock())]
    )
    assert [isinstance(answer, Exception) for answer in answers] == [False, False, True, False, False]
    assert [row["message"] for row in await all_rows(store, t.sms)] == ["one", "two"]
    assert len(await all_rows(store, t.heartbeat_log)) == 3


async def test_what_is_refused_leaves_nothing_behind(store: Store) -> None:
    await enrol(store)
    before = {table.name: await all_rows(store, table) for table in t.metadata.sorted_tables}
    fleet = list(store.fleet), store.fleet.seq
    await outcomes(store, [TellTwice({})])
    assert {table.name: await all_rows(store, table) for table in t.metadata.sorted_tables} == before
    assert (list(store.fleet), store.fleet.seq) == fleet


async def test_two_devices_of_one_id_that_come_together_are_one(store: Store) -> None:
    answers = await outcomes(store, [beat_of("gw-1", store.clock()) for _ in range(3)])
    assert [answer.is_new for answer in answers] == [True, False, False]
    assert len(await all_rows(store, t.devices)) == 1


async def test_a_device_that_beats_while_it_is_removed_leaves_nothing_to_fold(store: Store) -> None:
    await enrol(store)
    await outcomes(store, [beat_of("gw-1", store.clock()), RemoveDevice("gw-1")])
    assert store.fleet.find("gw-1") is None
    assert store._folder.foldable(0, everything=True) == []


async def test_a_removed_device_that_comes_back_in_the_same_breath_is_a_new_one(store: Store) -> None:
    first = await enrol(store)
    answers = await outcomes(
        store, [RemoveDevice("gw-1"), beat_of("gw-1", store.clock()), beat_of("gw-2", 1)]
    )
    pks = {answers[1].device.pk, answers[2].device.pk}
    assert len(pks | {first.pk}) == 3
    assert {row["pk"] for row in await all_rows(store, t.devices)} == pks
    assert store.fleet.find_by_pk(first.pk) is None


# ---- order ----


async def test_the_order_of_seq_of_publishing_and_of_commits_is_one(store: Store) -> None:
    ear = Ear(store)

    async def client(n: int) -> None:
        await enrol(store, f"gw-{n}")
        for k in range(5):
            await beat(store, f"gw-{n}", counter=k + 1)
            await receive(store, f"{n} {k}", f"gw-{n}", message_id=str(k))

    await asyncio.gather(*(client(n) for n in range(20)))
    seqs = [event.seq for event in ear.events]
    assert seqs == sorted(set(seqs))
    facts = [event.seq for event in ear.events if event.subject is None]
    assert [row["seq"] for row in await all_rows(store, t.events)] == facts
    assert seqs[-1] == store.fleet.seq == await stored_seq(store)


async def test_what_is_published_is_on_disk_and_in_memory_already(store: Store) -> None:
    seen: list[tuple[int, int]] = []
    store.subscribe(lambda events: seen.append((events[-1].seq, store.fleet.seq)))
    reads: list[asyncio.Task[int]] = []
    store.subscribe(lambda events: reads.append(asyncio.ensure_future(stored_seq(store))))
    for n in range(5):
        await outcomes(store, [Tell({"n": n})])
    assert all(told == known for told, known in seen)
    on_disk = await asyncio.gather(*reads)
    assert all(disk >= told for disk, (told, _) in zip(on_disk, seen, strict=True))


async def test_the_answer_comes_after_the_event(store: Store) -> None:
    ear = Ear(store)
    seq = await store.record(Tell({}))
    assert [event.seq for event in ear.named("told")] == [seq]


async def test_a_reader_sees_what_was_committed_since_its_last_question(store: Store) -> None:
    for n in range(2 * N_READERS):
        await store.record(Tell({"n": n}))
        assert len(await all_rows(store, t.events)) == n + 1


async def test_a_change_sees_what_the_one_before_it_did(store: Store) -> None:
    at = store.clock()
    answers = await outcomes(
        store,
        [
            beat_of("gw-1", at, battery_level=1),
            beat_of("gw-1", at),
            RemoveDevice("gw-1"),
            RemoveDevice("gw-1"),
        ],
    )
    assert answers[1].device.battery_level == 1
    assert isinstance(answers[3], NotFound)


# ---- callers ----


async def test_a_caller_who_leaves_does_not_take_the_change_along(store: Store) -> None:
    async def caller() -> int:
        return await store.record(Tell({"n": 1}))

    task = asyncio.create_task(caller())
    await asyncio.sleep(0)  # it waits for the writer now
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.record(Tell({"n": 2}))
    assert len(await all_rows(store, t.events)) == 2


async def test_readers_who_leave_give_their_connections_back(store: Store) -> None:
    for n in range(5 * N_READERS):
        reading = asyncio.create_task(all_rows(store, t.events))
        for _ in range(n % 7):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*(all_rows(store, t.events) for _ in range(N_READERS)))


async def test_a_subscriber_that_fails_harms_neither_callers_nor_other_subscribers(store: Store) -> None:
    def broken(events: Sequence[Event]) -> None:
        raise ZeroDivisionError("a defect")

    store.subscribe(broken)
    ear = Ear(store)
    async with asyncio.timeout(PATIENCE_SECONDS):
        first = await store.record(Tell({"n": 1}))
        second = await store.record(Tell({"n": 2}))
    assert [event.seq for event in ear.named("told")] == [first, second]


async def test_readers_who_take_their_time_do_not_hold_up_the_writer(store: Store) -> None:
    await enrol(store)
    async with asyncio.timeout(PATIENCE_SECONDS), EveryReader(store):
        outcome = await asyncio.wait_for(receive(store), 2)
    assert not outcome.is_repeat


class EveryReader:
    """Holds every connection that readers may have, as slow downloads do."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: list[Any] = []

    async def __aenter__(self) -> None:
        free = (
            self._store.database.reader_engine.pool.size()
            - self._store.database.reader_engine.pool.checkedout()
        )  # type: ignore[attr-defined]
        for _ in range(free):
            reading = self._store.reading()
            await reading.__aenter__()
            self._held.append(reading)

    async def __aexit__(self, *_error: object) -> None:
        for reading in self._held:
            await reading.__aexit__(None, None, None)


# ---- work of its own ----


async def test_work_is_a_transaction_of_its_own_in_the_order_of_the_queue(store: Store) -> None:
    seen: list[int] = []

    async def look(connection: AsyncConnection) -> None:
        seen.append(len((await connection.execute(t.events.select())).all()))

    await asyncio.gather(
        store.record(Tell({})), store.transact(look), store.record(Tell({})), store.transact(look)
    )
    assert seen == [1, 2]


async def test_work_that_fails_leaves_nothing_and_harms_no_neighbour(store: Store) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert(t.settings).values(name="half", value="done"))
        raise Conflict("no")

    answers = await asyncio.gather(
        store.record(Tell({})), store.transact(work), store.record(Tell({})), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [int, Conflict, int]
    assert await all_rows(store, t.settings) == []


async def test_a_setting_is_made_once_and_kept(store: Store) -> None:
    first = await asyncio.gather(store.setting("key", lambda: "a"), store.setting("key", lambda: "b"))
    assert first == ["a", "a"]
    assert await store.setting("key", lambda: "c") == "a"


# ---- a full queue, and the end ----


async def test_a_full_queue_is_unavailable_and_empties_again(database_url: str, clock: FakeClock) -> None:
    store = Store(database_url, queue_size=3, clock=clock)
    await store.open()
    waiting = [store.record(Tell({"n": n})) for n in range(3)]
    with pytest.raises(Unavailable) as refusal:
        store.record(Tell({}))
    assert (refusal.value.status, refusal.value.code) == (503, "overloaded")
    assert refusal.value.retry_after_seconds
    with pytest.raises(Unavailable):
        store.transact(lambda connection: _nothing())
    await asyncio.gather(*waiting)
    assert await store.record(Tell({"n": 3})) > 0
    assert len(await all_rows(store, t.events)) == 4
    await store.close()


async def _nothing() -> None:
    return None


async def test_a_store_that_closes_commits_what_waits_and_takes_no_more(
    database_url: str, clock: FakeClock
) -> None:
    store = Store(database_url, clock=clock)
    await store.open()
    waiting = [store.record(Tell({"n": n})) for n in range(700)]
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as refusal:
        store.record(Tell({}))
    assert refusal.value.code == "stopping"
    await closing
    assert len({waiter.result() for waiter in waiting}) == 700
    async with opened(store) as again:
        assert len(await all_rows(again, t.events)) == 700
