"""Ejoin boxes: what their messages mean, who they are from, and what is nothing to us."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.errors import InvalidPayload
from goip.gateways import Reply
from goip.gateways.ejoin import MAKE
from goip.gateways.ejoin.decode import decode
from goip.gateways.ejoin.messages import block_of
from goip.gateways.ejoin.values import mac, slot_index, time_of_scts
from goip.models import DeliveryReport, InboundSms
from tests.gateways.ejoin_pushes import (
    BLOCK,
    MAC,
    RECV_SMS,
    STATUS_REPORT,
    forward,
    packed,
    push,
    pushed,
)

TEXT = "Jjjjjjjjjjjjjjjjjjjjjjjjjjj"
CENTRE_AT = 1_755_697_536_000


def row(*more: Any, content: Any = None, **columns: Any) -> list[Any]:
    told = {
        "flag": 0,
        "port": "1B",
        "at": 1466506477,
        "sender": "10010",
        "recipient": "13265825775",
    } | columns
    return [*told.values(), packed("Hello") if content is None else content, *more]


def sms_of(*rows: Any) -> Any:
    [told] = decode(pushed({"type": "recv-sms", "sms_num": len(rows), "sms": list(rows)}))
    return told


# ---- received messages ----


def test_a_message_of_a_box_with_a_sim_pool() -> None:
    assert decode(push(RECV_SMS)) == [
        InboundSms(
            "box", "12055550122", TEXT, 1_755_697_537_000, "16465550179", slot_index=1201, centre_at=CENTRE_AT
        )
    ]


def test_a_message_whose_base64_holds_nothing_but_the_text() -> None:
    assert sms_of(row()) == InboundSms(
        "box", "10010", "Hello", 1_466_506_477_000, "13265825775", slot_index=102
    )


def test_newer_rows_tell_the_card_as_well() -> None:
    cards = ("8901410000000000017", "310410000000017", "862032045299211")
    block = BLOCK.replace("SCTS", 'Slot: "01"\r\nSCTS')
    told = sms_of(row(*cards, content=packed(block), port="12.01", recipient="", sender="MyBank"))
    assert told == InboundSms(
        "box", "MyBank", TEXT, 1_466_506_477_000, "16465550179", slot_index=1201, centre_at=CENTRE_AT
    )


@pytest.mark.parametrize("n_more", range(5))
def test_a_row_may_have_six_columns_and_more(n_more: int) -> None:
    assert sms_of(row(*range(n_more))).message == "Hello"


def test_several_messages_in_one_push_are_told_in_order() -> None:
    body = {"type": "recv-sms", "sms": [row(content=packed(f"n{n}")) for n in range(3)]}
    assert [told.message for told in decode(pushed(body)) if isinstance(told, InboundSms)] == [
        "n0",
        "n1",
        "n2",
    ]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (packed(""), ""),
        ("", ""),
        (packed("Ünï ✓ 😀\r\nline two\n\nline four"), "Ünï ✓ 😀\r\nline two\n\nline four"),
        (packed("Hello").rstrip("="), "Hello"),
        ("SGVs\r\nbG8=", "Hello"),
        ("Your code is 4711!", "Your code is 4711!"),
        ("Код 4711", "Код 4711"),
        (packed("a\0b"), "a\N{REPLACEMENT CHARACTER}b"),
        (packed("Sender: X\r\nSCTS: 1\r\n\r\n"), ""),
        (packed("Sender: X\nSCTS: 1\n \nfirst\n\nsecond\n"), "first\n\nsecond\n"),
        (packed("SCTS: 1\r\nSender: X\r\n\r\nother order"), "other order"),
        (packed("Sender: me, Bob\n\nhow are you?"), "Sender: me, Bob\n\nhow are you?"),
        (packed("Sender: X\r\nSCTS: 1\r\nno blank line"), "Sender: X\r\nSCTS: 1\r\nno blank line"),
        (packed("Note: one\n\nSCTS: two"), "Note: one\n\nSCTS: two"),
        ("/w==", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_a_text_is_what_stands_behind_the_first_blank_line_of_a_block(content: str, text: str) -> None:
    assert sms_of(row(content=content)).message == text


def test_a_long_text_is_cut() -> None:
    assert len(sms_of(row(content=packed("x" * 50_000))).message) == 10_000


@pytest.mark.parametrize(
    ("at", "sent_at"),
    [
        ("1466506477", 1_466_506_477_000),
        (1_466_506_477_123, 1_466_506_477_123),
        (0, None),
        ("", None),
        (None, None),
        (-5, None),
        ([], None),
    ],
)
def test_the_time_is_that_of_the_row_and_without_one_that_of_the_sms_centre(
    at: Any, sent_at: int | None
) -> None:
    told = sms_of(row(at=at, content=packed(BLOCK)))
    assert (told.sent_at, told.centre_at) == (sent_at, CENTRE_AT)


def test_the_box_is_believed_rather_than_the_sms_centre() -> None:
    assert sms_of(row(at=1_755_700_000, content=packed(BLOCK))).sent_at == 1_755_700_000_000


def test_a_message_without_any_time_has_none() -> None:
    assert sms_of(row(at=0)).sent_at is None


@pytest.mark.parametrize(("sender", "told"), [("10010", "10010"), ("", "12055550122"), (10010, "10010")])
def test_the_sender_is_that_of_the_row_else_of_the_block(sender: Any, told: str) -> None:
    assert sms_of(row(sender=sender, content=packed(BLOCK))).sender == told


BAD_ROWS = [[], {}, "x", 7, None, [0, "1A", 5, "a", "b"], row(content=5), row(sender=""), row(sender=None)]


@pytest.mark.parametrize("bad", BAD_ROWS)
def test_a_row_that_cannot_be_made_out_does_not_cost_its_neighbours(bad: Any) -> None:
    assert sms_of(bad, row(), bad).message == "Hello"
    with pytest.raises(InvalidPayload) as refused:
        sms_of(bad)
    assert list(refused.value.fields) == ["sms"]


@pytest.mark.parametrize("rows", [None, {}, "x", 5])
def test_received_messages_must_be_rows(rows: Any) -> None:
    with pytest.raises(InvalidPayload, match="sms must be an array"):
        decode(pushed({"type": "recv-sms", "sms": rows}))


# ---- what became of sent messages ----


@pytest.mark.parametrize(
    ("content", "code", "status"),
    [
        ("0 250820064536A8", 0, "0 250820064536A8"),
        (packed("64 250820064536A8"), 64, "64 250820064536A8"),
        ("48", 48, "48"),
        ("999 x", None, "999 x"),
        ("who knows", None, "who knows"),
    ],
)
def test_flag_1_is_a_delivery_report(content: str, code: int | None, status: str) -> None:
    told = sms_of(row(flag=1, sender="8613800", content=content))
    assert told == DeliveryReport("box", None, code, status, "13265825775", 102, 1_466_506_477_000)


def test_a_report_of_a_task_tells_of_each_recipient() -> None:
    assert decode(push(STATUS_REPORT)) == [
        DeliveryReport("box", "1223", None, "sent", "13686876620", 101, 1_466_506_477_000),
        DeliveryReport("box", "1223", None, "failed: 6 Timeout", "13686876621", 102, 1_466_506_480_000),
    ]


def test_the_carriers_reason_follows_the_devices() -> None:
    failed = [[0, "123", "1A", 1466506480, "7 Server Error", "38"]]
    [told] = decode(pushed({"type": "status-report", "rpts": [{"tid": 5, "fdr": failed}]}))
    assert isinstance(told, DeliveryReport)
    assert told.status == "failed: 7 Server Error: 38"


@pytest.mark.parametrize("rpts", [None, {}, [7], [{}], [{"tid": 5, "sdr": 7, "fdr": [7, []]}]])
def test_a_report_without_rows_tells_nothing(rpts: Any) -> None:
    assert decode(pushed({"type": "status-report", "rpts": rpts})) == []


# ---- "SMS to HTTP" ----


def test_a_forwarded_message_is_the_block_as_it_is() -> None:
    assert decode(forward()) == (
        InboundSms("box", "12055550122", TEXT, None, "16465550179", slot_index=1201, centre_at=CENTRE_AT),
    )


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/octet-stream"])
def test_a_forwarded_message_is_known_by_its_block(content_type: str) -> None:
    [told] = decode(push(BLOCK, content_type=content_type))
    assert (told.device_id, getattr(told, "slot_index", None)) == ("box", 1201)


def test_a_forwarded_text_without_a_block_has_its_sender_in_the_query() -> None:
    [told] = decode(forward('{"type": "no push"}', port="61A", sender="MyBank"))
    assert told == InboundSms("box", "MyBank", '{"type": "no push"}', slot_index=6101)


def test_a_forwarded_text_may_have_many_lines() -> None:
    [told] = decode(forward(BLOCK + "\r\n\r\nSCTS: x\n\nend"))
    assert isinstance(told, InboundSms)
    assert told.message == TEXT + "\r\n\r\nSCTS: x\n\nend"


def test_without_a_time_the_sms_centres_word_tells_repeats_apart() -> None:
    [told] = decode(forward(BLOCK.replace("250820064536A8", "250820064536FF")))
    assert isinstance(told, InboundSms)
    assert (told.sent_at, told.sending_id) == (None, "250820064536FF")


def test_a_plus_that_the_query_lost_is_in_the_block() -> None:
    [told] = decode(forward(BLOCK.replace("Sender: 1", "Sender: +1"), sender=" 12055550122"))
    assert isinstance(told, InboundSms)
    assert told.sender == "+12055550122"


@pytest.mark.parametrize(
    ("port", "block", "index"),
    [
        ("61A", 'Receiver: "61.01"\r\n', 6101),
        ("61", 'Receiver: "61.03"\r\n', 6103),
        ("61", 'Slot: "04"\r\n', 6104),
        ("61", "SMSC: 1\r\n", 6101),
        ("", 'Receiver: "2.02" 555\r\n', 202),
        ("?", "Receiver: 555\r\n", None),
    ],
)
def test_the_port_is_that_of_the_query_unless_the_block_says_more(
    port: str, block: str, index: int | None
) -> None:
    [told] = decode(forward(f"Sender: 5\r\n{block}\r\nx", port=port))
    assert isinstance(told, InboundSms)
    assert told.slot_index == index


def test_a_forwarded_message_needs_a_sender() -> None:
    with pytest.raises(InvalidPayload) as refused:
        decode(forward("text", sender=" "))
    assert list(refused.value.fields) == ["sender"]


# ---- who it is ----


@pytest.mark.parametrize("told", [MAC, "00:30:F1:00:B7:D5", "0030f100b7d5", " 00-30-F1-00-B7-D5 "])
def test_a_box_is_its_mac_address_where_the_key_and_the_address_do_not_say(told: str) -> None:
    body = {"type": "recv-sms", "mac": told, "sms": [row()]}
    assert [each.device_id for each in decode(pushed(body, None))] == [MAC]
    assert [each.device_id for each in decode(pushed(body))] == ["box"]
    assert [each.device_id for each in decode(forward(device_id=None, mac=told))] == [MAC]
    assert [each.device_id for each in decode(pushed({**body, "mac": 0}, None, mac=told))] == [MAC]


@pytest.mark.parametrize("told", ["", "00-00-00-00-00-00", "00-30-f1-00-b7", "box", 5, None, ["a"]])
def test_what_is_no_mac_address_names_nobody(told: Any) -> None:
    assert mac(told) is None
    with pytest.raises(InvalidPayload, match="/in/MAKE/KEY/NAME"):
        decode(pushed({"type": "recv-sms", "mac": told, "sms": [row()]}, None))


# ---- ports and times ----


@pytest.mark.parametrize(
    ("told", "index"),
    [
        ("1.01", 101), ("1A", 101), ("1a", 101), ("1", 101), (1, 101), ("1.1", 101), ("01.01", 101), ("8.32", 832),
        ("12.sp256.101", 1201), ("12.01", 1201), ("61A", 6101), ("512.08", 51208), ("999.99", 99999), (" 2B ", 202),
        ("", None), ("A", None), ("1.", None), ("1.100", None), ("1AA", None), ("1-4", None), ("²", None),
        ("1\n2", None), (1.01, None), (True, None), (None, None), ([], None), (-1, None),
    ],
)  # fmt: skip
def test_a_port_and_its_slot_make_one_number(told: Any, index: int | None) -> None:
    assert slot_index(told) == index


def test_no_two_slots_have_one_number() -> None:
    indexes = [slot_index(f"{port}.{slot:02d}") for port in range(1, 513) for slot in range(1, 33)]
    assert len(set(indexes)) == len(indexes)


@pytest.mark.parametrize(
    ("told", "at"),
    [
        ("250820064536A8", 1_755_697_536_000),  # 06:45:36 -07:00
        ("25082013453600", 1_755_697_536_000),
        ("25082021453632", 1_755_697_536_000),  # 21:45:36 +08:00
        ("250820064536a8", 1_755_697_536_000),
        ("250820064536FF", None), ("2508200645360A", None), ("25082006453679", None), ("251320064536A8", None),
        ("250820064536", None), ("", None), ("٢50820064536A8", None),
    ],
)  # fmt: skip
def test_the_time_of_the_sms_centre_has_its_zone_in_quarters_of_an_hour(told: str, at: int | None) -> None:
    assert time_of_scts(told) == at


# ---- what is nothing to us, and what is no push ----


@pytest.mark.parametrize("kind", ["", "heartbeat", "Recv-SMS", "task-status"])
def test_a_type_that_is_not_known_tells_nothing(kind: str) -> None:
    assert decode(pushed({"type": kind, "sms": [row()]}, None)) == ()


@pytest.mark.parametrize("body", [b"", b" \r\n", b"\0"])
def test_an_empty_push_tells_nothing(body: bytes) -> None:
    assert decode(push(body, None)) == ()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_json"),
        (b"[]", "invalid_payload"),
        (b"5", "invalid_payload"),
        (b"{}", "invalid_payload"),
    ],
)
def test_what_is_no_push_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(InvalidPayload) as refused:
        decode(push(body))
    assert refused.value.code == code


def test_the_body_may_have_a_mark_before_it_and_nuls_behind() -> None:
    assert decode(push(b"\xef\xbb\xbf" + RECV_SMS + b"\0\0")) == decode(push(RECV_SMS))


def test_every_push_is_answered_alike() -> None:
    assert MAKE.reply(push(RECV_SMS)) == Reply(b"OK", "text/plain", 200)


@given(st.text())
def test_a_block_keeps_its_text(text: str) -> None:
    assert block_of("Sender: a\r\nSCTS: b\r\n\r\n" + text).text == text
