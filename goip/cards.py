"""SIM cards on the move: what it means that a heartbeat tells other cards than the one before. Pure functions.

A card is known by its `sim_key`, wherever it is. A card that turns up elsewhere has moved; whether it is in two places
shows only when the device that had it speaks again and still tells it: that one is doubted until then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import NamedTuple

from goip.models import CardPlace, SimSlot
from goip.transitions import Fact
from goip.wire import Json

Slots = tuple[SimSlot, ...]
FindCard = Callable[[str], CardPlace | None]


class CardNews(NamedTuple):
    """What there is to tell, where cards are now, and which other devices may still claim one of them."""

    facts: tuple[Fact, ...]
    places: Mapping[str, CardPlace]
    doubted: tuple[tuple[str, str], ...]


def compare_cards(device_id: str, known: Slots, told: Slots, find: FindCard, at: str) -> CardNews:
    """The news in the slots that a device tells, after those that were known of it. `at` is for the facts."""
    before, now = _by_card(known), _by_card(told)
    facts: list[Fact] = []
    places: dict[str, CardPlace] = {}
    doubted: list[tuple[str, str]] = []
    for key, slot in now.items():
        if key in before and before[key].slot_index == slot.slot_index:
            continue
        here, place = CardPlace(device_id, slot.slot_index), find(key)
        places[key] = here
        if place is not None and place != here:
            facts.append(
                Fact("sim-moved", {**_card_json(device_id, slot), "from": place_json(place), "at": at})
            )
            if place.device_id != device_id:
                doubted.append((place.device_id, key))
        elif known:
            facts.append(
                Fact("sim-inserted", {**_card_json(device_id, slot), "isNew": place is None, "at": at})
            )
    facts += [_vanished(device_id, slot, find(key), at) for key, slot in before.items() if key not in now]
    for key, (slot, other) in _doubles(told).items():
        if key not in _doubles(known):
            facts.append(_conflict(device_id, slot, CardPlace(device_id, other.slot_index), at))
    return CardNews(tuple(facts), places, tuple(doubted))


def conflicts(device_id: str, slots: Slots, doubts: Set[str], find: FindCard, at: str) -> tuple[Fact, ...]:
    """Of the cards that another device has told since: those that this one still tells."""
    facts = []
    for key, slot in _by_card(slots).items():
        place = find(key)
        if key in doubts and place is not None and place.device_id != device_id:
            facts.append(_conflict(device_id, slot, place, at))
    return tuple(facts)


def place_json(place: CardPlace) -> Json:
    """A place on the wire."""
    return {"deviceId": place.device_id, "slotIndex": place.slot_index}


def _by_card(slots: Slots) -> dict[str, SimSlot]:
    return {slot.sim_key: slot for slot in slots if slot.sim_key is not None}


def _doubles(slots: Slots) -> dict[str, tuple[SimSlot, SimSlot]]:
    """The cards that two slots of one device tell, and the two."""
    last = _by_card(slots)
    return {key: (slot, last[key]) for slot in slots if (key := slot.sim_key) and last[key] is not slot}


def _card_json(device_id: str, slot: SimSlot) -> Json:
    return {
        "deviceId": device_id,
        "slotIndex": slot.slot_index,
        "iccid": slot.iccid,
        "imsi": slot.imsi,
        "phoneNumber": slot.phone_number,
    }


def _vanished(device_id: str, slot: SimSlot, place: CardPlace | None, at: str) -> Fact:
    is_elsewhere = place is not None and place.device_id != device_id
    now_at = place_json(place) if place is not None and is_elsewhere else None
    return Fact("sim-vanished", {**_card_json(device_id, slot), "nowAt": now_at, "at": at})


def _conflict(device_id: str, slot: SimSlot, place: CardPlace, at: str) -> Fact:
    return Fact("sim-conflict", {**_card_json(device_id, slot), "alsoAt": place_json(place), "at": at})
