"""What a box remembers of received messages, asked by `query_incoming_sms`: the rows of its pushes. Pure.

An answer has about 8 kB of rows at most. It is never asked for those that are unread: that would mark them as read.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from goip.errors import InvalidPayload
from goip.gateways.dinstar.asking import rows_in
from goip.gateways.dinstar.decode import received
from goip.gateways.dinstar.values import whole_of
from goip.models import InboundSms

RECEIVED_PATH = "/api/query_incoming_sms"
_MOST_NUMBER = 2**53


class Remembered(NamedTuple):
    """A message by the number that the box gave it; `sms` is None where the row cannot be made out."""

    number: int
    sms: InboundSms | None

    @property
    def mark(self) -> str:
        """What tells it from the one that has its number when the box has begun to count anew."""
        return str(self.number) if self.sms is None or self.sms.message_id is None else self.sms.message_id


def query_after(number: int) -> Mapping[str, str]:
    """Asks for what came after the message of that number; 0 for everything."""
    return {"flag": "all", "incoming_sms_id": str(number)}


def decode_received(box: str, body: bytes) -> tuple[Remembered, ...]:
    """The messages of an answer, in the order of their numbers. Raises InvalidPayload for what is none."""
    found: dict[int, Remembered] = {}
    for row in rows_in(body, "sms") or ():
        number = whole_of(row, "incoming_sms_id", _MOST_NUMBER)
        if number is None:
            continue
        found[number] = Remembered(number, None)
        with suppress(InvalidPayload):
            found[number] = Remembered(number, received(box, row))
    return tuple(found[number] for number in sorted(found))
