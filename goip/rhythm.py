"""When a device's next heartbeat is due, and when its silence means something.

The deadline is the device's own: the interval that an operator set, else the one it declares, else
the one it was seen to keep, with a grace that grows with its jitter. Pure functions.
"""

from __future__ import annotations

from goip.models import Device, Rhythm

DEFAULT_INTERVAL_SECONDS = 60
"""What a device is taken to keep until it declares or shows an interval."""

N_MISSED_BEATS = 3
"""A device is offline when this many beats in a row did not come (the GoIP vendor's own rule)."""

_N_GAPS_TO_TRUST = 5
_WEIGHT = 0.2
_SHORTEST_GRACE_SECONDS = 2.0


def learn(rhythm: Rhythm, gap_seconds: float, silence_seconds: float) -> Rhythm:
    """The rhythm after one more gap between two beats.

    A gap longer than `silence_seconds`, the device's own offline deadline, was an outage and teaches nothing;
    neither does one below zero, when a clock was set back.
    """
    if gap_seconds < 0 or gap_seconds > silence_seconds:
        return rhythm
    if rhythm.n_gaps == 0:
        return Rhythm(gap_seconds, 0.0, 1)
    deviation = abs(gap_seconds - rhythm.period_seconds)
    return Rhythm(
        rhythm.period_seconds + _WEIGHT * (gap_seconds - rhythm.period_seconds),
        rhythm.jitter_seconds + _WEIGHT * (deviation - rhythm.jitter_seconds),
        rhythm.n_gaps + 1,
    )


def expected_seconds(device: Device) -> float:
    """The time from one beat to the next that this device is held to."""
    held_to = device.set_interval_seconds or device.declared_interval_seconds
    if held_to:
        return held_to
    if device.rhythm.n_gaps >= _N_GAPS_TO_TRUST:
        return max(1.0, device.rhythm.period_seconds)
    return DEFAULT_INTERVAL_SECONDS


def late_seconds(device: Device) -> float:
    """The silence after which the device is late: one interval and a grace for its jitter."""
    return _late_seconds(expected_seconds(device), device.rhythm.jitter_seconds)


def offline_seconds(device: Device) -> float:
    """The silence after which the device is offline."""
    expected = expected_seconds(device)
    return _late_seconds(expected, device.rhythm.jitter_seconds) + (N_MISSED_BEATS - 1) * expected


def _late_seconds(expected: float, jitter: float) -> float:
    grace = max(_SHORTEST_GRACE_SECONDS, expected / 10, 4 * jitter)
    return expected + min(grace, max(expected, _SHORTEST_GRACE_SECONDS))


def next_due_at(device: Device) -> int | None:
    """When the next beat should come, in ms since the epoch; None before the first."""
    if device.last_seen_at is None:
        return None
    return device.last_seen_at + round(expected_seconds(device) * 1000)
