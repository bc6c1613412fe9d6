"""Times: ms inside, ISO 8601 on the wire, and whatever gateways send on the way in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.clock import (
    LATEST_MS,
    iso_or_none,
    moment_in_zone,
    now_ms,
    parse_time,
    parse_wall_clock,
    to_iso,
    zone_names,
)

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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-21 05:22:20", "2026-11-21T05:22:20"),
        ("2026-11-21T05:22", "2026-11-21T05:22:00"),
        ("20261121052220", "2026-11-21T05:22:20"),
        ("2026-11-21 05:22:20Z", None),
        ("2026-11-21T05:22:20+02:00", None),
        ("2026-11-21", None),
        ("20261121", None),
        ("2026-13-21 05:22:20", None),
        ("1795238541", None),
        ("\u00b2" * 14, None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_wall_clock_shows_date_and_time_and_no_zone(text: str, shown: str | None) -> None:
    assert parse_wall_clock(text) == (None if shown is None else datetime.fromisoformat(shown))


@pytest.mark.parametrize(
    ("shown", "zone", "moment"),
    [
        ("2026-11-21 05:22:20", "UTC", "2026-11-21T05:22:20.000Z"),
        ("2026-11-21 05:22:20", "Europe/Berlin", "2026-11-21T04:22:20.000Z"),
        ("2026-07-21 05:22:20", "Europe/Berlin", "2026-07-21T03:22:20.000Z"),
        ("2026-11-21 05:22:20", "Asia/Kathmandu", "2026-11-20T23:37:20.000Z"),
    ],
)
def test_a_wall_clock_is_a_moment_in_its_zone(shown: str, zone: str, moment: str) -> None:
    at = moment_in_zone(datetime.fromisoformat(shown), zone, 0)
    assert at is not None
    assert to_iso(at) == moment


def test_an_hour_that_comes_twice_is_the_one_closer_to_the_arrival() -> None:
    shown, summer = datetime.fromisoformat("2026-10-25 02:30:00"), parse_time("2026-10-25T00:30:00Z")
    assert moment_in_zone(shown, "Europe/Berlin", summer + 1_000) == summer
    assert moment_in_zone(shown, "Europe/Berlin", summer + 3_601_000) == summer + 3_600_000


@pytest.mark.parametrize("shown", ["0001-01-01 00:00:00", "9999-12-31 23:59:59", "1969-01-01 00:00:00"])
def test_a_clock_outside_of_all_times_names_no_moment(shown: str) -> None:
    assert moment_in_zone(datetime.fromisoformat(shown), "America/Los_Angeles", 0) is None


def test_the_names_of_zones_are_there() -> None:
    assert {"UTC", "Europe/Berlin", "Asia/Kathmandu"} <= zone_names()
    assert "localtime" not in zone_names()
