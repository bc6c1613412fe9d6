"""What `dev-status` and `port-status` mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from goip.errors import InvalidPayload, Unauthorized
from goip.fields import word
from goip.gateways.ejoin.encode import NO_ADMITTANCE
from goip.gateways.ejoin.values import object_in, slot_index, whole
from goip.models import Heartbeat, SimSlot
from goip.rhythm import N_MISSED_BEATS

STATUS_PATH = "/goip_get_status.html"
"""Asked without an address for reports and their period, it changes nothing in the box."""

DEFAULT_PERIOD_SECONDS = 60
"""How often a box reports that was not told otherwise."""

_LONGEST_PERIOD_SECONDS = 86_400
_MOST_SLOTS = 1_024
_MOST_SIGNAL = 31
_LONGEST_RAW = 1_000

_STATES = {
    0: "no sim",
    1: "idle",
    2: "searching",
    3: "registered",
    4: "in use",
    5: "error",  # no balance, or an alarm
    6: "denied",
    7: "locked",  # by the device
    8: "locked",  # by the operator
    9: "error",
    11: "idle",  # a card was detected
    12: "locked",  # by the user
    13: "in use",  # ports call each other
    14: "in use",
    15: "in use",  # for data
    16: "error",  # the module does not answer
}
_HAS_OPERATOR = (3, 4)
_WORKING = ("registered", "in use")
_RAW = (
    "port",
    "st",
    "status",
    "sim",
    "opr",
    "active",
    "inserted",
    "slot_active",
    "led",
    "tot_dur",
    "mon_dur",
    "day_dur",
)
"""What is kept of a port in the vendor's own words."""


def device_status(device_id: str, data: Mapping[str, Any], period: Any = None) -> Heartbeat:
    """`dev-status`: the box and its ports. `period` is how often it was told to report, where that is known."""
    told = data.get("status")
    return Heartbeat(
        device_id=device_id,
        sim_slots=_slots(told if isinstance(told, list) else ()) or None,
        brand_info=_size(data),
        ip_address=word(data.get("ip")),
        firmware=word(data.get("ver")),
        interval_seconds=_interval(data, period),
    )


def decode_status(device_id: str, body: bytes) -> Heartbeat:
    """The answer of a box that is asked how it is: a `dev-status` of the ports at work.

    Its reports may tell more cards than that, so those that it does not name stay. Raises InvalidPayload for none,
    Unauthorized where it refused the user or the password.
    """
    data = object_in(body)
    if whole(data.get("code")) in NO_ADMITTANCE:
        raise Unauthorized(f"the box refused: {data['code']} {word(data.get('reason')) or ''}".strip())
    if data.get("type") != "dev-status":
        raise InvalidPayload("type must be dev-status", fields={"type": ["Must be dev-status."]})
    beat = device_status(device_id, data)
    return beat._replace(is_partial=beat.sim_slots is not None)


def port_status(device_id: str, data: Mapping[str, Any]) -> Heartbeat:
    """`port-status`: one port that changed; the others are as they were."""
    told = data.get("status")
    slots = _slots(told if isinstance(told, list) else (data,))
    return Heartbeat(device_id, sim_slots=slots or None, is_partial=bool(slots))


def _interval(data: Mapping[str, Any], period: Any) -> int:
    """A report holds for three periods: so long may the box be silent, and so many beats may we miss."""
    expires = whole(data.get("expires")) or 0
    told = expires // N_MISSED_BEATS if expires > 0 else whole(data.get("period")) or whole(period) or 0
    return min(told, _LONGEST_PERIOD_SECONDS) if told > 0 else DEFAULT_PERIOD_SECONDS


def _size(data: Mapping[str, Any]) -> dict[str, str] | None:
    ports = whole(data.get("max-ports"))
    slots = whole(data.get("max-slots", data.get("max-slot")))
    told = [f"{n} {what}" for n, what in ((ports, "ports"), (slots, "slots each")) if n is not None]
    return {"product": ", ".join(told)} if told else None


def _slots(rows: Iterable[Any]) -> tuple[SimSlot, ...]:
    """The ports that can be made out; of several cards in one port the one that works, else the first."""
    by_index: dict[int, SimSlot] = {}
    for row in rows:
        slot = _slot(row) if isinstance(row, dict) else None
        if slot is None:
            continue
        known = by_index.get(slot.slot_index)
        if known is None or (slot.status in _WORKING and known.status not in _WORKING):
            by_index[slot.slot_index] = slot
    slots = list(by_index.values())
    if len(slots) > _MOST_SLOTS:
        slots.sort(key=lambda slot: slot.status == "no sim")
    return tuple(slots[:_MOST_SLOTS])


def _slot(row: Mapping[str, Any]) -> SimSlot | None:
    index = slot_index(row.get("port"))
    if index is None:
        return None
    state = _state(row)
    return SimSlot(
        slot_index=index,
        operator_name=_operator(row) if state in _HAS_OPERATOR else None,
        phone_number=_number(row),
        signal_strength=_signal(row),
        iccid=_identity(row, "iccid"),
        imsi=_identity(row, "imsi"),
        imei=_identity(row, "imei"),
        status=_STATES.get(state) if state is not None else None,
        balance=word(row.get("bal")),
        raw_status=_raw(row),
    )


def _state(row: Mapping[str, Any]) -> int | None:
    """The code, which older boxes write as `"3 REGISTERED"`, and under another name."""
    told = word(row.get("st")) or word(row.get("status")) or ""
    found = re.match(r"[0-9]{1,3}(?![0-9.])", told)
    return int(found[0]) if found else None


def _operator(row: Mapping[str, Any]) -> str | None:
    """`"46001 CHN-UNICOM"` without its number; the number where there is nothing else, and 0 is none."""
    told = word(row.get("opr")) or ""
    number, _, name = told.partition(" ")
    if not number.isdigit():
        return told or None
    return name.strip() or (number if number.strip("0") else None)


def _number(row: Mapping[str, Any]) -> str | None:
    told = word(row.get("sn"))
    return told if told is not None and any(each.isdigit() for each in told) else None


def _signal(row: Mapping[str, Any]) -> int | None:
    """CSQ: 0 to 31, and 99 for unknown."""
    told = whole(row.get("sig"))
    return told if told is not None and 0 <= told <= _MOST_SIGNAL else None


def _identity(row: Mapping[str, Any], name: str) -> str | None:
    """A number of card or module; all zeros mean that there is none."""
    told = word(row.get(name))
    return told if told is not None and told.strip("0") else None


def _raw(row: Mapping[str, Any]) -> str:
    told = ((name, word(row.get(name))) for name in _RAW)
    return ";".join(f"{name}:{value}" for name, value in told if value is not None)[:_LONGEST_RAW]
