"""What old Dinstar boxes say and are told stands in the wire log, without the passwords of their logins."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.api.replaying import claimed, fixture_json, understood
from goip.errors import InvalidPayload
from goip.gateways.dinstar.replaying import told_by_frame
from goip.store.store import Store
from goip.wirelog.frames import Frame, frame_json
from goip.wirelog.log import WireLog
from goip.wirelog.masking import MASK
from tests.conftest import FakeClock
from tests.gateways import dwg
from tests.gateways.dinstar_boxes import SHORT_KEY, PlugIn, Serve, logged_in
from tests.gateways.dwg import BOX
from tests.gateways.posting import patient
from tests.wirelog.fixtures import understood_again

_FIELD = MASK.encode().ljust(16, b"\0")
MASKED_LOGIN = dwg.frame(15, _FIELD * 2)


@pytest.fixture
def log(clock: FakeClock) -> WireLog:
    return WireLog(clock, claimed)


@pytest.fixture
async def plug_in(serve_boxes: Serve, log: WireLog) -> PlugIn:
    plug_in, _ = await serve_boxes(keeping=log.keeping)
    return plug_in


def said(frames: list[Frame]) -> list[tuple[str, str | None, bytes]]:
    """What was said, oldest first: in which direction, its head, and its bytes."""
    return [(frame.direction, frame.head, frame.body) for frame in reversed(frames)]


async def test_what_a_box_says_and_hears_is_kept_to_the_byte_without_its_password(
    plug_in: PlugIn, log: WireLog
) -> None:
    box = await logged_in(plug_in)
    told = dwg.sms("Привет")[:22] + b"\7\7" + dwg.sms("Привет")[24:]  # with flags that mean nothing to us
    assert await box.ask(told) == dwg.ack(5)
    name = f"{dwg.AT}-6"
    assert said(log.frames_of(BOX)) == [
        ("in", f"LOGIN {name}", MASKED_LOGIN),
        ("out", f"ANSWER LOGIN {name}", dwg.ack(15)),
        ("in", f"SMS {name}", told),
        ("out", f"ANSWER SMS {name}", dwg.ack(5)),
    ]
    newest = log.frames_of(BOX)[0]
    assert (newest.transport, newest.make, newest.address) == ("tcp", "dinstar", "127.0.0.1")
    assert {frame.verdict for frame in log.frames_of(BOX)} == {"accepted"}


async def test_keepalives_of_both_sides_are_kept(serve_boxes: Serve, log: WireLog, clock: FakeClock) -> None:
    plug_in, _ = await serve_boxes(keepalive_seconds=0.01, keeping=log.keeping)
    box = await logged_in(plug_in)
    ours = dwg.frame(0, at=clock() // 1000, serial=1)
    assert await box.hear(24) == ours
    box.send(dwg.frame(0), dwg.frame(5, b"cut off"))
    while await box.hear(24) != dwg.ack(5, is_ok=False)[:24]:
        pass
    kept = said(log.frames_of(BOX))
    assert kept[2] == ("out", f"KEEPALIVE {clock() // 1000}-1", ours)
    assert ("in", f"KEEPALIVE {dwg.AT}-6", dwg.frame(0)) in kept


@pytest.mark.parametrize("key", ["wrong", "a-key-that-is-cut-in-two"])
async def test_a_wrong_password_is_a_strangers_word_and_claims_the_box(
    plug_in: PlugIn, log: WireLog, key: str
) -> None:
    assert await (await plug_in()).ask(dwg.login_with(key)) == dwg.ack(15, is_ok=False)
    answer, heard = log.frames(of_strangers=True)
    assert (heard.device_id, heard.is_admitted, heard.verdict) == (BOX, False, "refused")
    assert heard.reason == "this password is not known, or not good any more"
    assert (heard.body, answer.body) == (MASKED_LOGIN, dwg.ack(15, is_ok=False))


@pytest.mark.parametrize("n_bytes", [1, 20, 90])
async def test_a_login_of_another_length_is_masked_whole(plug_in: PlugIn, log: WireLog, n_bytes: int) -> None:
    await (await plug_in()).ask(dwg.frame(15, b"x" * n_bytes))
    heard = log.frames(of_strangers=True)[1]
    assert b"x" not in heard.body
    assert heard.n_bytes == 24 + n_bytes


async def test_who_has_not_logged_in_is_kept_with_the_reason(plug_in: PlugIn, log: WireLog) -> None:
    box = await plug_in()
    box.send(dwg.frame(0), dwg.sms("hello"))
    assert await box.hears_the_end() == b""
    message, keepalive = log.frames(of_strangers=True)
    assert (keepalive.verdict, keepalive.reason) == ("ignored", None)
    assert (message.verdict, message.reason, message.device_id) == ("refused", "this box is not known", BOX)


async def test_what_is_no_frame_is_kept_as_far_as_it_can_hold_no_password(
    plug_in: PlugIn, log: WireLog
) -> None:
    stranger = await plug_in()
    stranger.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await stranger.hears_the_end()
    [heard] = log.frames(of_strangers=True)
    assert (heard.text, heard.verdict) == ("GET / HTTP/1.1\r\nHost: x\r", "refused")
    assert "none of a box's" in str(heard.reason)
    assert "none of a box's" in understood(heard)["refused"]["error"]
    box = await logged_in(plug_in)
    box.send(b"\xff" * 5 + SHORT_KEY.encode() * 9)
    await box.hears_the_end()
    heard = log.frames_of(BOX)[0]
    assert (heard.is_admitted, heard.n_bytes) == (True, 24)


async def test_what_could_not_be_stored_says_why_it_was_not_answered(
    store: Store, plug_in: PlugIn, log: WireLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = await logged_in(plug_in)
    with monkeypatch.context() as full:
        full.setattr(store.writer, "_queue_size", 0)
        box.send(dwg.sms("hello"), dwg.frame(5, b"cut off"))
        await box.hear()
    cut_off, unstored = log.frames_of(BOX)[1:3]
    assert (unstored.verdict, unstored.body) == ("ignored", dwg.sms("hello"))
    assert unstored.reason
    assert (cut_off.verdict, cut_off.reason) == ("refused", "the message is cut off")


async def test_a_frame_whose_storing_is_a_defect_is_kept_too(
    store: Store, plug_in: PlugIn, log: WireLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_change: Any) -> Any:
        raise ZeroDivisionError

    box = await logged_in(plug_in)
    monkeypatch.setattr(store, "record", broken)
    box.send(dwg.sms("hello"))
    assert await box.hears_the_end() == b""
    newest = log.frames_of(BOX)[0]
    assert (newest.verdict, newest.body) == ("ignored", dwg.sms("hello"))


async def test_what_a_box_said_is_understood_again_and_makes_a_fixture(plug_in: PlugIn, log: WireLog) -> None:
    box = await logged_in(plug_in)
    for told in (dwg.states(0, 1), dwg.sms("hello"), dwg.frame(11, b"\1\0\0\2\0ok"), dwg.frame(3, bytes(30))):
        await box.ask(told)
    frames = fixture_json(log.frames_of(BOX))["frames"]
    login, ports, sms, ussd, result = [frame["understood"][0] for frame in frames]
    assert (login["kind"], login["deviceId"]) == ("heartbeat", BOX)
    assert [slot["status"] for slot in ports["simSlots"]] == ["registered", "no sim"]
    assert (sms["kind"], sms["message"], sms["slotIndex"]) == ("sms", "hello", 3)
    assert (ussd["kind"], ussd["text"]) == ("ussd", "ok")
    assert result["kind"] == "deliveryReport"
    for frame in frames:
        assert understood_again(frame) == {"understood": frame["understood"], "refused": None}


async def test_a_secret_inside_of_a_message_leaves_no_frame_to_decode(plug_in: PlugIn, log: WireLog) -> None:
    box = await logged_in(plug_in)
    await box.ask(dwg.sms(b"my key: goip_en_0123456789abcdef0123456789abcdef"))
    heard = log.frames_of(BOX)[1]
    assert "0123456789abcdef" not in str(frame_json(heard)) + str(heard.body)
    assert understood(heard)["refused"]["error"] == "this is not one whole frame of a box"


@patient
@given(st.binary(max_size=80) | st.builds(dwg.frame, st.integers(0, 600), st.binary(max_size=60)))
def test_bytes_are_told_or_refused_and_nothing_else(data: bytes) -> None:
    with suppress(InvalidPayload):
        told_by_frame(data)


async def test_a_conversation_does_not_wait_for_who_looks_at_it(serve_boxes: Serve, clock: FakeClock) -> None:
    def fail(_frame: Frame) -> None:
        raise ZeroDivisionError

    plug_in, _ = await serve_boxes(keeping=WireLog(clock, claimed, fail).keeping)
    box = await asyncio.wait_for(logged_in(plug_in), 10)
    assert await box.ask(dwg.sms()) == dwg.ack(5)
