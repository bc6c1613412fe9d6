"""SMSsync: its form, its JSON, the very bytes that it wants to hear, and its questions for tasks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.errors import InvalidPayload
from goip.gateways import Push
from goip.gateways.smssync import MAKE
from goip.gateways.smssync.decode import decode
from goip.models import InboundSms
from tests.gateways.posting import check_promises, form, json, near, patient, push
from tests.test_validation import json_values

FORM = {
    "secret": "sesame",
    "from": "+15550101",
    "message": "Hello; phone & co!",
    "sent_timestamp": "1795238540000",
    "sent_to": "+15550199",
    "message_id": "042b3515-ef6b-f424-c4qd",
    "device_id": "kisumu-1",
}
SMS = InboundSms(
    "kisumu-1",
    "+15550101",
    "Hello; phone & co!",
    sent_at=1_795_238_540_000,
    recipient="+15550199",
    message_id="042b3515-ef6b-f424-c4qd",
)


def without(*names: str, **more: str) -> dict[str, str]:
    return {name: value for name, value in FORM.items() if name not in names} | more


def sms_with(**fields: Any) -> InboundSms:
    [told] = decode(json({**FORM, **fields}, device_id=None))
    assert isinstance(told, InboundSms)
    return told


@pytest.mark.parametrize("asked", [form(FORM, device_id=None), json(FORM, device_id=None)])
def test_a_message_as_form_and_as_json(asked: Push) -> None:
    assert decode(asked) == (SMS,)


def test_the_order_of_fields_and_unknown_ones_do_not_matter() -> None:
    assert decode(form({**dict(reversed(FORM.items())), "new": "x"}, device_id=None)) == (SMS,)


@pytest.mark.parametrize("secret", ["", "wrong"])
def test_the_secret_is_none_of_ours(secret: str) -> None:
    assert decode(form({**FORM, "secret": secret}, device_id=None)) == (SMS,)


def test_the_name_in_the_address_is_the_devices() -> None:
    [told] = decode(form(FORM, device_id="berlin"))
    assert told.device_id == "berlin"


def test_a_message_is_answered_to_the_byte() -> None:
    reply = MAKE.reply(form(FORM))
    assert reply.body == b'{"payload":{"success":true,"error":null}}'
    assert (reply.content_type, reply.status) == ("application/json", 200)


@pytest.mark.parametrize(
    ("task", "body", "answer"),
    [
        ("send", b"", b'{"payload":{"task":"send","secret":"","messages":[]}}'),
        ("send&secret=sesame", b"", b'{"payload":{"task":"send","secret":"","messages":[]}}'),
        ("result", b"", b'{"message_uuids":[]}'),
        ("result", b'{"message_result":[]}', b'{"message_uuids":[]}'),
        ("sent", b'{"queued_messages":["x"]}', b'{"message_uuids":[]}'),
    ],
)
def test_a_question_for_tasks_tells_nothing_and_is_told_that_there_are_none(
    task: str, body: bytes, answer: bytes
) -> None:
    asked = push(body, query=f"task={task}", device_id=None)
    assert decode(asked) == ()
    assert tuple(MAKE.reply(asked)) == (answer, "application/json", 200)


@pytest.mark.parametrize(
    ("stamp", "at"),
    [("1795238540000", SMS.sent_at), ("1795238540", SMS.sent_at), ("", None), ("null", None), ("soon", None)],
)
def test_times(stamp: str, at: int | None) -> None:
    assert sms_with(sent_timestamp=stamp).sent_at == at


@pytest.mark.parametrize("sent_to", ["+15550101", "", "Unknown", None, True, ["+1"]])
def test_a_recipient_that_is_none(sent_to: Any) -> None:
    assert sms_with(sent_to=sent_to).recipient is None


def test_what_older_versions_leave_out_is_not_needed() -> None:
    asked = form(without("message_id", "sent_to", "device_id", "sent_timestamp"), device_id="a")
    assert decode(asked) == (InboundSms("a", "+15550101", "Hello; phone & co!"),)


def test_an_empty_text_is_a_text() -> None:
    assert sms_with(message="").message == ""


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        (form(without("from")), "from"),
        (form(without(**{"from": " "})), "from"),
        (form(without("message")), "message"),
        (json(without("from")), "from"),
        (json({**FORM, "message": ["x"]}), "message"),
        (form(without("device_id"), device_id=None), "deviceId"),
        (push(), "from"),
    ],
)
def test_what_is_missing_is_named(asked: Push, missing: str) -> None:
    with pytest.raises(InvalidPayload) as refusal:
        decode(asked)
    assert list(refusal.value.fields) == [missing]


@patient
@given(json_values | near([*FORM]).map(lambda told: {**FORM, **told}))
def test_whatever_json_comes_is_decoded_or_refused(data: Any) -> None:
    check_promises(decode, json(data, device_id=None))


@patient
@given(st.dictionaries(st.sampled_from([*FORM]), st.text()), st.binary())
def test_whatever_form_comes_is_decoded_or_refused(fields: dict[str, str], body: bytes) -> None:
    check_promises(decode, form({**FORM, **fields}, device_id=None))
    check_promises(decode, push(body))
