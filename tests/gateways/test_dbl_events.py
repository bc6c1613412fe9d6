"""GoIP boxes: what happens between keepalives, to the byte. Ids and numbers are fictitious."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from goip.errors import InvalidPayload
from goip.gateways.dbl.events import News, call_change, news_of
from goip.gateways.dbl.packets import NEVER_ANSWERED, Packet, accept, parse
from goip.models import CallEvent, DeliveryReport, Device, Heartbeat, Note, SimSlot, Ussd

SLOT = SimSlot(
    0, iccid="8949020000123456789", status="registered", raw_status="gsm_status:LOGIN;voip_state:IDLE"
)
LINE = Device(1, "goip-1", registered_at=0, device_status="IDLE", slots=(SLOT,))


def packet(datagram: str) -> Packet:
    found = parse(datagram.encode())
    assert found is not None
    return found


def note_of(datagram: str, known: Device | None = LINE) -> Note:
    (note,) = news_of(packet(datagram), known).notes
    return note


def call(state: str, **told: object) -> CallEvent:
    return CallEvent("goip-1", state, slot_index=0, **told)  # type: ignore[arg-type]


WHO = "id:goip-1;password:goip"


@pytest.mark.parametrize(
    ("datagram", "note"),
    [
        (
            "DELIVER:429;id:c1;password:gateway_password;sms_no:3;state:0;num:999999999",
            DeliveryReport("c1", reference="3", status_code=0, recipient="999999999", slot_index=0),
        ),
        (
            f"DELIVER:-42;{WHO};sms_no:255;state:64",
            DeliveryReport("goip-1", reference="255", status_code=64, slot_index=0),
        ),
        (f"DELIVER:1;{WHO};state:lost", DeliveryReport("goip-1", status="lost", slot_index=0)),
        (
            f"RECORD:1571812801;{WHO};dir:1;num:1380013800",
            call("incoming", direction="inbound", number="1380013800"),
        ),
        (
            "RECORD:7565;id:goip2;password:password2;dir:2;num:10086",
            CallEvent("goip2", "dialing", "outbound", "10086", slot_index=0),
        ),
        (f"RECORD:1;{WHO};dir:7;num:(null)", call("record")),
        (
            f"HANGUP:1571812814;{WHO};num:,cause:Normal call clearing",
            call("ended", cause="Normal call clearing"),
        ),
        (
            f"HANGUP:1;{WHO};num:5551234,cause:User busy, or gone",
            call("ended", number="5551234", cause="User busy, or gone"),
        ),
        (f"HANGUP:1;{WHO};num:5551234;cause:Normal", call("ended", number="5551234", cause="Normal")),
        (f"HANGUP:1;{WHO}", call("ended")),
        (f"EXPIRY:1571812871;{WHO};exp:0", call("ended", duration_seconds=0)),
        (f"EXPIRY:1;{WHO};exp:75", call("ended", duration_seconds=75)),
        (f"STATE:1571812793;{WHO};gsm_remain_state:IDLE", call("idle")),
        (
            f"STATE:1;{WHO};gsm_remain_state:INCOMING:5551234",
            call("incoming", direction="inbound", number="5551234"),
        ),
        (f"STATE:1;{WHO};gsm_remain_state:DIALING:555", call("dialing", direction="outbound", number="555")),
        (
            f"STATE:1;{WHO};gsm_remain_state:ALERTING:555",
            call("alerting", direction="outbound", number="555"),
        ),
        (f"STATE:1;{WHO};gsm_remain_state:CONNECTED:555", call("active", direction="outbound", number="555")),
        (f"STATE:1;{WHO};gsm_remain_state:ACTIVE", call("active")),
        (f"STATE:1;{WHO};gsm_remain_state:BUSY", call("busy")),
        (f"state:1;{WHO};gsm_remain_state:IDLE", call("idle")),
        (
            f"USSN:5;{WHO};msg:Balance: 1.50;\nnext; menu",
            Ussd("goip-1", "Balance: 1.50;\nnext; menu", slot_index=0),
        ),
        (f"USSN:5;{WHO};msg:", Ussd("goip-1", "", slot_index=0)),
    ],
)
def test_what_happened_is_told(datagram: str, note: Note) -> None:
    assert note_of(datagram) == note


@pytest.mark.parametrize(
    ("datagram", "raw_status"),
    [
        (f"REMAIN:7568;{WHO};gsm_remain_time:-1", "gsm_status:LOGIN;voip_state:IDLE;remain_time:-1"),
        (
            f"CELLINFO:5;{WHO};CELLINFO:LAC:7E5,CELL ID:5E5B",
            "gsm_status:LOGIN;voip_state:IDLE;CELLINFO:LAC:7E5,CELL ID:5E5B",
        ),
        (f"CGATT:5;{WHO};CGATT:Y", "gsm_status:LOGIN;voip_state:IDLE;CGATT:Y"),
        (f"CGATT:5;{WHO};gprs_attach:N", "gsm_status:LOGIN;voip_state:IDLE;CGATT:N"),
    ],
)
def test_what_is_so_now_stands_in_the_slot_at_once(datagram: str, raw_status: str) -> None:
    beat = Heartbeat("goip-1", sim_slots=(SLOT._replace(raw_status=raw_status),))
    assert news_of(packet(datagram), LINE) == News(beat)


def test_the_state_of_a_call_is_the_lines_state_too() -> None:
    beat, (note,) = news_of(packet(f"STATE:1;{WHO};gsm_remain_state:INCOMING:555"), LINE)
    assert beat == Heartbeat(
        "goip-1",
        device_status="INCOMING:555",
        sim_slots=(SLOT._replace(status="in use", raw_status="gsm_status:LOGIN;voip_state:INCOMING:555"),),
    )
    assert note == call("incoming", direction="inbound", number="555")


@pytest.mark.parametrize(
    ("before", "call_state", "after"),
    [
        ("registered", "ACTIVE", "in use"),
        ("in use", "IDLE", "registered"),
        ("searching", "ACTIVE", "searching"),
        ("off", "IDLE", "off"),
        (None, "ACTIVE", None),
    ],
)
def test_a_slot_is_in_use_while_there_is_a_call(
    before: str | None, call_state: str, after: str | None
) -> None:
    known = replace(LINE, slots=(SLOT._replace(status=before),))
    beat, _ = news_of(packet(f"STATE:1;{WHO};gsm_remain_state:{call_state}"), known)
    assert beat is not None
    assert beat.sim_slots is not None
    assert beat.sim_slots[0].status == after


def test_a_line_without_a_slot_has_no_state_to_mend() -> None:
    told = packet(f"STATE:1;{WHO};gsm_remain_state:IDLE")
    for known in (None, replace(LINE, slots=())):
        assert news_of(told, known) == News(notes=(call("idle"),))


@pytest.mark.parametrize(
    "datagram",
    [
        f"CELLS:34347;{WHO};lists:689,638,783,785,640,",
        f"BCCH:34348;{WHO};bcch:689,638,783,785,640,",
        f"NUM_ICCID:1;{WHO};x:y",
        f"need_recharge:1;{WHO}",
        f"STATE:1;{WHO};gsm_remain_state:",
        f"REMAIN:1;{WHO}",
        f"EXPIRY:1;{WHO};exp:long",
        f"EXPIRY:1;{WHO};exp:{'9' * 40}",
        f"USSN:1;{WHO}",
    ],
)
def test_what_says_nothing_that_is_kept_is_taken_all_the_same(datagram: str) -> None:
    told = packet(datagram)
    assert news_of(told, LINE) == News()
    assert accept(told) == f"{told.verb} {told.number} OK\n".encode()


@pytest.mark.parametrize(
    "datagram",
    [
        "GSM:1;get_gsm_num:(null);get_exp_time:0;get_remain_time:0;get_gsm_state:IDLE;imei:000000000000000",
        "AT:20;count:1;id:goip-1;password:goip;receive:write:AT+CREG?",
    ],
)
def test_answers_and_traces_are_no_events(datagram: str) -> None:
    assert packet(datagram).kind in NEVER_ANSWERED


@pytest.mark.parametrize(
    ("before", "now", "states"),
    [
        ("IDLE", "INCOMING:5", ["incoming"]),
        ("INCOMING:5", "IDLE", ["idle"]),
        ("INCOMING:5", "INCOMING:6", ["incoming"]),
        ("IDLE", "IDLE", []),
        (None, "IDLE", []),
        (None, "ACTIVE", ["active"]),
        ("ACTIVE", "", []),
    ],
)
def test_a_keepalive_tells_a_change_of_call_that_no_event_told(
    before: str | None, now: str, states: list[str]
) -> None:
    told = call_change(
        packet(f"req:5;id:goip-1;pass:p;voip_state:{now};"), replace(LINE, device_status=before)
    )
    assert [each.state for each in told if isinstance(each, CallEvent)] == states


def test_the_first_keepalive_of_a_line_is_no_change() -> None:
    assert call_change(packet("req:1;id:goip-1;pass:p;voip_state:ACTIVE;"), None) == ()


FIELDS = st.sampled_from(["num", "dir", "exp", "state", "sms_no", "cause", "gsm_remain_state", "msg", "x"])
VERBS = st.sampled_from(
    ["DELIVER", "STATE", "RECORD", "HANGUP", "EXPIRY", "REMAIN", "CELLINFO", "CGATT", "USSN", "CELLS", "Zz"]
)


@given(
    VERBS,
    st.integers(-(10**19), 10**19),
    st.text(max_size=9),
    st.lists(st.tuples(FIELDS, st.text(max_size=40)), max_size=6),
)
def test_whatever_an_event_says_is_told_or_left_out(
    verb: str, number: int, line_id: str, fields: list[tuple[str, str]]
) -> None:
    words = "".join(f";{name}:{value}" for name, value in fields)
    found = parse(f"{verb}:{number};id:{line_id};password:p{words}".encode("utf-8", "replace"))
    assert found is not None
    for known in (LINE, None):
        try:
            beat, notes = news_of(found, known)
        except InvalidPayload:
            continue
        assert all(note.device_id == found.line_id for note in notes)
        assert beat is None or beat.sim_slots is not None
