"""`POST /api/sms/receive`: stored once, told once, whatever a gateway repeats."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.contract.shapes import SMS, must_have_the_shape
from tests.following import Follower
from tests.http_calls import bearer
from tests.live_server import LiveServer

ANSWER = {"success", "messageId", "slotIndex", "carrierName", "recipient", "duplicate"}
FORM = "application/x-www-form-urlencoded"
SLOTS = [
    {"slotIndex": 0, "carrierName": "Example Mobile", "phoneNumber": "+15550100"},
    {"slotIndex": 1, "carrierName": "Other"},
]


@pytest.fixture
def device(server: LiveServer) -> tuple[str, str]:
    """A device with two slots: its id and its key."""
    device_id = server.new_id()
    return device_id, server.enrol(device_id, simSlots=SLOTS)


def stored(server: LiveServer, device_id: str, **query: Any) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = server.get("/api/sms", server.admin, deviceId=device_id, **query).must()[
        "messages"
    ]
    return messages


def told(follower: Follower) -> list[dict[str, Any]]:
    while follower.poll():
        pass
    return follower.of("sms-received")


def test_a_message_is_answered_listed_and_told(server: LiveServer, device: tuple[str, str]) -> None:
    device_id, key = device
    follower = Follower(server, f"device-{device_id}")
    at = "2026-11-21T05:22:21.123Z"
    answer = server.receive_sms(
        device_id,
        key,
        "Code 123",
        sender="BANK",
        slotIndex=0,
        messageId="m-1",
        timestamp=at,
        subscriptionId=3,
    ).must()
    assert set(answer) == ANSWER
    assert (answer["success"], answer["duplicate"], answer["slotIndex"]) == (True, False, 0)
    assert (answer["carrierName"], answer["recipient"]) == ("Example Mobile", "+15550100")
    (event,) = told(follower)
    must_have_the_shape("sms-received", event)
    (listed,) = stored(server, device_id)
    assert listed == event, "the list shows what was told"
    assert (listed["id"], listed["sender"], listed["message"]) == (answer["messageId"], "BANK", "Code 123")
    assert (listed["direction"], listed["timestamp"]) == ("inbound", at)
    one = server.get(f"/api/sms/{listed['id']}", server.admin).must()["message"]
    assert one == listed
    assert set(one) == SMS


@pytest.mark.parametrize(
    "sender", ["BANK", "+15550123", "0049 30 1234", "12345", "O2-Info", "Ψ-Bank", "*123#", "a" * 40]
)
def test_the_sender_is_kept_as_it_came(sender: str, server: LiveServer, device: tuple[str, str]) -> None:
    device_id, key = device
    server.receive_sms(device_id, key, "hello", sender=sender).must()
    assert stored(server, device_id)[0]["sender"] == sender


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "naïve ☂ 🐙👩‍👩‍👧",
        "line\nbreak\r\nand\ttab",
        "'; DROP TABLE sms; --",
        "x" * 5000,
        "\u202eevil\u202c",
        " ",
    ],
    ids=["markup", "emoji", "lines", "sql", "long", "bidi", "blank"],
)
def test_the_text_is_kept_as_it_came(text: str, server: LiveServer, device: tuple[str, str]) -> None:
    device_id, key = device
    answer = server.receive_sms(device_id, key, text)
    if text == " " and answer.status == 400:
        return
    answer.must()
    assert stored(server, device_id)[0]["message"] == text


def test_a_repeat_of_an_id_is_answered_with_the_first_answer_and_told_once(
    server: LiveServer, device: tuple[str, str]
) -> None:
    device_id, key = device
    follower = Follower(server, f"device-{device_id}")
    first = server.receive_sms(device_id, key, "hello", messageId="m-1", slotIndex=1).must()
    for _ in range(3):
        repeat = server.receive_sms(device_id, key, "hello", messageId="m-1", slotIndex=1).must()
        assert repeat == first | {"duplicate": True}
    assert len(stored(server, device_id)) == 1
    assert len(told(follower)) == 1


def test_the_id_decides_even_when_the_text_was_cut_differently(
    server: LiveServer, device: tuple[str, str]
) -> None:
    device_id, key = device
    first = server.receive_sms(device_id, key, "hello", messageId="m-1").must()
    repeat = server.receive_sms(device_id, key, "hello again", messageId="m-1").must()
    assert repeat == first | {"duplicate": True}
    assert [sms["message"] for sms in stored(server, device_id)] == ["hello"]


def test_without_an_id_the_devices_time_tells_repeats_from_twins(
    server: LiveServer, device: tuple[str, str]
) -> None:
    device_id, key = device
    at = "2026-11-21T05:22:21.000Z"
    first = server.receive_sms(device_id, key, "hello", slotIndex=0, timestamp=at).must()
    repeat = server.receive_sms(device_id, key, "hello", slotIndex=0, timestamp=at).must()
    assert repeat == first | {"duplicate": True}
    for other in (
        {"timestamp": "2026-11-21T05:22:22.000Z"},
        {"slotIndex": 1},
        {"sender": "OTHER"},
        {"message": "hello!"},
    ):
        body = {"message": "hello", "slotIndex": 0, "timestamp": at} | other
        assert server.receive_sms(device_id, key, **body).must()["duplicate"] is False, other
    assert len(stored(server, device_id)) == 5


def test_equal_texts_with_different_ids_are_two_messages(server: LiveServer, device: tuple[str, str]) -> None:
    device_id, key = device
    at = "2026-11-21T05:22:21.000Z"
    answers = [
        server.receive_sms(device_id, key, "hello", timestamp=at, messageId=id_).must() for id_ in ("a", "b")
    ]
    assert [answer["duplicate"] for answer in answers] == [False, False]
    assert answers[0]["messageId"] != answers[1]["messageId"]


def test_the_same_id_of_two_devices_is_two_messages(server: LiveServer, device: tuple[str, str]) -> None:
    other_id = server.new_id()
    other_key = server.enrol(other_id)
    assert server.receive_sms(*device, messageId="m-1").must()["duplicate"] is False
    assert server.receive_sms(other_id, other_key, messageId="m-1").must()["duplicate"] is False


def test_the_time_may_come_in_several_units_and_still_be_a_repeat(
    server: LiveServer, device: tuple[str, str]
) -> None:
    device_id, key = device
    times: list[object] = ["2026-11-21T05:22:21.000Z", 1795238541000, 1795238541, "1795238541000"]
    answers = [server.receive_sms(device_id, key, "hello", slotIndex=0, timestamp=at).must() for at in times]
    assert [answer["duplicate"] for answer in answers] == [False, True, True, True]
    assert stored(server, device_id)[0]["timestamp"] == "2026-11-21T05:22:21.000Z"


def test_twenty_repeats_at_once_are_one_message(server: LiveServer, device: tuple[str, str]) -> None:
    device_id, key = device
    follower = Follower(server, f"device-{device_id}")
    with ThreadPoolExecutor(10) as threads:
        answers = list(
            threads.map(
                lambda _: server.receive_sms(device_id, key, "hello", messageId="m-1").must(), range(20)
            )
        )
    assert sum(not answer["duplicate"] for answer in answers) == 1
    assert len({answer["messageId"] for answer in answers}) == 1
    assert len(stored(server, device_id)) == 1
    assert len(told(follower)) == 1


def test_repeats_inside_one_array_are_one_message(server: LiveServer, device: tuple[str, str]) -> None:
    device_id, key = device
    sms = {"deviceId": device_id, "sender": "BANK", "message": "hello", "messageId": "m-1"}
    answers = server.post("/api/sms/receive", [sms, sms | {"messageId": "m-2"}, sms], key).must()
    assert [answer["duplicate"] for answer in answers] == [False, False, True]
    assert answers[2] == answers[0] | {"duplicate": True}
    assert len(stored(server, device_id)) == 2


def test_an_array_is_answered_item_by_item(server: LiveServer, device: tuple[str, str]) -> None:
    device_id, key = device
    sms = {"deviceId": device_id, "sender": "BANK", "message": "hello"}
    items = [
        sms | {"messageId": "1"},
        {"deviceId": device_id, "sender": "BANK"},
        None,
        sms | {"messageId": "2"},
    ]
    answers = server.post("/api/sms/receive", items, key).must()
    assert [answer["success"] for answer in answers] == [True, False, False, True]
    assert "message" in answers[1]["fields"]
    assert len(stored(server, device_id)) == 2


@pytest.mark.parametrize("kind", ["form", "json as a form", "json as text"])
def test_the_body_may_come_in_every_way_that_gateways_have(
    kind: str, server: LiveServer, device: tuple[str, str]
) -> None:
    device_id, key = device
    body = {"deviceId": device_id, "sender": "BANK", "message": "Überweisung & =1+1 ☂", "slotIndex": "1"}
    data = urlencode(body) if kind == "form" else json.dumps(body)
    headers = bearer(key) | {"Content-Type": "text/plain" if kind == "json as text" else FORM}
    answer = server.request("POST", "/api/sms/receive", data=data.encode(), headers=headers).must()
    assert (answer["slotIndex"], answer["carrierName"]) == (1, "Other")
    assert stored(server, device_id)[0]["message"] == body["message"]


def test_a_slot_that_is_not_known_is_kept_as_told(server: LiveServer, device: tuple[str, str]) -> None:
    device_id, key = device
    answer = server.receive_sms(device_id, key, slotIndex=7, recipient="+15550177").must()
    assert (answer["slotIndex"], answer["recipient"]) == (7, "+15550177")


@pytest.mark.parametrize("field", ["deviceId", "sender", "message"])
def test_a_message_without_a_required_field_is_refused_by_name(
    field: str, server: LiveServer, device: tuple[str, str]
) -> None:
    device_id, key = device
    body = {"deviceId": device_id, "sender": "BANK", "message": "hello"}
    del body[field]
    answer = server.post("/api/sms/receive", body, key)
    assert answer.status == 400
    assert answer.json["error"] == f"{field} is required"
    assert list(answer.json["fields"]) == [field]


def test_a_deleted_message_is_gone(server: LiveServer, device: tuple[str, str]) -> None:
    device_id, key = device
    answer = server.receive_sms(device_id, key, "hello", messageId="m-1").must()
    path = f"/api/sms/{answer['messageId']}"
    server.request("DELETE", path, token=server.admin).must()
    assert server.get(path, server.admin).status == 404
    assert stored(server, device_id) == []


def test_messages_of_a_removed_device_stay(server: LiveServer, device: tuple[str, str]) -> None:
    device_id, key = device
    server.receive_sms(device_id, key, "keep me").must()
    follower = Follower(server)
    server.request("DELETE", f"/api/devices/{device_id}", token=server.admin).must()
    removed = follower.until(lambda e: e["event"] == "device-removed" and e["data"]["deviceId"] == device_id)
    must_have_the_shape("device-removed", removed["data"])
    assert [sms["message"] for sms in stored(server, device_id)] == ["keep me"]
    assert server.get(f"/api/devices/{device_id}", server.admin).status == 404
    assert device_id not in [device["deviceId"] for device in server.state()["devices"]]
