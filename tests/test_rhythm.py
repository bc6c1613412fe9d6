"""When a device's next heartbeat is due, and when its silence means something."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip import rhythm
from goip.models import Device, Rhythm

NOW = 1_795_238_541_123


def device(**fields: Any) -> Device:
    return Device(**{"pk": 1, "device_id": "gw-1", "registered_at": NOW, "last_seen_at": NOW, **fields})


def deadlines(known: Device) -> tuple[float, float, float]:
    return rhythm.expected_seconds(known), rhythm.late_seconds(known), rhythm.offline_seconds(known)


def learned(gaps: list[float], silence: float = 1e9) -> Rhythm:
    known = Rhythm()
    for gap in gaps:
        known = rhythm.learn(known, gap, silence)
    return known


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (60, 66, 186)),
        ({"declared_interval_seconds": 30}, (30, 33, 93)),
        ({"declared_interval_seconds": 10}, (10, 12, 32)),
        ({"declared_interval_seconds": 1}, (1, 3, 5)),
        ({"declared_interval_seconds": 3600}, (3600, 3960, 11160)),
        ({"declared_interval_seconds": 300, "set_interval_seconds": 30}, (30, 33, 93)),
        ({"set_interval_seconds": 30, "rhythm": Rhythm(10.0, 0.0, 99)}, (30, 33, 93)),
        ({"rhythm": Rhythm(10.0, 0.0, 5)}, (10, 12, 32)),
        ({"rhythm": Rhythm(10.0, 0.0, 4)}, (60, 66, 186)),  # too little seen
        ({"rhythm": Rhythm(0.05, 0.0, 99)}, (1, 3, 5)),  # never held to less than a second
    ],
)
def test_the_deadlines_are_of_the_interval_set_then_declared_then_seen_then_usual(
    fields: dict[str, Any], expected: tuple[float, float, float]
) -> None:
    assert deadlines(device(**fields)) == pytest.approx(expected)


def test_jitter_earns_grace_up_to_one_interval() -> None:
    regular = device(declared_interval_seconds=30, rhythm=Rhythm(30.0, 0.1, 50))
    restless = device(declared_interval_seconds=30, rhythm=Rhythm(30.0, 4.0, 50))
    wild = device(declared_interval_seconds=30, rhythm=Rhythm(30.0, 50.0, 50))
    late = [rhythm.late_seconds(each) for each in (regular, restless, wild)]
    assert late == pytest.approx([33.0, 46.0, 60.0])


def test_offline_comes_two_more_missed_beats_after_late() -> None:
    known = device(declared_interval_seconds=30, rhythm=Rhythm(30.0, 4.0, 50))
    assert rhythm.offline_seconds(known) - rhythm.late_seconds(known) == 60


@given(
    interval=st.none() | st.integers(1, 86_400),
    period=st.floats(0, 1e5),
    jitter=st.floats(0, 1e5),
    n_gaps=st.integers(0, 100),
)
def test_late_always_comes_after_a_missed_beat_and_offline_after_late(
    interval: int | None, period: float, jitter: float, n_gaps: int
) -> None:
    expected, late, offline = deadlines(
        device(declared_interval_seconds=interval, rhythm=Rhythm(period, jitter, n_gaps))
    )
    assert expected + 2 <= late
    assert late + 2 * expected == pytest.approx(offline)
    assert late <= max(2 * expected, expected + 2)


@given(st.lists(st.floats(9.0, 11.0), min_size=20, max_size=60))
def test_what_is_learned_lies_among_what_was_seen(gaps: list[float]) -> None:
    known = learned(gaps)
    assert min(gaps) <= known.period_seconds <= max(gaps)
    assert 0 <= known.jitter_seconds <= max(gaps) - min(gaps)
    assert known.n_gaps == len(gaps)


def test_a_device_with_jitter_is_soon_late_no_more() -> None:
    chance = random.Random(7)
    known, false_alarms = Rhythm(), 0
    for n in range(2_000):
        gap = 20 + chance.uniform(-6, 6)
        if n >= 30 and gap > rhythm.late_seconds(device(rhythm=known)):
            false_alarms += 1
        known = rhythm.learn(known, gap, rhythm.offline_seconds(device(rhythm=known)))
    assert known.period_seconds == pytest.approx(20, abs=3)
    assert false_alarms == 0


def test_a_device_that_changes_its_pace_is_followed() -> None:
    known = learned([10.0] * 20 + [20.0] * 20, silence=40)
    assert known.period_seconds == pytest.approx(20, abs=0.2)


@pytest.mark.parametrize("gap", [-0.001, -3600.0, 93.001])
def test_a_gap_that_was_an_outage_or_runs_backwards_teaches_nothing(gap: float) -> None:
    known = Rhythm(30.0, 1.0, 9)
    assert rhythm.learn(known, gap, 93.0) is known


def test_a_gap_as_long_as_the_offline_deadline_still_teaches() -> None:
    assert rhythm.learn(Rhythm(30.0, 1.0, 9), 93.0, 93.0).n_gaps == 10


def test_the_next_beat_is_due_one_interval_after_the_last() -> None:
    assert rhythm.next_due_at(device(declared_interval_seconds=30)) == NOW + 30_000
    assert rhythm.next_due_at(device(rhythm=Rhythm(1.2345, 0.0, 9))) == NOW + 1_234
    assert rhythm.next_due_at(device(last_seen_at=None)) is None
