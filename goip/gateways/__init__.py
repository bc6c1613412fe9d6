"""The makes of gateways: each folder decodes one make's language into `goip.models`.

A make that posts to us over HTTP offers an `HttpMake`; `registry` has them all, and `api.inbound` serves them
at `/in/{make}/{key}`. Everything here is pure: no socket, no clock, no database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from goip.models import Told


class Push(NamedTuple):
    """One HTTP request of a gateway, whole.

    `headers` ignore case. `key` is what it showed in its address; `device_id` is what names the device when the
    body does not: the device that the key belongs to, or what follows the key in the address; None where
    neither does. `received_at` is in ms since the epoch.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    key: str
    device_id: str | None
    received_at: int


class Reply(NamedTuple):
    """What the gateway wants to hear once all that it told is on disk."""

    body: bytes = b"OK"
    content_type: str = "text/plain"
    status: int = 200


def say_ok(_push: Push) -> Reply:
    """For gateways that only look at the status."""
    return Reply()


class HttpMake(NamedTuple):
    """One make that posts to us.

    `decode` raises InvalidPayload naming the field, Unauthorized for a signature that does not hold. It tells
    only what the request said: that the device is alive is known without it. `silence_seconds` is the interval
    that a device of this make is held to until it declares one.
    """

    name: str
    title: str
    silence_seconds: int
    decode: Callable[[Push], Sequence[Told]]
    reply: Callable[[Push], Reply] = say_ok
