"""Lists of devices: searched, filtered, sorted and paged in memory, where their newest state is."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from goip.errors import InvalidPayload
from goip.models import Device
from goip.wire import dumps, phone_numbers

SortKey = Callable[[Device], Any]

_TROUBLE_FIRST = {"offline": 0, "late": 1, "unknown": 2, "online": 3}

SORTS: dict[str, SortKey] = {
    "deviceId": lambda d: d.device_id,
    "name": lambda d: (d.name or d.device_id).casefold(),
    "status": lambda d: _TROUBLE_FIRST[d.status],
    "lastSeen": lambda d: d.last_seen_at or 0,
    "registeredAt": lambda d: d.registered_at,
    "batteryLevel": lambda d: -1 if d.battery_level is None else d.battery_level,
    "signalStrength": lambda d: -1_000 if d.signal_strength is None else d.signal_strength,
}


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which devices are meant; `search` looks in ids, names, numbers, cards and models, in any case."""

    search: str = ""
    statuses: frozenset[str] = frozenset()
    make: str | None = None
    is_pending: bool | None = None
    parent: str | None = None


def matching(devices: Iterable[Device], wanted: DeviceFilter) -> list[Device]:
    """The devices that are meant."""
    terms = wanted.search.casefold().split()
    return [device for device in devices if _matches(device, wanted, terms)]


def _matches(device: Device, wanted: DeviceFilter, terms: list[str]) -> bool:
    if wanted.statuses and device.status not in wanted.statuses:
        return False
    if wanted.make is not None and device.make != wanted.make:
        return False
    if wanted.is_pending is not None and device.is_pending != wanted.is_pending:
        return False
    if wanted.parent is not None and device.parent != wanted.parent:
        return False
    if not terms:
        return True
    text = _text_of(device)
    return all(term in text for term in terms)


def _text_of(device: Device) -> str:
    parts = [device.device_id, device.name or "", device.ip_address or "", device.firmware or ""]
    parts += phone_numbers(device)
    parts += device.brand_info.values()
    for slot in device.slots:
        parts += [slot.carrier_name or "", slot.operator_name or "", slot.iccid or "", slot.imsi or ""]
    return "\n".join(parts).casefold()


def page_of(
    devices: list[Device], sort: str, *, limit: int, after: str | None
) -> tuple[list[Device], str | None]:
    """One page in the order of `sort` (a name, with `-` before it to turn it round), and the next cursor.

    The cursor is a place in that order, not a device: devices that move, change or go while a client walks
    the pages cannot send it back to the start, nor hide those that stay.
    """
    key = SORTS.get(sort.removeprefix("-"))
    if key is None:
        raise InvalidPayload(f"sort must be one of {', '.join(SORTS)}", fields={"sort": ["Unknown."]})
    is_descending = sort.startswith("-")
    ordered = sorted(devices, key=lambda device: device.device_id)
    ordered.sort(key=key, reverse=is_descending)
    start = 0 if after is None else _place_behind(after, ordered, sort, key)
    shown = ordered[start : start + limit]
    has_more = start + limit < len(ordered)
    return shown, _cursor_at(shown[-1], sort, key) if has_more and shown else None


def _cursor_at(device: Device, sort: str, key: SortKey) -> str:
    return urlsafe_b64encode(dumps([sort, key(device), device.device_id])).decode().rstrip("=")


def _place_behind(cursor: str, ordered: list[Device], sort: str, key: SortKey) -> int:
    """The index of the first device behind that place. Raises InvalidPayload for a cursor of another list."""
    try:
        its_sort, value, device_id = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if its_sort != sort:
            raise ValueError(its_sort)
        if sort.startswith("-"):
            behind = (key(d) < value or (key(d) == value and d.device_id > device_id) for d in ordered)
        else:
            behind = ((key(d), d.device_id) > (value, device_id) for d in ordered)
        return next((index for index, is_behind in enumerate(behind) if is_behind), len(ordered))
    except (ValueError, TypeError):
        raise InvalidPayload(
            "cursor is not one of this list", fields={"cursor": ["Not a cursor of this list."]}
        ) from None
