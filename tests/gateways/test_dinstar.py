"""Dinstar's pushes: every kind as the maker's papers have it, and what it means. Ids and numbers are fictitious."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.errors import InvalidPayload
from goip.gateways import Push
from goip.gateways.dinstar import MAKE
from goip.models import CallEvent, DeliveryReport, Heartbeat, InboundSms, SimSlot, Told, Ussd

SN = "da00-0030-0000-0001"
AT = "2016-07-12 15:46:18"
SMS = {
    "incoming_sms_id": 1,
    "port": 1,
    "number": "6717",
    "smsc": "+15550100",
    "timestamp": AT,
    "text": "test",
}
RESULT = {
    "port": 1,
    "number": "10086",
    "time": "2016-07-12 01:46:02",
    "status": "DELIVERED",
    "count": 1,
    "succ_count": 1,
    "ref_id": 215,
    "imsi": "001010000000063",
}
RECEIPT = {
    "port": 1,
    "number": "10086",
    "time": "2016-07-12 15:46:53",
    "ref_id": 215,
    "status_code": 0,
    "imsi": "001010000000063",
}
UP = {
    "port": 8,
    "iccid": "89860000000000000023",
    "imsi": "001010000000063",
    "number": "+15550108",
    "status": "up",
    "sequence": 2,
    "slot": 2,
}
DOWN = {"port": 8, "iccid": "<NULL>", "imsi": "<NULL>", "number": "<NULL>", "status": "down"}
CALL = {
    "port": 2,
    "start_date": "2015-07-21 16:35:20",
    "answer_date": "2015-07-21 16:35:31",
    "duration": 3,
    "source_number": "1010",
    "destination_number": "6717",
    "direction": "ip->gsm",
    "ip": "192.0.2.136",
    "codec": "G.711U",
    "hangup": "called",
    "gsm_code": 16,
    "bcch": "",
}
DEVICE = {"port_number": 32, "IP": "192.0.2.142", "MAC": "F8-A0-3D-00-00-19", "status": "power_off"}
KINDS = {
    "sms": SMS,
    "sms_result": RESULT,
    "sms_deliver_status": RECEIPT,
    "ussd": {"port": 1, "text": "Thank you!"},
    "register": UP,
    "cdr": CALL,
    "device": DEVICE,
    "exception_info": {"port": 3, "type": "call_fail", "action": "reset"},
}


def push(body: object, device_id: str | None = None) -> Push:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return Push("POST", "", {}, {}, raw, "key", device_id, 0)


def told(kind: str, *rows: object) -> list[Told]:
    return list(MAKE.decode(push({"sn": SN, kind: list(rows)})))


def one(kind: str, **fields: Any) -> Told:
    row = {name: value for name, value in {**KINDS[kind], **fields}.items() if value is not ...}
    is_object = kind in ("device", "exception_info")
    (item,) = MAKE.decode(push({"sn": SN, kind: row if is_object else [row]}))
    return item


# ---- what each kind means ----


def test_a_received_message() -> None:
    shown = datetime.fromisoformat(AT)
    assert one("sms") == InboundSms(
        SN, "6717", "test", slot_index=1, message_id=f"1:{AT}:6717", wall_clock=shown
    )


def test_an_id_that_began_anew_is_of_another_message() -> None:
    first, after_reset = one("sms"), one("sms", timestamp="2016-08-01 00:00:07")
    assert isinstance(first, InboundSms)
    assert isinstance(after_reset, InboundSms)
    assert first.message_id != after_reset.message_id


@pytest.mark.parametrize(
    ("fields", "sending_id"),
    [
        ({"timestamp": ...}, "1"),
        ({"incoming_sms_id": ...}, AT),
        ({"timestamp": "<NULL>", "incoming_sms_id": None}, None),
    ],
)
def test_a_message_without_a_full_name_is_told_from_repeats_for_a_while(
    fields: dict[str, Any], sending_id: str | None
) -> None:
    sms = one("sms", **fields)
    assert isinstance(sms, InboundSms)
    assert (sms.message_id, sms.sending_id, sms.sent_at) == (None, sending_id, None)


@pytest.mark.parametrize("number", ["", "<NULL>", None])
def test_a_message_without_a_sender_is_kept(number: str | None) -> None:
    sms = one("sms", number=number)
    assert isinstance(sms, InboundSms)
    assert sms.sender == "unknown"


def test_a_sender_may_be_a_name_or_a_number_that_is_no_text() -> None:
    senders = [one("sms", number=number) for number in ("BANK", 6717)]
    assert [sms.sender for sms in senders if isinstance(sms, InboundSms)] == ["BANK", "6717"]


def test_a_message_may_be_empty_and_in_any_script() -> None:
    texts = [one("sms", text=text) for text in ("", "Привет; ✓\n", "a\0b")]
    assert [sms.message for sms in texts if isinstance(sms, InboundSms)] == [
        "",
        "Привет; ✓\n",
        "a\N{REPLACEMENT CHARACTER}b",
    ]


def test_a_result_is_a_report_in_words() -> None:
    assert one("sms_result") == DeliveryReport(
        SN, reference="215", status="DELIVERED", recipient="10086", slot_index=1
    )


@pytest.mark.parametrize("code", [0, 1, 32, 64, 255])
def test_a_deliver_status_is_a_report_in_numbers(code: int) -> None:
    assert one("sms_deliver_status", status_code=code) == DeliveryReport(
        SN, reference="215", status_code=code, recipient="10086", slot_index=1
    )


def test_a_text_over_ussd() -> None:
    assert one("ussd") == Ussd(SN, "Thank you!", slot_index=1)


def test_a_port_that_comes_up_is_told_alone() -> None:
    assert one("register") == Heartbeat(
        SN,
        sim_slots=(
            SimSlot(
                8,
                phone_number="+15550108",
                iccid="89860000000000000023",
                imsi="001010000000063",
                status="registered",
                raw_status="up;slot:2",
            ),
        ),
        is_partial=True,
    )


def test_a_port_that_goes_down_has_no_card_any_more() -> None:
    (beat,) = told("register", DOWN)
    assert beat == Heartbeat(
        SN, sim_slots=(SimSlot(8, status="searching", raw_status="down"),), is_partial=True
    )


def test_ports_that_are_told_together_are_one_heartbeat_and_the_last_word_counts() -> None:
    (beat,) = told("register", UP, {"port": 0, "status": "up"}, DOWN)
    assert isinstance(beat, Heartbeat)
    assert [(slot.slot_index, slot.raw_status) for slot in beat.sim_slots or ()] == [(8, "down"), (0, "up")]


def test_a_call_out_that_is_over() -> None:
    assert one("cdr") == CallEvent(
        SN, "ended", "outbound", "6717", 2, duration_seconds=3, cause="GSM cause 16, hung up by called"
    )


def test_a_call_in_is_from_its_source() -> None:
    call = one("cdr", direction="gsm->ip", gsm_code="<NULL>", hangup=...)
    assert call == CallEvent(SN, "ended", "inbound", "1010", 2, duration_seconds=3)


def test_a_box_says_what_it_is_and_that_it_ends() -> None:
    assert one("device") == Heartbeat(
        SN,
        device_status="power_off",
        ip_address="192.0.2.142",
        brand_info={"brand": "Dinstar", "product": "32 ports", "device": "F8-A0-3D-00-00-19"},
    )


def test_trouble_in_calls_is_a_call_and_other_trouble_the_boxes_own() -> None:
    assert one("exception_info") == CallEvent(SN, "call_fail", slot_index=3, cause="reset")
    assert one("exception_info", type="sim_fail") == Heartbeat(SN, device_status="port 3: sim_fail, reset")
    assert one("exception_info", type="hot", port=..., action=...) == Heartbeat(SN, device_status="hot")


# ---- whose, how many, and what else may stand there ----


def test_a_name_that_the_key_or_the_address_gives_wins_over_the_serial_number() -> None:
    (sms,) = MAKE.decode(push({"sn": SN, "sms": [SMS]}, "roof"))
    assert sms.device_id == "roof"
    (sms,) = MAKE.decode(push({"sms": [SMS]}, "roof"))
    assert sms.device_id == "roof"


@pytest.mark.parametrize("sn", [None, "", "<NULL>", [], {}, True, 1.5])
def test_a_push_of_nobody_is_refused(sn: object) -> None:
    with pytest.raises(InvalidPayload, match="sn is required"):
        MAKE.decode(push({"sn": sn, "sms": [SMS]}))


@pytest.mark.parametrize("more", [{}, {"sms": []}, {"sms": None}, {"news": [1]}])
def test_a_push_that_tells_nothing_we_know_says_that_the_box_is_alive(more: dict[str, Any]) -> None:
    assert list(MAKE.decode(push({"sn": SN, **more}))) == [Heartbeat(SN)]


def test_several_kinds_in_one_push_are_all_taken() -> None:
    items = MAKE.decode(push({"device": DEVICE, "ussd": [KINDS["ussd"]], "sms": [SMS, SMS], "sn": SN}))
    assert [type(item).__name__ for item in items] == ["InboundSms", "InboundSms", "Ussd", "Heartbeat"]


@pytest.mark.parametrize("kind", KINDS)
def test_neither_order_nor_fields_that_we_do_not_know_matter(kind: str) -> None:
    row = {"news": {"a": []}, **dict(reversed(KINDS[kind].items()))}
    wrapped = row if kind in ("device", "exception_info") else [row]
    assert list(MAKE.decode(push({kind: wrapped, "x": 1, "sn": SN}))) == [one(kind)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("device", "exception_info")])
def test_a_single_row_without_its_array_is_read_too(kind: str) -> None:
    assert list(MAKE.decode(push({"sn": SN, kind: KINDS[kind]}))) == [one(kind)]


@pytest.mark.parametrize(
    ("kind", "field", "complaint"),
    [
        ("sms", "text", "sms.text is required"),
        ("sms", "number", "sms.number is required"),
        ("sms_result", "status", "sms_result.status is required"),
        ("sms_deliver_status", "status_code", "sms_deliver_status.status_code is required"),
        ("ussd", "text", "ussd.text is required"),
        ("register", "port", "register.port is required"),
        ("exception_info", "type", "exception_info.type is required"),
    ],
)
def test_a_row_that_misses_what_it_must_have_is_refused_by_name(
    kind: str, field: str, complaint: str
) -> None:
    with pytest.raises(InvalidPayload) as refusal:
        one(kind, **{field: ...})
    assert refusal.value.message == complaint
    assert list(refusal.value.fields) == [complaint.split(maxsplit=1)[0]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [7, "text", True, [7], ["text"], [None], [[]]])
def test_rows_that_are_none_are_refused_by_name(kind: str, value: object) -> None:
    with pytest.raises(InvalidPayload) as refusal:
        MAKE.decode(push({"sn": SN, kind: value}))
    assert list(refusal.value.fields) == [kind]


def test_a_bad_row_does_not_cost_the_good_ones_beside_it() -> None:
    items = told("sms", {"port": 1}, SMS, 7, {**SMS, "incoming_sms_id": 2})
    assert [item.message_id for item in items if isinstance(item, InboundSms)] == [
        f"1:{AT}:6717",
        f"2:{AT}:6717",
    ]


@pytest.mark.parametrize("port", [None, -1, "x", 512, 2**60, "9" * 60, 1.5, True, [1], "²"])
def test_a_port_that_is_none_is_not_told(port: object) -> None:
    sms = one("sms", port=port)
    assert isinstance(sms, InboundSms)
    assert sms.slot_index is None


def test_a_port_may_be_text() -> None:
    sms = one("sms", port="31")
    assert isinstance(sms, InboundSms)
    assert sms.slot_index == 31


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"null", b"\xff\xfe", b'{"sn":"\\ud800"}'])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidPayload):
        MAKE.decode(push(body))


def test_the_answer_is_a_plain_ok_and_silence_is_judged_by_the_day() -> None:
    assert MAKE.reply(push({"sn": SN})) == (b"OK", "text/plain", 200)
    assert MAKE.silence_seconds == 86_400


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["<NULL>", "up"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
rows = st.sampled_from(list(KINDS.values())).flatmap(
    lambda row: st.fixed_dictionaries({}, optional={name: anything | st.just(row[name]) for name in row})
)


@given(st.dictionaries(st.sampled_from([*KINDS, "sn"]), anything | rows | st.lists(rows | anything)))
def test_whatever_comes_is_decoded_or_refused(body: dict[str, Any]) -> None:
    try:
        items = MAKE.decode(push(json.dumps({"sn": SN, **body}).encode()))
    except InvalidPayload:
        return
    assert items


@given(st.binary(max_size=200))
def test_whatever_bytes_come_are_decoded_or_refused(body: bytes) -> None:
    try:
        MAKE.decode(push(body))
    except InvalidPayload:
        return
