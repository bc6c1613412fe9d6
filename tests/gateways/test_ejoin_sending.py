"""Ejoin boxes: what they are sent, to the byte, and what they answer."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from goip.errors import InvalidPayload, Unauthorized
from goip.gateways.ejoin.decode import decode
from goip.gateways.ejoin.encode import REASONS, Task, TaskStatus, decode_answer, encode_task
from goip.gateways.ejoin.stored import Stored, decode_stored
from goip.gateways.ejoin.values import port_text, slot_index
from goip.models import DeliveryReport, InboundSms
from goip.wire import dumps
from tests.gateways.ejoin_pushes import BLOCK, RECV_SMS, packed, push

TASK = Task(1223, "13686876620", "Hello World")


# ---- a task ----


def test_a_task_to_the_byte() -> None:
    assert encode_task(TASK._replace(slot_index=101), "http://goip/r", "http://goip/s") == (
        b'{"type":"send-sms","task_num":1,"sr_url":"http://goip/r","sms_url":"http://goip/s","tasks":[{"tid":1223,'
        b'"from":"1.01","to":"13686876620","sms":"Hello World","chs":"utf8","coding":0,"smstype":0,"intvl":"0",'
        b'"tmo":30,"sdr":1,"fdr":1,"dr":1,"sr_cnt":1}]}'
    )


def test_a_task_without_addresses_and_port_to_the_byte() -> None:
    task = Task(1, "+12055550122", 'Ünï "✓"\r\n\ud800', timeout_seconds=45, wants_delivery_report=False)
    assert (
        encode_task(task)
        == (
            '{"type":"send-sms","task_num":1,"tasks":[{"tid":1,"to":"+12055550122","sms":"Ünï \\"✓\\"\\r\\n\ufffd",'
            '"chs":"utf8","coding":0,"smstype":0,"intvl":"0","tmo":45,"sdr":1,"fdr":1,"dr":0,"sr_cnt":1}]}'
        ).encode()
    )


@pytest.mark.parametrize("to", ["", "+", "a", "1,2", "1 2", "1;2", "1" * 33, "+1+2", "１", "1\n"])
def test_a_recipient_is_one_number(to: str) -> None:
    with pytest.raises(InvalidPayload) as refused:
        encode_task(TASK._replace(recipient=to))
    assert list(refused.value.fields) == ["to"]


@pytest.mark.parametrize("task_id", [0, -1, 2**31])
def test_a_task_id_is_one_that_a_box_can_hold(task_id: int) -> None:
    with pytest.raises(InvalidPayload) as refused:
        encode_task(TASK._replace(task_id=task_id))
    assert list(refused.value.fields) == ["tid"]


@pytest.mark.parametrize("index", [101, 132, 832, 51_208, 99_999])
def test_a_slot_is_sent_to_as_it_is_told(index: int) -> None:
    assert slot_index(port_text(index)) == index


# ---- its answer ----


def answered(*statuses: Any, **more: Any) -> tuple[TaskStatus, ...]:
    return decode_answer(
        dumps({"code": 200, "reason": "OK", "type": "task-status", "status": statuses, **more})
    )


def test_an_answer() -> None:
    body = b'{"code":200,"reason":"OK","type":"task-status","status":[{"tid":1223,"status":"0 OK"}]}'
    assert decode_answer(body) == (TaskStatus(1223, 0, "OK"),)


@pytest.mark.parametrize("code", REASONS)
def test_a_code_has_a_reason_and_says_whether_the_box_has_the_task(code: int) -> None:
    [status] = answered({"tid": "5", "status": f"{code}"})
    assert (status.task_id, status.code, status.reason) == (5, code, REASONS[code])
    assert status.is_taken is (code in (0, 10, 13))


def test_an_unknown_code_is_told_in_the_boxs_words() -> None:
    assert answered({"tid": 1, "status": "77 Out of Paper"}, {"tid": 2, "status": 78}) == (
        TaskStatus(1, 77, "Out of Paper"),
        TaskStatus(2, 78, ""),
    )


def test_what_is_no_status_is_passed_over() -> None:
    assert answered(5, {}, {"tid": 1}, {"tid": "x", "status": "0 OK"}, {"tid": 1, "status": "OK"}) == ()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"code":14,"reason":"Unauthorized"}', "the box refused: 14 Unauthorized"),
        (b'{"reason":5}', "the box refused: None 5"),
        (b'{"code":200}', "status is required"),
        (b"[]", "the body must be an object"),
        (b"<html>", "not valid JSON"),
    ],
)
def test_an_answer_that_is_none_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(InvalidPayload, match=message):
        decode_answer(body)


# ---- its memory ----


def memory(**fields: Any) -> bytes:
    rows = [[0, "1B", 1466506477, "10010", "13265825775", packed("Hello")]]
    return dumps(
        {"code": 0, "reason": "OK", "ssrc": "0123456789abcdef", "next_sms": 3, "data": rows, **fields}
    )


def test_the_memory_of_a_box() -> None:
    assert decode_stored(memory(sms_num=1), "box") == Stored(
        "0123456789abcdef",
        3,
        [InboundSms("box", "10010", "Hello", 1_466_506_477_000, "13265825775", slot_index=102)],
    )


def test_what_was_pushed_is_the_same_when_it_is_fetched() -> None:
    rows = [
        [0, "12.sp256.101", 1755697537, "12055550122", "16465550179", packed(BLOCK), "iccid", "imsi", "imei"],
        [1, "1A", 1755697537, "8613800", "123", "0 250820064536A8"],
    ]
    told = decode_stored(memory(data=rows), "box").told
    [pushed] = decode(push(RECV_SMS))
    assert told[0] == pushed
    assert told[1] == DeliveryReport("box", None, 0, "0 250820064536A8", "123", 101, 1_755_697_537_000)


@pytest.mark.parametrize("rows", [[], None])
def test_an_empty_memory_tells_nothing(rows: Any) -> None:
    assert decode_stored(memory(data=rows, ssrc=7, next_sms="1"), "box") == Stored("7", 1, [])


@pytest.mark.parametrize("code", [1, 14])
def test_a_memory_that_lets_nobody_in_says_so(code: int) -> None:
    with pytest.raises(Unauthorized, match=f"the box refused: {code} No"):
        decode_stored(memory(code=code, reason="No"), "box")


def test_a_row_that_cannot_be_made_out_does_not_stand_in_the_way() -> None:
    assert decode_stored(memory(data=[5], next_sms=2), "box") == Stored("0123456789abcdef", 2, [])
    whole = decode_stored(memory(), "box").told
    assert decode_stored(memory(data=[[0], *orjson.loads(memory())["data"], None]), "box").told == whole


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"code": 7, "reason": "Server Error"}, "the box refused: 7 Server Error"),
        ({"code": None}, "the box refused"),
        ({"ssrc": None}, "ssrc is required"),
        ({"next_sms": 0}, "next_sms is required"),
        ({"next_sms": "x"}, "next_sms is required"),
        ({"data": 5}, "sms must be an array"),
    ],
)
def test_a_memory_that_cannot_be_read_is_refused(fields: Any, message: str) -> None:
    with pytest.raises(InvalidPayload, match=message):
        decode_stored(memory(**fields), "box")
