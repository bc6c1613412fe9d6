"""What one frame of a box is in the wire log, and what it tells of itself."""

from __future__ import annotations

from collections.abc import Sequence

from goip.errors import InvalidPayload
from goip.gateways.dinstar.asking import decode_port_info, decode_send_answer, rows_in
from goip.gateways.dinstar.binary import (
    CALL,
    KEEPALIVE,
    LOGIN,
    PORTS,
    SIGNALS,
    SMS,
    SMS_RESULT,
    USSD,
    Frame,
    Framing,
    Ports,
    told_of,
)
from goip.gateways.dinstar.stored import decode_received
from goip.models import Told
from goip.wirelog.masking import MASK

_WORDS = {
    KEEPALIVE: "KEEPALIVE",
    SMS_RESULT: "SMS RESULT",
    SMS: "SMS",
    PORTS: "PORTS",
    USSD: "USSD",
    SIGNALS: "SIGNALS",
    LOGIN: "LOGIN",
    CALL: "CALL",
}
_MASKED_FIELD = MASK.encode().ljust(16, b"\0")
"""In the place of a user or a password: a key may be cut in two, so neither is kept."""


def head_of(frame: Frame) -> str:
    """What stands over its bytes, which nobody can read: its type, and what names it."""
    return f"{_WORDS.get(frame.kind, f'TYPE {frame.kind}')} {frame.name}"


def kept_of(frame: Frame) -> bytes:
    """The frame as it came, without what a box logs in with."""
    if frame.kind != LOGIN:
        return frame.head + frame.body
    n_fields = len(frame.body) // len(_MASKED_FIELD) + 1
    return frame.head + (_MASKED_FIELD * n_fields)[: len(frame.body)]


def told_by_answer(box: str, said: bytes) -> Sequence[Told]:
    """What a newer box answered when it was asked: its ports, or what it remembers; nothing of what it sends.

    Raises InvalidPayload.
    """
    if decode_send_answer(said).task_id is not None:
        return ()
    if rows_in(said, "info") is not None:
        return (decode_port_info(box, said),)
    return tuple(row.sms for row in decode_received(box, said) if row.sms is not None)


def told_by_frame(data: bytes) -> Sequence[Told]:
    """What it tells; of the ports, what stands in this one frame. Raises InvalidPayload.

    What was masked inside of a frame made it another length: then it is none any more.
    """
    framing = Framing()
    frames = list(framing.feed(data))
    if len(frames) != 1 or framing.rest:
        raise InvalidPayload("this is not one whole frame of a box", code="no_packet")
    return told_of(frames[0], Ports().after(frames[0]))
