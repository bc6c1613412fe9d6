"""Frames of old Dinstar boxes: cut from a stream, and what they mean, to the byte. Ids and numbers are fictitious."""

from __future__ import annotations

import itertools
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.errors import InvalidPayload
from goip.gateways import gsm
from goip.gateways.dinstar.binary import (
    Credentials,
    Frame,
    Framing,
    Ports,
    answer,
    credentials_of,
    encode,
    told_of,
)
from goip.models import DeliveryReport, Heartbeat, InboundSms, SimSlot, Told, Ussd
from tests.gateways import dwg
from tests.gateways.dwg import AT, BOX, MAC

ANSWERED = (3, 5, 7, 11, 13, 15, 515)


def cut(data: bytes) -> list[Frame]:
    return list(Framing().feed(data))


def one(data: bytes) -> Frame:
    (found,) = cut(data)
    return found


def told(data: bytes, ports: Ports | None = None) -> Told:
    found = one(data)
    (item,) = told_of(found, (ports or Ports()).after(found))
    return item


def result(code: int, number: bytes = b"+15550101") -> bytes:
    return dwg.frame(3, b"\1" + number.ljust(24, b"\0") + bytes([2, code, 3, 2]))


def ussd(content: bytes, status: int = 0, encoding: int = 0) -> bytes:
    return dwg.frame(11, bytes([2, status]) + len(content).to_bytes(2) + bytes([encoding]) + content)


# ---- frames ----

PAPER = bytes.fromhex(
    "00000026"
    "0001020304050000"
    "1f5cb818"
    "00000006"
    "0001"
    "0000"
    "01000001313530383838383939393900000000000000000000000000000800310032" + "00330034"
)
"""A frame as it is written out: length, MAC and padding, time, serial number, type, flag, body."""


def test_a_frame_is_a_head_and_a_body() -> None:
    found = one(PAPER)
    assert found._replace(body=b"", head=b"") == Frame(bytes.fromhex("000102030405"), 0x1F5CB818, 6, 1)
    assert (found.device_id, found.name) == ("00-01-02-03-04-05", "526170136-6")
    assert found.body[-8:] == "1234".encode("utf-16-be")
    assert encode(found) == found.head + found.body == PAPER


def test_a_keepalive_to_the_byte() -> None:
    assert encode(Frame(MAC, AT, 7, 0)) == bytes.fromhex("00000000001fd6000db200001f5cb818000000070000 0000")


def test_several_frames_in_one_piece_and_one_frame_in_many() -> None:
    data = dwg.frame(0) + dwg.states(0, 1) + dwg.sms("hello") + dwg.frame(999, b"x")
    frames = cut(data)
    assert [found.kind for found in frames] == [0, 7, 5, 999]
    framing = Framing()
    assert [found for n in range(len(data)) for found in framing.feed(data[n : n + 1])] == frames


@given(st.lists(st.binary(max_size=50), max_size=5), st.lists(st.integers(0, 400), max_size=10))
def test_however_a_stream_is_cut_the_frames_are_the_same(bodies: list[bytes], cuts: list[int]) -> None:
    data = b"".join(dwg.frame(5, body, serial=n) for n, body in enumerate(bodies))
    places = [0, *sorted(cuts), len(data)]
    framing = Framing()
    pieces = [data[start:end] for start, end in itertools.pairwise(places)]
    assert [found.body for piece in pieces for found in framing.feed(piece)] == bodies


@pytest.mark.parametrize("length", [8_193, 2**31, 2**32 - 1, int.from_bytes(b"GET ")])
def test_a_length_that_no_box_sends_is_refused_after_the_frames_before_it(length: int) -> None:
    frames = Framing().feed(dwg.frame(0) + length.to_bytes(4) + bytes(20))
    assert next(frames).kind == 0
    with pytest.raises(InvalidPayload, match="none of a box's"):
        next(frames)


def test_the_longest_body_is_taken() -> None:
    assert len(one(dwg.frame(5, bytes(8_192))).body) == 8_192


