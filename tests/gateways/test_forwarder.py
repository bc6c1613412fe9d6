"""Forwarder apps and OpenVox: whatever names their users chose, in whatever they are wrapped."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.errors import InvalidPayload
from goip.gateways import Push
from goip.gateways.forwarder import MAKE, OPENVOX, names
from goip.gateways.forwarder.decode import decode
from goip.models import Heartbeat, InboundSms, SimSlot
from tests.gateways.posting import check_promises, form, json, near, patient, push
from tests.test_validation import json_values

SENT_AT, RECEIVED_AT = 1_795_238_540_000, 1_795_238_541_000
APP = {
    "from": "+15550101",
    "text": "Your code is 271828",
    "sentStamp": SENT_AT,
    "receivedStamp": RECEIVED_AT,
    "sim": "sim1",
}
"""bogkonstantin's template as it is today; older ones have the stamps as text."""

SMS_FORWARDER = {
    "from": "106900001111",
    "content": "Your code is 271828",
    "timestamp": str(SENT_AT),
    "device_mark": "Pixel 7",
    "app_version": "3.3.2",
    "card_slot": "SIM2_Example_15550199",
    "receive_time": "2026-11-21 05:22:20",
    "sign": "",
}

OPENVOX_CALL = (
    "phonenumber=%2B15550101&port=3&portname=gsm-1.3&message=Hello%2C+box%21"
    "&time=2026-11-21+05%3A22%3A20&imsi=901700000012345&status=received"
)


def sms(asked: Push) -> InboundSms:
    [told] = [each for each in decode(asked) if isinstance(each, InboundSms)]
    return told


def sms_of(**fields: Any) -> InboundSms:
    return sms(json({"from": "+15550101", "text": "hi", **fields}))


@pytest.mark.parametrize("stamps", [(SENT_AT, RECEIVED_AT), (str(SENT_AT), str(RECEIVED_AT))])
def test_the_template_of_the_forwarder_app(stamps: tuple[Any, Any]) -> None:
    asked = json({**APP, "sentStamp": stamps[0], "receivedStamp": stamps[1]})
    assert decode(asked) == [
        InboundSms("phone-1", "+15550101", "Your code is 271828", sent_at=SENT_AT, slot_index=0)
    ]


@pytest.mark.parametrize("make", ["form", "json", "query"])
def test_sms_forwarder_in_each_of_its_ways(make: str) -> None:
    asked = {
        "form": lambda: form(SMS_FORWARDER),
        "json": lambda: json(SMS_FORWARDER),
        "query": lambda: push(query=form(SMS_FORWARDER).body.decode()),
    }[make]()
    assert decode(asked) == [
        InboundSms("phone-1", "106900001111", "Your code is 271828", sent_at=SENT_AT, slot_index=1)
    ]


def test_openvox_calls_by_get() -> None:
    told = sms(push(query=OPENVOX_CALL, device_id="office"))
    assert (told.device_id, told.sender, told.message) == ("office", "+15550101", "Hello, box!")
    assert (told.slot_index, told.sent_at) == (3, None)


def test_the_card_of_a_port_is_told_with_its_message() -> None:
    asked = push(query=OPENVOX_CALL + "&to=%2B15550199", device_id="office")
    slot = SimSlot(3, phone_number="+15550199", imsi="901700000012345")
    assert decode(asked)[0] == Heartbeat("office", sim_slots=(slot,), is_partial=True)


@pytest.mark.parametrize("fields", [{"imsi": "901700000012345"}, {"port": 3, "imsi": "none"}, {"port": 3}])
def test_a_card_without_a_port_or_a_number_is_none(fields: dict[str, Any]) -> None:
    assert [type(each) for each in decode(json({**APP, "sim": "", **fields}))] == [InboundSms]


def test_openvox_posts_the_same() -> None:
    assert sms(push(OPENVOX_CALL.encode())) == sms(push(query=OPENVOX_CALL))


def test_the_vendors_own_demo_of_openvox() -> None:
    told = sms(push(query="num=10086&port=1&portname=gsm-1.1&time=2026-11-21+05%3A22%3A20&status=0&text=x"))
    assert (told.sender, told.message, told.slot_index) == ("10086", "x", 1)


