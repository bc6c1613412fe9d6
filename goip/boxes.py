"""Boxes whose lines report each for itself: which lines are certainly of one box, and when a box is alive. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from goip import rhythm
from goip.models import Device

_MOST_LINES = {"dbl": 32}
"""The makes of such boxes, and how many lines their largest has."""

_NUMBERED = re.compile(r"(.*[^0-9])([0-9]{1,2})", re.DOTALL)
_SEPARATORS = " -_.:/#"

FindDevice = Callable[[str], Device | None]


class Place(NamedTuple):
    """The box that a line belongs to; `founder` is the line that is to come along into one that is not there yet."""

    box_id: str
    founder: Device | None = None


def has_no_line_of_its_own(box: Device) -> bool:
    """True for a box that says nothing itself: it is alive as long as any of its lines is."""
    return box.make in _MOST_LINES and not box.slots


def is_due(box: Device, at: int) -> bool:
    """True when a line that speaks is to count for its box again: twice in an interval, so that none is missed."""
    return box.last_seen_at is None or at - box.last_seen_at >= rhythm.expected_seconds(box) * 500


def stem_of(device_id: str) -> str:
    """What the lines of a box have in common, without what separates it from their numbers: `goip` of `goip-7`."""
    numbered = _NUMBERED.fullmatch(device_id)
    return device_id if numbered is None else numbered[1].rstrip(_SEPARATORS) or numbered[1]


def place_of(line: Device, find: FindDevice) -> Place | None:
    """Where a line certainly belongs; None where that is for an operator to say.

    It is certain for lines that were adopted, that are heard from one address, and whose ids differ by a number
    at the end alone, within what a box can have; and as long as nobody has taken such lines apart.
    """
    siblings = _siblings(line, find)
    boxes = {sibling.parent for sibling in siblings}
    if len(boxes) != 1:
        return None
    (box_id,) = boxes
    if box_id is not None:
        return Place(box_id)
    box_id = f"{stem_of(line.device_id)}@{line.ip_address}"
    if len(siblings) > 1 or find(box_id) is not None:  # an operator took them apart
        return None
    return Place(box_id, siblings[0])


def _siblings(line: Device, find: FindDevice) -> list[Device]:
    numbered = _NUMBERED.fullmatch(line.device_id)
    most = _MOST_LINES.get(line.make, 0)
    if numbered is None or int(numbered[2]) > most or not _is_line(line):
        return []
    names = dict.fromkeys(f"{numbered[1]}{n:0{width}}" for n in range(most + 1) for width in (1, 2))
    found = (find(name) for name in names if name != line.device_id)
    return [
        other
        for other in found
        if other is not None
        and _is_line(other)
        and (other.make, other.ip_address) == (line.make, line.ip_address)
    ]


def _is_line(device: Device) -> bool:
    return bool(device.slots) and not device.is_pending and device.ip_address is not None
