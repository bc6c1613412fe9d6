"""Times: ms inside, ISO 8601 on the wire, and whatever gateways send on the way in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.clock import LATEST_MS, iso_or_none, now_ms, parse_time, to_iso

MOMENT = 1_795_238_541_123


@pytest.mark.parametrize(
    ("at_ms", "text"),
    [
        (MOMENT, "2026-11-21T05:22:21.123Z"),
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (999, "1970-01-01T00:00:00.999Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (LATEST_MS, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_a_time_is_written_with_milliseconds_and_a_z(at_ms: int, text: str) -> None:
    assert to_iso(at_ms) == text


def test_no_time_is_written_as_none() -> None:
    assert iso_or_none(None) is None
    assert iso_or_none(0) == "1970-01-01T00:00:00.000Z"


@given(st.integers(0, LATEST_MS))
def test_what_is_written_is_read_back_to_the_millisecond(at_ms: int) -> None:
    assert parse_time(to_iso(at_ms)) == at_ms


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-21T05:22:21.123Z",
        "2026-11-21T05:22:21.123+00:00",
        "2026-11-21T07:22:21.123+02:00",
        "2026-11-21T05:22:21.123",
        " 2026-11-21 05:22:21.123 ",
        "20261121T052221.123Z",
        MOMENT,
        str(MOMENT),
        MOMENT / 1000,
        str(MOMENT / 1000),
    ],
)
def test_a_moment_may_be_told_in_many_ways(value: object) -> None:
    assert parse_time(value) == MOMENT


def test_a_small_number_is_seconds_and_a_large_one_milliseconds() -> None:
    assert parse_time(1_795_238_541) == 1_795_238_541_000
    assert parse_time(99_999_999_999) == 99_999_999_999_000
    assert parse_time(100_000_000_000) == 100_000_000_000


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, False, [], {}, b"2026", object()),
        *("", " ", "now", "yesterday", "2026-13-01", "2026-02-30T00:00:00Z", "25:00", "1e999", "nan", "inf"),
        *(float("nan"), float("inf"), -1, -0.001, LATEST_MS + 1, 10**30, "-1", "0000-01-01", "10000-01-01"),
        "1969-12-31T23:59:59Z",
    ],
)
def test_what_is_no_moment_of_ours_is_refused(value: Any) -> None:
    with pytest.raises((ValueError, OverflowError)):
        parse_time(value)


def test_the_systems_clock_is_read_in_milliseconds() -> None:
    before = datetime.now(UTC).timestamp() * 1000
    assert before - 1 <= now_ms() <= datetime.now(UTC).timestamp() * 1000 + 1
