"""The calls of the phone app, by their paths below the address."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from goip.gateways import Push

Name = Literal["receive", "missed", "events", "heartbeats", "phone", "outstanding", "webhook", "unknown"]

_PATHS: dict[str, Name] = {
    "": "webhook",
    "v1/messages/receive": "receive",
    "v1/messages/calls/missed": "missed",
    "v1/messages/outstanding": "outstanding",
    "v1/heartbeats": "heartbeats",
    "v1/phones": "phone",
    "v1/phones/fcm-token": "phone",
}
_EVENTS = re.compile(r"v1/messages/([^/]+)/events")


class Call(NamedTuple):
    """Which call it is; `reference` is the message that it is about, where the path says so."""

    name: Name
    reference: str | None = None


def call_of(push: Push) -> Call:
    """What is called; `webhook` for a push straight to the address."""
    about = _EVENTS.fullmatch(push.path)
    return Call("events", about[1]) if about else Call(_PATHS.get(push.path, "unknown"))


def is_final(path: str) -> bool:
    """True where the app drops what is refused: received messages and calls."""
    return _PATHS.get(path) in ("receive", "missed")
