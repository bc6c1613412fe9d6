"""httpSMS' webhooks: every event, who proves to be alive by it, and the token that may come with it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from hmac import digest
from json import dumps
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.errors import InvalidPayload, Unauthorized
from goip.gateways.httpsms import MAKE
from goip.models import CallEvent, DeliveryReport, Heartbeat, InboundSms, Told
from tests.gateways.phone_pushes import KEY, NOW, check_survives, push
from tests.test_validation import json_values, texts

OWNER = "+15550190"
AT, AT_MS = "2026-11-21T08:22:20.123456+03:00", 1_795_238_540_123
OUTGOING = {
    "id": "out-1",
    "user_id": "u-1",
    "request_id": None,
    "owner": OWNER,
    "contact": "+15550101",
    "encrypted": False,
    "timestamp": AT,
    "content": "hello",
    "sim": "SIM2",
}
RECEIVED = {
    "message_id": "in-1",
    "user_id": "u-1",
    "owner": OWNER,
    "contact": "Bank",
    "content": "Your code is 271828",
    "encrypted": False,
    "timestamp": AT,
    "sim": "SIM1",
    "attachments": None,
}
MONITORED = {
    "phone_id": "p-1",
    "user_id": "u-1",
    "last_heartbeat_timestamp": AT,
    "timestamp": AT,
    "monitor_id": "m-1",
    "owner": OWNER,
}
ALIVE = Heartbeat(OWNER, interval_seconds=86_400, phone_number=OWNER)


def event(name: str, data: object, **others: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/v1/messages",
        "type": name,
        "time": AT,
        "datacontenttype": "application/json",
        "data": data,
        **others,
    }


def told(name: str, data: object, device_id: str | None = None) -> list[Told]:
    return list(MAKE.decode(push(event(name, data), device_id=device_id)))


def test_a_received_message_is_known_by_the_id_of_its_event() -> None:
    assert told("message.phone.received", RECEIVED) == [
        ALIVE,
        InboundSms(
            device_id=OWNER,
            sender="Bank",
            message="Your code is 271828",
            sent_at=AT_MS,
            recipient=OWNER,
            slot_index=0,
            message_id="e-1",
        ),
    ]
    assert MAKE.reply(push(event("message.phone.received", RECEIVED))).body == (
        b'{"status":"success","message":"event stored","data":null}'
    )


def test_the_same_text_twice_is_two_messages() -> None:
    ids = [
        item.message_id
        for event_id in ("e-1", "e-2", "e-2")
        for item in MAKE.decode(push(event("message.phone.received", RECEIVED, id=event_id)))
        if isinstance(item, InboundSms)
    ]
    assert ids == ["e-1", "e-2", "e-2"]


def test_attachments_are_named_by_the_last_part_of_their_address() -> None:
    attached = ["https://api.example/v1/attachments/u/m/0/a.jpg", "https://api.example/", 7]
    [_, item] = told("message.phone.received", RECEIVED | {"attachments": attached})
    assert isinstance(item, InboundSms)
    assert item.message == "Your code is 271828\n[attached: a.jpg, unnamed]"


@pytest.mark.parametrize(
    ("name", "more", "status"),
    [
        ("message.phone.sent", {}, "sent"),
        ("message.phone.delivered", {}, "delivered"),
        ("message.send.failed", {"error_message": "NO_SERVICE"}, "failed: NO_SERVICE"),
        ("message.send.expired", {}, "expired"),
    ],
)
def test_what_became_of_a_message_is_a_report(name: str, more: dict[str, str], status: str) -> None:
    report = DeliveryReport(OWNER, "out-1", status=status, recipient="+15550101", slot_index=1, sent_at=AT_MS)
    assert told(name, OUTGOING | more)[-1] == report


def test_an_expired_message_is_named_as_message_id() -> None:
    named = {name: value for name, value in OUTGOING.items() if name != "id"} | {"message_id": "out-2"}
    [report] = told("message.send.expired", named)
    assert isinstance(report, DeliveryReport)
    assert report.reference == "out-2"


def test_a_missed_call_is_one_step_of_a_call() -> None:
    call = CallEvent(OWNER, "missed", direction="inbound", number="+15550101", slot_index=1)
    assert told("message.call.missed", OUTGOING)[-1] == call


@pytest.mark.parametrize(
    ("name", "data", "is_alive"),
    [
        ("message.phone.received", RECEIVED, True),
        ("message.phone.sent", OUTGOING, True),
        ("message.phone.delivered", OUTGOING, True),
        ("message.call.missed", OUTGOING, True),
        ("phone.heartbeat.online", MONITORED, True),
        ("message.send.failed", OUTGOING, False),
        ("message.send.expired", OUTGOING, False),
        ("phone.heartbeat.offline", MONITORED, False),
    ],
)
def test_only_what_the_phone_did_itself_proves_that_it_is_alive(
    name: str, data: dict[str, Any], is_alive: bool
) -> None:
    assert (ALIVE in told(name, data)) is is_alive
    assert MAKE.is_hearsay(push(event(name, data))) is not is_alive


def test_calls_of_the_app_itself_are_no_hearsay() -> None:
    assert not MAKE.is_hearsay(push(b"", "v1/heartbeats"))


def test_the_number_of_a_second_card_is_not_that_of_the_keys_device() -> None:
    [second, _] = told("message.phone.sent", OUTGOING, "mine")
    [first, _] = told("message.phone.received", RECEIVED, "mine")
    assert second == Heartbeat("mine", interval_seconds=86_400)
    assert first == Heartbeat("mine", interval_seconds=86_400, phone_number=OWNER)


def test_an_event_of_a_version_to_come_tells_nothing() -> None:
    assert told("message.phone.read", RECEIVED) == []
    assert MAKE.is_hearsay(push(event("message.phone.read", RECEIVED)))


@pytest.mark.parametrize(
    ("body", "field"),
    [({"data": RECEIVED}, "type"), (event("message.phone.received", {"owner": OWNER}), "content")],
)
def test_what_is_missing_is_named(body: object, field: str) -> None:
    with pytest.raises(InvalidPayload) as refused:
        MAKE.decode(push(body))
    assert list(refused.value.fields) == [field]


def test_an_event_without_an_owner_needs_the_key_of_a_device() -> None:
    data = RECEIVED | {"owner": None}
    with pytest.raises(Unauthorized):
        told("message.phone.received", data)
    assert told("message.phone.received", data, "mine")


def bearer(token: str) -> Any:
    return push(event("phone.heartbeat.online", MONITORED), headers={"Authorization": f"Bearer {token}"})


def token(key: str = KEY, **claims: object) -> str:
    """As httpSMS makes it: good for ten minutes."""
    header = urlsafe_b64encode(dumps({"alg": "HS256", "typ": "JWT"}).encode()).rstrip(b"=")
    body = urlsafe_b64encode(dumps({"iss": "api.httpsms.com", "exp": NOW // 1000 + 600} | claims).encode())
    signed = header + b"." + body.rstrip(b"=")
    return (signed + b"." + urlsafe_b64encode(digest(key.encode(), signed, "sha256")).rstrip(b"=")).decode()


def test_a_token_made_with_the_key_of_the_address_holds() -> None:
    assert MAKE.decode(bearer(token())) == (ALIVE,)
    assert MAKE.decode(bearer(token(exp=NOW // 1000 - 200))) == (ALIVE,)
    key = sha256(b"a long key").hexdigest()
    made = jwt.encode({"exp": NOW // 1000 + 600, "sub": "u-1"}, key, algorithm="HS256")
    assert MAKE.decode(bearer(made)._replace(key=key)) == (ALIVE,)


def test_another_way_to_show_oneself_is_none_of_our_business() -> None:
    asked = push(event("phone.heartbeat.online", MONITORED), headers={"Authorization": "Basic Zm9vOmJhcg=="})
    assert MAKE.decode(asked) == (ALIVE,)


@pytest.mark.parametrize("wrong", ["", "a", "a.b.c", "☃.☃.☃", token("other"), token()[:-1], token() + "."])
def test_a_token_that_does_not_hold_tells_which_key_to_enter(wrong: str) -> None:
    with pytest.raises(Unauthorized, match="enter the key that stands in this address as the signing key"):
        MAKE.decode(bearer(wrong))


@pytest.mark.parametrize("exp", [NOW // 1000 - 301, 0, None, "soon", 1.5])
def test_a_token_that_has_expired_is_refused(exp: object) -> None:
    with pytest.raises(Unauthorized) as refused:
        MAKE.decode(bearer(token(exp=exp)))
    assert refused.value.code == "stale_signature"


NAMES = ["message.phone.received", "message.phone.sent", "message.call.missed", "phone.heartbeat.offline"]
near = st.dictionaries(st.sampled_from([*RECEIVED, *OUTGOING]), json_values, max_size=8).map(
    lambda data: {"owner": OWNER} | data
)
near_events = st.builds(event, st.sampled_from(NAMES), near | json_values, id=json_values)


@given(json_values | near_events, st.none() | texts)
def test_whatever_comes_is_decoded_storable_or_refused(body: object, authorization: str | None) -> None:
    check_survives(MAKE, push(body, headers={"Authorization": f"Bearer {authorization}"}))
    check_survives(MAKE, push(body))
