"""Jasmin: its messages and reports, and ids that no database could hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.errors import InvalidPayload
from goip.gateways.jasmin.decode import decode
from goip.models import DeliveryReport, InboundSms
from tests.api.test_inbound import MO
from tests.gateways.posting import check_promises, form, patient, push
from tests.test_validation import texts

REPORT = {"id": "e1b2-1", "message_status": "DELIVRD", "level": "1", "connector": "smpp-7"}


def test_a_message_and_a_report() -> None:
    assert decode(form(MO, device_id=None)) == (
        InboundSms("smpp-7", "+15550101", "hello", recipient="+15550199", message_id="e1b2-1"),
    )
    assert decode(form(REPORT, device_id=None)) == (
        DeliveryReport("smpp-7", reference="e1b2-1", status="DELIVRD"),
    )


def test_what_no_database_can_hold_is_left_out_of_an_id() -> None:
    [message] = decode(form({**MO, "id": "e1\0b2\r\n"}))
    [report] = decode(form({**REPORT, "id": "e1\0b2"}))
    assert isinstance(message, InboundSms)
    assert isinstance(report, DeliveryReport)
    assert (message.message_id, report.reference) == ("e1b2", "e1b2")


@pytest.mark.parametrize("blank", ["", " ", "\0"])
def test_messages_whose_id_is_blank_are_not_each_others_repeats(blank: str) -> None:
    [message] = decode(form({**MO, "id": blank}))
    assert isinstance(message, InboundSms)
    assert message.message_id is None


def test_a_form_without_an_id_is_refused() -> None:
    for told in (MO, REPORT):
        with pytest.raises(InvalidPayload, match="id is required"):
            decode(form({name: value for name, value in told.items() if name != "id"}))


@patient
@given(st.dictionaries(st.sampled_from([*MO, *REPORT, "coding", "binary"]), texts | st.text()), st.binary())
def test_whatever_form_comes_is_decoded_or_refused(fields: dict[str, str], body: bytes) -> None:
    told = {name: value.encode("utf-8", "replace").decode() for name, value in fields.items()}
    check_promises(decode, form({**MO, **told}))
    check_promises(decode, form({**REPORT, **told}))
    check_promises(decode, push(body))
