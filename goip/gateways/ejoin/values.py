"""Single values as an Ejoin box writes them: words, numbers, ports and times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from goip.errors import InvalidPayload
from goip.gateways.forms import json_of

LONGEST_TEXT = 10_000

_SLOTS_A_PORT = 100
_PORT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2})|([A-Za-z])|\.sp[0-9]*\.[0-9]+)?")
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_MAC = re.compile(r"[0-9a-f]{12}")
_SCTS = re.compile(r"[0-9]{12}[0-9A-Fa-f]{2}")
_MOST_QUARTERS = 14 * 4
"""No zone is further than 14 hours from UTC."""


def object_in(body: bytes) -> dict[str, Any]:
    """The JSON object of a body, which may end in NULs. Raises InvalidPayload when it is none."""
    data = json_of(body.strip(b"\0"))
    if not isinstance(data, dict):
        raise InvalidPayload("the body must be an object")
    return data


def whole(value: Any) -> int | None:
    """A whole number, also as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    return int(text) if _WHOLE.fullmatch(text) else None


def mac(value: Any) -> str | None:
    """The address of the box as it writes it itself, `00-30-f1-00-b7-d5`; None for what is none."""
    digits = re.sub(r"[-:. ]", "", value).lower() if isinstance(value, str) else ""
    if not _MAC.fullmatch(digits) or not digits.strip("0"):
        return None
    return "-".join(digits[place : place + 2] for place in range(0, 12, 2))


def slot_index(port: Any, slot: Any = None) -> int | None:
    """Port p with SIM slot s is `p * 100 + s`; None for what names no port.

    `1.01` and `1A` are 101, `2.32` is 232. It takes nothing but the text, so that reports of state, of messages
    and of sending agree. A port without a slot has the slot that `slot` names, else its first: `1` is 101. The
    card of a SIM pool, `12.sp256.101`, works in its port, which the box itself calls `12.01` beside it: 1201.
    """
    text = port.strip() if isinstance(port, str) else str(port) if type(port) is int else ""
    found = _PORT.fullmatch(text)
    if found is None:
        return None
    number, digits, letter = found.groups()
    if digits is not None:
        within = int(digits)
    elif letter is not None:
        within = ord(letter.upper()) - ord("A") + 1
    else:
        told = whole(slot)
        within = told if told is not None and 0 < told < _SLOTS_A_PORT else 1
    return int(number) * _SLOTS_A_PORT + within


def names_a_slot(port: str) -> bool:
    """True for `1.01` and `1A`, not for a port alone."""
    return slot_index(port) is not None and not port.strip().isdigit()


def port_text(index: int) -> str:
    """The port that `slot_index` understood, as boxes write it: 101 is `1.01`."""
    port, within = divmod(index, _SLOTS_A_PORT)
    return f"{port}.{within:02d}"


def time_of_scts(text: str) -> int | None:
    """The time of the SMS centre, `250820064536A8`, in ms since the epoch; None for what is none.

    `yyMMddHHmmss` in local time, then the zone in two hex digits: quarters of an hour, each digit one of the
    number's two, the highest bit of all for west of Greenwich. Boxes were seen to tell a wrong zone.
    """
    if not _SCTS.fullmatch(text):
        return None
    tens, ones = int(text[12], 16), int(text[13], 16)
    quarters = (tens & 7) * 10 + ones
    if ones > 9 or quarters > _MOST_QUARTERS:
        return None
    year, month, day, hour, minute, second = (int(text[place : place + 2]) for place in range(0, 12, 2))
    try:
        local = datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    ahead = timedelta(minutes=15 * quarters)
    return int((local + ahead if tens & 8 else local - ahead).timestamp()) * 1000
