"""What a line's keepalives and messages mean. Pure: no socket, no clock. A line is a device with one slot."""

from __future__ import annotations

from goip.errors import InvalidPayload
from goip.fields import Identifier, length, storable, without_controls
from goip.gateways.dbl.packets import Packet, or_none
from goip.models import Heartbeat, InboundSms, SimSlot
from goip.validation import take_one

INTERVAL_SECONDS = 30
"""The box sends a keepalive that often; it cannot be set."""

_LINE_ID = Identifier(validate=length(1, 64))
_LONGEST_TEXT = 10_000
_LONGEST_WORD = 64
_UNKNOWN_SIGNAL = 99
_MOST_SIGNAL = 31
_IDLE = "IDLE"
_NETWORK_IS_THERE = ("LOGIN", "UP")
_REGISTERED = "registered"
_IN_USE = "in use"
_STATES = (
    "gsm_status", "voip_status", "voip_state", "remain_time", "disable_status", "CELLINFO", "CGATT",
)  # fmt: skip
"""What a keepalive says of the line in the vendor's own words, kept as it is."""


def line_id_of(packet: Packet) -> str:
    """The line's id, which names the device. Raises InvalidPayload for one that cannot."""
    line_id: str = take_one(_LINE_ID, packet.line_id, "id")
    return line_id


def heartbeat_of(packet: Packet) -> Heartbeat:
    """A keepalive. Raises InvalidPayload without a usable id."""
    signal = _signal(packet.told("signal"))
    slot = SimSlot(
        slot_index=0,
        operator_name=word_of(packet, "pro"),
        phone_number=word_of(packet, "num"),
        signal_strength=signal,
        iccid=_card(packet, "iccid"),
        imsi=_card(packet, "imsi"),
        imei=_card(packet, "imei"),
        status=_status(packet),
        raw_status=_raw_status(packet),
    )
    return Heartbeat(
        device_id=line_id_of(packet),
        signal_strength=signal,
        device_status=word_of(packet, "voip_state"),
        sim_slots=(slot,),
        interval_seconds=INTERVAL_SECONDS,
        counter=_counter(packet.number),
    )


def sms_of(packet: Packet) -> InboundSms:
    """A received message, without time or recipient: the box tells neither.

    Its number marks repeats for a while only, since it begins anew when the box does. Raises InvalidPayload.
    """
    sender = without_controls(packet.told("srcnum") or "")[:_LONGEST_WORD]
    if not sender:
        raise InvalidPayload("srcnum is required")
    message = text_of(packet)
    if message is None:
        raise InvalidPayload("msg is required")
    return InboundSms(
        device_id=line_id_of(packet),
        sender=sender,
        message=message,
        slot_index=0,
        sending_id=packet.number,
    )


def text_of(packet: Packet) -> str | None:
    """The text that stands last in a packet, as it is but for what cannot be stored; None without one."""
    message = packet.fields.get("msg")
    return None if message is None else storable(message)[:_LONGEST_TEXT]


def word_of(packet: Packet, name: str) -> str | None:
    """A field on one line, of bounded length; None where the box has nothing to say."""
    return clean_word(packet.fields.get(name, ""))


def clean_word(value: str) -> str | None:
    """The same, of a value."""
    if value.isalnum():  # as most are, thousands a second: nothing in it to clean
        return value[:_LONGEST_WORD]
    told = or_none(value)
    return None if told is None else without_controls(told)[:_LONGEST_WORD] or None


def with_word(raw_status: str | None, name: str, value: str) -> str:
    """The vendor's words with one of them new."""
    words = dict(pair.split(":", 1) for pair in (raw_status or "").split(";") if ":" in pair)
    words[name] = value
    return ";".join(f"{each}:{word}" for each, word in words.items())


def in_call(status: str | None, call: str) -> str | None:
    """The word for a slot whose call is in that state now; one without a network keeps its own."""
    if status not in (_REGISTERED, _IN_USE):
        return status
    return _REGISTERED if call == _IDLE else _IN_USE


def _counter(number: str) -> int | None:
    counter = int(number)
    return counter if 0 <= counter <= 2**53 else None


def _signal(told: str | None) -> int | None:
    """CSQ: 0 to 31, and 99 for unknown."""
    if told is None or not told.isascii() or not told.isdigit():
        return None
    signal = int(told[:9])
    return None if signal == _UNKNOWN_SIGNAL or signal > _MOST_SIGNAL else signal


def _card(packet: Packet, name: str) -> str | None:
    """A number of card or module; all zeros mean that there is none."""
    told = word_of(packet, name)
    return told if told is not None and told.strip("0") else None


def _status(packet: Packet) -> str | None:
    """One word for the slot. An old firmware does not tell cards: without one and with a poor one look the same."""
    if packet.told("disable_status") == "1":
        return "off"
    network = packet.told("gsm_status")
    if network is None:
        return None
    if network not in _NETWORK_IS_THERE:
        tells_cards = "imsi" in packet.fields or "iccid" in packet.fields
        has_card = _card(packet, "imsi") is not None or _card(packet, "iccid") is not None
        return "no sim" if tells_cards and not has_card else "searching"
    return in_call(_REGISTERED, packet.told("voip_state") or _IDLE)


def _raw_status(packet: Packet) -> str | None:
    told = [f"{name}:{value}" for name in _STATES if (value := word_of(packet, name)) is not None]
    return ";".join(told) or None
