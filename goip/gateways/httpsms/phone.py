"""What the phone app tells: messages, missed calls, heartbeats, and its number when its user logs in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from goip.digest import digest_of
from goip.fields import without_controls
from goip.gateways import Push
from goip.gateways.forms import moment_of, need_text, object_of
from goip.gateways.httpsms.calls import call_of
from goip.gateways.phones import (
    device_of,
    find_flag,
    find_label,
    find_number,
    find_word,
    message_of,
    objects_in,
    sender_of,
    status_of,
    with_attachments,
)
from goip.models import CallEvent, DeliveryReport, Heartbeat, InboundSms, SimSlot

INTERVAL_SECONDS = 900
"""The app's heartbeats; it cannot be set."""

_SIMS = {"SIM1": 0, "SIM2": 1}
_MOST_NUMBERS = 8
_LONGEST_WORD = 64


def slot_of(told: Mapping[str, Any]) -> int | None:
    """The slot of a `sim`."""
    return _SIMS.get(find_word(told, "sim") or "")


def received(push: Push) -> Sequence[InboundSms]:
    """A received message. The app gives it no id, but a time in ms that stays the same when it is sent again.

    An attachment is there the first time only, so it is no part of what a repeat is known by.
    """
    told = object_of(push)
    sender, text = sender_of(told, "from"), message_of(told, "content")
    names = (
        find_label(each, "name", "content_type") or "unnamed" for each in objects_in(told, "attachments")
    )
    number, sent_at, slot_index = find_number(told, "to"), moment_of(told.get("timestamp")), slot_of(told)
    return (
        InboundSms(
            device_id=device_of(push, number),
            sender=sender,
            message=with_attachments(text, names),
            sent_at=sent_at,
            recipient=number,
            slot_index=slot_index,
            message_id=None if sent_at is None else digest_of(sent_at, slot_index, sender, text),
        ),
    )


def missed_call(push: Push) -> Sequence[CallEvent]:
    """A call that nobody took."""
    told = object_of(push)
    return (
        CallEvent(
            device_id=device_of(push, find_number(told, "to")),
            state="missed",
            direction="inbound",
            number=find_number(told, "from"),
            slot_index=slot_of(told),
        ),
    )


def heartbeats(push: Push) -> Sequence[Heartbeat]:
    """A heartbeat of each number that the phone tells, or of the one device that the key belongs to."""
    told = object_of(push)
    numbers = numbers_of(told)
    charging = find_flag(told, "charging")
    if push.device_id is None:
        return [
            Heartbeat(number, charging=charging, interval_seconds=INTERVAL_SECONDS, phone_number=number)
            for number in numbers or [device_of(push, None)]
        ]
    beat = Heartbeat(push.device_id, charging=charging, interval_seconds=INTERVAL_SECONDS)
    if len(numbers) != len(_SIMS):  # one of two may be either: the app leaves out a card that is switched off
        return [beat._replace(phone_number=numbers[0])] if numbers else [beat]
    slots = tuple(SimSlot(index, phone_number=number) for index, number in enumerate(numbers))
    return [beat._replace(phone_number=numbers[0], sim_slots=slots)]


def numbers_of(told: Mapping[str, Any]) -> list[str]:
    """The phone's own numbers; older apps tell one, as `owner`."""
    listed = told.get("phone_numbers")
    among = listed[:_MOST_NUMBERS] if isinstance(listed, list) else [told.get("owner")]
    numbers = (find_number({"number": each}, "number") for each in among)
    return list(dict.fromkeys(number for number in numbers if number))


def logged_in(push: Push) -> Sequence[Heartbeat]:
    """Its user entered the number of a card, one card at a time."""
    told = object_of(push)
    number, slot_index = find_number(told, "phone_number"), slot_of(told)
    beat = Heartbeat(device_of(push, number), interval_seconds=INTERVAL_SECONDS)
    if push.device_id is None:
        return (beat._replace(phone_number=number),)
    slots = None if slot_index is None else (SimSlot(slot_index, phone_number=number),)
    own_number = None if slot_index else number
    return (beat._replace(phone_number=own_number, sim_slots=slots, is_partial=True),)


def report(push: Push) -> Sequence[DeliveryReport]:
    """What became of a message; nothing where the key does not say whose, since the app does not."""
    told = object_of(push)
    status = without_controls(need_text(told, "event_name")).lower()[:_LONGEST_WORD]
    if push.device_id is None:
        return ()
    return (
        DeliveryReport(
            device_id=push.device_id,
            reference=call_of(push).reference,
            status=status_of(status, find_label(told, "reason")),
            sent_at=moment_of(told.get("timestamp")),
        ),
    )
