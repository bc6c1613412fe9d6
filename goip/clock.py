"""Time inside goip is whole milliseconds since the epoch, UTC; on the wire it is ISO 8601.

The clock is a callable, so tests set it by hand.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

Clock = Callable[[], int]

_EPOCH_SECONDS_BELOW = 100_000_000_000
"""A number below this is epoch seconds (to the year 5138), one above is epoch milliseconds."""

_N_DIGITS = len("20261121052220")
_LONGEST_DATE = len("2026-11-21")

LATEST_MS = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z, the last moment that ISO 8601 writes with four digits."""


def now_ms() -> int:
    """The system clock, in ms since the epoch."""
    return time.time_ns() // 1_000_000


def to_iso(at_ms: int) -> str:
    """`2026-11-21T05:22:21.123Z` for a time in ms since the epoch."""
    seconds, ms = divmod(at_ms, 1000)
    return f"{_to_second(seconds)}.{ms:03d}Z"


@lru_cache(maxsize=4096)
def _to_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:-6]


def iso_or_none(at_ms: int | None) -> str | None:
    """`to_iso`, or None where there is no time."""
    return None if at_ms is None else to_iso(at_ms)


def parse_time(value: object) -> int:
    """The ms since the epoch that an ISO 8601 text, epoch seconds or epoch ms means.

    A text without a zone is UTC. Raises ValueError for anything else, and for times outside 1970 to 9999.
    """
    if isinstance(value, bool) or value is None:
        raise ValueError("Not a valid time.")
    if isinstance(value, str):
        value = value.strip()
        try:
            value = float(value)
        except ValueError:
            return _in_range(_parse_iso(str(value)))
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("Not a valid time.")
    return _in_range(round(value * 1000) if value < _EPOCH_SECONDS_BELOW else round(value))


def _parse_iso(text: str) -> int:
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("Not a valid time: use ISO 8601, epoch seconds or epoch milliseconds.") from None
    if stamp.tzinfo is None:
        stamp = stamp.replace(tzinfo=UTC)
    return round(stamp.timestamp() * 1000)


def _in_range(at_ms: int) -> int:
    if not 0 <= at_ms <= LATEST_MS:
        raise ValueError("Not a valid time: it lies outside the years 1970 to 9999.")
    return at_ms


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """The IANA names of time zones, as `Europe/Berlin`."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


def parse_wall_clock(text: str) -> datetime | None:
    """What a clock showed that names no zone, as `2026-11-21 05:22:20` or `20261121052220`; None for anything else.

    It is no moment: `moment_in_zone` makes one of it.
    """
    if len(text) == _N_DIGITS and text.isdigit():
        text = f"{text[:8]}T{text[8:]}"
    try:
        shown = datetime.fromisoformat(text)
    except ValueError:
        return None
    return shown if shown.tzinfo is None and len(text) > _LONGEST_DATE else None


def moment_in_zone(shown: datetime, zone_name: str, near: int) -> int | None:
    """When a clock in that zone showed this, in ms since the epoch; None where a time lies outside 1970 to 9999.

    Where clocks are set back, two moments show the same: the one closer to `near` is meant.
    """
    try:
        zone = ZoneInfo(zone_name)
        moments = [
            _in_range(round(shown.replace(tzinfo=zone, fold=fold).timestamp() * 1000)) for fold in (0, 1)
        ]
    except (ValueError, OverflowError, LookupError):  # the last where the zone's rules are not there any more
        return None
    return min(moments, key=lambda moment: abs(moment - near))
