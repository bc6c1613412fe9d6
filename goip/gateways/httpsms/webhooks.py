"""What httpSMS' server posts when its user entered our address as a webhook: CloudEvents, one each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from goip.gateways import Push
from goip.gateways.forms import moment_of, need_text, object_of
from goip.gateways.httpsms.phone import slot_of
from goip.gateways.phones import (
    device_of,
    find_label,
    find_number,
    find_word,
    message_of,
    object_in,
    sender_of,
    status_of,
    with_attachments,
)
from goip.gateways.signatures import check_token
from goip.models import CallEvent, DeliveryReport, Heartbeat, InboundSms, Told

Data = Mapping[str, Any]

A_DAY_SECONDS = 86_400
"""Phones' heartbeats stay with httpSMS' server: from here a phone is only heard of when something happens."""

_DONE_BY_THE_PHONE = (
    "message.phone.received",
    "message.phone.sent",
    "message.phone.delivered",
    "message.call.missed",
    "phone.heartbeat.online",
)
"""Of the rest the server may speak without having heard of the phone: it gives up by itself too."""


def decode_event(push: Push) -> Sequence[Told]:
    """What one event tells; nothing for one that is not known. Raises Unauthorized, InvalidPayload."""
    check_token(push)
    event = object_of(push)
    name = need_text(event, "type")
    decode = _EVENTS.get(name)
    if decode is None:
        return ()
    data = object_in(event, "data")
    device_id = device_of(push, find_number(data, "owner"))
    told = decode(device_id, find_label(event, "id"), data)
    return (_alive(push, device_id, data), *told) if name in _DONE_BY_THE_PHONE else told


def is_hearsay_event(push: Push) -> bool:
    """True when the event does not prove that the phone is alive."""
    return find_word(object_of(push), "type") not in _DONE_BY_THE_PHONE


def _alive(push: Push, device_id: str, data: Data) -> Heartbeat:
    is_second_card = push.device_id is not None and slot_of(data) == 1
    number = None if is_second_card else find_number(data, "owner")
    return Heartbeat(device_id, interval_seconds=A_DAY_SECONDS, phone_number=number)


def _received(device_id: str, event_id: str | None, data: Data) -> Sequence[Told]:
    attached = data.get("attachments")
    addresses = [each for each in attached if isinstance(each, str)] if isinstance(attached, list) else []
    names = (find_label({"name": each.rpartition("/")[2]}, "name") or "unnamed" for each in addresses)
    return (
        InboundSms(
            device_id=device_id,
            sender=sender_of(data, "contact"),
            message=with_attachments(message_of(data, "content"), names),
            sent_at=moment_of(data.get("timestamp")),
            recipient=find_number(data, "owner"),
            slot_index=slot_of(data),
            message_id=event_id,
        ),
    )


def _became(status: str) -> Callable[[str, str | None, Data], Sequence[Told]]:
    def decode(device_id: str, _event_id: str | None, data: Data) -> Sequence[Told]:
        return (
            DeliveryReport(
                device_id=device_id,
                reference=find_word(data, "id", "message_id"),
                status=status_of(status, find_label(data, "error_message")),
                recipient=find_number(data, "contact"),
                slot_index=slot_of(data),
                sent_at=moment_of(data.get("timestamp")),
            ),
        )

    return decode


def _missed(device_id: str, _event_id: str | None, data: Data) -> Sequence[Told]:
    number = find_number(data, "contact")
    return (CallEvent(device_id, "missed", direction="inbound", number=number, slot_index=slot_of(data)),)


def _nothing_else(_device_id: str, _event_id: str | None, _data: Data) -> Sequence[Told]:
    return ()


_EVENTS: Mapping[str, Callable[[str, str | None, Data], Sequence[Told]]] = {
    "message.phone.received": _received,
    "message.phone.sent": _became("sent"),
    "message.phone.delivered": _became("delivered"),
    "message.send.failed": _became("failed"),
    "message.send.expired": _became("expired"),
    "message.call.missed": _missed,
    "phone.heartbeat.online": _nothing_else,
    "phone.heartbeat.offline": _nothing_else,
}
