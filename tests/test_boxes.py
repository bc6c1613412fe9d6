"""Which lines are certainly of one box."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from goip.boxes import Place, has_no_line_of_its_own, is_due, place_of, stem_of
from goip.models import Device, SimSlot

HOST = "192.0.2.7"


def line(device_id: str, **told: object) -> Device:
    fields: dict[str, object] = {"make": "dbl", "ip_address": HOST, "slots": (SimSlot(0),)}
    return replace(Device(1, device_id, 0), **{**fields, **told})


def place(device: Device, *others: Device) -> Place | None:
    known = {other.device_id: other for other in others}
    return place_of(device, known.get)


def test_the_second_line_founds_the_box() -> None:
    first = line("goip1")
    assert place(line("goip2"), first) == Place(f"goip@{HOST}", first)


def test_a_further_line_joins_the_box_of_the_others() -> None:
    known = [line("goip1", parent="rack"), line("goip2", parent="rack")]
    assert place(line("goip3"), *known) == Place("rack")


def test_a_line_alone_has_no_box() -> None:
    assert place(line("goip1")) is None


@pytest.mark.parametrize(
    "other",
    [
        line("goip1", ip_address="192.0.2.8"),
        line("goip1", ip_address=None),
        line("goip1", make="http"),
        line("goip1", is_pending=True),
        line("goip1", slots=()),
        line("other1"),
        line("goip33"),
        line("goip"),
    ],
)
def test_what_differs_in_anything_else_is_left_to_an_operator(other: Device) -> None:
    assert place(line("goip2"), other) is None


@pytest.mark.parametrize("device_id", ["goip33", "goip100", "goip", "12", "1", ""])
def test_a_name_that_no_line_of_a_box_can_have_is_left_to_an_operator(device_id: str) -> None:
    assert place(line(device_id), line("goip1"), line("goip2", parent="rack"), line("2"), line("13")) is None


def test_a_line_that_waits_and_one_of_another_make_are_left_alone() -> None:
    assert place(line("goip2", is_pending=True), line("goip1")) is None
    assert place(line("goip2", make="ejoin"), line("goip1", make="ejoin")) is None


def test_lines_that_were_taken_apart_stay_apart() -> None:
    assert place(line("goip3"), line("goip1"), line("goip2")) is None
    assert place(line("goip3"), line("goip1"), line("goip2", parent="rack")) is None
    assert place(line("goip3"), line("goip1", parent="a"), line("goip2", parent="b")) is None


def test_a_box_of_that_name_that_is_there_is_not_taken_for_another() -> None:
    assert place(line("goip2"), line("goip1"), line(f"goip@{HOST}", slots=())) is None


def test_numbers_with_and_without_a_zero_in_front_are_of_one_box() -> None:
    first = line("berlin-01")
    assert place(line("berlin-10"), first) == Place(f"berlin@{HOST}", first)


@pytest.mark.parametrize(
    ("device_id", "stem"),
    [("goip1", "goip"), ("berlin-12", "berlin"), ("a_b.3", "a_b"), ("-1", "-"), ("x", "x")],
)
def test_a_stem_is_the_name_without_number_and_separator(device_id: str, stem: str) -> None:
    assert stem_of(device_id) == stem


def test_a_box_without_a_line_of_its_own_counts_twice_in_an_interval() -> None:
    box = line("rack", slots=(), declared_interval_seconds=30)
    assert has_no_line_of_its_own(box)
    assert not has_no_line_of_its_own(line("goip1"))
    assert not has_no_line_of_its_own(line("rack", slots=(), make="http"))
    assert is_due(box, 0)
    assert not is_due(replace(box, last_seen_at=1_000), 15_999)
    assert is_due(replace(box, last_seen_at=1_000), 16_000)
