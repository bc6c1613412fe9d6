"""textbee: its server's webhooks with their signature, and its phone app's calls with the answers that it reads."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.errors import InvalidPayload, Unauthorized
from goip.gateways.textbee import MAKE
from goip.models import DeliveryReport, Heartbeat, InboundSms, SimSlot
from tests.gateways.phone_pushes import NOW, check_survives, hex_hmac, push
from tests.test_validation import json_values, texts

PHONE = "66a1f0c2e4b0a1b2c3d4e5f6"
AT, AT_MS = "2026-11-21T05:22:20.123Z", 1_795_238_540_123
ABOUT = {
    "smsId": "66b0",
    "message": "Your code is 271828",
    "deviceId": PHONE,
    "webhookSubscriptionId": "66c0",
    "idempotencyKey": "6f3e2c1a-1d2b-4c3d-8e9f-000000000001",
}
RECEIVED = {**ABOUT, "webhookEvent": "MESSAGE_RECEIVED", "sender": "+15550101", "receivedAt": AT}
OUTGOING = {**ABOUT, "smsBatchId": "66d0", "status": "SENT", "recipient": "+15550101"}
ALIVE = Heartbeat(PHONE, interval_seconds=86_400)

CARD = {
    "subscriptionId": 3,
    "iccId": "8949000000000000001",
    "cardId": 1,
    "carrierName": "MTS",
    "displayName": "Work",
    "simSlotIndex": 0,
    "mcc": "250",
    "mnc": "01",
    "countryIso": "ru",
    "subscriptionType": "LOCAL_SIM",
}
BEAT: dict[str, Any] = {
    "fcmToken": "token-1",
    "batteryPercentage": 87,
    "isCharging": False,
    "networkType": "wifi",
    "appVersionName": "2.7.0",
    "appVersionCode": 17,
    "deviceUptimeMillis": 86_400_000,
    "memoryFreeBytes": 1,
    "storageAvailableBytes": 1,
    "timezone": "Europe/Berlin",
    "locale": "de_DE",
    "receiveSMSEnabled": True,
    "simInfo": {"lastUpdated": AT_MS, "sims": [CARD]},
}
REGISTER = {
    "fcmToken": "token-1",
    "brand": "google",
    "manufacturer": "Google",
    "model": "Pixel 8",
    "name": "attic",
    "buildId": "AP1A",
    "appVersionName": "2.7.0",
    "appVersionCode": 17,
    "simInfo": {"lastUpdated": AT_MS, "sims": [CARD]},
}
SMS = {
    "sender": "+15550101",
    "message": "Your code is 271828",
    "receivedAtInMillis": AT_MS,
    "fingerprint": "ab" * 16,
    "sentAtInMillis": 0,
}
SLOT = SimSlot(0, carrier_name="MTS", iccid="8949000000000000001")
DEVICES = "gateway/devices"
RECEIVE, BEATS, STATUS = (f"{DEVICES}/{PHONE}/{what}" for what in ("receive-sms", "heartbeat", "sms-status"))


def told(body: object, path: str = "", method: str = "POST", device_id: str | None = None) -> Any:
    return list(MAKE.decode(push(body, path, method=method, device_id=device_id)))


def answer(body: object, path: str = "", method: str = "POST", device_id: str | None = None) -> Any:
    reply = MAKE.reply(push(body, path, method=method, device_id=device_id))
    assert reply.content_type == "application/json"
    return reply.status, orjson.loads(reply.body)


def test_a_received_message_is_known_by_its_idempotency_key() -> None:
    message = InboundSms(
        device_id=PHONE,
        sender="+15550101",
        message="Your code is 271828",
        sent_at=AT_MS,
        message_id="6f3e2c1a-1d2b-4c3d-8e9f-000000000001",
    )
    assert told(RECEIVED) == [ALIVE, message]
    assert answer(RECEIVED) == (200, {"success": True, "data": {"success": True}})
    assert told(RECEIVED | {"idempotencyKey": "other"})[1].message_id == "other"


def test_an_older_server_has_no_idempotency_key() -> None:
    old = {name: value for name, value in RECEIVED.items() if name != "idempotencyKey"}
    assert told(old)[1].message_id == "66b0"


@pytest.mark.parametrize(
    ("name", "more", "status", "is_alive"),
    [
        ("MESSAGE_SENT", {"sentAt": AT}, "sent", True),
        (
            "MESSAGE_DELIVERED",
            {"status": "DELIVERED", "sentAt": "2026-11-21T05:00:00Z", "deliveredAt": AT},
            "delivered",
            True,
        ),
        (
            "MESSAGE_FAILED",
            {"status": "failed", "errorCode": 4, "errorMessage": "no service", "failedAt": AT},
            "failed: 4 no service",
            False,
        ),
        ("UNKNOWN_STATE", {"status": None, "sentAt": AT}, "unknown", False),
        ("SMS_STATUS_UPDATED", {"status": "pending", "sentAt": AT}, "pending", False),
    ],
)
def test_what_became_of_a_message_is_a_report(
    name: str, more: dict[str, Any], status: str, is_alive: bool
) -> None:
    body = {**OUTGOING, **more, "webhookEvent": name}
    report = DeliveryReport(PHONE, "66b0", status=status, recipient="+15550101", sent_at=AT_MS)
    assert told(body) == ([ALIVE, report] if is_alive else [report])
    assert MAKE.is_hearsay(push(body)) is not is_alive


def test_an_event_of_a_version_to_come_tells_nothing() -> None:
    assert told(RECEIVED | {"webhookEvent": "MESSAGE_READ"}) == []
    assert MAKE.is_hearsay(push(RECEIVED | {"webhookEvent": "MESSAGE_READ"}))


def signed(signature: str | None = None, **changed: object) -> Any:
    raw = json.dumps(RECEIVED | changed, separators=(",", ":")).encode()
    return push(raw, headers={"x-signature": hex_hmac(raw) if signature is None else signature})


def test_a_signature_with_the_key_of_the_address_holds_at_any_time_and_in_any_case() -> None:
    assert MAKE.decode(signed()) == MAKE.decode(push(RECEIVED))
    weeks_later = signed()._replace(received_at=NOW + 30 * 86_400_000)
    assert MAKE.decode(weeks_later) == MAKE.decode(push(RECEIVED))
    assert MAKE.decode(signed(signed().headers["X-Signature"].upper())) == MAKE.decode(push(RECEIVED))


@pytest.mark.parametrize("signature", ["", "00", "☃\udcff", hex_hmac(b"{}"), hex_hmac(b"", "other")])
def test_a_signature_that_does_not_hold_tells_which_key_to_enter(signature: str) -> None:
    with pytest.raises(Unauthorized, match="enter the key that stands in this address as the signing key"):
        MAKE.decode(signed(signature))
    with pytest.raises(Unauthorized):
        MAKE.decode(signed()._replace(body=json.dumps(RECEIVED).encode()))


@pytest.mark.parametrize("prefix", ["", "api/v1/"])
def test_a_registration_says_what_the_phone_is_and_is_given_its_id(prefix: str) -> None:
    [beat] = told(REGISTER, f"{prefix}{DEVICES}")
    assert beat == Heartbeat(
        beat.device_id,
        name="attic",
        sim_slots=(SLOT,),
        brand_info={"brand": "google", "manufacturer": "Google", "model": "Pixel 8"},
        firmware="2.7.0",
        interval_seconds=1_800,
    )
    assert beat.device_id.startswith("textbee-")
    assert answer(REGISTER, f"{prefix}{DEVICES}") == (
        200,
        {
            "success": True,
            "data": {
                "_id": beat.device_id,
                "name": "attic",
                "enabled": True,
                "heartbeatIntervalMinutes": 30,
            },
        },
    )


def test_an_installation_is_one_device_however_often_it_registers() -> None:
    ids = [
        told({**REGISTER, **more}, DEVICES)[0].device_id for more in ({}, {"name": "x"}, {"fcmToken": "y"})
    ]
    assert ids[0] == ids[1] != ids[2]
    assert told(REGISTER, DEVICES, device_id="mine")[0].device_id == "mine"
    assert answer(REGISTER, DEVICES, device_id="mine")[1]["data"]["_id"] == "mine"
    [updated] = told({"appVersionName": "3"}, f"{DEVICES}/{PHONE}", "PATCH")
    assert updated == Heartbeat(PHONE, firmware="3", interval_seconds=1_800)


def test_a_heartbeat_tells_battery_network_and_cards() -> None:
    assert told(BEAT, BEATS) == [
        Heartbeat(
            PHONE,
            battery_level=87,
            charging=False,
            device_status="wifi",
            firmware="2.7.0",
            sim_slots=(SLOT,),
        )
    ]
    assert MAKE.reply(push(BEAT, BEATS)).body == (
        b'{"success":true,"fcmTokenUpdated":false,"lastHeartbeat":1795238541123}'
    )
    assert told(BEAT, BEATS, device_id="mine")[0].device_id == "mine"


@pytest.mark.parametrize(
    ("changed", "field", "value"),
    [
        ({"networkType": "none", "receiveSMSEnabled": False}, "device_status", "none, receiving off"),
        ({"networkType": None}, "device_status", None),
        ({"batteryPercentage": -100}, "battery_level", None),
        ({"isCharging": "yes"}, "charging", None),
        ({"simInfo": None}, "sim_slots", None),
        ({"simInfo": {"sims": []}}, "sim_slots", None),
        ({"simInfo": {"sims": [{**CARD, "simSlotIndex": -1}, {}, 5]}}, "sim_slots", None),
        ({"simInfo": {"sims": [CARD, {**CARD, "iccId": "other"}]}}, "sim_slots", (SLOT,)),
        (
            {"simInfo": {"sims": [{"simSlotIndex": 1, "carrierName": "", "displayName": "Work"}]}},
            "sim_slots",
            (SimSlot(1, carrier_name="Work"),),
        ),
    ],
)
def test_what_makes_no_sense_in_a_heartbeat_counts_as_not_told(
    changed: dict[str, Any], field: str, value: object
) -> None:
    [beat] = told(BEAT | changed, BEATS)
    assert getattr(beat, field) == value


@pytest.mark.parametrize("path", [RECEIVE, f"{DEVICES}/{PHONE}/receiveSMS", f"api/v1/{RECEIVE}"])
def test_a_message_from_the_phone_has_the_networks_time(path: str) -> None:
    assert told(SMS, path) == [InboundSms(PHONE, "+15550101", "Your code is 271828", sent_at=AT_MS)]
    assert answer(SMS, path)[0] == 200


def test_a_message_of_an_older_app_has_its_time_in_words_or_none() -> None:
    assert told({**SMS, "receivedAtInMillis": 0, "receivedAt": AT}, RECEIVE)[0].sent_at == AT_MS
    assert told({**SMS, "receivedAtInMillis": 0}, RECEIVE)[0].sent_at is None
    assert told({**SMS, "sender": None}, RECEIVE)[0].sender == "unknown"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"status": "SENT", "sentAtInMillis": AT_MS, "deliveredAtInMillis": 0}, "sent"),
        ({"status": "delivered", "sentAtInMillis": 1, "deliveredAtInMillis": AT_MS}, "delivered"),
        ({"status": "FAILED", "failedAtInMillis": AT_MS, "errorCode": "4"}, "failed: 4"),
    ],
)
def test_a_status_from_the_phone_is_a_report(body: dict[str, Any], status: str) -> None:
    report = DeliveryReport(PHONE, "66b0", status=status, sent_at=AT_MS)
    assert told({"smsId": "66b0", "message": "", **body}, STATUS, "PATCH") == [report]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", DEVICES),
        ("GET", "auth/who-am-i"),
        ("POST", STATUS),
        ("DELETE", f"{DEVICES}/{PHONE}"),
        ("POST", f"{DEVICES}/{PHONE}/send-sms"),
        ("POST", f"{RECEIVE}/x"),
    ],
)
def test_what_is_not_there_is_not_found(method: str, path: str) -> None:
    assert told(b"", path, method) == []
    assert answer(b"", path, method) == (404, {"success": False, "error": "there is nothing at this address"})


@pytest.mark.parametrize(
    ("body", "path", "field"),
    [
        ({"deviceId": PHONE}, "", "webhookEvent"),
        ({"webhookEvent": "MESSAGE_RECEIVED", "deviceId": PHONE}, "", "message"),
        ({"sender": "+15550101"}, RECEIVE, "message"),
        ({"smsId": "66b0"}, STATUS, "status"),
    ],
)
def test_what_is_missing_is_named(body: object, path: str, field: str) -> None:
    with pytest.raises(InvalidPayload) as refused:
        told(body, path, "PATCH" if path == STATUS else "POST")
    assert list(refused.value.fields) == [field]


@pytest.mark.parametrize(
    ("body", "path"), [(RECEIVED | {"deviceId": None}, ""), (REGISTER | {"fcmToken": None}, DEVICES)]
)
def test_a_phone_that_does_not_say_who_it_is_needs_the_key_of_a_device(body: object, path: str) -> None:
    with pytest.raises(Unauthorized, match="put the key of a device into the address"):
        told(body, path)
    assert told(body, path, device_id="mine")


@pytest.mark.parametrize("path", ["", RECEIVE, BEATS, DEVICES])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff"])
def test_what_is_no_object_is_refused(path: str, body: bytes) -> None:
    with pytest.raises(InvalidPayload):
        told(body, path)


NAMES = [*RECEIVED, *OUTGOING, *BEAT, *REGISTER, *SMS]
near = st.dictionaries(st.sampled_from(NAMES), json_values | st.just("MESSAGE_RECEIVED"), max_size=8)
near_cards = st.lists(st.dictionaries(st.sampled_from([*CARD]), json_values, max_size=4), max_size=3).map(
    lambda sims: {"simInfo": {"sims": sims}}
)
paths = st.sampled_from(["", DEVICES, RECEIVE, BEATS, STATUS, f"{DEVICES}/{PHONE}", "x"])


@given(paths, st.sampled_from(["POST", "PATCH"]), json_values | near | near_cards, st.none() | texts)
def test_whatever_comes_is_decoded_storable_or_refused(
    path: str, method: str, body: object, signature: str | None
) -> None:
    headers = {} if signature is None else {"X-Signature": signature}
    for device_id in (None, "mine"):
        check_survives(MAKE, push(body, path, method=method, headers=headers, device_id=device_id))