@pytest.mark.parametrize("kind", ANSWERED)
def test_an_answer_repeats_the_head_and_says_yes_or_no(kind: int) -> None:
    asked = one(dwg.frame(kind, b"whatever", serial=77))
    assert answer(asked, is_taken=True) == dwg.frame(kind + 1, b"\0", serial=77)
    assert answer(asked, is_taken=False) == dwg.frame(kind + 1, b"\1", serial=77)


def test_an_answer_to_the_byte() -> None:
    assert answer(one(dwg.sms()), is_taken=True) == bytes.fromhex(
        "00000001001fd6000db200001f5cb818000000060006000000"
    )


@pytest.mark.parametrize("kind", [0, 1, 2, 6, 10, 17, 999, 65_535])
def test_what_has_no_answer_gets_none(kind: int) -> None:
    assert answer(one(dwg.frame(kind)), is_taken=True) is None


# ---- what they mean ----


def test_a_received_message() -> None:
    item = told(dwg.sms("Привет ✓"))
    assert isinstance(item, InboundSms)
    shown = datetime.fromisoformat("2016-07-12 15:46:18")
    assert item == InboundSms(
        BOX, "15550188", "Привет ✓", slot_index=3, message_id=item.message_id, wall_clock=shown
    )
    assert item.message_id is not None
    assert item.message_id.startswith("20160712154618:32:3:15550188:")


def test_a_repeat_has_the_same_name_and_another_message_another() -> None:
    def name(data: bytes) -> str | None:
        item = told(data)
        assert isinstance(item, InboundSms)
        return item.message_id

    assert name(dwg.sms()) == name(dwg.sms(serial=99))
    others = [
        dwg.sms("other"),
        dwg.sms(number="1"),
        dwg.sms(port=4),
        dwg.sms(time="20160712154619"),
        dwg.sms(zone=-20),
        dwg.sms(b"1234"),
    ]
    assert len({name(data) for data in [dwg.sms(), *others]}) == 7


def test_a_message_without_a_time_is_told_from_repeats_by_its_frame() -> None:
    item = told(dwg.sms(time="", serial=8))
    assert isinstance(item, InboundSms)
    assert (item.message_id, item.sending_id) == (None, f"{AT}-8")


def test_a_message_without_a_sender_is_kept() -> None:
    item = told(dwg.sms(number=""))
    assert isinstance(item, InboundSms)
    assert item.sender == "unknown"


def test_what_follows_the_text_is_no_part_of_it() -> None:
    item = told(dwg.frame(5, one(dwg.sms(b"12345")).body + b"tail"))
    assert isinstance(item, InboundSms)
    assert item.message == "12345"


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (0, "sent"),
        (1, "failed"),
        (2, "timed out"),
        (3, "bad request"),
        (4, "port unavailable"),
        (5, "sent in part"),
        (255, "error 255"),
        (9, "error 9"),
    ],
)
def test_a_result_is_a_report(code: int, word: str) -> None:
    assert told(result(code)) == DeliveryReport(
        BOX, reference=f"{AT}-6", status=word, recipient="+15550101", slot_index=2
    )


@pytest.mark.parametrize(
    ("content", "encoding", "text"),
    [
        (b"Balance: 12.50", 0, "Balance: 12.50"),
        (b"00420061", 0, "Ba"),
        (b"041F0440", 0, "Пр"),
        (b"60A8", 0, "您"),
        (b"1500", 0, "1500"),
        ("Баланс".encode("utf-16-be"), 1, "Баланс"),
    ],
)
def test_a_text_over_ussd_may_be_plain_or_in_hex(content: bytes, encoding: int, text: str) -> None:
    assert told(ussd(content, encoding=encoding)) == Ussd(BOX, text, slot_index=2)


@pytest.mark.parametrize(
    ("status", "is_final", "text"),
    [(0, True, ""), (1, False, ""), (2, True, "ended by the network"), (4, True, "not supported")],
)
def test_an_end_of_ussd_without_a_text_says_what_it_was(status: int, is_final: bool, text: str) -> None:
    assert told(ussd(b"", status)) == Ussd(BOX, text, slot_index=2, is_final=is_final)


