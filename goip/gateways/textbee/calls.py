"""The calls of the phone app, by their paths below the address."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from goip.gateways import Push

Name = Literal["register", "update", "receive", "status", "heartbeat", "webhook", "unknown"]

INTERVAL_MINUTES = 30
"""How often the app is told to beat when it registers; its own default."""
INTERVAL_SECONDS = INTERVAL_MINUTES * 60

_DEVICES = re.compile(r"(?:api/v1/)?gateway/devices(?:/([^/]+)(?:/([^/]+))?)?")
_ABOUT_A_DEVICE: dict[tuple[str, str | None], Name] = {
    ("PATCH", None): "update",
    ("POST", "receive-sms"): "receive",
    ("POST", "receiveSMS"): "receive",
    ("PATCH", "sms-status"): "status",
    ("POST", "heartbeat"): "heartbeat",
}


class Call(NamedTuple):
    """Which call it is; `device_id` is the phone in the path."""

    name: Name
    device_id: str | None = None


def call_of(push: Push) -> Call:
    """What is called; `webhook` for a push straight to the address."""
    if not push.path:
        return Call("webhook")
    devices = _DEVICES.fullmatch(push.path)
    if devices is None:
        return Call("unknown")
    device_id, what = devices.groups()
    if device_id is None:
        return Call("register" if push.method == "POST" else "unknown")
    return Call(_ABOUT_A_DEVICE.get((push.method, what), "unknown"), device_id)
