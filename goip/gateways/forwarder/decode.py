"""What the pushes of forwarders mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from goip.clock import parse_wall_clock
from goip.digest import digest_of
from goip.errors import InvalidPayload
from goip.fields import PhoneNumber, storable, word
from goip.gateways import Push, forms
from goip.gateways.forwarder import names
from goip.gateways.forwarder.names import Record, first
from goip.gateways.forwarder.records import records_of
from goip.models import Heartbeat, InboundSms, SimSlot, Told

_LONGEST_TEXT = 10_000
_HIGHEST_SLOT = 1_023
_MOST_MINUTES = 1_440
_NUMBER = PhoneNumber()
_SIM = re.compile(r"(?<![a-z])sim[ _-]?([0-9]{1,2})(?![0-9])", re.IGNORECASE)
_PORT = re.compile(r"(?:[a-z]+-?)?(?:([1-9])\.)?([0-9]{1,4})", re.IGNORECASE)
_CHARGING = {
    **dict.fromkeys(("ac", "usb", "wireless", "true", "1"), True),
    **dict.fromkeys(("unplugged", "false", "0"), False),
}


def decode(push: Push) -> Sequence[Told]:
    """Each message, and what is told of the device beside it; or, at `?heartbeat=MINUTES`, that it is alive.

    Raises InvalidPayload for a message without a sender or a text.
    """
    if "heartbeat" in push.query:
        return (Heartbeat(forms.need_device(push), interval_seconds=_interval(push.query["heartbeat"])),)
    told: list[Told] = []
    for record in records_of(push):
        device_id = forms.need_device(push, _line(record, names.DEVICE))
        told.extend((*_health(device_id, record), _message(device_id, record)))
    return told


def _interval(minutes: str) -> int:
    told = _whole(minutes, _MOST_MINUTES)
    if told:
        return told * 60
    problem = f"Must be the minutes between two heartbeats, from 1 to {_MOST_MINUTES}."
    raise InvalidPayload(f"heartbeat: {problem}", fields={"heartbeat": [problem]})


def _message(device_id: str, record: Record) -> InboundSms:
    sender, text = _line(record, names.SENDER), first(record, names.TEXT)
    if sender is None or text is None or isinstance(text, bool):
        raise _incomplete(sender, text)
    message = storable(str(text))[:_LONGEST_TEXT]
    slot_index, sent_at = _slot_index(record), _sent_at(record)
    return InboundSms(
        device_id=device_id,
        sender=sender,
        message=message,
        sent_at=sent_at,
        recipient=_recipient(record),
        slot_index=slot_index,
        message_id=_message_id(record, slot_index, sender, message),
        wall_clock=_wall_clock(record) if sent_at is None else None,
    )


def _incomplete(sender: str | None, text: object) -> InvalidPayload:
    missing = {"sender": sender is None, "text": text is None or isinstance(text, bool)}
    return InvalidPayload(
        f"a message has a sender (as one of {', '.join(names.SENDER)}) "
        f"and a text (as one of {', '.join(names.TEXT)})",
        fields={name: ["Is required."] for name, is_missing in missing.items() if is_missing},
    )


def _line(record: Record, aliases: tuple[str, ...]) -> str | None:
    """The first of these fields, on one line; None where there is none, or nothing in it."""
    return word(first(record, aliases))


def _recipient(record: Record) -> str | None:
    told = _line(record, names.RECIPIENT)
    number: str | None = _NUMBER.deserialize(told) if told else None
    return number


def _sent_at(record: Record) -> int | None:
    """The first time that names a moment: sent before received, with a zone before without."""
    moments = (forms.moment_of(record[name]) for name in names.TIME if name in record)
    return next((at for at in moments if at is not None), None)


def _wall_clock(record: Record) -> datetime | None:
    """The first time that a clock without a zone showed."""
    clocks = (parse_wall_clock(str(record[name]).strip()) for name in names.TIME if name in record)
    return next((shown for shown in clocks if shown is not None), None)


def _message_id(record: Record, slot_index: int | None, sender: str, message: str) -> str | None:
    """What tells a repeat from the next message: an id, or the device's wall clock, with the content.

    Never an id alone: a template may have the same word there for every message.
    """
    own = _line(record, names.MESSAGE_ID)
    if own is not None:
        return digest_of("id", own, sender, message)
    wall_clock = _line(record, names.TIME)
    if wall_clock is None or _sent_at(record) is not None:
        return None  # the moment and the content tell
    return digest_of("clock", wall_clock, slot_index, sender, message)


def _slot_index(record: Record) -> int | None:
    """A phone's SIM counted from 0, as Android counts; a gateway's port as it numbers it."""
    for name in (*names.PHONE_SIM, *names.SLOT):
        told = str(record.get(name, "")).strip()
        index = _of_sim(told, name in names.PHONE_SIM)
        if index is None and name in names.SLOT:
            index = _of_port(told)
        if index is not None:
            return index
    return None


def _of_sim(told: str, is_counted_from_one: bool) -> int | None:
    """`SIM1`, also with a carrier behind it; and the bare number where it is one of a SIM."""
    found = _SIM.search(told)
    number = _whole(found[1] if found else told if is_counted_from_one else "", _HIGHEST_SLOT)
    return None if number is None else max(0, number - 1)


def _of_port(told: str) -> int | None:
    """`3`, `gsm-3` and `gsm-1.3` are 3; on a second board `gsm-2.3` is 203, since names begin anew there."""
    found = _PORT.fullmatch(told)
    if found is None:
        return None
    board, port = int(found[1] or 1), int(found[2])
    return _whole(str(port if board == 1 else board * 100 + port), _HIGHEST_SLOT)


def _health(device_id: str, record: Record) -> tuple[Heartbeat, ...]:
    """What is told beside the message: the phone's battery, the card in the port."""
    level = _whole(str(first(record, names.BATTERY)).strip(), 100)
    is_charging = _CHARGING.get(str(first(record, names.POWER)).strip().lower())
    slots = _card(record)
    if level is None and is_charging is None and not slots:
        return ()
    return (
        Heartbeat(
            device_id,
            battery_level=level,
            charging=is_charging,
            sim_slots=slots or None,
            is_partial=bool(slots),
        ),
    )


def _card(record: Record) -> tuple[SimSlot, ...]:
    slot_index, imsi = _slot_index(record), _line(record, names.CARD) or ""
    if slot_index is None or not imsi.isascii() or not imsi.isdigit():
        return ()
    return (SimSlot(slot_index, phone_number=_recipient(record), imsi=imsi),)


def _whole(digits: str, highest: int) -> int | None:
    """The number that these digits are, None for anything else; apps write -1 for what they do not know."""
    if not digits.isascii() or not digits.isdigit() or len(digits) > 4:
        return None
    return int(digits) if int(digits) <= highest else None