def test_states_and_signals_of_ports_come_apart_and_are_shown_together() -> None:
    ports = Ports().after(one(dwg.states(0, 1, 2, 3, 9)))
    beat = told(dwg.signals(31, 0, 99, 255), ports)
    assert beat == Heartbeat(
        BOX,
        sim_slots=(
            SimSlot(0, signal_strength=31, status="registered", raw_status="0"),
            SimSlot(1, signal_strength=0, status="no sim", raw_status="1"),
            SimSlot(2, status="searching", raw_status="2"),
            SimSlot(3, status="error", raw_status="3"),
            SimSlot(4, raw_status="9"),
        ),
        interval_seconds=60,
    )


def test_signals_that_come_first_are_shown_alone() -> None:
    beat = told(dwg.signals(7))
    assert isinstance(beat, Heartbeat)
    assert beat.sim_slots == (SimSlot(0, signal_strength=7),)


@pytest.mark.parametrize("data", [dwg.frame(0), dwg.frame(515, b"call"), dwg.frame(999), dwg.states()])
def test_what_tells_nothing_of_ports_leaves_them(data: bytes) -> None:
    assert told(data) == Heartbeat(BOX, interval_seconds=60)


def test_credentials_are_two_fields_of_sixteen() -> None:
    assert credentials_of(one(dwg.login("root", "x" * 16))) == Credentials("root", "x" * 16)
    assert credentials_of(one(dwg.frame(15, bytes(40)))) == Credentials("", "")


@pytest.mark.parametrize("data", [dwg.sms("hello"), result(0), ussd(b"12345"), dwg.states(1, 2)])
def test_a_body_that_is_cut_off_is_refused_wherever_it_is_cut(data: bytes) -> None:
    whole = one(data)
    for n in range(len(whole.body)):
        with pytest.raises(InvalidPayload):
            told(encode(whole._replace(body=whole.body[:n])))
    with pytest.raises(InvalidPayload, match="cut off"):
        credentials_of(one(dwg.frame(15, bytes(31))))


@given(st.sampled_from([0, 3, 5, 7, 11, 13, 15, 515, 999]), st.binary(max_size=120))
def test_whatever_a_body_holds_is_decoded_or_refused(kind: int, body: bytes) -> None:
    found = one(dwg.frame(kind, body))
    for read in (credentials_of, lambda found: told_of(found, Ports().after(found))):
        try:
            read(found)
        except InvalidPayload:
            continue


@given(st.binary(max_size=200))
def test_whatever_bytes_come_are_cut_or_refused(data: bytes) -> None:
    try:
        cut(data)
    except InvalidPayload:
        return


# ---- texts of one byte a character ----


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"Code [1234] for a_b@c.de", "Code [1234] for a_b@c.de"),
        (b"line\r\nline", "line\r\nline"),
        (b"padded\0\0", "padded"),
        (b"a\x11b\x00c.de", "a_b@c.de"),
        (b"\x1b\x3c1\x1b\x3e \x1b\x65", "[1] €"),
        (b"Gr\x7c\x1ee, \x5crtlich", "Größe, Örtlich"),
        (b"\x1b\x41\x1b\x1bz\x1b", "Az"),
        (one(PAPER).body[-8:], "1234"),
        ("Привет".encode("utf-16-be"), "Привет"),
        (b"\0A", "@A"),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
        (b"\x02\xff", "$\N{REPLACEMENT CHARACTER}"),
        (b"", ""),
    ],
)
def test_a_text_is_ascii_until_it_can_be_nothing_but_gsm(content: bytes, text: str) -> None:
    assert gsm.decode_single(content) == text


def test_the_basic_table_has_a_character_for_each_code() -> None:
    assert len(gsm._BASIC) == len(set(gsm._BASIC)) == 128
    assert (gsm._BASIC[0x24], gsm._BASIC[0x40], gsm._BASIC[0x60], gsm._BASIC[0x7F]) == ("¤", "¡", "¿", "à")
