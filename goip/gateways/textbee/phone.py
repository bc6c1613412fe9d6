"""What the phone app tells: who it is, messages, what became of others, and heartbeats with the cards in the phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from goip.digest import digest_of
from goip.gateways import Push
from goip.gateways.forms import moment_of, need_text, object_of
from goip.gateways.phones import (
    device_of,
    find_flag,
    find_label,
    find_whole,
    find_word,
    message_of,
    object_in,
    objects_in,
    sender_of,
    slots_of,
    status_of,
)
from goip.gateways.textbee.calls import INTERVAL_SECONDS, call_of
from goip.models import DeliveryReport, Heartbeat, InboundSms, SimSlot

_MOST_SLOTS = 512
_BRAND = ("brand", "manufacturer", "model")
_DEAF = "receiving off"


def phone_of(push: Push) -> str:
    """The device: the key's own, the one in the path, or one made of the app's push token when it registers.

    Raises Unauthorized where there is none of these.
    """
    return device_of(push, call_of(push).device_id or _made_of(object_of(push)))


def _made_of(told: Mapping[str, Any]) -> str | None:
    """The token lasts as long as the app is installed; the app registers anew when it is installed again."""
    token = find_word(told, "fcmToken", "serial", longest=4_096)
    return None if token is None else f"textbee-{digest_of(token)[:12]}"


def registered(push: Push) -> Sequence[Heartbeat]:
    """The phone says what it is."""
    told = object_of(push)
    brand = {name: label for name in _BRAND if (label := find_label(told, name))}
    return (
        Heartbeat(
            phone_of(push),
            name=find_label(told, "name"),
            brand_info=brand or None,
            firmware=find_label(told, "appVersionName"),
            sim_slots=_slots(told),
            interval_seconds=INTERVAL_SECONDS,
        ),
    )


def heartbeat(push: Push) -> Sequence[Heartbeat]:
    """How the phone is; in its status, how it reaches us, and whether it was told not to pass messages on."""
    told = object_of(push)
    words = [find_word(told, "networkType"), _DEAF if find_flag(told, "receiveSMSEnabled") is False else None]
    return (
        Heartbeat(
            phone_of(push),
            battery_level=find_whole(told, "batteryPercentage", 0, 100),
            charging=find_flag(told, "isCharging"),
            device_status=", ".join(word for word in words if word) or None,
            firmware=find_label(told, "appVersionName"),
            sim_slots=_slots(told),
        ),
    )


def received(push: Push) -> Sequence[InboundSms]:
    """A received message, without the card that took it; its time is the network's, and the same in a repeat."""
    told = object_of(push)
    return (
        InboundSms(
            device_id=phone_of(push),
            sender=sender_of(told, "sender"),
            message=message_of(told, "message"),
            sent_at=moment_of(told.get("receivedAtInMillis")) or moment_of(told.get("receivedAt")),
        ),
    )


def report(push: Push) -> Sequence[DeliveryReport]:
    """What became of a message that the phone was given."""
    told = object_of(push)
    need_text(told, "status")
    times = (moment_of(told.get(f"{step}AtInMillis")) for step in ("failed", "delivered", "sent"))
    return (
        DeliveryReport(
            device_id=phone_of(push),
            reference=find_word(told, "smsId"),
            status=status_in(told),
            sent_at=next((at for at in times if at), None),
        ),
    )


def status_in(told: Mapping[str, Any], otherwise: str = "unknown") -> str:
    """The status of a message, in lower case, and why where it failed."""
    word = (find_word(told, "status") or otherwise).lower()
    return status_of(word, find_word(told, "errorCode"), find_label(told, "errorMessage"))


def _slots(told: Mapping[str, Any]) -> tuple[SimSlot, ...] | None:
    """The cards in the phone; None where it is not said, or must not be: then the app tells an empty list."""
    cards = objects_in(object_in(told, "simInfo"), "sims")[:_MOST_SLOTS]
    slots = slots_of(
        SimSlot(
            index, carrier_name=find_label(card, "carrierName", "displayName"), iccid=find_word(card, "iccId")
        )
        for card in cards
        if (index := find_whole(card, "simSlotIndex", 0, _MOST_SLOTS)) is not None
    )
    return slots or None
