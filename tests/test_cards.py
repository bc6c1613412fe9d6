"""Cards that come, go and move, and the one that is in two places."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from goip.models import CardPlace, Event, SimSlot
from goip.operations import RemoveDevice
from goip.store.store import Store
from tests.conftest import FakeClock
from tests.store.lives import Ear, beat, crash, enrol, opened

A, B = "8900000000000000001", "8900000000000000002"


def slots(*cards: str | None, number: str | None = None) -> tuple[SimSlot, ...]:
    return tuple(SimSlot(index, iccid=card, phone_number=number) for index, card in enumerate(cards))


def told(ear: Ear, name: str) -> list[dict[str, Any]]:
    events: list[Event] = ear.named(name)
    return [dict(event.data) for event in events]  # type: ignore[arg-type]


def names(ear: Ear) -> list[str]:
    return [event.name for event in ear.events if event.name.startswith("sim-")]


async def test_the_first_cards_of_a_device_are_no_news(store: Store) -> None:
    ear = Ear(store)
    await enrol(store, sim_slots=slots(A, B))
    await beat(store, sim_slots=slots(A, B))
    assert names(ear) == []
    assert store.fleet.cards == {A: CardPlace("gw-1", 0), B: CardPlace("gw-1", 1)}


async def test_a_card_that_vanishes_and_comes_back(store: Store, clock: FakeClock) -> None:
    await enrol(store, sim_slots=slots(A, B))
    ear = Ear(store)
    await beat(store, sim_slots=slots(A, None))
    (gone,) = told(ear, "sim-vanished")
    assert (gone["deviceId"], gone["slotIndex"], gone["iccid"], gone["nowAt"]) == ("gw-1", 1, B, None)
    assert ear.named("sim-vanished")[0].rooms == ("device-gw-1", "dashboard")
    await beat(store, sim_slots=slots(A, B))
    (back,) = told(ear, "sim-inserted")
    assert (back["slotIndex"], back["isNew"]) == (1, False)
    assert names(ear) == ["sim-vanished", "sim-inserted"]


async def test_a_card_that_was_never_seen_is_new(store: Store) -> None:
    await enrol(store, sim_slots=slots(A, None))
    ear = Ear(store)
    await beat(store, sim_slots=slots(A, B))
    assert [each["isNew"] for each in told(ear, "sim-inserted")] == [True]


async def test_a_card_that_moves_within_its_box(store: Store) -> None:
    await enrol(store, sim_slots=slots(A, None))
    ear = Ear(store)
    await beat(store, sim_slots=slots(None, A))
    (moved,) = told(ear, "sim-moved")
    assert (moved["slotIndex"], moved["from"]) == (1, {"deviceId": "gw-1", "slotIndex": 0})
    assert names(ear) == ["sim-moved"]


async def test_a_card_that_moves_to_another_box(store: Store) -> None:
    await enrol(store, sim_slots=slots(A))
    await enrol(store, "gw-2", sim_slots=slots(B))
    ear = Ear(store)
    await beat(store, "gw-2", sim_slots=slots(B, A))
    await beat(store, sim_slots=slots(None))
    await beat(store, sim_slots=slots(None))
    (moved,) = told(ear, "sim-moved")
    assert (moved["deviceId"], moved["from"]) == ("gw-2", {"deviceId": "gw-1", "slotIndex": 0})
    (gone,) = told(ear, "sim-vanished")
    assert gone["nowAt"] == {"deviceId": "gw-2", "slotIndex": 1}
    assert names(ear) == ["sim-moved", "sim-vanished"]
    assert store.fleet.doubts == {}


async def test_a_new_box_with_a_known_card_tells_where_it_was(store: Store) -> None:
    await enrol(store, sim_slots=slots(A))
    ear = Ear(store)
    await enrol(store, "gw-2", sim_slots=slots(A))
    assert [each["from"]["deviceId"] for each in told(ear, "sim-moved")] == ["gw-1"]


async def test_a_card_that_two_boxes_tell_is_a_conflict_told_once(store: Store) -> None:
    await enrol(store, sim_slots=slots(A))
    await enrol(store, "gw-2", sim_slots=slots(A))
    ear = Ear(store)
    for _ in range(3):
        await beat(store, sim_slots=slots(A))
        await beat(store, "gw-2", sim_slots=slots(A))
    (conflict,) = told(ear, "sim-conflict")
    assert (conflict["deviceId"], conflict["alsoAt"]) == ("gw-1", {"deviceId": "gw-2", "slotIndex": 0})
    assert names(ear) == ["sim-conflict"]


async def test_a_card_in_two_slots_of_one_box_is_a_conflict_told_once(store: Store) -> None:
    await enrol(store, sim_slots=slots(A, B))
    ear = Ear(store)
    for _ in range(2):
        await beat(store, sim_slots=slots(A, A))
    (conflict,) = told(ear, "sim-conflict")
    assert (conflict["slotIndex"], conflict["alsoAt"]["slotIndex"]) == (0, 1)


async def test_a_card_without_iccid_is_known_by_its_imsi(store: Store) -> None:
    await enrol(store, sim_slots=(SimSlot(0, imsi="001010000000001"),))
    ear = Ear(store)
    await enrol(store, "gw-2", sim_slots=(SimSlot(3, imsi="001010000000001"),))
    (moved,) = told(ear, "sim-moved")
    assert (moved["iccid"], moved["imsi"], moved["slotIndex"]) == (None, "001010000000001", 3)


async def test_what_is_known_of_cards_survives_a_crash(store: Store) -> None:
    await enrol(store, sim_slots=slots(A))
    await enrol(store, "gw-2", sim_slots=slots(A))
    await crash(store)
    async with opened(store) as again:
        assert again.fleet.cards == {A: CardPlace("gw-2", 0)}
        assert again.fleet.doubts == {"gw-1": frozenset({A})}
        ear = Ear(again)
        await beat(again, sim_slots=slots(A))
        assert names(ear) == ["sim-conflict"]


async def test_a_card_of_a_removed_device_is_only_found_elsewhere(store: Store) -> None:
    await enrol(store, sim_slots=slots(A))
    await store.record(RemoveDevice("gw-1"))
    ear = Ear(store)
    await enrol(store, "gw-2", sim_slots=slots(A))
    assert [each["from"]["deviceId"] for each in told(ear, "sim-moved")] == ["gw-1"]
    await beat(store, "gw-2", sim_slots=slots(A))
    assert names(ear) == ["sim-moved"]


@pytest.mark.parametrize("number", ["+15550100", None])
async def test_a_number_that_changes_is_no_move(store: Store, number: str | None) -> None:
    await enrol(store, sim_slots=slots(A, number="+15550199"))
    ear = Ear(store)
    await beat(store, sim_slots=slots(A, number=number))
    assert names(ear) == []


async def test_two_cards_that_change_places_in_one_commit(store: Store) -> None:
    await enrol(store, sim_slots=slots(A))
    await enrol(store, "gw-2", sim_slots=slots(B))
    ear = Ear(store)
    await asyncio.gather(beat(store, "gw-2", sim_slots=slots(A)), beat(store, sim_slots=slots(B)))
    assert {(each["deviceId"], each["iccid"]) for each in told(ear, "sim-moved")} == {
        ("gw-2", A),
        ("gw-1", B),
    }
    await beat(store, sim_slots=slots(B))
    await beat(store, "gw-2", sim_slots=slots(A))
    assert "sim-conflict" not in names(ear)
