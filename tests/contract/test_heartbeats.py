"""`POST /api/device/heartbeat` and `/register`: every body that gateways send, and what it does to the state."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.contract.shapes import REBOOT, TIME
from tests.following import Follower, eventually
from tests.http_calls import Answer, bearer
from tests.live_server import ENROLMENT_KEY, LiveServer

FORM = "application/x-www-form-urlencoded"
ANSWER = {"success", "message", "isNewDevice", "simSlotsUpdated", "serverTime", "nextHeartbeatSeconds"}
REGISTERED = {"success", "message", "phoneNumber", "simSlotsCount", "phoneNumbersStored"}
SLOTS = [
    {"slotIndex": 0, "carrierName": "Example Mobile", "phoneNumber": "+15550100", "signalStatus": "Good"},
    {"slotIndex": 1, "carrierName": "Other", "phoneNumber": "Unknown", "signalStrength": -71},
]
BRAND = {
    "brand": "Acme",
    "model": "X1",
    "product": "x1_eea",
    "board": "kona",
    "device": "x1",
    "manufacturer": "Acme Inc",
}
FULL: dict[str, Any] = {
    "name": "Attic",
    "batteryLevel": 73,
    "charging": True,
    "signalStrength": 21,
    "deviceStatus": "online",
    "simSlots": SLOTS,
    "deviceBrandInfo": BRAND,
    "ipAddress": "192.0.2.7",
    "firmware": "1.7.4",
    "intervalSeconds": 45,
    "counter": 9,
}


def post(server: LiveServer, key: str, data: bytes, content_type: str | None) -> Answer:
    headers = bearer(key) | ({"Content-Type": content_type} if content_type else {})
    return server.request("POST", "/api/device/heartbeat", data=data, headers=headers)


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_the_first_heartbeat_registers_and_the_answer_has_the_contracts_fields(server: LiveServer) -> None:
    device_id = server.new_id()
    first = server.heartbeat(device_id, ENROLMENT_KEY, **FULL).must()
    assert set(first) == ANSWER | {"deviceKey"}
    assert (first["success"], first["isNewDevice"], first["simSlotsUpdated"]) == (True, True, 2)
    assert re.fullmatch(TIME, first["serverTime"])
    assert first["nextHeartbeatSeconds"] == 45
    second = server.heartbeat(device_id, first["deviceKey"], **FULL | {"counter": 10}).must()
    assert set(second) == ANSWER
    assert second["isNewDevice"] is False


def test_everything_a_heartbeat_tells_is_in_the_state(server: LiveServer) -> None:
    device_id = server.new_id()
    server.enrol(device_id, **FULL)
    device = server.device(device_id)
    told = {name: value for name, value in FULL.items() if name not in ("simSlots", "deviceBrandInfo")}
    assert {name: device[name] for name in told} == told
    assert device["deviceBrandInfo"] == BRAND
    assert device["phoneNumbers"] == ["+15550100"], '"Unknown" is no number'
    assert [slot["carrierName"] for slot in device["simSlots"]] == ["Example Mobile", "Other"]
    assert [slot["phoneNumber"] for slot in device["simSlots"]] == ["+15550100", None]
    assert (device["status"], device["isOnline"], device["isPending"]) == ("online", True, False)


def test_a_heartbeat_that_tells_less_forgets_nothing(server: LiveServer) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id, **FULL)
    server.heartbeat(device_id, key).must()
    device = server.device(device_id)
    assert (device["name"], device["batteryLevel"], len(device["simSlots"])) == ("Attic", 73, 2)


@pytest.mark.parametrize("number", ["", "Unknown", "unknown", "Permission denied", None])
def test_some_numbers_are_no_numbers(number: str | None, server: LiveServer) -> None:
    device_id = server.new_id()
    server.enrol(device_id, simSlots=[{"slotIndex": 0, "phoneNumber": number}])
    assert server.device(device_id)["phoneNumbers"] == []


@pytest.mark.parametrize("word", ["Excellent", "Good", "Fair", "Poor", "Very Poor", "No Signal", "Unknown"])
def test_every_word_for_a_signal_is_kept(word: str, server: LiveServer) -> None:
    device_id = server.new_id()
    server.enrol(device_id, simSlots=[{"slotIndex": 0, "signalStatus": word}])
    assert server.device(device_id)["simSlots"][0]["signalStatus"] == word


def test_unknown_fields_are_tolerated(server: LiveServer) -> None:
    device_id = server.new_id()
    slot = {"slotIndex": 0, "colour": "red"}
    server.enrol(
        device_id, futureField={"a": [1]}, simSlots=[slot], deviceBrandInfo={"brand": "A", "year": 1}
    )
    assert server.device(device_id)["deviceBrandInfo"]["brand"] == "A"


@pytest.mark.parametrize(
    ("content_type", "encode"),
    [
        ("application/json", lambda body: json.dumps(body).encode()),
        ("application/json; charset=utf-8", lambda body: json.dumps(body, ensure_ascii=False).encode()),
        ("text/plain", lambda body: json.dumps(body).encode()),
        (None, lambda body: json.dumps(body).encode()),
        (FORM, lambda body: json.dumps(body).encode()),
        (FORM, lambda body: json.dumps(body | {"simSlots": json.dumps(body["simSlots"])}).encode()),
        (
            "application/json",
            lambda body: json.dumps(body | {"simSlots": json.dumps(body["simSlots"])}).encode(),
        ),
        (FORM, lambda body: urlencode(body | {"simSlots": json.dumps(body["simSlots"])}).encode()),
    ],
    ids=[
        "json",
        "json with charset",
        "json as text",
        "json as nothing",
        "json as a form",
        "json as a form, slots as text",
        "json, slots as text",
        "form",
    ],
)
def test_the_body_may_come_in_every_way_that_gateways_have(
    content_type: str | None, encode: Any, server: LiveServer
) -> None:
    device_id = server.new_id()
    body = {
        "deviceId": device_id,
        "name": "Çatı ☂",
        "batteryLevel": 55,
        "charging": "true",
        "simSlots": SLOTS,
    }
    answer = post(server, ENROLMENT_KEY, encode(body), content_type).must()
    assert answer["simSlotsUpdated"] == 2
    device = server.device(device_id)
    assert (device["name"], device["batteryLevel"], device["charging"]) == ("Çatı ☂", 55, True)
    assert device["simSlots"][0]["carrierName"] == "Example Mobile"


def test_an_array_is_answered_item_by_item(server: LiveServer) -> None:
    good_id, other_id = server.new_id(), server.new_id()
    body = [
        {"deviceId": good_id, "batteryLevel": 10},
        {"deviceId": server.new_id(), "batteryLevel": "full"},
        {"batteryLevel": 5},
        5,
        {"deviceId": other_id, "batteryLevel": 20},
    ]
    answers = server.post("/api/device/heartbeat", body, ENROLMENT_KEY).must()
    assert [answer["success"] for answer in answers] == [True, False, False, False, True]
    assert answers[2]["error"] == "deviceId is required"
    assert answers[2]["code"] == "invalid_payload"
    assert "deviceId" in answers[2]["fields"]
    assert answers[0]["deviceKey"] != answers[4]["deviceKey"]
    assert server.device(good_id)["batteryLevel"] == 10
    assert server.device(other_id)["batteryLevel"] == 20


def test_an_array_is_recorded_in_its_order(server: LiveServer) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    body = [{"deviceId": device_id, "batteryLevel": level} for level in range(50)]
    assert all(answer["success"] for answer in server.post("/api/device/heartbeat", body, key).must())
    assert server.device(device_id)["batteryLevel"] == 49


def test_an_item_for_another_device_is_refused_alone(server: LiveServer) -> None:
    device_id, other_id = server.new_id(), server.new_id()
    key = server.enrol(device_id)
    server.enrol(other_id, batteryLevel=50)
    body = [{"deviceId": other_id, "batteryLevel": 1}, {"deviceId": device_id, "batteryLevel": 2}]
    answers = server.post("/api/device/heartbeat", body, key).must()
    assert [answer["success"] for answer in answers] == [False, True]
    assert server.device(other_id)["batteryLevel"] == 50


def test_an_empty_array_is_answered_with_one(server: LiveServer) -> None:
    assert server.post("/api/device/heartbeat", [], ENROLMENT_KEY).must() == []


def test_an_old_heartbeat_never_moves_the_state_backwards(server: LiveServer) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id, batteryLevel=80, sentAt=iso(ago(10)))
    last_seen = server.device(device_id)["lastSeen"]
    for seconds in (3600, 1800, 900):
        answer = server.heartbeat(device_id, key, batteryLevel=20, name="Old", sentAt=iso(ago(seconds)))
        assert answer.must()["success"] is True
    device = server.device(device_id)
    assert (device["batteryLevel"], device["name"]) == (80, None)
    assert device["lastSeen"] >= last_seen
    history = server.get(f"/api/devices/{device_id}/heartbeats", server.admin).must()["heartbeats"]
    assert sorted(beat["batteryLevel"] for beat in history) == [20, 20, 20, 80], "the backlog is history"
    server.heartbeat(device_id, key, batteryLevel=79, sentAt=iso(ago(1))).must()
    assert server.device(device_id)["batteryLevel"] == 79


def test_a_backlog_in_an_array_ends_at_its_newest(server: LiveServer) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    backlog = [
        {"deviceId": device_id, "batteryLevel": level, "sentAt": iso(ago(600 - level))}
        for level in (30, 90, 60, 10)
    ]
    server.post("/api/device/heartbeat", backlog, key).must()
    now = {"deviceId": device_id, "batteryLevel": 5, "sentAt": iso(ago(0))}
    server.post("/api/device/heartbeat", [now, *backlog], key).must()
    assert server.device(device_id)["batteryLevel"] == 5


@pytest.mark.parametrize(
    "unit", ["ISO", "ms", "s", "s, with a fraction", "ms, as text", "ISO with an offset"]
)
def test_a_time_may_be_told_in_several_ways(unit: str, server: LiveServer) -> None:
    at = ago(2).replace(microsecond=0)
    told: object = {
        "ISO": iso(at),
        "ms": round(at.timestamp() * 1000),
        "s": round(at.timestamp()),
        "s, with a fraction": at.timestamp(),
        "ms, as text": str(round(at.timestamp() * 1000)),
        "ISO with an offset": at.astimezone(tz=None).isoformat(),
    }[unit]
    device_id = server.new_id()
    server.enrol(device_id, sentAt=told)
    (beat,) = server.get(f"/api/devices/{device_id}/heartbeats", server.admin).must()["heartbeats"]
    assert beat["sentAt"] == iso(at)


def test_a_clock_that_was_wrong_once_does_not_hold_the_state_for_long(server: LiveServer) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id, batteryLevel=80, sentAt="2099-01-01T00:00:00.000Z")

    def beat() -> int:
        server.heartbeat(device_id, key, batteryLevel=79, sentAt=iso(ago(0))).must()
        level: int = server.device(device_id)["batteryLevel"]
        return level

    eventually(
        beat, lambda level: level == 79, pause=1.1
    )  # a second beat, at a device's pace, proves the change


def test_a_clock_that_never_was_set_does_not_hold_the_state(server: LiveServer) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id, batteryLevel=80, sentAt="1970-01-01T00:00:10.000Z")
    time.sleep(0.002)  # the next one is newer by any clock
    server.heartbeat(device_id, key, batteryLevel=79, sentAt="1970-01-01T00:00:40.000Z").must()
    assert server.device(device_id)["batteryLevel"] == 79


def test_a_counter_that_falls_back_is_a_reboot_and_a_fact(server: LiveServer) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id, counter=7)
    follower = Follower(server, f"device-{device_id}")
    for counter in (8, 9, 1, 2):
        server.heartbeat(device_id, key, counter=counter).must()
    event = follower.until(lambda e: e["event"] == "device-reboot")
    while follower.poll():
        pass
    (reboot,) = follower.of("device-reboot")
    assert set(event["data"]) == REBOOT
    assert (reboot["deviceId"], reboot["previousCounter"], reboot["counter"]) == (device_id, 9, 1)
    assert server.device(device_id)["counter"] == 2


def test_a_late_heartbeat_with_a_low_counter_is_no_reboot(server: LiveServer) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id, counter=7, sentAt=iso(ago(5)))
    follower = Follower(server, f"device-{device_id}")
    server.heartbeat(device_id, key, counter=3, sentAt=iso(ago(300))).must()
    server.heartbeat(device_id, key, counter=8, sentAt=iso(ago(0))).must()
    follower.until(lambda e: e["event"] == "device-heartbeat" and e["data"]["counter"] == 8)
    assert follower.of("device-reboot") == []


def test_registering_answers_with_the_numbers_that_were_stored(server: LiveServer) -> None:
    device_id = server.new_id()
    body = FULL | {"deviceId": device_id, "phoneNumber": "+15550199"}
    first = server.post("/api/device/register", body, ENROLMENT_KEY).must()
    assert REGISTERED | {"deviceKey"} <= set(first)
    assert (first["success"], first["phoneNumber"], first["simSlotsCount"]) == (True, "+15550199", 2)
    assert first["phoneNumbersStored"] >= 1
    again = server.post("/api/device/register", body, first["deviceKey"]).must()
    assert again["success"] is True
    assert "+15550199" in server.device(device_id)["phoneNumbers"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("batteryLevel", 101),
        ("batteryLevel", -1),
        ("batteryLevel", "full"),
        ("charging", "perhaps"),
        ("simSlots", 5),
        ("simSlots", "not json"),
        ("simSlots", [{"carrierName": "without an index"}]),
        ("simSlots", [5]),
        ("sentAt", "yesterday"),
        ("intervalSeconds", -5),
        ("name", {"a": 1}),
        ("deviceBrandInfo", "Acme"),
        ("counter", "many"),
    ],
)
def test_a_field_that_does_not_fit_is_named_and_changes_nothing_or_is_left_out(
    field: str, value: object, server: LiveServer
) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id, batteryLevel=50)
    answer = server.heartbeat(device_id, key, **{field: value})
    assert answer.status in (200, 400), answer.body
    if answer.status == 400:
        assert answer.json["code"] == "invalid_payload"
        assert any(name.split(".")[0] == field for name in answer.json["fields"]), answer.json
    assert server.device(device_id)["batteryLevel"] == 50
