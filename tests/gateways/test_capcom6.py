"""SMS Gateway for Android: every event, to the field; the older names, and what is missing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from goip.errors import InvalidPayload
from goip.gateways.capcom6 import MAKE
from goip.models import DeliveryReport, Heartbeat, InboundSms, SimSlot
from tests.gateways.phone_pushes import push

PHONE = "ffffffffceb0b1db0000018e937c815b"
RECEIVED: dict[str, Any] = {
    "deviceId": PHONE,
    "event": "sms:received",
    "id": "Ey6ECgOkVVFjz3CL48B8C",
    "payload": {
        "messageId": "abc123",
        "message": "Android is always a sweet treat!",
        "sender": "6505550112",
        "recipient": "+15550190",
        "simNumber": 1,
        "receivedAt": "2024-06-22T15:46:11.000+07:00",
    },
    "webhookId": "LreFUt-Z3sSq0JufY9uWB",
}
RECEIVED_AT = 1_719_045_971_000
OUTGOING = {"messageId": "out-1", "sender": "+15550190", "recipient": "+15550101", "simNumber": 2}
HEALTH: dict[str, Any] = {
    "checks": {
        "messages:failed": {
            "description": "Failed messages for last hour",
            "observedUnit": "messages",
            "observedValue": 0,
            "status": "pass",
        },
        "connection:status": {
            "description": "Internet connection status",
            "observedUnit": "boolean",
            "observedValue": 1,
            "status": "pass",
        },
        "connection:transport": {
            "description": "Network transport type",
            "observedUnit": "flags",
            "observedValue": 4,
            "status": "pass",
        },
        "connection:cellular": {
            "description": "Cellular network type",
            "observedUnit": "index",
            "observedValue": 0,
            "status": "pass",
        },
        "battery:level": {
            "description": "Battery level in percent",
            "observedUnit": "percent",
            "observedValue": 94,
            "status": "pass",
        },
        "battery:charging": {
            "description": "Is the phone charging?",
            "observedUnit": "flags",
            "observedValue": 4,
            "status": "pass",
        },
    },
    "releaseId": 1,
    "status": "pass",
    "version": "1.0.0",
}
CARD = {
    "slotIndex": 0,
    "simNumber": 1,
    "phoneNumber": "+15550190",
    "carrierName": "MTS",
    "iccid": "897010112233445",
}
MMS = {
    "messageId": "mms-1",
    "sender": "+15550101",
    "recipient": None,
    "simNumber": 1,
    "receivedAt": "2024-06-22T08:46:11Z",
}


def event(name: str, payload: object, **others: Any) -> dict[str, Any]:
    return {**RECEIVED, "event": name, "payload": payload, **others}


def told(name: str, payload: object) -> Any:
    [item] = MAKE.decode(push(event(name, payload)))
    return item


def sms(**changed: Any) -> InboundSms:
    [item] = MAKE.decode(push({**RECEIVED, "payload": {**RECEIVED["payload"], **changed}}))
    assert isinstance(item, InboundSms)
    return item


def ping(**observed: Any) -> Heartbeat:
    """What a ping tells whose checks observed this, `battery_level` for `battery:level`."""
    checks = {name.replace("_", ":", 1): {"observedValue": value} for name, value in observed.items()}
    beat = told("system:ping", {"health": {"checks": checks, "status": "pass"}})
    assert isinstance(beat, Heartbeat)
    return beat


def test_a_received_message_is_known_by_the_id_of_its_envelope() -> None:
    assert MAKE.decode(push(RECEIVED)) == (
        InboundSms(
            device_id=PHONE,
            sender="6505550112",
            message="Android is always a sweet treat!",
            sent_at=RECEIVED_AT,
            recipient="+15550190",
            slot_index=0,
            message_id="Ey6ECgOkVVFjz3CL48B8C",
        ),
    )
    assert MAKE.reply(push(RECEIVED)) == (b"OK", "text/plain", 200)


def test_the_same_text_twice_is_two_messages_though_its_message_id_is_one() -> None:
    [first] = MAKE.decode(push(RECEIVED))
    [second] = MAKE.decode(push({**RECEIVED, "id": "another"}))
    assert isinstance(first, InboundSms)
    assert isinstance(second, InboundSms)
    assert first.message_id != second.message_id


def test_an_older_app_sends_a_phone_number_and_neither_id_nor_device() -> None:
    old = {
        "event": "sms:received",
        "payload": {
            "message": "hi",
            "phoneNumber": "6505550112",
            "receivedAt": "2024-06-22T15:46:11.000+07:00",
        },
    }
    [item] = MAKE.decode(push(old, "attic", device_id="attic"))
    assert item == InboundSms("attic", "6505550112", "hi", sent_at=RECEIVED_AT)
    with pytest.raises(InvalidPayload, match="add a name to the address"):
        MAKE.decode(push(old))


def test_the_key_or_the_address_names_the_device_before_the_body_does() -> None:
    [item] = MAKE.decode(push(RECEIVED, device_id="mine"))
    assert item.device_id == "mine"


@pytest.mark.parametrize(
    ("number", "slot_index"), [(1, 0), (2, 1), (None, None), (0, None), ("1", None), (True, None)]
)
def test_a_sim_counts_from_one(number: object, slot_index: int | None) -> None:
    assert sms(simNumber=number).slot_index == slot_index


@pytest.mark.parametrize("at", [None, "", "yesterday", "2024-06-22T15:46:11", [], -1])
def test_a_time_that_is_none_costs_no_message(at: object) -> None:
    assert sms(receivedAt=at).sent_at is None


@pytest.mark.parametrize(
    ("sender", "known_as"),
    [("Bank", "Bank"), ("", "unknown"), (None, "unknown"), ("a\nb", "ab"), (12345, "12345"), ([], "unknown")],
)
def test_a_sender_may_be_a_word_or_withheld(sender: object, known_as: str) -> None:
    assert sms(sender=sender).sender == known_as


def test_a_data_message_keeps_its_bytes() -> None:
    item = told("sms:data-received", {**OUTGOING, "data": "SGVsbG8="})
    assert (item.message, item.slot_index) == ("data:application/octet-stream;base64,SGVsbG8=", 1)


@pytest.mark.parametrize(
    ("name", "payload", "status"),
    [
        ("sms:sent", {"partsCount": 1, "sentAt": "2024-06-22T08:46:11Z"}, "sent"),
        ("sms:delivered", {"deliveredAt": "2024-06-22T08:46:11Z"}, "delivered"),
        (
            "sms:failed",
            {"reason": "RESULT_ERROR_NO_SERVICE", "failedAt": "2024-06-22T08:46:11Z"},
            "failed: RESULT_ERROR_NO_SERVICE",
        ),
        ("sms:cancelled", {"cancelledAt": "2024-06-22T08:46:11Z"}, "cancelled"),
    ],
)
def test_what_became_of_an_outgoing_message_is_a_report(name: str, payload: object, status: str) -> None:
    assert isinstance(payload, dict)
    assert told(name, OUTGOING | payload) == DeliveryReport(
        device_id=PHONE,
        reference="out-1",
        status=status,
        recipient="+15550101",
        slot_index=1,
        sent_at=RECEIVED_AT,
    )


def test_an_older_report_names_the_recipient_as_phone_number() -> None:
    report = told("sms:sent", {"messageId": "out-1", "phoneNumber": "+15550101", "simNumber": None})
    assert (report.recipient, report.slot_index, report.sent_at) == ("+15550101", None, None)


def test_an_mms_that_is_announced_has_its_subject() -> None:
    item = told("mms:received", {**MMS, "transactionId": "t", "subject": "Look", "size": 120_000})
    assert (item.message, item.sender, item.recipient, item.slot_index) == ("Look", "+15550101", None, 0)
    assert item.message_id == "Ey6ECgOkVVFjz3CL48B8C"
    assert told("mms:received", {**MMS, "transactionId": "t", "size": 1}).message == "[MMS]"


def test_an_mms_that_is_fetched_has_its_text_and_the_names_of_what_is_attached() -> None:
    attached = [
        {"partId": 1, "contentType": "image/jpeg", "name": "a.jpg", "size": 9, "data": "c2VjcmV0"},
        {"partId": 2, "contentType": "video/mp4", "name": None, "size": 9, "data": None},
        {"partId": 3},
    ]
    item = told("mms:downloaded", {**MMS, "subject": "Look", "body": "at this", "attachments": attached})
    assert item.message == "Look\nat this\n[attached: a.jpg, video/mp4, unnamed]"


def test_a_very_long_mms_keeps_the_names_of_what_is_attached() -> None:
    attached = [{"name": f"{n:02}.jpg"} for n in range(22)]
    message = told("mms:downloaded", {**MMS, "body": "x" * 20_000, "attachments": attached}).message
    assert len(message) == 10_000
    assert message.endswith("xx\n[attached: " + ", ".join(f"{n:02}.jpg" for n in range(20)) + ", 2 more]")


def test_a_batch_is_as_many_messages_each_with_an_id_of_its_own() -> None:
    both = [RECEIVED["payload"], {**RECEIVED["payload"], "message": "two"}]
    items = MAKE.decode(push(event("sms:batch:received", {"messages": both})))
    assert [(item.message, item.message_id) for item in items if isinstance(item, InboundSms)] == [
        ("Android is always a sweet treat!", "Ey6ECgOkVVFjz3CL48B8C/0"),
        ("two", "Ey6ECgOkVVFjz3CL48B8C/1"),
    ]
    [mms] = MAKE.decode(push(event("mms:batch:downloaded", {"messages": [{**MMS, "body": "hi"}]})))
    assert isinstance(mms, InboundSms)
    assert mms.message == "hi"


def test_a_ping_tells_battery_and_connection() -> None:
    assert told("system:ping", {"health": HEALTH}) == Heartbeat(
        PHONE, battery_level=94, charging=True, device_status="wifi", firmware="1.0.0"
    )


def test_a_ping_of_an_older_app_is_a_bare_heartbeat() -> None:
    assert told("system:ping", None) == Heartbeat(PHONE)
    assert told("system:ping", {"health": {"status": "warn"}}) == Heartbeat(PHONE, device_status="warn")


@pytest.mark.parametrize(("flags", "charging"), [(0, False), (1, True), (2, True), (3, True), ("4", None)])
def test_charging_is_a_set_of_flags(flags: object, charging: bool | None) -> None:
    assert ping(battery_charging=flags).charging is charging


@pytest.mark.parametrize(
    ("transport", "cellular", "status"),
    [
        (0, 0, "no network"),
        (1, 1, "pass"),
        (2, 4, "cellular 4G"),
        (2, 5, "cellular 5G"),
        (6, 3, "cellular wifi 3G"),
        (8, 0, "ethernet"),
        (None, None, "pass"),
        (-1, 9, "pass"),
    ],
)
def test_the_status_says_how_the_phone_is_connected(transport: object, cellular: object, status: str) -> None:
    assert ping(connection_transport=transport, connection_cellular=cellular).device_status == status


def test_a_phone_that_is_not_well_says_so_first() -> None:
    assert told("system:ping", {"health": {**HEALTH, "status": "fail"}}).device_status == "fail wifi"


@pytest.mark.parametrize(
    ("level", "battery_level"), [(0, 0), (100, 100), (55.5, 56), (101, None), (-1, None), ("94", None)]
)
def test_a_battery_is_a_percentage(level: object, battery_level: int | None) -> None:
    assert ping(battery_level=level).battery_level == battery_level


def test_a_start_of_the_app_tells_the_cards_in_the_phone() -> None:
    second = {"slotIndex": 1, "simNumber": 2, "phoneNumber": None, "carrierName": "Other", "iccid": None}
    assert told("app:started", {"simCards": [CARD, second]}) == Heartbeat(
        PHONE,
        sim_slots=(
            SimSlot(0, carrier_name="MTS", phone_number="+15550190", iccid="897010112233445"),
            SimSlot(1, carrier_name="Other"),
        ),
    )
    assert told("app:started", {"simCards": []}).sim_slots == ()
    assert told("app:started", {}).sim_slots is None


def test_of_two_cards_in_one_slot_the_first_counts_and_one_without_a_slot_does_not() -> None:
    cards = [CARD, {**CARD, "iccid": "2"}, {"simNumber": 3}, {"iccid": "4"}, "five"]
    assert [(slot.slot_index, slot.iccid) for slot in told("app:started", {"simCards": cards}).sim_slots] == [
        (0, "897010112233445"),
        (2, None),
    ]


def test_an_event_of_a_version_to_come_is_a_sign_of_life_and_nothing_else() -> None:
    assert MAKE.decode(push(event("sms:read", {}))) == ()
    assert MAKE.decode(push(event("sms:batch:read", {"messages": [{}]}))) == ()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"deviceId": PHONE}, "event"),
        ({"event": "sms:received"}, "deviceId"),
        ({"event": "sms:received", "deviceId": PHONE}, "message"),
        (event("sms:received", []), "message"),
        (event("sms:data-received", {"message": "x"}), "data"),
        ({"event": None, "deviceId": PHONE}, "event"),
    ],
)
def test_what_is_missing_is_named(body: object, field: str) -> None:
    with pytest.raises(InvalidPayload) as refused:
        MAKE.decode(push(body))
    assert list(refused.value.fields) == [field]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"x"', b"[" * 100_000])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidPayload):
        MAKE.decode(push(body))


def test_half_an_emoji_and_a_bare_line_break_cost_no_message() -> None:
    body = json.dumps(RECEIVED).replace("sweet treat!", "\\ud83d\n\x00 treat").encode()
    [item] = MAKE.decode(push(body))
    assert isinstance(item, InboundSms)
    assert item.message == "Android is always a \N{REPLACEMENT CHARACTER}\n\N{REPLACEMENT CHARACTER} treat"


def test_the_order_of_fields_and_those_that_are_new_make_no_difference() -> None:
    turned = dict(reversed(RECEIVED.items())) | {
        "extra": 1,
        "payload": {**dict(reversed(RECEIVED["payload"].items())), "extra": {"deep": []}},
    }
    assert MAKE.decode(push(turned)) == MAKE.decode(push(RECEIVED))
