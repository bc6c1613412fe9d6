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
    neither does. `received_at` is in ms since the epoch. `raw_query` is what `query` was read from, for bytes that
    are no UTF-8.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    key: str
    device_id: str | None
    received_at: int
    raw_query: str = ""


class Reply(NamedTuple):
    """What the gateway wants to hear once all that it told is on disk."""

    body: bytes = b"OK"
    content_type: str = "text/plain"
    status: int = 200


def say_ok(_push: Push) -> Reply:
    """For gateways that only look at the status."""
    return Reply()


def never(_what: object) -> bool:
    """For makes of which something is never so."""
    return False


class HttpMake(NamedTuple):
    """One make that posts to us.

    `decode` raises InvalidPayload naming the field, Unauthorized for a signature that does not hold. It tells
    only what the request said: that the device is alive is known without it, unless `is_hearsay` says that
    somebody else speaks of it. `silence_seconds` is the interval that a device of this make is held to until it
    declares one. What follows the key in the address names the device, or with `has_own_paths` is the make's.
    `is_final`: what is refused at this path with a 4xx, the sender drops.
    """

    name: str
    title: str
    silence_seconds: int
    decode: Callable[[Push], Sequence[Told]]
    reply: Callable[[Push], Reply] = say_ok
    has_own_paths: bool = False
    is_final: Callable[[str], bool] = never
    is_hearsay: Callable[[Push], bool] = never
