"""Answers in the shape of httpSMS' own API: older apps read a stored message back, and stumble over a missing field."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from goip.clock import to_iso
from goip.digest import digest_of
from goip.gateways import Push, Reply
from goip.gateways.forms import object_of
from goip.gateways.httpsms.calls import Name, call_of
from goip.gateways.httpsms.phone import numbers_of
from goip.gateways.phones import find_flag, find_number, find_word, sender_of, shortened
from goip.wire import dumps

_ANY_SIM = "DEFAULT"


def reply(push: Push) -> Reply:
    """What the app, or httpSMS' server, is to hear once all is on disk."""
    return _REPLIES[call_of(push).name](push)


def _received(push: Push) -> Reply:
    return _ok("message stored", _message(push, "mobile-originated"))


def _missed(push: Push) -> Reply:
    return _ok("missed call stored", _message(push, "call/missed"))


def _reported(push: Push) -> Reply:
    """The app takes the word that there is no such message for an answer, and asks no more."""
    return _no_message(push) if push.device_id is None else _ok("event stored")


def _beaten(push: Push) -> Reply:
    told = object_of(push)
    charging = find_flag(told, "charging") or False
    now = to_iso(push.received_at)
    data = [{"owner": number, "charging": charging, "timestamp": now} for number in numbers_of(told)]
    return _ok("heartbeat stored", data, status=201)


def _logged_in(push: Push) -> Reply:
    """The app keeps both ids; the user is, here, the device."""
    told = object_of(push)
    number = find_number(told, "phone_number")
    data = {
        "id": _id("phone", push.device_id, number),
        "user_id": push.device_id or number,
        "phone_number": number,
        "sim": find_word(told, "sim") or _ANY_SIM,
        "updated_at": to_iso(push.received_at),
    }
    return _ok("phone stored", data)


def _told(_push: Push) -> Reply:
    return _ok("event stored")


def _no_message(_push: Push) -> Reply:
    """Nothing is sent through the app: that takes Firebase, whose messages are httpSMS' own to send."""
    return _not_found("there is no such message")


def _nothing(_push: Push) -> Reply:
    return _not_found("there is nothing at this address")


def _message(push: Push, kind: str) -> dict[str, Any]:
    """A message as httpSMS' API has it."""
    told = object_of(push)
    now = to_iso(push.received_at)
    content = told.get("content")
    return {
        "id": _id("message", push.device_id, push.body.hex()),
        "owner": find_number(told, "to") or push.device_id,
        "contact": sender_of(told, "from"),
        "content": shortened(content) if isinstance(content, str) else "",
        "encrypted": find_flag(told, "encrypted") or False,
        "sim": find_word(told, "sim") or _ANY_SIM,
        "type": kind,
        "status": "received",
        "request_received_at": now,
        "order_timestamp": now,
        "created_at": now,
        "updated_at": now,
        "received_at": now,
        "sent_at": None,
        "send_time": None,
        "last_attempted_at": None,
        "failure_reason": None,
    }


def _id(*parts: object) -> str:
    """A UUID that is the same for the same."""
    return str(uuid.UUID(hex=digest_of(*parts)[:32]))


def _ok(message: str, data: Any = None, status: int = 200) -> Reply:
    return Reply(dumps({"status": "success", "message": message, "data": data}), "application/json", status)


def _not_found(message: str) -> Reply:
    return Reply(dumps({"status": "error", "message": message}), "application/json", 404)


_REPLIES: Mapping[Name, Callable[[Push], Reply]] = {
    "receive": _received,
    "missed": _missed,
    "events": _reported,
    "heartbeats": _beaten,
    "phone": _logged_in,
    "outstanding": _no_message,
    "webhook": _told,
    "unknown": _nothing,
}
