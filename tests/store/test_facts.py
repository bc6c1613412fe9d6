"""The log of facts, read forward: what a subscription missed."""

from __future__ import annotations

from goip.models import DASHBOARD, EVERYWHERE, device_room
from goip.realtime.emitters import Emission
from goip.store.facts import list_facts
from goip.store.store import Store
from tests.store.lives import Ear, enrol, receive


async def told(store: Store, *rooms: str, after: int = 0, limit: int = 100) -> list[int] | None:
    async with store.reading() as connection:
        facts = await list_facts(connection, rooms, after=after, upto=store.fleet.seq, limit=limit)
    return None if facts is None else [fact.seq for fact in facts]


async def test_each_room_has_its_own_facts_and_those_of_everywhere(store: Store) -> None:
    new_one = (await enrol(store, "gw-1")).seq - 1
    new_two = (await enrol(store, "gw-2")).seq - 1
    seqs = {}
    for name, room in {
        "dash": DASHBOARD,
        "one": device_room("gw-1"),
        "all": EVERYWHERE,
        "own": "user-7",
    }.items():
        seqs[name] = await store.record(Emission(name, {}, room))
    sms = (await receive(store, "hello", "gw-2")).sms.id
    assert await told(store, DASHBOARD) == [new_one, new_two, seqs["dash"], seqs["all"], sms]
    assert await told(store, "device-gw-1") == [new_one, seqs["one"], seqs["all"]]
    assert await told(store, "device-gw-2") == [new_two, seqs["all"], sms]
    assert await told(store, "user-7") == [seqs["all"], seqs["own"]]
    assert await told(store, "device-gw") == [seqs["all"]]
    assert await told(store, "device-gw-1", DASHBOARD) == sorted(
        {new_one, new_two, *seqs.values(), sms} - {seqs["own"]}
    )
    assert await told(store) == [seqs["all"]]


async def test_facts_begin_after_a_place_and_end_at_one(store: Store) -> None:
    seqs = [await store.record(Emission("told", {"n": n}, DASHBOARD)) for n in range(5)]
    async with store.reading() as connection:
        facts = await list_facts(connection, [DASHBOARD], after=seqs[0], upto=seqs[3], limit=100)
    assert facts is not None
    assert [fact.seq for fact in facts] == seqs[1:4]


async def test_exactly_as_many_as_the_limit_are_told_and_one_more_is_too_many(store: Store) -> None:
    seqs = [await store.record(Emission("told", {}, DASHBOARD)) for _ in range(5)]
    assert await told(store, DASHBOARD, limit=5) == seqs
    assert await told(store, DASHBOARD, limit=4) is None
    assert await told(store, DASHBOARD, after=seqs[0], limit=4) == seqs[1:]


async def test_a_fact_comes_back_from_disk_as_it_was_told(store: Store) -> None:
    ear = Ear(store)
    await enrol(store)
    await receive(store, "ü 🎉", slot_index=1)
    await store.record(Emission("custom", {"nested": {"list": [1, None, "x"]}}, EVERYWHERE))
    async with store.reading() as connection:
        facts = await list_facts(
            connection, [DASHBOARD, "device-gw-1"], after=0, upto=store.fleet.seq, limit=9
        )
    assert facts == [event for event in ear.events if event.subject is None]
