"""The wire log: what it keeps of an exchange, for whom, how much of it, and for how long."""

from __future__ import annotations

import asyncio

import pytest

from goip.errors import NotFound
from goip.wirelog import log as wirelog
from goip.wirelog.exchange import Exchange, about, answered, refused, showed
from goip.wirelog.frames import LONGEST_BYTES, Frame, frame_json
from goip.wirelog.log import WireLog
from goip.wirelog.masking import MASK
from tests.conftest import FakeClock

STRANGER = "192.0.2.7"


class Monotonic:
    """Seconds, set by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


@pytest.fixture
def told() -> list[Frame]:
    return []


@pytest.fixture
def log(clock: FakeClock, monotonic: Monotonic, told: list[Frame]) -> WireLog:
    def claim(frame: Frame) -> str | None:
        return frame.body.decode().partition(" ")[0] if frame.body.startswith(b"claims") else None

    return WireLog(clock, claim, told.append, monotonic)


def hear(
    log: WireLog,
    body: bytes = b"hello",
    *devices: str,
    answer: bytes | None = b"OK",
    reason: str | None = None,
    address: str = STRANGER,
    at: int = 1_000,
) -> None:
    with log.keeping(Exchange(at, "udp", "dbl", address, body)):
        for device_id in devices:
            about(device_id)
        if reason is not None:
            refused(reason)
        if answer is not None:
            answered(answer)


def bodies(frames: list[Frame]) -> list[bytes]:
    return [frame.body for frame in frames]


def test_an_exchange_is_kept_as_what_was_said_and_what_was_answered_newest_first(log: WireLog) -> None:
    hear(log, b"one", "gw-1")
    hear(log, b"two", "gw-1", answer=b"ERROR", reason="no")
    frames = log.frames_of("gw-1")
    assert bodies(frames) == [b"ERROR", b"two", b"OK", b"one"]
    assert [frame.direction for frame in frames] == ["out", "in", "out", "in"]
    assert [frame.verdict for frame in frames] == ["refused", "refused", "accepted", "accepted"]
    assert [frame.reason for frame in frames] == [None, "no", None, None]
    assert [frame.id for frame in frames] == sorted((frame.id for frame in frames), reverse=True)
    assert log.frames_of("gw-2") == []


def test_what_was_not_answered_was_ignored_and_the_log_says_why_where_that_is_known(log: WireLog) -> None:
    hear(log, b"x", "gw-1", answer=None, reason="the disk is full")
    [frame] = log.frames_of("gw-1")
    assert (frame.verdict, frame.reason) == ("ignored", "the disk is full")


def test_what_is_about_several_devices_is_kept_for_each(log: WireLog) -> None:
    hear(log, b"both", "gw-1", "gw-2", "gw-1")
    for device_id in ("gw-1", "gw-2"):
        heard = log.frames_of(device_id)[-1]
        assert (heard.device_id, heard.body, heard.is_admitted) == (device_id, b"both", True)


async def test_what_goes_on_in_tasks_of_an_exchange_belongs_to_it_and_not_to_others(log: WireLog) -> None:
    async def answer(device_id: str) -> None:
        await asyncio.sleep(0)
        about(device_id)
        answered(device_id.encode())

    async def hear_about(device_id: str) -> None:
        with log.keeping(Exchange(1, "udp", "dbl", STRANGER, b"?")):
            await asyncio.gather(answer(device_id))

    await asyncio.gather(hear_about("gw-1"), hear_about("gw-2"))
    answered(b"of no exchange")
    assert bodies(log.frames_of("gw-1")) == [b"gw-1", b"?"]
    assert bodies(log.frames_of("gw-2")) == [b"gw-2", b"?"]


def test_an_exchange_that_ends_in_an_error_is_kept_and_the_error_goes_on(log: WireLog) -> None:
    def fail() -> None:
        with log.keeping(Exchange(1, "udp", "dbl", STRANGER, b"x")):
            about("gw-1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert bodies(log.frames_of("gw-1")) == [b"x"]


def test_secrets_are_masked_before_anything_is_kept(log: WireLog, told: list[Frame]) -> None:
    exchange = Exchange(1, "http", "http", STRANGER, b'{"key":"a","x":"my-secret-1"}')
    exchange.head = "POST /in/x/my-secret-1\nX-Other: my-secret-1\nHost: h"
    with log.keeping(exchange):
        about("gw-1")
        showed("my-secret-1")
        refused("my-secret-1 is wrong")
        answered(b"my-secret-1?")
    for frame in (*log.frames_of("gw-1"), *told):
        assert "my-secret-1" not in str(frame_json(frame))
    heard = log.frames_of("gw-1")[-1]
    assert heard.head == f"POST /in/x/{MASK}\nX-Other: {MASK}\nHost: h"
    assert heard.reason == f"{MASK} is wrong"


def test_of_a_large_frame_the_beginning_is_kept(log: WireLog) -> None:
    hear(log, b"x" * 20_000, "gw-1")
    heard = log.frames_of("gw-1")[-1]
    assert (len(heard.body), heard.n_bytes, heard.is_cut) == (LONGEST_BYTES, 20_000, True)
    exchange = Exchange(1, "http", "http", STRANGER, b"y" * 8_000)
    exchange.head = "GET /" + "h" * 20_000
    with log.keeping(exchange):
        about("gw-1")
    heard = log.frames_of("gw-1")[0]
    assert len(heard.body) + len(heard.head or "") == LONGEST_BYTES


@pytest.mark.parametrize(
    ("body", "text", "encoded"),
    [
        (b"hello\r\n\tw\xc3\xb6rld\0\0", "hello\r\n\twörld", None),
        (b"", "", None),
        (b"\xff\xfe", None, "//4="),
        (b"\0\0\0\x05abc", None, "AAAABWFiYw=="),
    ],
)
def test_a_body_is_told_as_text_where_it_is_text(
    body: bytes, text: str | None, encoded: str | None, log: WireLog
) -> None:
    hear(log, body, "gw-1")
    told = frame_json(log.frames_of("gw-1")[-1])
    assert (told["text"], told["base64"]) == (text, encoded)


def test_a_device_has_its_newest_frames_only(log: WireLog, monotonic: Monotonic) -> None:
    for number in range(100):
        hear(log, str(number).encode(), "gw-1", answer=None)
    assert bodies(log.frames_of("gw-1")) == [str(n).encode() for n in range(99, 49, -1)]
    assert len(log.frames()) == wirelog.MOST_OF_A_DEVICE


def test_past_the_bound_of_all_the_frames_of_the_device_silent_for_longest_go_first(
    clock: FakeClock, monotonic: Monotonic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wirelog, "MOST_BYTES", 50_000)
    log = WireLog(clock, monotonic=monotonic)
    hear(log, b"1" * 8_000, "silent", answer=None)
    for number in range(4):
        hear(log, b"2" * 8_000, f"gw-{number}", answer=None)
    hear(log, b"3" * 8_000, "gw-0", answer=None)
    assert log.frames_of("silent") == []
    assert len(log.frames_of("gw-0")) == 2
    assert sum(frame.weight for frame in log.frames()) <= 50_000


def test_a_stranger_is_kept_under_its_address_and_found_by_whom_it_claims_to_be(log: WireLog) -> None:
    hear(log, b"claims-1 to be", answer=b"ERROR", reason="wrong key")
    hear(log, b"garbage", answer=None)
    hear(log, b"fine", "claims-1")
    assert bodies(log.frames(of_strangers=True)) == [b"garbage", b"ERROR", b"claims-1 to be"]
    assert bodies(log.frames(of_strangers=False)) == [b"OK", b"fine"]
    assert bodies(log.frames_of("claims-1")) == [b"OK", b"fine", b"ERROR", b"claims-1 to be"]
    assert {frame.is_admitted for frame in log.frames(of_strangers=True)} == {False}


def test_strangers_push_out_neither_a_device_nor_take_more_than_their_part(
    log: WireLog, monotonic: Monotonic
) -> None:
    hear(log, b"mine", "claims-1", answer=None)
    for number in range(2_000):
        monotonic.at += 1
        hear(log, b"claims-1 " + b"x" * 9_000, address=f"198.51.100.{number % 250}", at=number * 1_000)
    strangers = log.frames(of_strangers=True)
    assert len({frame.address for frame in strangers}) <= wirelog.MOST_STRANGERS
    assert sum(frame.weight for frame in strangers) <= wirelog.MOST_BYTES_OF_STRANGERS
    assert b"mine" in bodies(log.frames_of("claims-1"))


def test_of_strangers_only_so_many_a_second_are_kept(log: WireLog, monotonic: Monotonic) -> None:
    for _ in range(50):
        hear(log, b"x", answer=None)
    assert len(log.frames(of_strangers=True)) == wirelog.MOST_OF_A_STRANGER_A_SECOND
    for number in range(50):
        hear(log, b"x", answer=None, address=f"198.51.100.{number}")
    assert len(log.frames(of_strangers=True)) == wirelog.MOST_OF_STRANGERS_A_SECOND
    monotonic.at += 1
    hear(log, b"y", answer=None, at=2_000)
    assert log.frames(of_strangers=True)[0].body == b"y"


def test_under_a_flood_only_so_many_a_second_are_kept(log: WireLog, monotonic: Monotonic) -> None:
    for number in range(wirelog.MOST_A_SECOND + 10):
        hear(log, b"x", f"gw-{number}", answer=None)
    assert len(log.frames()) == wirelog.MOST_A_SECOND
    monotonic.at += 1
    hear(log, b"y", "gw-0", answer=None)
    assert bodies(log.frames_of("gw-0")) == [b"y", b"x"]


def test_a_frame_is_found_by_its_id_until_it_is_forgotten(log: WireLog) -> None:
    hear(log, b"x", "gw-1", answer=None)
    [frame] = log.frames_of("gw-1")
    assert log.get(frame.id) is frame
    log.forget("gw-1")
    log.forget("never-was")
    assert log.frames_of("gw-1") == []
    with pytest.raises(NotFound):
        log.get(frame.id)


def test_ids_are_higher_than_before_a_restart(clock: FakeClock) -> None:
    first, second = WireLog(clock), WireLog(clock)
    hear(first, b"x", "gw-1", answer=None)
    clock.advance(1)
    second = WireLog(clock)
    hear(second, b"x", "gw-1", answer=None)
    assert second.frames()[0].id > first.frames()[0].id


def test_nobody_pays_for_trouble_of_the_log(clock: FakeClock) -> None:
    def defect(_frame: Frame) -> None:
        raise ZeroDivisionError

    log = WireLog(clock, on_frame=defect)
    hear(log, b"x", "gw-1")
    hear(log, b"x")
