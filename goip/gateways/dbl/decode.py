"""What a line's packets mean. Pure: no socket, no clock. A line is a device with one slot."""

from __future__ import annotations

from goip.errors import InvalidPayload
from goip.fields import Identifier, length, storable, without_controls
from goip.gateways.dbl.packets import Packet
from goip.models import Heartbeat, InboundSms, SimSlot
from goip.validation import take_one

INTERVAL_SECONDS = 30
"""The box sends a keepalive that often; it cannot be set."""

_LINE_ID = Identifier(validate=length(1, 64))
_LONGEST_TEXT = 10_000
_LONGEST_WORD = 64
_UNKNOWN_SIGNAL = 99
_MOST_SIGNAL = 31
_STATES = ("gsm_status", "voip_status", "voip_state", "disable_status", "CGATT")
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
        operator_name=_word(packet, "pro"),
        phone_number=_word(packet, "num"),
        signal_strength=signal,
        iccid=_card(packet, "iccid"),
        imsi=_card(packet, "imsi"),
        imei=_card(packet, "imei"),
        status=_word(packet, "gsm_status"),
        raw_status=_raw_status(packet),
    )
    return Heartbeat(
        device_id=line_id_of(packet),
        signal_strength=signal,
        device_status=_word(packet, "voip_state"),
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
    message = packet.fields.get("msg")
    if message is None:
        raise InvalidPayload("msg is required")
    return InboundSms(
        device_id=line_id_of(packet),
        sender=sender,
        message=storable(message)[:_LONGEST_TEXT],
        slot_index=0,
        sending_id=packet.number,
    )


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
    told = _word(packet, name)
    return told if told is not None and told.strip("0") else None


def _word(packet: Packet, name: str) -> str | None:
    told = packet.told(name)
    return None if told is None else without_controls(told)[:_LONGEST_WORD] or None


def _raw_status(packet: Packet) -> str | None:
    told = [f"{name}:{value}" for name in _STATES if (value := _word(packet, name)) is not None]
    return ";".join(told) or None
