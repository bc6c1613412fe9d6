"""What a box still has in its memory, for what came while we were away: the answer of its `goip_get_sms.html`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from goip.errors import InvalidPayload, Unauthorized
from goip.fields import word
from goip.gateways.ejoin.encode import NO_ADMITTANCE
from goip.gateways.ejoin.messages import received
from goip.gateways.ejoin.values import object_in, whole
from goip.models import DeliveryReport, InboundSms

STORED_PATH = "/goip_get_sms.html"
_LONGEST_LIFE = 100


class Stored(NamedTuple):
    """A piece of the box's memory.

    `life` (the vendor's `ssrc`) is another one after a restart, and the numbers of messages then begin at 1 again;
    `next_id` is where to read on. The messages are those of the pushes: one that was pushed is known when it
    comes again.
    """

    life: str
    next_id: int
    told: Sequence[InboundSms | DeliveryReport]


def decode_stored(body: bytes, device_id: str) -> Stored:
    """The answer of a box. Raises InvalidPayload for none, and with the box's own words when it refused.

    Raises Unauthorized where it refused the user or the password.
    """
    data = object_in(body)
    code = whole(data.get("code"))
    if code != 0:
        told = f"the box refused: {code} {word(data.get('reason')) or ''}".strip()
        if code in NO_ADMITTANCE:
            raise Unauthorized(told)
        raise InvalidPayload(told, code="box_refused")
    life, next_id = word(data.get("ssrc")), whole(data.get("next_sms"))
    if life is None:
        raise InvalidPayload("ssrc is required", fields={"ssrc": ["Is required."]})
    if next_id is None or next_id < 1:
        raise InvalidPayload("next_sms is required", fields={"next_sms": ["Must be a number from 1 on."]})
    return Stored(life[:_LONGEST_LIFE], next_id, _told(device_id, data.get("data")))


def _told(device_id: str, rows: Any) -> Sequence[InboundSms | DeliveryReport]:
    """The rows that can be made out: one that cannot never will, and must not keep those behind it from being read."""
    if not isinstance(rows, list):
        return received(device_id, [] if rows is None else rows)
    told: list[InboundSms | DeliveryReport] = []
    for row in rows:
        with suppress(InvalidPayload):
            told += received(device_id, [row])
    return told
