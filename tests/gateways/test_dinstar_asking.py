"""What is said to a Dinstar box, to the byte, and what it answers. Ids and numbers are fictitious."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.errors import InvalidPayload
from goip.gateways.dinstar.asking import (
    PORT_INFO_PATH,
    SEND_SMS_PATH,
    SendAnswer,
    decode_port_info,
    decode_send_answer,
    encode_sms,
)
from goip.models import Heartbeat, SimSlot

PORT = {
    "port": 0,
    "type": "LTE",
    "imei": "862032000000299",
    "imsi": "001010000000063",
    "iccid": "89860000000000000023",
    "number": "+15550108",
    "reg": "REGISTER_OK",
    "slot": 255,
    "callstate": "Idle",
    "signal": 23,
    "gprs": "detached",
    "remain_credit": "12.50",
}


# ---- sending ----


def test_one_message_to_one_number_by_one_port() -> None:
    assert encode_sms("hello", {1: "+15550101"}, [0]) == (
        b'{"text":"hello","port":[0],"param":[{"number":"+15550101","user_id":1}],'
        b'"encoding":"gsm-7bit","request_status_report":true}'
    )


def test_one_message_to_many_numbers_by_whichever_port_in_another_script() -> None:
    assert encode_sms("Привет", {7: "10086", 8: "*100#"}, wants_report=False) == (
        '{"text":"Привет","param":[{"number":"10086","user_id":7},{"number":"*100#","user_id":8}],'
        '"encoding":"unicode","request_status_report":false}'.encode()
    )


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("", "gsm-7bit"),
        ("Hello @ £5, Größe\r\n~", "unicode"),  # the tilde
        ("Hello @ £5, Größe\r\nΔ?", "gsm-7bit"),
        ("12€", "unicode"),
        ("`", "unicode"),
        ("👍", "unicode"),
        ("ç", "unicode"),
    ],
)
def test_a_text_of_the_basic_alphabet_goes_in_seven_bits(text: str, encoding: str) -> None:
    assert orjson.loads(encode_sms(text, {1: "5"}))["encoding"] == encoding


@pytest.mark.parametrize(
    ("text", "recipients"),
    [
        ("x" * 1_501, {1: "5"}),
        ("я" * 751, {1: "5"}),
        ("to #param#", {1: "5"}),
        ("\ud800", {1: "5"}),
        ("x", {}),
        ("x", dict.fromkeys(range(129), "5")),
        ("x", {1: ""}),
        ("x", {1: "BANK"}),
        ("x", {1: "5" * 24}),
        ("x", {1: "5\n"}),
        ("x", {1: '5","user_id":2'}),
    ],
)
def test_what_a_box_does_not_take_is_refused_before(text: str, recipients: dict[int, str]) -> None:
    with pytest.raises(InvalidPayload):
        encode_sms(text, recipients)


def test_as_much_as_a_box_takes_is_sent() -> None:
    assert encode_sms("x" * 1_500, dict.fromkeys(range(128), "5"))


def test_the_answer_to_a_message_that_is_taken() -> None:
    told = b'{"error_code":202,"sn":"da00-0030-0000-0001","sms_in_queue":1,"task_id":1}'
    answer = decode_send_answer(told)
    assert answer == SendAnswer(202, task_id=1, n_waiting=1)
    assert (answer.is_accepted, answer.is_worth_repeating) == (True, False)


@pytest.mark.parametrize(
    ("code", "is_accepted", "is_worth_repeating"),
    [
        (200, True, False),
        (400, False, False),
        (404, False, False),
        (413, False, False),
        (486, False, True),
        (500, False, True),
        (503, False, True),
        (550, False, True),
        (999, False, False),
    ],
)
def test_codes_say_whether_another_time_may_be_better(
    code: int, is_accepted: bool, is_worth_repeating: bool
) -> None:
    answer = decode_send_answer(b'{"error_code":%d}' % code)
    assert (answer.is_accepted, answer.is_worth_repeating) == (is_accepted, is_worth_repeating)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"error_code":"x"}', b'{"error_code":null}']
)
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidPayload):
        decode_send_answer(body)
    with pytest.raises(InvalidPayload):
        decode_port_info("box", body)


# ---- asking for ports ----


def ports(*rows: object) -> tuple[SimSlot, ...]:
    body = orjson.dumps({"error_code": 200, "sn": "x", "info": list(rows)})
    beat = decode_port_info("box", body)
    assert beat == Heartbeat("box", sim_slots=beat.sim_slots, is_partial=True)
    assert beat.sim_slots is not None
    return beat.sim_slots


def test_a_port_tells_its_card_and_its_state() -> None:
    assert ports(PORT) == (
        SimSlot(
            0,
            phone_number="+15550108",
            signal_strength=23,
            iccid="89860000000000000023",
            imsi="001010000000063",
            imei="862032000000299",
            status="registered",
            balance="12.50",
            raw_status="reg:REGISTER_OK;callstate:Idle;gprs:detached",
        ),
    )


@pytest.mark.parametrize(
    ("reg", "callstate", "status"),
    [
        ("POWER_OFF", "Idle", "off"),
        ("NO_SIM", "Idle", "no sim"),
        ("PIN_REQUIRE", "Idle", "locked"),
        ("PUK_REQUIRE", "Idle", "locked"),
        ("UNREGISTER", "Idle", "searching"),
        ("SEARCHING_NETWORK", "Idle", "searching"),
        ("register_ok", "Unknown", "registered"),
        ("REGISTER_OK", "<NULL>", "registered"),
        ("REGISTER_OK", "Active", "in use"),
        ("UNKNOWN", "Idle", None),
        (None, "Active", None),
    ],
)
def test_states_have_one_word_each(reg: str | None, callstate: str, status: str | None) -> None:
    (slot,) = ports({**PORT, "reg": reg, "callstate": callstate})
    assert slot.status == status


def test_a_position_is_told_where_a_port_has_several_cards() -> None:
    (slot,) = ports({"port": 1, "slot": 3, "signal": 99, "iccid": "<NULL>"})
    assert slot == SimSlot(1, raw_status="slot:3")


def test_rows_that_are_no_ports_are_passed_over_and_the_last_word_counts() -> None:
    assert ports(7, {}, {"port": "x"}, {"port": 2, "signal": 1}, {"port": 2, "signal": 2}) == (
        SimSlot(2, signal_strength=2),
    )


@pytest.mark.parametrize(
    "answer", [{"error_code": 500}, {"error_code": 200}, {"error_code": 200, "info": {}}]
)
def test_an_answer_without_ports_is_refused(answer: dict[str, Any]) -> None:
    with pytest.raises(InvalidPayload):
        decode_port_info("box", orjson.dumps(answer))


def test_the_paths_are_those_of_the_box() -> None:
    assert SEND_SMS_PATH == "/api/send_sms"
    assert PORT_INFO_PATH.startswith("/api/get_port_info?info_type=type,imei,imsi,iccid,number,reg,slot,")


@given(st.binary(max_size=100) | st.from_regex(rb'\{"error_code":(200|"200"),"info":\[.{0,60}\]\}'))
def test_whatever_a_box_answers_is_read_or_refused(body: bytes) -> None:
    for read in (decode_send_answer, lambda body: decode_port_info("box", body)):
        try:
            read(body)
        except InvalidPayload:
            continue
