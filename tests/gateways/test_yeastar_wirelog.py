"""What is said on the line to a Yeastar box stands in the wire log, without the box's password."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.api.replaying import claimed, fixture_json, understood
from goip.errors import InvalidPayload
from goip.gateways.yeastar.client import Pauses, dialling
from goip.gateways.yeastar.tap import told_by_block
from goip.simulator.boxes.manager import ACCEPTED, received, sent
from goip.store.store import Store
from goip.wirelog.frames import Frame, frame_json
from goip.wirelog.log import WireLog
from goip.wirelog.masking import MASK
from tests.conftest import FakeClock
from tests.gateways.dbl_line import until
from tests.gateways.posting import patient
from tests.gateways.yeastar_box import SECRET, SPAN_2, SPAN_3, SPANS, Box
from tests.wirelog.fixtures import understood_again

QUICK = Pauses(poll=0.02, answer=2.0, first=0.01, longest=0.05, refused=0.05)


@pytest.fixture
def log(clock: FakeClock) -> WireLog:
    return WireLog(clock, claimed, monotonic=lambda: 0.0)


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with Box() as box:
        yield box


@asynccontextmanager
async def dialled(store: Store, log: WireLog, box: Box, secret: str = SECRET) -> AsyncIterator[None]:
    async with dialling(store, [box.address(secret)], QUICK, keeping=log.keeping):
        yield


def said(log: WireLog) -> list[tuple[str, bytes]]:
    """What was said on the line, oldest first, each with its direction."""
    return [(frame.direction, frame.body) for frame in reversed(log.frames_of("office"))]


def events(log: WireLog) -> list[Frame]:
    """The events of the box, oldest first."""
    return [frame for frame in reversed(log.frames_of("office")) if frame.body.startswith(b"Event")]


def ask(command: str) -> bytes:
    return f"Action: smscommand\r\ncommand: {command}\r\n\r\n".encode()


def beginning(answer: bytes) -> bytes:
    """Of what ends with a mark: what follows on it is of no block."""
    return answer.removesuffix(b"\r\n")


async def test_a_line_is_kept_from_its_login_on_and_what_is_asked_again_is_not(
    store: Store, box: Box, log: WireLog
) -> None:
    async with dialled(store, log, box):
        await box.until(lambda: box.commands.count("gsm show spans") >= 3)
        await box.say(received("hello"))
        await until(lambda: bool(events(log)))
    login = f"Action: Login\r\nUsername: apiuser\r\nSecret: {MASK}\r\n\r\n".encode()
    assert said(log) == [
        ("out", login),
        ("in", ACCEPTED),
        ("out", ask("gsm show spans")),
        ("in", beginning(SPANS)),
        ("out", ask("gsm show span 2")),
        ("in", beginning(SPAN_2)),
        ("out", ask("gsm show span 3")),
        ("in", beginning(SPAN_3)),
        ("in", beginning(received("hello"))),
    ]
    newest = log.frames_of("office")[0]
    assert (newest.transport, newest.make, newest.address) == ("tcp", "yeastar", "127.0.0.1")
    assert {frame.verdict for frame in log.frames_of("office")} == {"accepted"}


async def test_a_new_line_is_kept_anew(store: Store, box: Box, log: WireLog) -> None:
    async with dialled(store, log, box):
        await box.until(lambda: len(box.commands) >= 3)
        box.hang_up()
        await box.until(lambda: len(box.commands) >= 6 and box.n_logins == 2)
        await until(lambda: said(log).count(("out", ask("gsm show spans"))) == 2)


async def test_a_refused_login_is_kept_with_the_boxes_words_and_without_the_password(
    store: Store, box: Box, log: WireLog
) -> None:
    async with dialled(store, log, box, secret="wr0ng-secret"):
        await box.until(lambda: box.n_refusals >= 2)
        await until(lambda: len(said(log)) >= 2)
    assert b"Authentication failed" in said(log)[1][1]
    assert "wr0ng" not in str([frame_json(frame) for frame in log.frames()])


@pytest.mark.parametrize("secret", [SECRET, "abc"])
async def test_the_password_is_masked_wherever_a_box_says_it_again(
    secret: str, store: Store, log: WireLog
) -> None:
    async with Box(secret=secret) as box, dialled(store, log, box, secret):
        await box.say(f"Event: Status\r\nSecret: {secret}\r\n\r\n".encode())
        await until(lambda: bool(events(log)))
    assert events(log)[0].text == f"Event: Status\r\nSecret: {MASK}\r\n\r\n"


async def test_what_is_not_understood_says_why_and_what_nobody_wants_is_ignored(
    store: Store, box: Box, log: WireLog
) -> None:
    async with dialled(store, log, box):
        await box.say(
            b"Event: ReceivedSMS\r\nSender: \r\n--END SMS EVENT--\r\n\r\n", b"Event: Reload\r\n\r\n"
        )
        await until(lambda: len(events(log)) == 2)
    nameless, other = events(log)
    assert (nameless.verdict, nameless.reason) == ("refused", "Sender is required")
    assert (other.verdict, other.reason) == ("ignored", None)


async def test_a_block_without_end_is_kept_as_far_as_there_is_room(
    store: Store, box: Box, log: WireLog
) -> None:
    async with dialled(store, log, box):
        await box.say(b"Event: ReceivedSMS\r\n" + b"x" * 300_000)
        await box.until(lambda: box.n_logins == 2)
    [endless] = events(log)
    assert endless.is_cut
    assert endless.verdict == "refused"
    assert "without end" in str(endless.reason)


async def test_what_a_box_said_is_understood_again_and_makes_a_fixture(
    store: Store, box: Box, log: WireLog
) -> None:
    async with dialled(store, log, box):
        await box.say(received("Hello%2C+box"), sent("out-1"), b"Event: Reload\r\n\r\n")
        await until(lambda: len(events(log)) == 3)
    assert [understood(frame)["refused"] for frame in events(log)] == [None] * 3
    told = fixture_json(events(log))["frames"]
    sms, report, other = [frame["understood"] for frame in told]
    assert (sms[0]["kind"], sms[0]["deviceId"], sms[0]["message"]) == ("sms", "office", "Hello, box")
    assert (report[0]["kind"], report[0]["reference"]) == ("deliveryReport", "out-1")
    assert other == []
    assert [understood_again(frame)["understood"] for frame in told] == [sms, report, other]


@patient
@given(st.binary(max_size=80) | st.text(max_size=40).map(received))
def test_bytes_are_told_or_refused_and_nothing_else(data: bytes) -> None:
    with suppress(InvalidPayload):
        told_by_block("office", data)
