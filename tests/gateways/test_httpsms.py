"""httpSMS' phone app, pointed straight at us: every call, what it means, and the answer to the byte."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.errors import InvalidPayload, Unauthorized
from goip.gateways import Reply
from goip.gateways.httpsms import MAKE
from goip.models import CallEvent, DeliveryReport, Heartbeat, InboundSms, SimSlot
from tests.gateways.phone_pushes import check_survives, push
from tests.test_validation import json_values

OWNER, SECOND = "+15550190", "+15550191"
RECEIVED: dict[str, Any] = {
    "from": "+15550101",
    "to": OWNER,
    "content": "Your code is 271828",
    "encrypted": False,
    "sim": "SIM1",
    "timestamp": "2026-11-21T05:22:20.123000000Z",
    "attachments": None,
}
RECEIVED_AT = 1_795_238_540_123
MISSED = {"sim": "SIM2", "from": "+15550101", "to": SECOND, "timestamp": "2026-11-21T05:22:20.123000000Z"}
HEARTBEAT = {"charging": True, "phone_numbers": [OWNER, SECOND]}
LOGIN = {"fcm_token": "token", "phone_number": OWNER, "sim": "SIM1"}
RECEIVE, CALLS, BEATS = "v1/messages/receive", "v1/messages/calls/missed", "v1/heartbeats"
PHONES, EVENTS, OUTSTANDING = "v1/phones/fcm-token", "v1/messages/m-1/events", "v1/messages/outstanding"


def sms(device_id: str | None = None, **changed: Any) -> InboundSms:
    [item] = MAKE.decode(push({**RECEIVED, **changed}, RECEIVE, device_id=device_id))
    assert isinstance(item, InboundSms)
    return item


def answer(reply: Reply) -> tuple[int, Any]:
    assert reply.content_type == "application/json"
    return reply.status, orjson.loads(reply.body)


def test_a_received_message_is_known_by_its_time_in_ms() -> None:
    item = sms()
    assert item.message_id is not None
    assert item == InboundSms(
        device_id=OWNER,
        sender="+15550101",
        message="Your code is 271828",
        sent_at=RECEIVED_AT,
        recipient=OWNER,
        slot_index=0,
        message_id=item.message_id,
    )
    assert sms() == item
    assert sms(timestamp="2026-11-21T05:22:20.124000000Z").message_id != item.message_id
    assert sms(sim="SIM2").message_id != item.message_id
    assert sms(content="other").message_id != item.message_id


def test_the_device_of_a_key_is_known_by_its_own_name_whatever_the_card() -> None:
    assert [sms("mine", to=number).device_id for number in (OWNER, SECOND, "")] == ["mine"] * 3


@pytest.mark.parametrize(
    ("sim", "slot_index"), [("SIM1", 0), ("SIM2", 1), ("DEFAULT", None), (None, None), ([], None)]
)
def test_a_sim_is_a_slot(sim: object, slot_index: int | None) -> None:
    assert sms(sim=sim).slot_index == slot_index


def test_an_attachment_is_named_and_is_no_part_of_what_a_repeat_is_known_by() -> None:
    attached = [
        {"name": "a.jpg", "content_type": "image/jpeg", "content": "c2VjcmV0"},
        {"content_type": "text/x-vcard"},
        {},
    ]
    first, repeat = sms(attachments=attached), sms(attachments=[])
    assert first.message == "Your code is 271828\n[attached: a.jpg, text/x-vcard, unnamed]"
    assert repeat.message == "Your code is 271828"
    assert first.message_id == repeat.message_id


@pytest.mark.parametrize("at", [None, "", "now", "2026-11-21T05:22:20", 7])
def test_a_message_without_a_time_is_stored_all_the_same(at: object) -> None:
    item = sms(timestamp=at)
    assert (item.sent_at, item.message_id) == (None, None)


@pytest.mark.parametrize(("sender", "known_as"), [("", "unknown"), (None, "unknown"), ("Bank", "Bank")])
def test_a_withheld_sender_costs_no_message(sender: object, known_as: str) -> None:
    assert sms(**{"from": sender}).sender == known_as


def test_an_old_app_does_not_escape_a_line_break() -> None:
    raw = b'{"content": "one\ntwo", "from": "+15550101", "timestamp": "x", "to": "+15550190"}'
    [item] = MAKE.decode(push(raw, RECEIVE))
    assert isinstance(item, InboundSms)
    assert item.message == "one\ntwo"


def test_a_stored_message_is_read_back_with_every_field_that_the_app_needs() -> None:
    status, body = answer(MAKE.reply(push(RECEIVED, RECEIVE)))
    data = body.pop("data")
    assert (status, body) == (200, {"status": "success", "message": "message stored"})
    now = "2026-11-21T05:22:21.123Z"
    assert data == {
        "id": data["id"],
        "owner": OWNER,
        "contact": "+15550101",
        "content": "Your code is 271828",
        "encrypted": False,
        "sim": "SIM1",
        "type": "mobile-originated",
        "status": "received",
        "request_received_at": now,
        "order_timestamp": now,
        "created_at": now,
        "updated_at": now,
        "received_at": now,
        "sent_at": None,
        "send_time": None,
        "last_attempted_at": None,
        "failure_reason": None,
    }
    assert MAKE.reply(push(RECEIVED, RECEIVE)) == MAKE.reply(push(RECEIVED, RECEIVE))
    needed = ["id", "owner", "contact", "content", "sim", "type", "status", "created_at", "updated_at"]
    _, bare = answer(MAKE.reply(push({"content": None}, RECEIVE, device_id="mine")))
    assert all(isinstance(bare["data"][name], str) for name in needed)


def test_a_missed_call_is_one_step_of_a_call() -> None:
    expected = CallEvent(SECOND, "missed", direction="inbound", number="+15550101", slot_index=1)
    assert MAKE.decode(push(MISSED, CALLS)) == (expected,)
    status, body = answer(MAKE.reply(push(MISSED, CALLS)))
    assert (status, body["data"]["type"], body["data"]["contact"]) == (200, "call/missed", "+15550101")


def test_a_heartbeat_with_the_enrolment_key_is_one_of_each_number() -> None:
    assert MAKE.decode(push(HEARTBEAT, BEATS)) == [
        Heartbeat(number, charging=True, interval_seconds=900, phone_number=number)
        for number in (OWNER, SECOND)
    ]


def test_a_heartbeat_of_a_device_with_its_own_key_has_a_slot_for_each_number() -> None:
    assert MAKE.decode(push(HEARTBEAT, BEATS, device_id="mine")) == [
        Heartbeat(
            "mine",
            charging=True,
            interval_seconds=900,
            phone_number=OWNER,
            sim_slots=(SimSlot(0, phone_number=OWNER), SimSlot(1, phone_number=SECOND)),
        )
    ]
    one = {"charging": False, "phone_numbers": [SECOND]}
    assert MAKE.decode(push(one, BEATS, device_id="mine")) == [
        Heartbeat("mine", charging=False, interval_seconds=900, phone_number=SECOND)
    ]
    assert MAKE.decode(push({}, BEATS, device_id="mine")) == [Heartbeat("mine", interval_seconds=900)]


def test_an_older_app_tells_one_number_as_owner() -> None:
    [beat] = MAKE.decode(push({"charging": False, "owner": OWNER}, BEATS))
    assert (beat.device_id, beat.charging) == (OWNER, False)  # type: ignore[union-attr]


def test_a_heartbeat_is_answered_as_created() -> None:
    assert MAKE.reply(push(HEARTBEAT, BEATS)).body == (
        b'{"status":"success","message":"heartbeat stored","data":['
        b'{"owner":"+15550190","charging":true,"timestamp":"2026-11-21T05:22:21.123Z"},'
        b'{"owner":"+15550191","charging":true,"timestamp":"2026-11-21T05:22:21.123Z"}]}'
    )
    assert MAKE.reply(push(HEARTBEAT, BEATS)).status == 201


@pytest.mark.parametrize("path", [PHONES, "v1/phones"])
def test_a_login_registers_the_number_and_is_given_the_ids_that_the_app_keeps(path: str) -> None:
    asked = push(LOGIN, path, method="PUT")
    assert MAKE.decode(asked) == (Heartbeat(OWNER, interval_seconds=900, phone_number=OWNER),)
    status, body = answer(MAKE.reply(asked))
    data = body["data"]
    assert (status, data["user_id"], data["phone_number"], data["sim"]) == (200, OWNER, OWNER, "SIM1")
    assert isinstance(data["id"], str)
    assert "token" not in MAKE.reply(asked).body.decode()


def test_a_login_with_a_devices_own_key_fills_one_slot_and_leaves_the_other() -> None:
    [first] = MAKE.decode(push(LOGIN, PHONES, method="PUT", device_id="mine"))
    assert first == Heartbeat(
        "mine",
        interval_seconds=900,
        phone_number=OWNER,
        sim_slots=(SimSlot(0, phone_number=OWNER),),
        is_partial=True,
    )
    second = {**LOGIN, "phone_number": SECOND, "sim": "SIM2"}
    assert MAKE.decode(push(second, PHONES, method="PUT", device_id="mine")) == (
        Heartbeat(
            "mine", interval_seconds=900, sim_slots=(SimSlot(1, phone_number=SECOND),), is_partial=True
        ),
    )
    assert answer(MAKE.reply(push(LOGIN, PHONES, device_id="mine")))[1]["data"]["user_id"] == "mine"


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"event_name": "SENT", "reason": None}, "sent"),
        ({"event_name": "DELIVERED"}, "delivered"),
        ({"event_name": "FAILED", "reason": "NO_SERVICE"}, "failed: NO_SERVICE"),
    ],
)
def test_what_became_of_a_message_is_a_report_of_the_keys_device(told: dict[str, Any], status: str) -> None:
    asked = push({**told, "timestamp": RECEIVED["timestamp"]}, EVENTS, device_id="mine")
    assert MAKE.decode(asked) == (DeliveryReport("mine", "m-1", status=status, sent_at=RECEIVED_AT),)
    assert answer(MAKE.reply(asked)) == (
        200,
        {"status": "success", "message": "event stored", "data": None},
    )


def test_a_report_that_nobody_is_named_by_is_not_asked_for_again() -> None:
    asked = push({"event_name": "SENT"}, EVENTS)
    assert MAKE.decode(asked) == ()
    assert answer(MAKE.reply(asked)) == (404, {"status": "error", "message": "there is no such message"})


@pytest.mark.parametrize("path", [OUTSTANDING, "v1/users/me", "v1/messages", "v2/heartbeats"])
def test_what_is_not_there_is_not_found(path: str) -> None:
    asked = push(b"", path, method="GET")
    assert MAKE.decode(asked) == ()
    status, body = answer(MAKE.reply(asked))
    assert (status, body["status"]) == (404, "error")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (RECEIVE, {**RECEIVED, "to": ""}),
        (RECEIVE, {**RECEIVED, "to": "Unknown"}),
        (CALLS, {**MISSED, "to": None}),
        (BEATS, {"phone_numbers": []}),
        (BEATS, {}),
        (PHONES, {"sim": "SIM1"}),
    ],
)
def test_a_phone_without_a_number_needs_the_key_of_a_device(path: str, body: object) -> None:
    with pytest.raises(Unauthorized, match="put the key of a device into the address") as refused:
        MAKE.decode(push(body, path))
    assert refused.value.code == "device_key_required"
    assert MAKE.decode(push(body, path, device_id="mine"))


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (RECEIVE, {"from": "+15550101", "to": OWNER}, "content"),
        (RECEIVE, {**RECEIVED, "content": None}, "content"),
        (EVENTS, {"timestamp": RECEIVED["timestamp"]}, "event_name"),
    ],
)
def test_what_is_missing_is_named(path: str, body: object, field: str) -> None:
    with pytest.raises(InvalidPayload) as refused:
        MAKE.decode(push(body, path))
    assert list(refused.value.fields) == [field]


@pytest.mark.parametrize("path", [RECEIVE, CALLS, BEATS, PHONES, EVENTS, ""])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff"])
def test_what_is_no_object_is_refused(path: str, body: bytes) -> None:
    with pytest.raises(InvalidPayload):
        MAKE.decode(push(body, path))


def test_the_app_drops_a_message_and_a_call_that_are_refused_and_nothing_else() -> None:
    paths = [RECEIVE, CALLS, BEATS, PHONES, EVENTS, OUTSTANDING, "", "v1/messages/receive/x"]
    assert [path for path in paths if MAKE.is_final(path)] == [RECEIVE, CALLS]


NAMES = [*RECEIVED, *HEARTBEAT, *LOGIN, "owner", "event_name", "reason", "name", "content_type"]
near = st.dictionaries(st.sampled_from(NAMES), json_values | st.sampled_from([OWNER, "SIM2"]), max_size=8)


@given(st.sampled_from([RECEIVE, CALLS, BEATS, PHONES, EVENTS, OUTSTANDING, "?"]), json_values | near)
def test_whatever_comes_is_decoded_storable_or_refused(path: str, body: object) -> None:
    for device_id in (None, "mine"):
        check_survives(MAKE, push(body, path, device_id=device_id))
