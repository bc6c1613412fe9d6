"""goip's own format, decoded without a server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from goip.clock import parse_time
from goip.errors import InvalidPayload
from goip.gateways.native.decode import decode_heartbeat, decode_register, decode_sms
from goip.models import Heartbeat, InboundSms, SimSlot

SLOTS: list[dict[str, Any]] = [
    {
        "slotIndex": 0,
        "carrierName": "Example Mobile",
        "operatorName": "EXM",
        "phoneNumber": "+4915123456789",
        "signalStatus": "Good",
        "signalStrength": 17,
        "iccid": "8949020000123456789",
        "imsi": "262021234567890",
        "imei": "490154203237518",
        "status": "LOGIN",
        "balance": "12.50",
        "rawStatus": "1,1",
    },
    {"slotIndex": 1, "phoneNumber": "Permission denied", "signalStatus": "no signal", "signalStrength": 99},
]
HEARTBEAT: dict[str, Any] = {
    "deviceId": "phone-1",
    "name": "Kitchen",
    "batteryLevel": 80,
    "charging": False,
    "signalStrength": -71,
    "deviceStatus": "online",
    "simSlots": SLOTS,
    "deviceBrandInfo": {"brand": "google", "model": "Pixel 7", "board": "", "serial": "x"},
    "ipAddress": "192.0.2.7",
    "firmware": "14",
    "intervalSeconds": 30,
    "sentAt": "2026-11-21T05:22:21.123Z",
    "counter": 12,
}
DECODED = Heartbeat(
    device_id="phone-1",
    name="Kitchen",
    battery_level=80,
    charging=False,
    signal_strength=-71,
    device_status="online",
    sim_slots=(
        SimSlot(
            slot_index=0,
            carrier_name="Example Mobile",
            operator_name="EXM",
            phone_number="+4915123456789",
            signal_status="Good",
            signal_strength=17,
            iccid="8949020000123456789",
            imsi="262021234567890",
            imei="490154203237518",
            status="LOGIN",
            balance="12.50",
            raw_status="1,1",
        ),
        SimSlot(slot_index=1, signal_status="No Signal"),
    ),
    brand_info={"brand": "google", "model": "Pixel 7"},
    ip_address="192.0.2.7",
    firmware="14",
    interval_seconds=30,
    sent_at=1_795_238_541_123,
    counter=12,
)


def refused(decode: Any, data: object) -> InvalidPayload:
    with pytest.raises(InvalidPayload) as refusal:
        decode(data)
    return refusal.value


def beat_of(**told: Any) -> Heartbeat:
    return decode_heartbeat({"deviceId": "a", **told})


def slot_of(**told: Any) -> SimSlot:
    slots = beat_of(simSlots=[{"slotIndex": 0, **told}]).sim_slots
    assert slots is not None
    return slots[0]


def test_every_field_of_a_heartbeat_is_told() -> None:
    assert decode_heartbeat(HEARTBEAT) == DECODED


def test_a_heartbeat_needs_nothing_but_the_device() -> None:
    assert decode_heartbeat({"deviceId": "a"}) == Heartbeat("a")


def test_slots_and_brand_may_come_as_a_json_string() -> None:
    told = {name: json.dumps(HEARTBEAT[name]) for name in ("simSlots", "deviceBrandInfo")}
    assert decode_heartbeat(HEARTBEAT | told) == DECODED


def test_a_form_is_a_heartbeat_too() -> None:
    form = {name: value if isinstance(value, str) else json.dumps(value) for name, value in HEARTBEAT.items()}
    assert decode_heartbeat(form) == DECODED


def test_a_form_with_blank_fields_leaves_them_out() -> None:
    names = (
        "name",
        "batteryLevel",
        "charging",
        "signalStrength",
        "simSlots",
        "sentAt",
        "counter",
        "firmware",
    )
    assert decode_heartbeat({"deviceId": "a"} | dict.fromkeys(names, "")) == Heartbeat("a")


def test_null_counts_as_not_told() -> None:
    assert decode_heartbeat(dict.fromkeys(HEARTBEAT) | {"deviceId": "a"}) == Heartbeat("a")


def test_an_empty_list_of_slots_says_that_there_are_none() -> None:
    assert beat_of(simSlots=[]).sim_slots == ()


def test_unknown_fields_are_tolerated_at_every_depth() -> None:
    slots = [{"slotIndex": 0, "vendor": {"deep": [1]}}]
    assert beat_of(simSlots=slots, other=[None], deviceBrandInfo={"x": 1}) == Heartbeat(
        "a", sim_slots=(SimSlot(0),), brand_info={}
    )


@pytest.mark.parametrize(
    ("sent", "level"),
    [(85, 85), (85.0, 85), ("85", 85), ("85.0", 85), (56.99999999, 57), (" 7 ", 7), ("", None)],
)
def test_a_battery_level_may_be_written_in_many_ways(sent: object, level: int | None) -> None:
    assert beat_of(batteryLevel=sent).battery_level == level


@pytest.mark.parametrize(
    "sent",
    [
        True,
        "full",
        -1,
        101,
        1e300,
        float("nan"),
        float("inf"),
        10**400,
        "9" * 5000,
        [85],
        {"level": 85},
        "1e9",
    ],
)
def test_a_battery_level_that_is_none_is_refused_by_name(sent: object) -> None:
    error = refused(decode_heartbeat, {"deviceId": "a", "batteryLevel": sent})
    assert error.message.startswith("batteryLevel must be ")
    assert list(error.fields) == ["batteryLevel"]


@pytest.mark.parametrize(
    ("sent", "charging"), [(True, True), (0, False), (1, True), ("true", True), ("False", False), ("", None)]
)
def test_charging_may_be_written_in_many_ways(sent: object, charging: bool | None) -> None:
    assert beat_of(charging=sent).charging is charging


@pytest.mark.parametrize(
    ("sent", "strength"),
    [
        (0, 0),
        (31, 31),
        (-113, -113),
        ("-71", -71),
        (99, None),
        ("99", None),
        (99.0, None),
        (2_147_483_647, None),
    ],
)
def test_a_signal_keeps_the_senders_scale_and_99_is_unknown(sent: object, strength: int | None) -> None:
    assert beat_of(signalStrength=sent).signal_strength == strength
    assert slot_of(signalStrength=sent).signal_strength == strength


@pytest.mark.parametrize(
    ("sent", "word"),
    [
        ("Excellent", "Excellent"),
        ("very poor", "Very Poor"),
        (" NO SIGNAL ", "No Signal"),
        ("splendid", "Unknown"),
        ("", "Unknown"),
        (4, "Unknown"),
        ([["Good"]], "Unknown"),
        (None, None),
    ],
)
def test_a_signal_word_is_one_of_the_contracts(sent: object, word: str | None) -> None:
    assert slot_of(signalStatus=sent).signal_status == word


@pytest.mark.parametrize("sent", ["", " ", "Unknown", "UNKNOWN", "Permission denied", "null", None])
def test_what_phones_send_in_place_of_a_number_is_no_number(sent: str | None) -> None:
    assert slot_of(phoneNumber=sent).phone_number is None
    assert decode_register({"deviceId": "a", "phoneNumber": sent}).phone_number is None


def test_a_registration_tells_the_devices_own_number() -> None:
    told = decode_register({**HEARTBEAT, "phoneNumber": "+491511"})
    assert told == DECODED._replace(phone_number="+491511")


@pytest.mark.parametrize(("sent", "kept"), [(12.5, "12.5"), (7, "7"), ("EUR 7,00", "EUR 7,00"), ("", None)])
def test_a_balance_is_text_or_a_number(sent: object, kept: str | None) -> None:
    assert slot_of(balance=sent).balance == kept


@pytest.mark.parametrize("name", ["iccid", "imsi", "imei"])
def test_a_card_is_known_by_its_digits_alone(name: str) -> None:
    assert slot_of(**{name: " 8949020000123\r\n"}) == slot_of(**{name: 8949020000123})
    assert slot_of(**{name: " "}) == SimSlot(0)


@pytest.mark.parametrize(
    "sent", ["2026-11-21T05:22:21.123Z", 1_795_238_541_123, 1_795_238_541.123, "1795238541123"]
)
def test_a_time_is_iso_or_epoch(sent: object) -> None:
    assert beat_of(sentAt=sent).sent_at == parse_time("2026-11-21T05:22:21.123Z")


@pytest.mark.parametrize("sent", ["soon", True, -1, 10**30, float("nan"), [1], "0001-01-01T00:00:00+14:00"])
def test_a_time_that_is_none_is_refused_by_name(sent: object) -> None:
    assert list(refused(decode_heartbeat, {"deviceId": "a", "sentAt": sent}).fields) == ["sentAt"]


@pytest.mark.parametrize("device_id", ["a", "00:11:22:33:44:55", "Gerät 7", "x" * 128, 4711, "...", "☎"])
def test_a_device_may_call_itself_almost_anything(device_id: object) -> None:
    assert decode_heartbeat({"deviceId": device_id}).device_id == str(device_id)


@pytest.mark.parametrize(
    "device_id",
    [
        "",
        " ",
        " a",
        "a ",
        "a/b",
        ".",
        "..",
        "a\n",
        "a\0",
        "\x7f",
        "a\u202eb",
        "\ud800",
        "x" * 129,
        True,
        1.5,
        [],
        {},
    ],
)
def test_a_device_id_that_no_address_can_carry_is_refused(device_id: object) -> None:
    error = refused(decode_heartbeat, {"deviceId": device_id})
    assert error.message.startswith("deviceId must ")


def test_a_missing_device_id_is_said_in_plain_words() -> None:
    for data in ({}, {"deviceId": None}):
        error = refused(decode_heartbeat, data)
        assert error.message == "deviceId is required"
        assert error.fields == {"deviceId": ["Is required."]}
        assert (error.status, error.code) == (400, "invalid_payload")


@pytest.mark.parametrize("data", [None, "deviceId", 7, [], [{"deviceId": "a"}], 1.5, True])
def test_a_body_that_is_no_object_is_refused(data: object) -> None:
    for decode in (decode_heartbeat, decode_register, decode_sms):
        assert refused(decode, data).message == "the body must be an object"


def test_a_slots_problem_is_named_by_its_path() -> None:
    error = refused(decode_heartbeat, {"deviceId": "a", "simSlots": [{"slotIndex": 0}, {"imei": "1"}]})
    assert error.message == "simSlots.1.slotIndex is required"
    assert error.fields == {"simSlots.1.slotIndex": ["Is required."]}


@pytest.mark.parametrize("slots", ["[1", "none", 7, {"slotIndex": 0}, "{}", "7", "[" * 5000])
def test_slots_that_are_no_array_are_refused(slots: object) -> None:
    error = refused(decode_heartbeat, {"deviceId": "a", "simSlots": slots})
    assert error.message == "simSlots must be an array of slots, or a JSON string of one"


def test_two_slots_may_not_have_one_index() -> None:
    error = refused(decode_heartbeat, {"deviceId": "a", "simSlots": [{"slotIndex": 1}, {"slotIndex": "1"}]})
    assert list(error.fields) == ["simSlots.1.slotIndex"]


def test_a_device_has_at_most_512_slots() -> None:
    slots = [{"slotIndex": index} for index in range(513)]
    assert len(beat_of(simSlots=slots[:512]).sim_slots or ()) == 512
    assert (
        refused(decode_heartbeat, {"deviceId": "a", "simSlots": slots}).message
        == "simSlots must be at most 512 slots"
    )


def test_control_characters_in_names_are_refused_and_padding_is_cut_off() -> None:
    assert list(refused(decode_heartbeat, {"deviceId": "a", "name": "x\0y"}).fields) == ["name"]
    assert slot_of(carrierName="EXM\0\0\r\n").carrier_name == "EXM"


def test_a_name_may_be_in_any_script() -> None:
    for name in ("Küche", "台所", "👨‍👩‍👧", "می‌خواهم"):
        assert beat_of(name=name).name == name


SMS: dict[str, Any] = {
    "deviceId": "phone-1",
    "sender": "MyBank",
    "message": "Code: 123\nDo not share",
    "timestamp": 1_795_238_541,
    "recipient": "+491511",
    "slotIndex": 1,
    "messageId": 4711,
    "subscriptionId": 2,
}


def test_every_field_of_a_message_is_told() -> None:
    assert decode_sms(SMS) == InboundSms(
        device_id="phone-1",
        sender="MyBank",
        message="Code: 123\nDo not share",
        sent_at=1_795_238_541_000,
        recipient="+491511",
        slot_index=1,
        message_id="4711",
        subscription_id="2",
    )


def test_a_form_is_a_message_too() -> None:
    assert decode_sms({name: str(value) for name, value in SMS.items()}) == decode_sms(SMS)


def test_what_a_message_does_not_tell_is_none() -> None:
    told = {
        "deviceId": "a",
        "sender": "b",
        "message": "c",
        "timestamp": None,
        "recipient": "Unknown",
        "messageId": "",
    }
    assert decode_sms(told) == InboundSms("a", "b", "c")


def test_a_message_may_be_empty_but_not_missing() -> None:
    assert decode_sms({**SMS, "message": ""}).message == ""
    assert decode_sms({**SMS, "message": "  "}).message == "  "
    without = {name: value for name, value in SMS.items() if name != "message"}
    assert refused(decode_sms, without).message == "message is required"


def test_what_no_database_can_store_becomes_a_replacement_character() -> None:
    assert decode_sms({**SMS, "message": "a\0b\ud83d"}).message == "a\ufffdb\ufffd"
    assert decode_sms({**SMS, "sender": "\0x"}).sender == "\ufffdx"


def test_a_message_has_limits() -> None:
    assert decode_sms({**SMS, "message": "x" * 10_000}).message == "x" * 10_000
    bad = {"sender": "s" * 65, "message": "x" * 10_001, "slotIndex": 1024, "messageId": 1.5, "deviceId": "/"}
    assert set(refused(decode_sms, bad).fields) == set(bad)


def test_a_refusal_never_repeats_what_was_sent() -> None:
    error = refused(decode_sms, {"deviceId": "a", "sender": "secret" * 20, "message": ["secret"]})
    assert "secret" not in error.message + str(error.fields)
