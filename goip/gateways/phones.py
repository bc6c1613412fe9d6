"""What the makes of phone apps share: single fields of their JSON, read with forbearance.

A message that can be stored is never refused for a field beside it: what makes no sense there counts as not told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from goip.errors import Unauthorized
from goip.fields import LONGEST_WORD, PhoneNumber, storable, word
from goip.gateways import Push
from goip.gateways.forms import need_text
from goip.models import SimSlot

_LONGEST_TEXT = 10_000
_LONGEST_LABEL = 200
_MOST_NAMED = 20
_WITHHELD = "unknown"
_NUMBER = PhoneNumber()


def device_of(push: Push, told: str | None) -> str:
    """The key's own device, or the one that was told, for addresses in which there is no place for a name.

    Raises Unauthorized where it is neither: such a key does not say enough.
    """
    device_id = push.device_id or told
    if device_id is None:
        raise Unauthorized(
            "this phone does not say who it is: put the key of a device into the address",
            code="device_key_required",
        )
    return device_id


def find_word(data: Mapping[str, Any], *names: str, longest: int = LONGEST_WORD) -> str | None:
    """The first of these fields that says something, on one line; a number is its digits."""
    found = (word(data.get(name), longest) for name in names)
    return next((each for each in found if each), None)


def find_label(data: Mapping[str, Any], *names: str) -> str | None:
    """The same, of a name or a reason, which may be longer."""
    return find_word(data, *names, longest=_LONGEST_LABEL)


def find_number(data: Mapping[str, Any], *names: str) -> str | None:
    """The first of these phone numbers; None for the words that phones send in a number's place."""
    number: str | None = _NUMBER.deserialize(find_word(data, *names) or "")
    return number


def find_whole(data: Mapping[str, Any], name: str, low: int, high: int) -> int | None:
    """The field's number, rounded; None where there is none, or where it lies outside of the bounds."""
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return round(value) if low <= value <= high else None


def find_flag(data: Mapping[str, Any], name: str) -> bool | None:
    """The field, where it is true or false."""
    value = data.get(name)
    return value if isinstance(value, bool) else None


def object_in(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object in a field, empty where there is none."""
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def objects_in(data: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a field's list."""
    value = data.get(name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def sender_of(data: Mapping[str, Any], *names: str) -> str:
    """Who wrote a message: a number, or whatever stands in its place; a withheld one is `unknown`."""
    return find_word(data, *names) or _WITHHELD


def message_of(data: Mapping[str, Any], name: str) -> str:
    """The text of a message, which may be empty and must be there. Raises InvalidPayload."""
    return shortened(need_text(data, name))


def shortened(text: str) -> str:
    """A text of any kind, as it can be stored."""
    return storable(text)[:_LONGEST_TEXT]


def with_attachments(text: str, names: Iterable[str]) -> str:
    """A message's text, and on a line of its own what was attached, by name."""
    told = list(names)
    if len(told) > _MOST_NAMED:
        told[_MOST_NAMED:] = [f"{len(told) - _MOST_NAMED} more"]
    attached = f"[attached: {', '.join(told)}]" if told else ""
    return shortened(
        "\n".join(line for line in (text[: _LONGEST_TEXT - len(attached) - 1], attached) if line)
    )


def status_of(word: str, *reasons: str | None) -> str:
    """What became of a message, in a word, and behind a colon why, where that is told."""
    told = " ".join(reason for reason in reasons if reason)
    return f"{word}: {told}" if told else word


def slots_of(told: Iterable[SimSlot]) -> tuple[SimSlot, ...]:
    """The slots; of two with one index, the first."""
    by_index: dict[int, SimSlot] = {}
    for slot in told:
        by_index.setdefault(slot.slot_index, slot)
    return tuple(by_index.values())
