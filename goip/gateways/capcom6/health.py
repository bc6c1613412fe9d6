"""What the app's ping says of the phone: `payload.health`, checks by name. It tells no signal strength."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from goip.gateways.phones import find_label, find_whole, find_word, object_in
from goip.models import Heartbeat

_MOST_FLAGS = 2**31
_TRANSPORTS = {0: "no network", 2: "cellular", 4: "wifi", 8: "ethernet"}
_FIRST_GENERATION, _LAST_GENERATION = 2, 5
_WELL = "pass"


def beat_of(device_id: str, payload: Mapping[str, Any]) -> Heartbeat:
    """A `system:ping`; older versions of the app tell nothing in it."""
    health = object_in(payload, "health")
    checks = object_in(health, "checks")
    charging = _observed(checks, "battery:charging", _MOST_FLAGS)
    return Heartbeat(
        device_id,
        battery_level=_observed(checks, "battery:level", 100),
        charging=None if charging is None else charging > 0,
        device_status=_status(find_word(health, "status"), checks),
        firmware=find_label(health, "version"),
    )


def _status(told: str | None, checks: Mapping[str, Any]) -> str | None:
    """How the phone reaches us, and before that what it makes of itself, unless all is well."""
    words = [] if told is None or told == _WELL else [told]
    flags = _observed(checks, "connection:transport", _MOST_FLAGS)
    if flags is not None:
        words += [word for flag, word in _TRANSPORTS.items() if flags & flag or flags == flag]
    generation = _observed(checks, "connection:cellular", _LAST_GENERATION)
    if generation is not None and generation >= _FIRST_GENERATION:
        words.append(f"{generation}G")
    return " ".join(words) or told


def _observed(checks: Mapping[str, Any], name: str, most: int) -> int | None:
    return find_whole(object_in(checks, name), "observedValue", 0, most)
