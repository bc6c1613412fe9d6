"""What lines say and are told stands in the wire log, by line where the line proved who it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

import pytest

from goip.api.replaying import claimed, understood
from goip.errors import Unavailable
from goip.gateways.dbl.listener import DblListener
from goip.store.store import Store
from goip.wirelog.frames import Frame, frame_json
from goip.wirelog.log import WireLog
from goip.wirelog.masking import MASK
from tests.conftest import FakeClock
from tests.gateways.dbl_line import KEY, QUICK, FakeLine, listening, obeys, plugged_in, says_nothing, until


@pytest.fixture
def log(clock: FakeClock) -> WireLog:
    return WireLog(clock, claimed)


@pytest.fixture
async def listener(store: Store, log: WireLog) -> AsyncIterator[DblListener]:
    async with listening(store, QUICK, keeping=log.keeping) as listener:
        yield listener


@pytest.fixture
async def line(listener: DblListener) -> AsyncIterator[FakeLine]:
    async with plugged_in(listener, "a", obeys) as line:
        yield line


def texts(frames: list[Frame]) -> list[str]:
    """What was said, oldest first, each with an arrow."""
    arrows = {"in": ">", "out": "<"}
    return [f"{arrows[frame.direction]} {frame.text}" for frame in reversed(frames)]


async def test_what_a_line_says_and_hears_is_kept_without_its_password(line: FakeLine, log: WireLog) -> None:
    await line.tell("RECEIVE", 7, "srcnum:BANK;msg:one;two")
    assert texts(log.frames_of("a")) == [
        f"> req:1;id:a;pass:{MASK};gsm_status:LOGIN;",
        "< reg:1;status:200;",
        f"> RECEIVE:7;id:a;password:{MASK};srcnum:BANK;msg:one;two",
        "< RECEIVE 7 OK\n",
    ]
    newest = log.frames_of("a")[0]
    assert (newest.transport, newest.make, newest.address, newest.verdict) == (
        "udp",
        "dbl",
        "127.0.0.1",
        "accepted",
    )


async def test_what_we_ask_of_a_line_is_kept_with_its_replies(
    listener: DblListener, line: FakeLine, log: WireLog
) -> None:
    line.answer = lambda words: [reply.replace(" 7\n", " 8\n") for reply in obeys(words)]
    outcome = await listener.send_sms("a", "+15550101", "hello")
    assert outcome.status == "done"
    await until(lambda: texts(log.frames_of("a"))[-1].startswith("> DONE"))
    said = texts(log.frames_of("a"))[2:]
    steps = [" ".join((arrow, verb)) for arrow, verb, *_ in (each.split(" ") for each in said)]
    assert steps == [
        "< MSG",
        "> PASSWORD",
        "< PASSWORD",
        "> SEND",
        "< SEND",
        "> WAIT",
        "> OK",
        "< DONE",
        "> DONE",
    ]
    assert KEY not in "".join(said)
    assert {frame.verdict for frame in log.frames_of("a")} == {"accepted"}


async def test_what_is_said_again_on_a_timer_is_kept_too(
    listener: DblListener, store: Store, log: WireLog
) -> None:
    async with plugged_in(listener, "b", says_nothing):
        outcome = await listener.ask_ussd("b", "*100#")
    assert outcome.status == "unconfirmed"
    asked = [each for each in texts(log.frames_of("b")) if each.startswith("< USSD ")]
    assert len(asked) == 2
    assert all(each.endswith(f" {MASK} *100#") for each in asked)


async def test_a_wrong_password_is_a_strangers_word_and_claims_the_line(line: FakeLine, log: WireLog) -> None:
    line.say("req:9;id:a;pass:wrong-password;gsm_status:LOGIN;")
    line.say("req:8;id:a;pass:x;")
    await until(lambda: len(log.frames(of_strangers=True)) == 4)
    for frame in log.frames(of_strangers=True):
        assert (frame.device_id, frame.is_admitted, frame.verdict) == ("a", False, "refused")
        assert "wrong-password" not in str(frame_json(frame))
    heard = log.frames_of("a")[1]
    assert heard.reason == "this key is not known, or not good any more"
    assert f"pass:{MASK}" in str(heard.text)


@pytest.mark.parametrize("datagram", ["hello", "GSM:1;get_gsm_state:IDLE;", "OK 5 1 7"])
async def test_what_nobody_asked_for_is_kept_as_ignored(datagram: str, line: FakeLine, log: WireLog) -> None:
    line.say(datagram)
    await until(lambda: log.frames(of_strangers=True) != [])
    [frame] = log.frames(of_strangers=True)
    assert (frame.text, frame.verdict, frame.device_id) == (datagram, "ignored", None)


async def test_what_could_not_be_stored_says_why_it_was_not_answered(
    line: FakeLine, log: WireLog, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_change: Any) -> None:
        raise Unavailable("the disk is full")

    with ExitStack() as stack:
        stack.enter_context(monkeypatch.context()).setattr(store, "record", fail)
        line.say(f"RECEIVE:7;id:a;password:{KEY};srcnum:BANK;msg:x")
        await until(lambda: len(log.frames_of("a")) == 3)
    newest = log.frames_of("a")[0]
    assert (newest.verdict, newest.reason) == ("ignored", "the disk is full")


async def test_what_a_line_said_is_understood_again(line: FakeLine, log: WireLog) -> None:
    await line.tell("RECEIVE", 7, "srcnum:BANK;msg:one")
    await line.tell("HANGUP", 8, "num:5551234,cause:Normal call clearing")
    await line.tell("NEWVERB", 9, "x:1")
    heard = [frame for frame in reversed(log.frames_of("a")) if frame.direction == "in"]
    beat, sms, hangup, other = [understood(frame)["understood"] for frame in heard]
    assert (beat[0]["kind"], beat[0]["deviceId"], beat[0]["simSlots"][0]["slotIndex"]) == (
        "heartbeat",
        "a",
        0,
    )
    assert (sms[0]["kind"], sms[0]["message"]) == ("sms", "one")
    assert (hangup[0]["kind"], hangup[0]["number"]) == ("callEvent", "5551234")
    assert other == []
