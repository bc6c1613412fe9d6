"""What happens on a line between its keepalives: calls, reports on messages, USSD, and the line's own state.

Pure: no socket, no clock. A field that is missing or makes no sense is left out, for a box says an event that is
refused again, word for word, and then gives up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from goip.gateways.dbl.decode import clean_word, in_call, line_id_of, text_of, with_word, word_of
from goip.gateways.dbl.packets import USSN, Packet
from goip.models import CallEvent, DeliveryReport, Device, Direction, Heartbeat, Note, Ussd

_WHO = frozenset({"id", "password", "pass"})
_LONGEST_NUMBER = 9

_CALLS: dict[str, tuple[str, Direction | None]] = {
    "IDLE": ("idle", None),
    "DIALING": ("dialing", "outbound"),
    "ALERTING": ("alerting", "outbound"),
    "CONNECTED": ("active", "outbound"),
    "INCOMING": ("incoming", "inbound"),
    "ACTIVE": ("active", None),
}
_RECORDED: dict[str, tuple[str, Direction]] = {"1": ("incoming", "inbound"), "2": ("dialing", "outbound")}

_NAMES = {
    "STATE": ("gsm_remain_state", "voip_state"),
    "REMAIN": ("gsm_remain_time", "remain_time"),
    "CELLINFO": ("CELLINFO", "CELLINFO"),
    "CGATT": ("CGATT", "CGATT"),
}
"""Of the events that tell one value of the line: its name there, and in a keepalive."""


class News(NamedTuple):
    """What an event tells: how the line is now, and what happened."""

    beat: Heartbeat | None = None
    notes: tuple[Note, ...] = ()


def news_of(packet: Packet, known: Device | None) -> News:
    """What an event says of a line that was as `known`; nothing for verbs without a meaning here.

    Raises InvalidPayload without a usable id.
    """
    line_id = line_id_of(packet)
    if packet.kind in _NAMES:
        return _of_line(packet, line_id, known)
    decode = _NOTES.get(packet.kind)
    note = None if decode is None else decode(packet, line_id)
    return News() if note is None else News(notes=(note,))


def call_change(packet: Packet, known: Device | None) -> tuple[Note, ...]:
    """The step of a call that a keepalive shows and no event told: the state is another than the last one known."""
    state = word_of(packet, "voip_state")
    if known is None or state is None or state == (known.device_status or "IDLE"):
        return ()
    return (_call(line_id_of(packet), state),)


def _of_line(packet: Packet, line_id: str, known: Device | None) -> News:
    name, name_in_keepalive = _NAMES[packet.kind]
    value = word_of(packet, name) or _only_word(packet)
    if value is None:
        return News()
    is_call = packet.kind == "STATE"
    notes: tuple[Note, ...] = (_call(line_id, value),) if is_call else ()
    slot = None if known is None else known.slot(0)
    if slot is None:
        return News(notes=notes)
    slot = slot._replace(
        raw_status=with_word(slot.raw_status, name_in_keepalive, value),
        status=in_call(slot.status, value) if is_call else slot.status,
    )
    beat = Heartbeat(line_id, device_status=value if is_call else None, sim_slots=(slot,))
    return News(beat, notes)


def _only_word(packet: Packet) -> str | None:
    """What an event says beside who says it, under whatever name its firmware has for that."""
    others = (word_of(packet, name) for name in packet.fields if name not in _WHO)
    return next((word for word in others if word is not None), None)


def _call(line_id: str, told: str) -> CallEvent:
    """`IDLE`, `INCOMING:5551234`: a state, and where there is one the other side's number."""
    word, _, number = told.partition(":")
    state, direction = _CALLS.get(word, (word.lower(), None))
    return CallEvent(line_id, state, direction, clean_word(number), slot_index=0)


def _record(packet: Packet, line_id: str) -> CallEvent:
    """A call begins."""
    state, direction = _RECORDED.get(packet.told("dir") or "", ("record", None))
    return CallEvent(line_id, state, direction, word_of(packet, "num"), slot_index=0)


def _hangup(packet: Packet, line_id: str) -> CallEvent:
    """`num:5551234,cause:Normal call clearing`: a comma, where all else has a semicolon."""
    number, _, cause = packet.fields.get("num", "").partition(",cause:")
    return CallEvent(
        line_id,
        "ended",
        number=clean_word(number),
        slot_index=0,
        cause=clean_word(cause) or word_of(packet, "cause"),
    )


def _expiry(packet: Packet, line_id: str) -> CallEvent | None:
    """How long the call was."""
    seconds = _whole(packet.told("exp"))
    return None if seconds is None else CallEvent(line_id, "ended", slot_index=0, duration_seconds=seconds)


def _deliver(packet: Packet, line_id: str) -> DeliveryReport:
    """`state` is a TP-Status; `sms_no` is the number that the line gave when it sent the message."""
    code = _whole(packet.told("state"))
    return DeliveryReport(
        line_id,
        reference=word_of(packet, "sms_no"),
        status_code=code,
        status=word_of(packet, "state") if code is None else None,
        recipient=word_of(packet, "num"),
        slot_index=0,
    )


def _ussd(packet: Packet, line_id: str) -> Ussd | None:
    """What the network says of its own accord."""
    text = text_of(packet)
    return None if text is None else Ussd(line_id, text, slot_index=0)


def _whole(told: str | None) -> int | None:
    is_number = told is not None and told.isascii() and told.isdigit() and len(told) <= _LONGEST_NUMBER
    return int(told) if told is not None and is_number else None


_NOTES: dict[str, Callable[[Packet, str], Note | None]] = {
    "DELIVER": _deliver,
    "RECORD": _record,
    "HANGUP": _hangup,
    "EXPIRY": _expiry,
    USSN: _ussd,
}
