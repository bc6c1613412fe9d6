"""Answers in the shape of textbee's own API, as far as the app reads them."""

from __future__ import annotations

from typing import Any

from goip.gateways import Push, Reply
from goip.gateways.forms import object_of
from goip.gateways.phones import find_label
from goip.gateways.textbee.calls import INTERVAL_MINUTES, call_of
from goip.gateways.textbee.phone import phone_of
from goip.wire import dumps


def reply(push: Push) -> Reply:
    """What the app, or textbee's server, is to hear once all is on disk."""
    match call_of(push).name:
        case "register" | "update":
            return _json({"success": True, "data": _device(push)})
        case "heartbeat":
            return _json({"success": True, "fcmTokenUpdated": False, "lastHeartbeat": push.received_at})
        case "unknown":
            return _json({"success": False, "error": "there is nothing at this address"}, status=404)
    return _json({"success": True, "data": {"success": True}})


def _device(push: Push) -> dict[str, Any]:
    """The app keeps the id for the paths of all that it posts from then on."""
    name = find_label(object_of(push), "name")
    return {
        "_id": phone_of(push),
        "name": name or "",
        "enabled": True,
        "heartbeatIntervalMinutes": INTERVAL_MINUTES,
    }


def _json(data: dict[str, Any], status: int = 200) -> Reply:
    return Reply(dumps(data), "application/json", status)
