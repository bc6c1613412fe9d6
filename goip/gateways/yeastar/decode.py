"""What a box's events and answers mean. Pure: no socket, no clock.

The box numbers its GSM ports from 1, and their spans from 2; a slot here is the port.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import unquote_plus

from goip.clock import parse_wall_clock
from goip.digest import digest_of
from goip.errors import InvalidPayload
from goip.fields import storable, without_controls, word
from goip.gateways.yeastar.ami import Block
from goip.models import DeliveryReport, InboundSms, SimSlot

RECEIVED = "receivedsms"
SENT = "updatesmssend"

_SPAN = re.compile(r"\s*(?:\w+\s+)?span\s+([0-9]{1,4})\s*:\s*(.*)", re.IGNORECASE)
_ENCODED = re.compile(r"[!-~]*")
_BOM = "\ufeff"
_ABSENT = frozenset({"", "(null)", "undefined", "unknown", "none"})
_LONGEST_TEXT = 10_000
_LONGEST_STATUS = 200
_MOST_PARTS = 255
_HIGHEST_SPAN = 1_024
_MOST_SIGNAL = 31
_STATES = (
    ("power off", "off"),
    ("undetected sim", "no sim"),
    ("sim pin", "locked"),
    ("sim puk", "locked"),
    ("denied", "denied"),
    ("not searching", "error"),
    ("searching", "searching"),
    ("no signal", "searching"),
    ("not registered", "error"),
    ("unregistered", "error"),
    ("registered", "registered"),
    ("down", "error"),
    ("alarm", "error"),
    (" up", "registered"),
)
"""The first of these words that stands in what the box says of a port, and what it means."""


class Part(NamedTuple):
    """A received SMS, or one part of a long one: the `place`-th of `n_parts`."""

    slot_index: int
    sender: str
    text: str
    id: str
    received: str
    place: int
    n_parts: int


def part_of(event: Block) -> Part:
    """A `ReceivedSMS`. Raises InvalidPayload without a sender, a port or a text."""
    fields = event.fields
    sender = _word(fields, "sender")
    if sender is None:
        raise InvalidPayload("Sender is required")
    if "content" not in fields:
        raise InvalidPayload("Content is required")
    n_parts = _number(fields.get("total"), _MOST_PARTS) or 1
    place = _number(fields.get("index"), _MOST_PARTS) or 0
    return Part(
        slot_index=_slot_index(fields),
        sender=sender,
        text=_text(fields["content"]),
        id=_word(fields, "id") or "",
        received=_word(fields, "recvtime") or "",
        place=place if place <= n_parts else 0,
        n_parts=n_parts,
    )


def sms_of(device_id: str, part: Part) -> InboundSms:
    """The message that is whole. The box's clock has no zone; it tells a repeat from the next message."""
    message = storable(part.text)[:_LONGEST_TEXT]
    told = (part.slot_index, part.id, part.received, part.sender, message)
    return InboundSms(
        device_id=device_id,
        sender=part.sender,
        message=message,
        slot_index=part.slot_index,
        message_id=digest_of(*told) if part.received else None,
        sending_id=part.id or None,
        wall_clock=parse_wall_clock(part.received),
    )


def report_of(device_id: str, event: Block) -> DeliveryReport:
    """An `UpdateSMSSend`: whether the network took a message, which is all that the box knows."""
    status = _word(event.fields, "status")
    return DeliveryReport(
        device_id=device_id,
        reference=_word(event.fields, "id"),
        status={"1": "sent", "0": "failed"}.get(status or "", status),
    )


def spans_of(lines: Iterable[str]) -> dict[int, str]:
    """What `gsm show spans` says of each span."""
    found = (_SPAN.fullmatch(line) for line in lines)
    spans = {int(match[1]): without_controls(match[2]) for match in found if match is not None}
    return {span: status for span, status in spans.items() if 1 <= span <= _HIGHEST_SPAN}


def slot_of(span: int, status: str, lines: Iterable[str]) -> SimSlot:
    """A port, by its line in the list, and what `gsm show span` says of it; nothing, where it said nothing."""
    told = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    words = [told.get("status") or status, told.get("network status"), told.get("state")]
    raw_status = "; ".join(without_controls(word) for word in words if word)
    signal = next((told[name] for name in told if name.startswith("signal quality")), None)
    return SimSlot(
        slot_index=span - 1,
        operator_name=_word(told, "network name"),
        signal_strength=_number(signal, _MOST_SIGNAL),
        imsi=_digits(told, "sim imsi"),
        imei=_digits(told, "model imei"),
        status=_state(words[:2]),
        raw_status=raw_status[:_LONGEST_STATUS] or None,
    )


def _state(words: Iterable[str | None]) -> str | None:
    """The port's own trouble comes before what the network says, and that before its being up."""
    said = "; ".join(word for word in words if word).lower()
    return next((state for word, state in _STATES if word in said), None)


def _slot_index(fields: Mapping[str, str]) -> int:
    span = _number(fields.get("gsmspan"), _HIGHEST_SPAN)
    port = span - 1 if span else _number(fields.get("gsmport"), _HIGHEST_SPAN - 1)
    if port is None:
        raise InvalidPayload("GsmSpan is required")
    return port


def _text(content: str) -> str:
    """Percent-encoded UTF-8, and `+` for a space; what has spaces of its own is as it is."""
    text = unquote_plus(content, errors="replace") if _ENCODED.fullmatch(content) else content
    return text.replace(_BOM, "")


def _word(fields: Mapping[str, str], name: str) -> str | None:
    told = word(fields.get(name))
    return None if told is None or told.lower() in _ABSENT else told


def _digits(fields: Mapping[str, str], name: str) -> str | None:
    told = _word(fields, name) or ""
    return told if told.isascii() and told.isdigit() and told.strip("0") else None


def _number(told: str | None, highest: int) -> int | None:
    told = (told or "").strip()
    if not told.isascii() or not told.isdigit() or len(told) > 6 or int(told) > highest:
        return None
    return int(told)