@pytest.mark.parametrize("name", names.SENDER)
def test_every_name_of_a_sender(name: str) -> None:
    assert sms(json({name: "BANK", "text": "x"})).sender == "BANK"


@pytest.mark.parametrize("name", names.TEXT)
def test_every_name_of_a_text(name: str) -> None:
    assert sms(json({"from": "BANK", name: " as it is \n"})).message == " as it is \n"


@pytest.mark.parametrize(
    "name", ["Phone-Number", "PHONENUMBER", "phone_number", "phoneNumber", "phone number"]
)
def test_case_and_punctuation_of_names_do_not_matter(name: str) -> None:
    assert sms(json({name: "BANK", "text": "x"})).sender == "BANK"


def test_the_order_of_fields_does_not_matter() -> None:
    assert sms(json(dict(reversed(APP.items())))) == sms(json(APP))


def test_unknown_fields_are_passed_over() -> None:
    assert sms_of(network="wifi", nested={"a": [1, None]}, version="1.9") == sms_of()


def test_of_several_texts_the_unadorned_one_counts() -> None:
    assert sms_of(text=None, content="[SIM1] code 1 (Pixel)", org_content="code 1").message == "code 1"


def test_a_blank_field_gives_way_to_one_that_says_something() -> None:
    assert sms(json({"from": "", "sender": "BANK", "text": "", "message": "x"})).message == "x"


def test_an_empty_text_is_a_text() -> None:
    assert sms_of(text="").message == ""


@pytest.mark.parametrize(
    "wrapped",
    [
        {"data": APP},
        {"payload": orjson.dumps(APP).decode()},
        {"event": "sms", "message": {"from": "+15550101", "content": "Your code is 271828"}, **APP},
        {"a": {"b": {"c": {"d": APP}}}},
        [APP],
        {"messages": [APP]},
        {"data": {"items": [APP]}},
    ],
)
def test_wrappings_are_opened(wrapped: Any) -> None:
    assert decode(json(wrapped)) == decode(json(APP))


def test_a_form_may_hold_json() -> None:
    assert decode(form({"payload": orjson.dumps(APP).decode()})) == decode(json(APP))


def test_each_object_of_a_list_is_a_message_with_what_stands_around_it() -> None:
    batch = {"deviceId": "p", "messages": [{**APP, "text": "one"}, {**APP, "text": "two"}]}
    told = decode(json(batch, device_id=None))
    assert [(each.device_id, each.message) for each in told if isinstance(each, InboundSms)] == [
        ("p", "one"),
        ("p", "two"),
    ]


def test_a_list_beside_a_message_is_none() -> None:
    told = sms_of(simSlots=[{"slotIndex": 1, "phoneNumber": "+15550199"}])
    assert (told.sender, told.slot_index) == ("+15550101", None)


def test_templates_that_do_not_escape_line_breaks_are_read() -> None:
    assert sms(push(b'{"from": "BANK", "text": "one\ntwo"}')).message == "one\ntwo"


