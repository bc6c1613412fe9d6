"""What Yeastar TG boxes say, to the byte, without a socket."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.errors import InvalidPayload
from goip.gateways.yeastar.ami import Block, Splitter
from goip.gateways.yeastar.decode import Part, part_of, report_of, slot_of, sms_of, spans_of
from goip.gateways.yeastar.parts import Parts
from goip.models import DeliveryReport, SimSlot
from goip.simulator.boxes.manager import ACCEPTED, BANNER, received, sent
from tests.gateways.posting import patient
from tests.gateways.yeastar_box import SPAN_2, SPAN_3, SPANS

EVENT = Block(
    {
        "event": "ReceivedSMS",
        "privilege": "all,smscommand",
        "id": "",
        "gsmspan": "2",
        "sender": "+15550101",
        "recvtime": "2026-11-21 05:22:20",
        "index": "1",
        "total": "1",
        "smsc": "+15550100",
        "content": "Ok",
    }
)
CONVERSATION = BANNER + ACCEPTED + SPANS + received() + SPAN_2 + sent("out-1") + SPAN_3
RUSSIAN = "%EF%BB%BF%D0%95%D1%89%D1%91+%D0%BE%D1%82%D0%B2%D0%B5%D1%82+"


def blocks_of(*pieces: bytes) -> list[Block]:
    """The blocks, without how they were said."""
    splitter = Splitter()
    return [block._replace(said=b"") for piece in pieces for block in splitter.feed(piece)]


def block_of(data: bytes) -> Block:
    [block] = blocks_of(data)
    return block


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_a_block_knows_how_it_was_said(piece: int) -> None:
    splitter, half = Splitter(), received()[:-40]
    data = CONVERSATION + half
    blocks = [block for at in range(0, len(data), piece) for block in splitter.feed(data[at : at + piece])]
    told = [ACCEPTED, SPANS, received(), SPAN_2, sent("out-1"), SPAN_3]
    assert [block.said.rstrip() for block in blocks] == [each.rstrip() for each in told]
    assert [blocks_of(block.said) for block in blocks] == [[block._replace(said=b"")] for block in blocks]
    assert splitter.unfinished == half


def test_a_conversation_is_taken_apart() -> None:
    login, spans, event, span, report, other = blocks_of(CONVERSATION)
    assert login == Block({"response": "Success", "message": "Authentication accepted"})
    assert spans.lines == (
        "GSM span 2: Power on, Provisioned, Up, Active,Standard",
        "GSM span 3: Power on, Provisioned, Undetected SIM Card, Active,Standard",
    )
    assert spans.fields == {"response": "Follows", "privilege": "SMSCommand"}
    assert event == EVENT
    assert (event.event, report.event, span.event) == ("receivedsms", "updatesmssend", "")
    assert span.lines[0] == "D-channel: 2"
    assert span.lines[-1] == "Last send AT: AT+CREG?\\r\\n"
    assert other.lines[-1] == "State: IDLE"


@patient
@given(st.lists(st.integers(0, len(CONVERSATION)), max_size=40))
def test_it_does_not_matter_in_what_pieces_it_arrives(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(CONVERSATION)]
    pieces = [CONVERSATION[begin:end] for begin, end in pairwise(edges)]
    assert blocks_of(*pieces) == blocks_of(CONVERSATION)


def test_byte_by_byte() -> None:
    assert blocks_of(*(bytes([byte]) for byte in CONVERSATION)) == blocks_of(CONVERSATION)


def test_an_answer_without_any_line() -> None:
    answer = b"Response: Follows\r\nPrivilege: SMSCommand\r\n--END COMMAND--\r\n\r\n"
    assert block_of(answer) == Block({"response": "Follows", "privilege": "SMSCommand"})


def test_an_answer_of_ussd_with_tabs_and_blank_lines() -> None:
    answer = (
        b"Response: Follows\r\nPrivilege: SMSCommand\r\n1:Received USSD success on span: 3\n\n"
        b"\tUSSD Code: 15\n\tUSSD Message: Balance: 170\n--END COMMAND--\r\n\r\n"
    )
    assert block_of(answer).lines[-1] == "\tUSSD Message: Balance: 170"


def test_a_newer_manager_prints_by_output_lines() -> None:
    answer = (
        b"Response: Success\r\nMessage: Command output follows\r\n"
        b"Output: GSM span 2: Power on, Provisioned, Up, Active,Standard\r\n\r\n"
    )
    assert block_of(answer).lines == ("GSM span 2: Power on, Provisioned, Up, Active,Standard",)


def test_an_event_of_no_sms_ends_with_a_blank_line() -> None:
    assert block_of(b"Event: FullyBooted\r\nStatus: Fully Booted\r\n\r\n").event == "fullybooted"


def test_a_text_that_is_not_encoded_may_have_lines() -> None:
    [event] = blocks_of(received("one\r\n\r\ntwo: x\r\nthree"))
    assert event.fields["content"] == "one\n\ntwo: x\nthree"
    assert part_of(event).text == "one\n\ntwo: x\nthree"


def test_a_text_may_look_like_the_end_of_another_block() -> None:
    assert block_of(received("--END COMMAND--")).fields["content"] == "--END COMMAND--"


def test_a_mark_that_was_left_out_costs_no_second_message() -> None:
    without = received("one").replace(b"--END SMS EVENT--\r\n", b"")
    assert [each.fields["content"] for each in blocks_of(without, received("two"))] == ["one", "two"]


@pytest.mark.parametrize("filler", [b"x", b"\n", b"a: b\r\n", b"Content: %00\n"])
def test_a_block_without_end_is_no_box(filler: bytes) -> None:
    with pytest.raises(InvalidPayload):
        blocks_of(b"Response: Follows\r\n", *[filler * 1024] * 400)


@patient
@given(
    st.lists(st.binary() | st.sampled_from([SPANS, received(), b"Event: ReceivedSMS\r\n", b"\r\n", b"\n"]))
)
def test_whatever_comes_is_taken_apart_and_read_or_refused(pieces: list[bytes]) -> None:
    for block in blocks_of(*pieces):
        spans_of(block.lines)
        slot_of(2, "", block.lines)
        report_of("b", block)
        try:
            told = sms_of("b", part_of(block))
        except InvalidPayload:
            continue
        assert "\0" not in (told.sender + told.message).encode().decode()
        assert told.slot_index is not None
        assert 0 <= told.slot_index <= 1023


@patient
@given(st.dictionaries(st.sampled_from(sorted(EVENT.fields)), st.text()))
def test_whatever_an_event_says_is_read_or_refused(fields: dict[str, str]) -> None:
    try:
        told = sms_of("b", part_of(Block({**EVENT.fields, **fields})))
    except InvalidPayload:
        return
    assert "\0" not in (told.sender + told.message + (told.sending_id or "")).encode().decode()


# ---- messages ----


def part(text: str = "Ok", place: int = 1, n_parts: int = 1, **more: str) -> Part:
    told = {"sender": "+15550101", "id": "", "received": "2026-11-21 05:22:20", **more}
    return Part(1, told["sender"], text, told["id"], told["received"], place, n_parts)


def test_a_message() -> None:
    assert part_of(EVENT) == part()
    told = sms_of("office", part())
    assert (told.device_id, told.sender, told.message, told.slot_index) == ("office", "+15550101", "Ok", 1)
    assert (told.sent_at, told.recipient, told.sending_id) == (None, None, None)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (RUSSIAN, "Ещё ответ "),
        ("a%2Bb+%25+%26", "a+b % &"),
        ("%F0%9F%98%80", "😀"),
        ("", ""),
        ("50% off + more", "50% off + more"),
        ("grün+", "grün+"),
        ("%FF", "\ufffd"),
        ("%", "%"),
    ],
)
def test_contents(content: str, text: str) -> None:
    assert part_of(block_of(received(content))).text == text


def test_what_no_database_can_store_is_replaced() -> None:
    assert sms_of("b", part_of(block_of(received("a%00b")))).message == "a\ufffdb"


@pytest.mark.parametrize(
    ("index", "total", "place", "n_parts"), [(0, 1, 0, 1), (2, 2, 2, 2), (9, 2, 0, 2), (1, 999, 1, 1)]
)
def test_places(index: int, total: int, place: int, n_parts: int) -> None:
    told = part_of(block_of(received(index=index, total=total)))
    assert (told.place, told.n_parts) == (place, n_parts)


def test_some_firmware_tells_the_port_itself() -> None:
    fields = {name: value for name, value in EVENT.fields.items() if name != "gsmspan"}
    assert part_of(Block({**fields, "gsmport": "4"})).slot_index == 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sender", ""),
        ("sender", "(null)"),
        ("gsmspan", ""),
        ("gsmspan", "0"),
        ("gsmspan", "-1"),
        ("gsmspan", "9999"),
    ],
)
def test_a_message_without_sender_or_port_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidPayload):
        part_of(Block({**EVENT.fields, name: value}))


def test_a_message_without_content_is_refused() -> None:
    fields = {name: value for name, value in EVENT.fields.items() if name != "content"}
    with pytest.raises(InvalidPayload, match="Content"):
        part_of(Block(fields))


def test_a_repeat_has_the_same_id_and_the_next_message_another() -> None:
    told = [part(), part(), part("ko"), part(received="2026-11-21 05:22:21"), part(sender="a"), part(id="7")]
    ids = [sms_of("b", each).message_id for each in told]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 5
    assert sms_of("b", part(received="", id="7")).message_id is None
    assert sms_of("b", part(received="", id="7")).sending_id == "7"


@pytest.mark.parametrize(
    ("id", "status", "report"),
    [
        ("out-1", 1, DeliveryReport("b", "out-1", status="sent")),
        ("out-1", 0, DeliveryReport("b", "out-1", status="failed")),
        ("(null)", 1, DeliveryReport("b", None, status="sent")),
        ("out-1", 7, DeliveryReport("b", "out-1", status="7")),
    ],
)
def test_reports(id: str, status: int, report: DeliveryReport) -> None:
    assert report_of("b", block_of(sent(id, status))) == report


# ---- long messages ----


def test_parts_are_joined_in_their_order() -> None:
    parts = Parts()
    assert parts.add(part("two", 2, 3, id="244"), 0) == []
    assert parts.add(part("one ", 1, 3, id="244"), 0) == []
    assert parts.add(part("one ", 1, 3, id="244"), 0) == []
    [whole] = parts.add(part(" three", 3, 3, id="244"), 0)
    assert (whole.text, whole.n_parts, whole.id) == ("one two three", 1, "244")
    assert parts.rest() == []


def test_parts_may_be_counted_from_nought() -> None:
    parts = Parts()
    parts.add(part("b", 1, 2), 0)
    assert [each.text for each in parts.add(part("a", 0, 2), 0)] == ["ab"]


@pytest.mark.parametrize("other", [{"id": "245"}, {"sender": "BANK"}])
def test_parts_of_another_message_are_kept_apart(other: dict[str, str]) -> None:
    parts = Parts()
    parts.add(part("a", 1, 2, id="244"), 0)
    assert parts.add(part("b", 2, 2, **{"id": "244", **other}), 0) == []


def test_a_message_whose_part_never_comes_is_given_out_as_it_is() -> None:
    parts = Parts()
    parts.add(part("b", 2, 3), 0)
    assert parts.overdue(599_999) == []
    assert [each.text for each in parts.overdue(600_000)] == ["[…]b[…]"]
    assert parts.overdue(600_000) == []


def test_a_number_that_is_used_again_ends_what_waited_under_it() -> None:
    parts = Parts()
    parts.add(part("old", 1, 2, id="7"), 0)
    assert [each.text for each in parts.add(part("new ", 1, 2, id="7"), 1)] == ["old[…]"]
    assert [each.text for each in parts.add(part("one", 2, 2, id="7"), 2)] == ["new one"]


def test_unfinished_messages_are_bounded_and_none_is_lost() -> None:
    parts = Parts()
    out = [whole for n in range(1_001) for whole in parts.add(part(f"{n} ", 1, 2, id=str(n)), 0)]
    assert [each.text for each in out] == ["0 […]"]
    assert len(parts.rest()) == 1_000


# ---- ports ----


def test_a_port_with_a_card() -> None:
    [block] = blocks_of(SPAN_2)
    assert slot_of(2, "", block.lines) == SimSlot(
        slot_index=1,
        operator_name="Example GSM",
        signal_strength=13,
        imsi="901700000012345",
        imei="894005028759112",
        status="registered",
        raw_status="Power on, Provisioned, Up, Active,Standard; Registered (Home network); READY",
    )


def test_a_port_without_a_card() -> None:
    [block] = blocks_of(SPAN_3)
    told = slot_of(3, "", block.lines)
    assert (told.slot_index, told.status, told.signal_strength, told.imsi) == (2, "no sim", None, None)
    assert told.operator_name is None


def test_a_port_of_which_only_the_list_tells() -> None:
    [block] = blocks_of(SPANS)
    spans = spans_of(block.lines)
    assert [slot_of(span, status, ()).status for span, status in spans.items()] == ["registered", "no sim"]


def test_only_spans_are_spans() -> None:
    assert spans_of(["LTE span 17: Power on, Up", "No such command", "span 0: x", "GSM span 5000: x"]) == {
        17: "Power on, Up"
    }


@pytest.mark.parametrize(
    ("status", "network", "state"),
    [
        ("Power off", "", "off"),
        ("Power on, Up, Active, Standard", "Registered (Roaming)", "registered"),
        ("Power on, Provisioned, Up, Active,Standard", "Not registered, searching", "searching"),
        ("Power on, Provisioned, Down, Active,Standard", "Not registered", "error"),
        ("Power on, Provisioned, Up, Active,Standard", "Not registered, not searching", "error"),
        ("Power on, Provisioned, Up, Active,Standard", "Registration denied", "denied"),
        ("Power on, Provisioned, SIM PIN Required, Active", "", "locked"),
        ("Power on, Provisioned, In Alarm, Up", "", "error"),
        ("Something else", "", None),
    ],
)
def test_states(status: str, network: str, state: str | None) -> None:
    lines = [f"Status: {status}", f"Network Status: {network}"]
    assert slot_of(2, "", lines).status == state
