"""SIM cards: where each was seen last."""

from __future__ import annotations

from typing import Any

from goip.models import SimSlot
from goip.operations import remove_device
from goip.store import sims
from goip.store.store import Store
from tests.conftest import FakeClock
from tests.store.lives import beat, enrol


async def cards(
    store: Store, search: str | None = None, limit: int = 50, after: str | None = None
) -> list[Any]:
    async with store.reading() as connection:
        rows, _total = await sims.list_sims(connection, search=search, limit=limit, after=after)
    return rows


async def test_a_card_is_known_by_its_iccid_or_its_imsi(store: Store) -> None:
    slots = (SimSlot(0, iccid="8949", imsi="262"), SimSlot(1, imsi="263"), SimSlot(2, phone_number="+1"))
    await enrol(store, sim_slots=slots)
    assert {row.sim_key: (row.device_id, row.slot_index) for row in await cards(store)} == {
        "8949": ("gw-1", 0),
        "imsi:263": ("gw-1", 1),
    }


async def test_a_card_that_moves_is_one_card_still(store: Store, clock: FakeClock) -> None:
    await enrol(store, "gw-1", sim_slots=(SimSlot(0, "Telekom", phone_number="+491", iccid="8949"),))
    first_seen = clock()
    clock.advance(60)
    await enrol(store, "gw-2", sim_slots=(SimSlot(3, "Telekom", iccid="8949", balance="5"),))
    (card,) = await cards(store)
    assert (card.device_id, card.slot_index, card.balance) == ("gw-2", 3, "5")
    assert (card.first_seen_at, card.last_seen_at) == (first_seen, clock())


async def test_one_card_told_in_two_slots_harms_nothing(store: Store) -> None:
    await enrol(store, sim_slots=(SimSlot(0, iccid="8949"), SimSlot(1, iccid="8949")))
    (card,) = await cards(store)
    assert card.device_id == "gw-1"


async def test_a_card_that_is_put_in_later_is_found_at_once(store: Store) -> None:
    await enrol(store, sim_slots=(SimSlot(0),))
    assert await cards(store) == []
    await beat(store, sim_slots=(SimSlot(0, iccid="8949"),))
    assert [card.sim_key for card in await cards(store)] == ["8949"]


async def test_cards_outlive_their_device(store: Store) -> None:
    await enrol(store, sim_slots=(SimSlot(0, phone_number="+491", iccid="8949"),))
    await remove_device(store, "gw-1")
    (card,) = await cards(store)
    assert (card.device_id, card.phone_number) == (None, "+491")


async def test_cards_are_searched_and_paged(store: Store) -> None:
    slots = tuple(SimSlot(n, f"Carrier {n % 2}", phone_number=f"+4917{n}", iccid=f"894{n}") for n in range(5))
    await enrol(store, sim_slots=slots)
    assert [card.sim_key for card in await cards(store, "CARRIER 1")] == ["8941", "8943"]
    assert [card.sim_key for card in await cards(store, "49172")] == ["8942"]
    assert await cards(store, "%") == []
    first = await cards(store, limit=2)
    rest = await cards(store, limit=9, after=first[-1].sim_key)
    assert [card.sim_key for card in first + rest] == [f"894{n}" for n in range(5)]
    async with store.reading() as connection:
        assert (await sims.list_sims(connection, search="carrier 1", limit=1, after=None))[1] == 2
