"""Queries and bodies of our own API: sensible limits, plain words, and nothing unknown."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import Schema

from goip.api.bodies import load, load_query
from goip.api.schemas.devices import DeviceCreate, DevicePatch, DevicesQuery, DeviceStatusQuery, HistoryQuery
from goip.api.schemas.sms import ConversationsQuery, SmsQuery
from goip.api.schemas.state import EnrollmentKeyCreate, EventsQuery, StateQuery
from goip.errors import InvalidPayload


def problem_of(schema: Schema, data: Any) -> str:
    with pytest.raises(InvalidPayload) as refusal:
        load(schema, data)
    return refusal.value.message


def test_a_list_has_fifty_items_unless_told_otherwise() -> None:
    assert load_query(DevicesQuery(), {}) == {"limit": 50, "sort": "deviceId"}


def test_blank_parameters_are_as_good_as_none() -> None:
    blank = dict.fromkeys(("limit", "status", "pending"), "")
    assert load_query(DevicesQuery(), blank) == {"limit": 50, "sort": "deviceId"}
    assert load_query(SmsQuery(), {"cursor": "", "from": "", "slotIndex": " "}) == {"limit": 50}


@pytest.mark.parametrize("limit", ["0", "501", "-1", "many", "NaN", "9" * 5000, "1e3"])
def test_a_limit_out_of_bounds_is_refused_by_name(limit: str) -> None:
    for schema in (DevicesQuery(), SmsQuery(), ConversationsQuery()):
        assert problem_of(schema, {"limit": limit}).startswith("limit must be ")


def test_a_parameter_that_is_not_known_is_refused_by_name() -> None:
    assert problem_of(DevicesQuery(), {"statuz": "online"}) == "statuz is not a known field"


def test_statuses_come_with_commas_between() -> None:
    assert load_query(DevicesQuery(), {"status": "online, late,"})["status"] == ["online", "late"]
    assert problem_of(DevicesQuery(), {"status": "online,on"}).startswith("status.1 must be one of online, ")


def test_a_sort_may_be_turned_round_and_must_exist() -> None:
    assert load_query(DevicesQuery(), {"sort": "-lastSeen"})["sort"] == "-lastSeen"
    assert problem_of(DevicesQuery(), {"sort": "colour"}).startswith("sort must be one of deviceId, ")


def test_a_device_must_be_named_to_ask_for_its_status() -> None:
    assert problem_of(DeviceStatusQuery(), {}) == "deviceId is required"
    assert problem_of(DeviceStatusQuery(), {"deviceId": ""}).startswith("deviceId must be ")


def test_a_history_has_steps_of_five_minutes() -> None:
    assert load_query(HistoryQuery(), {}) == {"metric": "battery", "step": 300}
    assert load_query(HistoryQuery(), {"step": "1800"})["step"] == 1800
    assert problem_of(HistoryQuery(), {"step": "450"}) == "step must be a multiple of 300"
    assert problem_of(HistoryQuery(), {"step": "60"}) == "step must be from 300 to 86400"
    assert (
        problem_of(HistoryQuery(), {"metric": "mood"}) == "metric must be one of battery, signal, heartbeats"
    )


@pytest.mark.parametrize("schema", [HistoryQuery(), SmsQuery()])
def test_a_span_does_not_end_before_it_begins(schema: Schema) -> None:
    told = load_query(schema, {"from": "2026-01-01", "to": "2026-01-02T00:00:00Z"})
    assert (told["from_at"], told["to_at"]) == (1_767_225_600_000, 1_767_312_000_000)
    assert problem_of(schema, {"from": "2026-01-02", "to": "2026-01-01"}) == "to must not be before from"


def test_rooms_default_to_the_dashboard_and_are_bounded() -> None:
    assert load_query(StateQuery(), {}) == {"rooms": ["dashboard"]}
    assert load_query(StateQuery(), {"rooms": "dashboard,device-a b"})["rooms"] == ["dashboard", "device-a b"]
    assert problem_of(StateQuery(), {"rooms": ",".join("abc" * 17)}) == "rooms must be 1 to 50 rooms"
    assert problem_of(StateQuery(), {"rooms": ","}) == "rooms must be 1 to 50 rooms"


def test_a_wait_is_at_most_a_minute() -> None:
    assert load_query(EventsQuery(), {"wait": "25"})["wait"] == 25.0
    for wait in ("61", "-1", "nan", "inf", "long"):
        assert problem_of(EventsQuery(), {"wait": wait}).startswith("wait must be ")


def test_an_export_is_csv_or_json() -> None:
    assert problem_of(SmsQuery(), {"format": "xml"}) == "format must be one of json, csv"


def test_a_new_device_needs_an_id_that_addresses_can_carry() -> None:
    assert load(DeviceCreate(), {"deviceId": "a"}) == {"device_id": "a", "make": "http"}
    assert problem_of(DeviceCreate(), {}) == "deviceId is required"
    assert problem_of(DeviceCreate(), {"deviceId": "a/b"}).startswith("deviceId must not contain a slash")
    assert problem_of(DeviceCreate(), {"deviceId": "a", "make": "Big Box"}).startswith(
        "make must be a short name"
    )


def test_a_patch_names_what_changes_and_null_goes_back() -> None:
    assert load(DevicePatch(), {}) == {}
    assert load(DevicePatch(), {"name": None, "intervalSeconds": None}) == {
        "name": None,
        "interval_seconds": None,
    }
    assert problem_of(DevicePatch(), {"intervalSeconds": 0}) == "intervalSeconds must be from 1 to 86400"
    assert problem_of(DevicePatch(), {"battery": 1}) == "battery is not a known field"
    assert problem_of(DevicePatch(), {"name": "a\0b"}) == "name must not contain control characters"


@pytest.mark.parametrize("body", [None, [], "name", 7])
def test_a_body_that_is_no_object_is_refused(body: object) -> None:
    assert problem_of(DevicePatch(), body) == "the body must be an object"


def test_an_enrolment_key_has_a_name() -> None:
    assert load(EnrollmentKeyCreate(), {}) == {"name": "page"}
    assert problem_of(EnrollmentKeyCreate(), {"name": "x" * 201}).startswith("name must be 1 to 200 ")