@pytest.mark.parametrize(
    ("told", "at"),
    [
        (SENT_AT, SENT_AT),
        (SENT_AT // 1000, SENT_AT),
        (f" {SENT_AT} ", SENT_AT),
        (SENT_AT / 1000, SENT_AT),
        ("2026-11-21T05:22:20Z", SENT_AT),
        ("2026-11-21T06:22:20.000+01:00", SENT_AT),
        ("2026-11-21 05:22:20+00:00", SENT_AT),
        ("2026-11-21 05:22:20", None),
        ("2026-11-21T05:22:20", None),
        ("%sentStamp%", None),
        ("yesterday", None),
        ("", None),
        (0, None),
        (-1, None),
        (7, None),
        (10**300, None),
        (True, None),
        (None, None),
        (["x"], None),
    ],
)
def test_times_are_moments_or_information_only(told: Any, at: int | None) -> None:
    assert sms_of(time=told).sent_at == at


def test_a_time_with_a_zone_wins_over_one_without() -> None:
    told = sms_of(timestamp="2026-11-21 06:22:20", receivedStamp=RECEIVED_AT)
    assert (told.sent_at, told.wall_clock) == (RECEIVED_AT, None)


def test_a_clock_without_a_zone_is_kept_as_it_showed() -> None:
    told = sms_of(time="2026-11-21 06:22:20")
    assert (told.sent_at, told.wall_clock) == (None, datetime.fromisoformat("2026-11-21 06:22:20"))


@pytest.mark.parametrize(
    ("fields", "index"),
    [
        ({"sim": "sim1"}, 0),
        ({"sim": "SIM 2"}, 1),
        ({"sim": 1}, 0),
        ({"sim": "0"}, 0),
        ({"simNumber": 2}, 1),
        ({"card_slot": "SIM1_Example Telecom_15550199"}, 0),
        ({"card_slot": "Example Telecom (sim-2)"}, 1),
        ({"slotIndex": 1}, 1),
        ({"slot": "0"}, 0),
        ({"slot": "SIM1"}, 0),
        ({"port": "7"}, 7),
        ({"port": 7}, 7),
        ({"portname": "gsm-1.2"}, 2),
        ({"portname": "gsm-3"}, 3),
        ({"portname": "lte-2.1"}, 201),
        ({"portname": "gsm-2.5", "port": "1"}, 205),
        ({"portname": "Example Mobile", "port": "4"}, 4),
        ({"sim": "undetected", "port": "1"}, 1),
        ({"sim": "undetected"}, None),
        ({"sim": "asim1"}, None),
        ({"sim": -1}, None),
        ({"port": "99999"}, None),
        ({"port": "2000"}, None),
        ({"sim": "²"}, None),
        ({"sim": True}, None),
        ({}, None),
    ],
)
def test_sims_and_ports(fields: dict[str, Any], index: int | None) -> None:
    assert sms_of(**fields).slot_index == index


@pytest.mark.parametrize(
    ("told", "number"),
    [("+15550199", "+15550199"), ("Unknown", None), ("", None), (15550199, "15550199"), ("a\0b", "ab")],
)
def test_recipients(told: Any, number: str | None) -> None:
    assert sms_of(to=told).recipient == number


@pytest.mark.parametrize("name", ["deviceId", "device", "device_mark", "Device-Name", "gateway"])
def test_the_device_may_be_named_in_the_body_or_the_query(name: str) -> None:
    assert sms(json({**APP, name: "Pixel 7"}, device_id=None)).device_id == "Pixel 7"
    assert sms(json(APP, device_id=None, query=f"{name}=Pixel+7")).device_id == "Pixel 7"


def test_the_name_in_the_address_is_the_devices() -> None:
    assert sms(json({**APP, "device": "Pixel 7"}, device_id="berlin")).device_id == "berlin"


def test_without_any_name_it_is_refused() -> None:
    with pytest.raises(InvalidPayload, match="add a name to the address"):
        decode(json(APP, device_id=None))


def test_what_a_template_tells_of_the_phone_is_its_heartbeat() -> None:
    told = decode(json({**APP, "battery": 81, "power": "usb"}))
    assert told[0] == Heartbeat("phone-1", battery_level=81, charging=True)
    assert told[1] == sms(json(APP))


@pytest.mark.parametrize(
    ("battery", "power", "level", "charging"),
    [
        ("42", "unplugged", 42, False),
        (0, "ac", 0, True),
        (-1, "wireless", None, True),
        (101, "AC", None, True),
    ],
)
def test_batteries(battery: Any, power: str, level: int | None, charging: bool | None) -> None:
    beat = decode(json({**APP, "battery": battery, "power": power}))[0]
    assert beat == Heartbeat("phone-1", battery_level=level, charging=charging)


@pytest.mark.parametrize(
    "fields", [{"battery": -1, "power": "unknown"}, {"battery": "full"}, {"battery": None}]
)
def test_a_phone_that_says_nothing_of_itself_has_no_heartbeat(fields: dict[str, Any]) -> None:
    assert decode(json({**APP, **fields})) == decode(json(APP))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"monitor": "ping"}'])
