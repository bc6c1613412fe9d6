"""What the app's events mean. `sender` and `recipient` were one `phoneNumber` in older versions of the app."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from goip.gateways import Push
from goip.gateways.capcom6.health import beat_of
from goip.gateways.forms import moment_of, need_device, need_text, object_of
from goip.gateways.phones import (
    find_label,
    find_number,
    find_whole,
    find_word,
    message_of,
    object_in,
    objects_in,
    sender_of,
    slots_of,
    status_of,
    with_attachments,
)
from goip.gateways.signatures import check_timed_signature
from goip.models import DeliveryReport, Heartbeat, InboundSms, SimSlot, Told

Payload = Mapping[str, Any]

_BATCH = ":batch:"
_MOST_SLOTS = 512


def decode(push: Push) -> Sequence[Told]:
    """What one event tells; nothing for an event that is not known, of a version to come.

    Raises Unauthorized for a signature that does not hold, InvalidPayload naming the field.
    """
    check_timed_signature(push)
    event = object_of(push)
    name = need_text(event, "event")
    device_id = need_device(push, find_word(event, "deviceId", longest=128))
    payload = object_in(event, "payload")
    event_id = find_label(event, "id")
    if name in _MESSAGES:
        return (_received(device_id, event_id, payload, _MESSAGES[name]),)
    if name in _REPORTS:
        return (_report(device_id, payload, *_REPORTS[name]),)
    if name in _STATES:
        return (_STATES[name](device_id, payload),)
    return _batch(device_id, event_id, payload, _MESSAGES.get(name.replace(_BATCH, ":")))


def _received(
    device_id: str, event_id: str | None, payload: Payload, text_of: Callable[[Payload], str]
) -> InboundSms:
    """A received message. Its `messageId` is made of its content: the same text twice has the same."""
    return InboundSms(
        device_id=device_id,
        sender=sender_of(payload, "sender", "phoneNumber"),
        message=text_of(payload),
        sent_at=moment_of(payload.get("receivedAt")),
        recipient=find_number(payload, "recipient"),
        slot_index=_slot_index(payload),
        message_id=event_id,
    )


def _batch(
    device_id: str, event_id: str | None, payload: Payload, text_of: Callable[[Payload], str] | None
) -> Sequence[Told]:
    """Several received messages in one event."""
    if text_of is None:
        return ()
    return [
        _received(device_id, event_id and f"{event_id}/{place}", each, text_of)
        for place, each in enumerate(objects_in(payload, "messages"))
    ]


def _report(device_id: str, payload: Payload, status: str, time_name: str) -> DeliveryReport:
    return DeliveryReport(
        device_id=device_id,
        reference=find_word(payload, "messageId"),
        status=status_of(status, find_label(payload, "reason")),
        recipient=find_number(payload, "recipient", "phoneNumber"),
        slot_index=_slot_index(payload),
        sent_at=moment_of(payload.get(time_name)),
    )


def _started(device_id: str, payload: Payload) -> Heartbeat:
    """The app came up, and tells the cards in the phone."""
    if not isinstance(payload.get("simCards"), list):
        return Heartbeat(device_id)
    cards = objects_in(payload, "simCards")[:_MOST_SLOTS]
    slots = (_slot(index, card) for card in cards if (index := _index_of_card(card)) is not None)
    return Heartbeat(device_id, sim_slots=slots_of(slots))


def _slot(slot_index: int, card: Payload) -> SimSlot:
    return SimSlot(
        slot_index,
        carrier_name=find_label(card, "carrierName"),
        phone_number=find_number(card, "phoneNumber"),
        iccid=find_word(card, "iccid"),
    )


def _index_of_card(card: Payload) -> int | None:
    index = find_whole(card, "slotIndex", 0, _MOST_SLOTS)
    return index if index is not None else _slot_index(card)


def _slot_index(payload: Payload) -> int | None:
    """The slot of a `simNumber`, which counts from 1."""
    number = find_whole(payload, "simNumber", 1, _MOST_SLOTS)
    return None if number is None else number - 1


def _text(payload: Payload) -> str:
    return message_of(payload, "message")


def _data(payload: Payload) -> str:
    """The bytes of a data SMS, as they were told, as an address that holds them."""
    return f"data:application/octet-stream;base64,{message_of(payload, 'data')}"


def _mms(payload: Payload) -> str:
    """Subject, text and names of what is attached; an MMS that is not fetched yet has only the first."""
    told = [text for name in ("subject", "body") if isinstance(text := payload.get(name), str) and text]
    names = [
        find_label(each, "name", "contentType") or "unnamed" for each in objects_in(payload, "attachments")
    ]
    return with_attachments("\n".join(told), names) or "[MMS]"


_MESSAGES: Mapping[str, Callable[[Payload], str]] = {
    "sms:received": _text,
    "sms:data-received": _data,
    "mms:received": _mms,
    "mms:downloaded": _mms,
}
_REPORTS = {
    "sms:sent": ("sent", "sentAt"),
    "sms:delivered": ("delivered", "deliveredAt"),
    "sms:failed": ("failed", "failedAt"),
    "sms:cancelled": ("cancelled", "cancelledAt"),
}
_STATES: Mapping[str, Callable[[str, Payload], Heartbeat]] = {
    "system:ping": beat_of,
    "app:started": _started,
}
