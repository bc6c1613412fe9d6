"""Lists of devices: searched, filtered, sorted and paged in memory, where their newest state is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from goip.errors import InvalidPayload
from goip.models import Device
from goip.wire import phone_numbers

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

    The cursor is the id of the last device shown; the page goes on behind its place of now.
    """
    descending = sort.startswith("-")
    key = SORTS.get(sort.removeprefix("-"))
    if key is None:
        raise InvalidPayload(f"sort must be one of {', '.join(SORTS)}", fields={"sort": ["Unknown."]})
    ordered = sorted(devices, key=lambda device: device.device_id)
    ordered.sort(key=key, reverse=descending)
    start = 0
    if after is not None:
        start = next((i + 1 for i, device in enumerate(ordered) if device.device_id == after), len(ordered))
    shown = ordered[start : start + limit]
    has_more = start + limit < len(ordered)
    return shown, shown[-1].device_id if has_more and shown else None