def test_the_heartbeat_of_an_app_declares_its_interval(body: bytes) -> None:
    assert decode(push(body, query="heartbeat=15")) == (Heartbeat("phone-1", interval_seconds=900),)


@pytest.mark.parametrize("minutes", ["", "0", "-1", "1441", "x", "1.5", "9" * 5000])
def test_a_heartbeat_of_no_sensible_interval_is_refused(minutes: str) -> None:
    with pytest.raises(InvalidPayload) as refusal:
        decode(push(query=f"heartbeat={minutes}"))
    assert list(refusal.value.fields) == ["heartbeat"]


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        (json({"text": "x"}), ["sender"]),
        (json({"from": "BANK"}), ["text"]),
        (json({"from": "  ", "text": "x"}), ["sender"]),
        (json({"from": None, "text": None}), ["sender", "text"]),
        (json({"from": True, "text": True}), ["sender", "text"]),
        (json({"from": ["a"], "text": ["b"]}), ["sender", "text"]),
        (json({}), ["sender", "text"]),
        (push(query="port=1"), ["sender", "text"]),
        (push(), ["sender", "text"]),
        (json([APP, {"from": "BANK"}]), ["text"]),
    ],
)
def test_a_message_without_sender_or_text_is_refused_by_all_their_names(
    asked: Push, missing: list[str]
) -> None:
    with pytest.raises(InvalidPayload) as refusal:
        decode(asked)
    assert list(refusal.value.fields) == missing
    for name in (*names.SENDER, *names.TEXT):
        assert name in refusal.value.message


@pytest.mark.parametrize(
    "body", [b"{", b'{"from": "a", "text": "b"', b"[1]", b"[]", b'["x"]', b"{" * 3000, b"[" * 99_999]
)
def test_garbage_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidPayload):
        decode(push(body))


def test_a_repeat_has_the_same_id_and_the_next_message_another() -> None:
    clock = {"time": "2026-11-21 05:22:20"}
    assert sms_of(**clock).message_id == sms_of(**clock).message_id
    others = [
        sms_of(**clock, text="ho"),
        sms_of(**clock, sim="sim2"),
        sms_of(**clock, sender="b", **{"from": ""}),
        sms_of(time="2026-11-21 05:22:21"),
    ]
    assert len({each.message_id for each in [sms_of(**clock), *others]}) == 5


def test_an_id_that_a_template_repeats_does_not_swallow_messages() -> None:
    first, second = sms_of(message_id="x", text="one"), sms_of(message_id="x", text="two")
    assert first.message_id != second.message_id
    assert first.message_id == sms_of(message_id="x", text="one", time=SENT_AT).message_id


def test_a_moment_needs_no_id_and_without_any_time_there_is_none() -> None:
    assert sms_of(time=SENT_AT).message_id is None
    assert sms_of().message_id is None


def test_both_makes_are_answered_a_plain_ok() -> None:
    for make in (MAKE, OPENVOX):
        assert make.decode is decode
        assert tuple(make.reply(json(APP))) == (b"OK", "text/plain", 200)
        assert make.silence_seconds == 86_400


NAMES = (*names.SENDER, *names.TEXT, *names.TIME, *names.SLOT, *names.PHONE_SIM, *names.DEVICE, "to", "imsi")
NAMES += ("messageId", "battery", "power", "data", "payload", "messages")


@patient
@given(json_values | near(NAMES) | near(NAMES).map(lambda told: {**APP, **told}) | st.lists(near(NAMES)))
def test_whatever_comes_is_decoded_or_refused(data: Any) -> None:
    check_promises(decode, json(data))


@patient
@given(st.binary() | st.text().map(str.encode), st.sampled_from([None, "a"]))
def test_whatever_bytes_come_are_decoded_or_refused(body: bytes, device_id: str | None) -> None:
    check_promises(decode, push(body, device_id=device_id))
    check_promises(decode, push(b'{"from": "a", "text": "' + body + b'"}', device_id=device_id))


@patient
@given(st.dictionaries(st.sampled_from(NAMES), st.text()))
def test_whatever_form_comes_is_decoded_or_refused(fields: dict[str, str]) -> None:
    check_promises(decode, form({"from": "a", "text": "b", **fields}, query="sim=1"))
