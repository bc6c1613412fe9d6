"""Frames: what was heard from gateways, and what they were answered."""

from __future__ import annotations

import base64
from collections.abc import Collection
from typing import Literal, NamedTuple

from goip.clock import to_iso
from goip.wire import Json
from goip.wirelog.masking import cut, mask

Transport = Literal["http", "udp", "tcp", "mqtt", "socketio"]
Verdict = Literal["accepted", "refused", "ignored"]
"""Of an exchange: taken; answered that it is not; not answered at all."""

LONGEST_BYTES = 8_192
_LONGEST_HEAD = 4_096
_OTHER_BYTES = 500
"""What a frame takes in memory beside its texts, about."""
_LAYOUT = frozenset(b"\t\n\r")


class Frame(NamedTuple):
    """One message on the wire, without its secrets.

    `device_id` is the device that it is about: known to be so where `is_admitted`, else only what a stranger claims.
    `key_device_id` is the device that the key belongs to which was shown, None for an enrolment key. `at` is in ms
    since the epoch. Of HTTP, `head` is method and address (or the status), and then the headers, a line each; of MQTT
    the topic takes the address's place; of Socket.IO it is the event's name, and of a binary frame it names the type.
    `n_bytes` is the length of the body as it came; of one that `is_cut` only the beginning is kept.
    """

    id: int
    at: int
    device_id: str | None
    is_admitted: bool
    key_device_id: str | None
    direction: Literal["in", "out"]
    transport: Transport
    make: str
    address: str
    verdict: Verdict
    reason: str | None
    head: str | None
    body: bytes
    n_bytes: int
    is_cut: bool

    @property
    def weight(self) -> int:
        """Its bytes in memory, about."""
        return len(self.head or "") + len(self.body) + _OTHER_BYTES

    @property
    def text(self) -> str | None:
        """The body, where it is text."""
        body = self.body.rstrip(b"\0")
        if any(byte < 32 and byte not in _LAYOUT for byte in body):
            return None
        try:
            return body.decode()
        except UnicodeDecodeError:
            return None


def masked_head(head: str, secrets: Collection[str]) -> str:
    """The head as it is kept."""
    data = head.encode("utf-8", "surrogateescape")
    return mask(cut(data, _LONGEST_HEAD, secrets), secrets).decode("utf-8", "replace")


def masked_body(body: bytes, head: str | None, secrets: Collection[str]) -> tuple[bytes, bool]:
    """The body as it is kept beside that head, and whether it is only the beginning."""
    most_bytes = LONGEST_BYTES - len((head or "").encode())
    return mask(cut(body, most_bytes, secrets), secrets), len(body) > most_bytes


def body_json(frame: Frame) -> Json:
    """The body as text where it is text, else as base64."""
    text = frame.text
    encoded = None if text is not None else base64.b64encode(frame.body).decode()
    return {"text": text, "base64": encoded}


def frame_json(frame: Frame) -> Json:
    """A frame, as lists and `network:log` show it."""
    return {
        "id": str(frame.id),
        "at": to_iso(frame.at),
        "deviceId": frame.device_id,
        "isAdmitted": frame.is_admitted,
        "direction": frame.direction,
        "transport": frame.transport,
        "make": frame.make,
        "address": frame.address,
        "verdict": frame.verdict,
        "reason": frame.reason,
        "head": frame.head,
        **body_json(frame),
        "nBytes": frame.n_bytes,
        "isCut": frame.is_cut,
    }
