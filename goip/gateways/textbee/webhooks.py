"""What textbee's server posts: flat JSON, one event each."""

from __future__ import annotations

from collections.abc import Sequence

from goip.gateways import Push
from goip.gateways.forms import moment_of, need_text, object_of
from goip.gateways.phones import device_of, find_label, find_number, find_word, message_of, sender_of
from goip.gateways.signatures import check_signature
from goip.gateways.textbee.phone import status_in
from goip.models import DeliveryReport, Heartbeat, InboundSms, Told

A_DAY_SECONDS = 86_400
"""Phones' heartbeats stay with textbee's server: from here a phone is only heard of when something happens."""

_RECEIVED = "MESSAGE_RECEIVED"
_STATUS = {
    "MESSAGE_SENT": "sent",
    "MESSAGE_DELIVERED": "delivered",
    "MESSAGE_FAILED": "failed",
    "UNKNOWN_STATE": "unknown",
    "SMS_STATUS_UPDATED": "unknown",
}
_DONE_BY_THE_PHONE = ("MESSAGE_RECEIVED", "MESSAGE_SENT", "MESSAGE_DELIVERED")
_TIMES = ("failedAt", "deliveredAt", "sentAt")


def decode_event(push: Push) -> Sequence[Told]:
    """What one event tells; nothing for one that is not known. Raises Unauthorized, InvalidPayload."""
    check_signature(push)
    told = object_of(push)
    name = need_text(told, "webhookEvent")
    if name != _RECEIVED and name not in _STATUS:
        return ()
    device_id = device_of(push, find_word(told, "deviceId", longest=128))
    alive = [Heartbeat(device_id, interval_seconds=A_DAY_SECONDS)] if name in _DONE_BY_THE_PHONE else []
    if name in _STATUS:
        times = (moment_of(told.get(at)) for at in _TIMES)
        report = DeliveryReport(
            device_id=device_id,
            reference=find_word(told, "smsId"),
            status=status_in(told, _STATUS[name]),
            recipient=find_number(told, "recipient"),
            sent_at=next((at for at in times if at), None),
        )
        return (*alive, report)
    message = InboundSms(
        device_id=device_id,
        sender=sender_of(told, "sender"),
        message=message_of(told, "message"),
        sent_at=moment_of(told.get("receivedAt")),
        message_id=find_label(told, "idempotencyKey", "smsId"),
    )
    return (*alive, message)


def is_hearsay_event(push: Push) -> bool:
    """True when the event does not prove that the phone is alive: the server gives up by itself too."""
    return find_word(object_of(push), "webhookEvent") not in _DONE_BY_THE_PHONE
