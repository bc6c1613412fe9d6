"""GoIP boxes: every kind of packet to the byte, and what it means. Ids and numbers are fictitious."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.errors import InvalidPayload
from goip.gateways.dbl.decode import heartbeat_of, sms_of
from goip.gateways.dbl.packets import Packet, Reply, accept, parse, parse_reply, refuse
from goip.models import Heartbeat, InboundSms, SimSlot

FULL = (
    b"req:27;id:gw-1;pass:secret;num:;signal:29;gsm_status:LOGIN;voip_status:LOGOUT;voip_state:IDLE;"
    b"remain_time:-1;imei:867495023958030;imsi:260060172091324;iccid:89480611000720913242;pro:POL;idle:11;"
    b"disable_status:0;SMS_LOGIN:N;SMB_LOGIN:;CELLINFO:LAC:7E5,CELL ID:5E5B;CGATT:Y;"
)
OLD = b"req:10;id:line-1;pass:secret;num:12345;signal:23;gsm_status:LOGIN;voip_status:LOGIN;"
EMPTY = (
    b"req:3;id:gw-2;pass:secret;num:(null);signal:;gsm_status:LOGOUT;voip_status:LOGOUT;"
    b"imei:000000000000000;imsi:;iccid:;pro:;CELLINFO:LAC:FFFF,CELL ID:FFFF;\r\n\0"
)


def packet(datagram: bytes) -> Packet:
    found = parse(datagram)
    assert found is not None
    return found


def test_a_keepalive_of_a_new_firmware() -> None:
    assert heartbeat_of(packet(FULL)) == Heartbeat(
        device_id="gw-1",
        signal_strength=29,
        device_status="IDLE",
        sim_slots=(
            SimSlot(
                slot_index=0,
                operator_name="POL",
                signal_strength=29,
                iccid="89480611000720913242",
                imsi="260060172091324",
                imei="867495023958030",
                status="registered",
                raw_status=(
                    "gsm_status:LOGIN;voip_status:LOGOUT;voip_state:IDLE;remain_time:-1;disable_status:0;"
                    "CELLINFO:LAC:7E5,CELL ID:5E5B;CGATT:Y"
                ),
            ),
        ),
        interval_seconds=30,
        counter=27,
    )


def test_a_keepalive_of_an_old_firmware_says_less() -> None:
    beat = heartbeat_of(packet(OLD))
    assert beat.sim_slots is not None
    (slot,) = beat.sim_slots
    assert (slot.phone_number, slot.signal_strength, slot.iccid, beat.device_status) == (
        "12345",
        23,
        None,
        None,
    )


def test_a_line_without_a_card_has_no_numbers() -> None:
    beat = heartbeat_of(packet(EMPTY))
    assert beat.sim_slots == (
        SimSlot(
            0,
            status="no sim",
            raw_status="gsm_status:LOGOUT;voip_status:LOGOUT;CELLINFO:LAC:FFFF,CELL ID:FFFF",
        ),
    )


@pytest.mark.parametrize(
    ("told", "signal"), [("0", 0), ("31", 31), ("99", None), ("", None), ("x", None), ("9" * 5000, None)]
)
def test_a_signal_is_csq_or_not_known(told: str, signal: int | None) -> None:
    assert heartbeat_of(packet(f"req:1;id:a;pass:b;signal:{told};".encode())).signal_strength == signal


def test_a_value_may_hold_colons() -> None:
    beat = heartbeat_of(packet(b"req:1;id:a;pass:b;voip_state:DIALING:5551234;"))
    assert beat.device_status == "DIALING:5551234"


def test_the_order_of_fields_does_not_matter() -> None:
    assert packet(b"req:1;signal:3;pass:b;id:a;").line_id == "a"


@pytest.mark.parametrize("told", [b"", b"id:;", b"id:a/b;", b"id:..;", b"id: a;", b"id:%s;" % (b"x" * 65)])
def test_a_line_needs_an_id_that_addresses_can_carry(told: bytes) -> None:
    with pytest.raises(InvalidPayload, match="id must"):
        heartbeat_of(packet(b"req:1;" + told))


def test_a_received_message() -> None:
    told = b"RECEIVE:441;id:c1;password:secret;srcnum:100;msg:This is sample sms message"
    assert packet(told).password == "secret"
    assert sms_of(packet(told)) == InboundSms(
        "c1", "100", "This is sample sms message", slot_index=0, sending_id="441"
    )


def test_a_message_is_everything_behind_its_name() -> None:
    told = "RECEIVE:-9;id:c1;password:p;srcnum:SmarTone;smscnum:+1;msg:a;b:c\nRECEIVE:5;msg:é ✓"
    assert sms_of(packet(told.encode())).message == "a;b:c\nRECEIVE:5;msg:é ✓"


@pytest.mark.parametrize("told", [b"srcnum:5", b"msg:text", b"srcnum:;msg:text", b""])
def test_a_message_needs_a_sender_and_a_text(told: bytes) -> None:
    with pytest.raises(InvalidPayload, match="is required"):
        sms_of(packet(b"RECEIVE:1;id:a;password:b;" + told))


def test_an_empty_message_is_one() -> None:
    assert sms_of(packet(b"RECEIVE:1;id:a;password:b;srcnum:5;msg:")).message == ""


def test_bytes_that_are_no_text_are_replaced_not_lost() -> None:
    assert (
        sms_of(packet(b"RECEIVE:1;id:a;password:b;srcnum:5;msg:x\xff\0y")).message
        == "x\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}y"
    )


@pytest.mark.parametrize(
    ("datagram", "accepted", "refused"),
    [
        (OLD, b"reg:10;status:200;", b"reg:10;status:404;"),
        (b"RECEIVE:441;id:c1;password:p;srcnum:1;msg:x", b"RECEIVE 441 OK\n", b"RECEIVE 441 ERROR no\n"),
        (
            b"DELIVER:-42;id:c1;password:p;sms_no:3;state:0;num:9",
            b"DELIVER -42 OK\n",
            b"DELIVER -42 ERROR no\n",
        ),
        (
            b"HANGUP:7;id:c1;password:p;num:,cause:Normal call clearing",
            b"HANGUP 7 OK\n",
            b"HANGUP 7 ERROR no\n",
        ),
        (b"NUM_ICCID:7;id:c1;password:p;", b"NUM_ICCID 7 OK\n", b"NUM_ICCID 7 ERROR no\n"),
    ],
)
def test_answers_repeat_the_number(datagram: bytes, accepted: bytes, refused: bytes) -> None:
    assert accept(packet(datagram)) == accepted
    assert refuse(packet(datagram), "no") == refused


@pytest.mark.parametrize(
    "datagram", [b"", b"OK 11 1 3", b"PASSWORD 11", b"hello", b":1;id:a", b"req:;id:a;", b"\xff" * 99]
)
def test_what_no_box_sends_of_its_own_accord_is_nothing(datagram: bytes) -> None:
    assert parse(datagram) is None


@given(st.binary(max_size=300) | st.from_regex(rb"(req|RECEIVE|X):[0-9]{1,4};id:.{0,9};pass:.{0,5};.{0,60}"))
def test_whatever_comes_is_decoded_or_refused(datagram: bytes) -> None:
    found = parse(datagram)
    if found is None:
        return
    for decode in (heartbeat_of, sms_of):
        try:
            decode(found)
        except InvalidPayload:
            continue


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("gsm_status:LOGIN;", "registered"),
        ("gsm_status:UP;", "registered"),
        ("gsm_status:LOGIN;voip_state:IDLE;", "registered"),
        ("gsm_status:LOGIN;voip_state:ACTIVE;", "in use"),
        ("gsm_status:LOGOUT;", "searching"),
        ("gsm_status:LOGOUT;imsi:;iccid:;", "no sim"),
        ("gsm_status:DOWN;imsi:000000000000000;", "no sim"),
        ("gsm_status:LOGOUT;imsi:262019000000001;iccid:;", "searching"),
        ("gsm_status:LOGIN;disable_status:1;", "off"),
        ("", None),
    ],
)
def test_a_slot_has_one_word_for_its_state(told: str, status: str | None) -> None:
    beat = heartbeat_of(packet(f"req:1;id:a;pass:b;{told}".encode()))
    assert beat.sim_slots is not None
    assert beat.sim_slots[0].status == status


@pytest.mark.parametrize(
    ("datagram", "reply"),
    [
        (b"PASSWORD 11", Reply("PASSWORD", 11, "")),
        (b"OK 11 1 3\r\n", Reply("OK", 11, "1 3")),
        (b"ERROR 11 1 errorstatus:38\n\0", Reply("ERROR", 11, "1 errorstatus:38")),
        (b"USSD 111 Balance: 1.50\n1 Top up", Reply("USSD", 111, "Balance: 1.50\n1 Top up")),
        (b"USSDEXIT 111", Reply("USSDEXIT", 111, "")),
    ],
)
def test_replies_to_what_we_asked(datagram: bytes, reply: Reply) -> None:
    assert parse(datagram) is None
    assert parse_reply(datagram) == reply


@pytest.mark.parametrize(
    "datagram", [b"", b"OK", b"OK x", b"OK -1 1", b"HELLO 11", b"OK 99999999999", b"OK 1x"]
)
def test_what_is_no_reply(datagram: bytes) -> None:
    assert parse_reply(datagram) is None


@given(st.binary(max_size=300) | st.from_regex(rb"(OK|SEND|ERROR|USSD) [0-9]{1,10} .{0,60}"))
def test_whatever_comes_is_a_reply_or_none(datagram: bytes) -> None:
    parse_reply(datagram)
