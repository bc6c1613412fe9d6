"""What publications mean, to the byte, without a broker."""

from __future__ import annotations

from json import dumps as dumps_anything

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.errors import Forbidden, GoipError, InvalidPayload, NotFound
from goip.gateways.mqtt.decode import Address, Departure, address_of, filters_of, told_by
from goip.gateways.mqtt.replaying import address_in, head_of, told_by_publication
from goip.models import DeliveryReport, Heartbeat, InboundSms
from goip.wire import dumps
from tests.gateways.posting import patient
from tests.test_validation import json_values

AT = 1_795_238_541_123


def test_a_topic_says_of_whom_and_what_it_is() -> None:
    assert filters_of("a/b") == ["a/b/+/heartbeat", "a/b/+/sms", "a/b/+/report", "a/b/+/status"]
    assert address_of("a/b/box-1/sms") == Address("box-1", "sms")


@pytest.mark.parametrize("topic", ["", "sms", "a//sms", "a/\n/sms", f"a/{'x' * 129}/sms", "a/ /status"])
def test_a_topic_without_a_device_is_refused(topic: str) -> None:
    with pytest.raises((InvalidPayload, NotFound)):
        address_of(topic)


def test_a_topic_of_another_kind_is_refused() -> None:
    with pytest.raises(NotFound, match="heartbeat, sms, report, status"):
        address_of("a/box-1/gps")


def test_a_heartbeat() -> None:
    payload = b'{"batteryLevel": 87, "simSlots": [{"slotIndex": 0, "iccid": "8988"}], "anything": 1}'
    told = told_by(Address("box-1", "heartbeat"), payload)
    assert isinstance(told, Heartbeat)
    assert (told.device_id, told.battery_level) == ("box-1", 87)
    assert told.sim_slots is not None


def test_a_message() -> None:
    payload = (
        b'{"deviceId": "box-1", "sender": "BANK", "message": "4821", "messageId": "7", "timestamp": %d}' % AT
    )
    assert told_by(Address("box-1", "sms"), payload) == InboundSms(
        "box-1", "BANK", "4821", sent_at=AT, message_id="7"
    )


def test_a_report() -> None:
    payload = (
        b'{"messageId": 17, "status": "delivered", "statusCode": 0, "recipient": "+15550101", "slotIndex": 2}'
    )
    assert told_by(Address("box-1", "report"), payload) == DeliveryReport(
        "box-1", "17", status="delivered", status_code=0, recipient="+15550101", slot_index=2
    )


@pytest.mark.parametrize("payload", [b"online", b" Online\n", b'"online"', b"ONLINE"])
def test_it_says_that_it_is_there(payload: bytes) -> None:
    assert told_by(Address("box-1", "status"), payload) == Heartbeat("box-1")


@pytest.mark.parametrize("payload", [b"offline", b"Offline", b'"offline"'])
def test_it_says_that_it_is_gone(payload: bytes) -> None:
    assert told_by(Address("box-1", "status"), payload) == Departure("box-1")


@pytest.mark.parametrize("kind", ["heartbeat", "sms", "report"])
@pytest.mark.parametrize("named", ["box-2", "", 7, ["box-1"]])
def test_a_payload_that_names_another_device_is_refused(kind: str, named: object) -> None:
    payload = dumps({"deviceId": named, "sender": "a", "message": "b", "status": "c"})
    with pytest.raises(Forbidden, match="another device"):
        told_by(Address("box-1", kind), payload)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("heartbeat", b""),
        ("heartbeat", b"[]"),
        ("heartbeat", b'{"batteryLevel": 101}'),
        ("sms", b"{}"),
        ("sms", b'{"sender": "a"}'),
        ("report", b'{"messageId": "7"}'),
        ("status", b""),
        ("status", b"1"),
    ],
)
def test_what_does_not_fit_is_refused(kind: str, payload: bytes) -> None:
    with pytest.raises(InvalidPayload):
        told_by(Address("box-1", kind), payload)


def test_the_wire_log_can_decode_it_again() -> None:
    head = head_of("a/box-1/sms", 1, is_repeat=True)
    assert head == "PUBLISH a/box-1/sms\nQoS: 1\nDUP: 1"
    assert address_in(head) == Address("box-1", "sms")
    assert told_by_publication(head, b'{"sender": "a", "message": "b"}') == (InboundSms("box-1", "a", "b"),)
    assert told_by_publication("PUBLISH a/box-1/status", b"offline") == ()


@patient
@given(st.text(), st.binary() | json_values.map(lambda value: dumps_anything(value).encode()))
def test_whatever_is_published_is_read_or_refused(topic: str, payload: bytes) -> None:
    for kind in ("heartbeat", "sms", "report", "status"):
        try:
            told_by(address_of(f"{topic}/{kind}"), payload)
        except GoipError:
            continue
